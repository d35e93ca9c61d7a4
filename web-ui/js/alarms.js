// The banner that says why publishers are held back.

import { bytes, get, isMonitor, text } from './base.js'

const EVERY_MS = 5000

/** Watches the node's alarms; gives a function that ends it. */
export function watchAlarms(banner) {
	let timer = null
	let stopped = false
	const look = async () => {
		if (!document.hidden) show(banner, await reasons().catch(() => []))
		if (!stopped) timer = setTimeout(look, EVERY_MS)
	}
	look()
	return () => {
		stopped = true
		clearTimeout(timer)
	}
}

function show(banner, alarms) {
	banner.hidden = alarms.length === 0
	text(banner, alarms.join(' '))
}

/** One sentence an alarm. */
async function reasons() {
	if (!isMonitor()) {
		const failed = await get('/api/health/checks/alarms').then(() => null, error => error)
		return failed?.status === 503 ? ['An alarm is on: publishers are held back.'] : []
	}
	const columns = 'name,mem_alarm,mem_used,mem_limit,disk_free_alarm,disk_free,disk_free_limit'
	const nodes = await get('/api/nodes', { columns })
	return nodes.flatMap(node => [
		...(node.mem_alarm ? [`Memory alarm: ${bytes(node.mem_used)} used, the limit is ${bytes(node.mem_limit)}. Publishers are held back; consumers go on.`] : []),
		...(node.disk_free_alarm ? [`Disk alarm: ${bytes(node.disk_free)} free, the limit is ${bytes(node.disk_free_limit)}. Publishers are held back; consumers go on.`] : []),
	])
}
