// The node: memory, disk, files, what it listens on, where its files are.

import { api, button, bytes, count, duration, get, h, isAdministrator, keyed, put, rate, text } from '../base.js'
import { Chart } from '../chart.js'
import { DataSource } from '../datasource.js'
import { factsCard } from '../facts.js'
import { formDialog } from '../form.js'
import { past, rangeSwitch, showLevels, showRates } from '../samples.js'

const CHARTS = [
	{ title: 'Memory', format: bytes, series: [{ id: 'mem_used', label: 'Used', tone: 'unacked' }] },
	{ title: 'Disk', format: bytes, series: [{ id: 'disk_free', label: 'Free', tone: 'out' }] },
	{ title: 'Files and sockets', format: count, series: [{ id: 'fd_used', label: 'File descriptors', tone: 'ready' }, { id: 'sockets_used', label: 'Sockets', tone: 'in' }] },
]
const WORK = { title: 'Disk operations', format: rate, series: [{ id: 'disk_reads', label: 'Reads', tone: 'in' }, { id: 'disk_writes', label: 'Writes', tone: 'out' }] }

/** Categories of memory that hold something, the largest first. */
const CATEGORIES_MAX = 12

export function page(main, params) {
	const ranges = rangeSwitch(params, () => source.refresh())
	const title = h('h1', 'Node')
	const charts = CHARTS.map(one => new Chart(one))
	const work = new Chart(WORK)
	const use = factsCard('Use', USE)
	const facts = factsCard('Details', FACTS)
	const listeners = listenerCard()
	const memory = memoryCard()
	const plugins = factsCard('Parts', PARTS)
	main.replaceChildren(
		h('div.heading', title, h('div.filters', isAdministrator() ? button('Rename the cluster', rename) : null, ranges.node)),
		h('div.cards', use.node, facts.node),
		h('div.charts', charts.map(one => one.node), work.node),
		h('div.cards', memory.node, h('div.stack', listeners.node, plugins.node)),
	)
	const source = new DataSource({
		load: async signal => {
			const asked = past(ranges.range, 'node_stats', 'msg_rates')
			const [nodes, all] = await Promise.all([get('/api/nodes', asked, signal), get('/api/overview', asked, signal)])
			const breakdown = await get(api('nodes', nodes[0].name, 'memory'), {}, signal).catch(() => null)
			return { node: nodes[0], all, breakdown, range: ranges.range }
		},
		show: answer => {
			text(title, `Node ${answer.node.name}`)
			use.show(answer.node)
			facts.show(answer.node)
			plugins.show(answer.node)
			listeners.show(answer.all.listeners ?? [])
			memory.show(answer.breakdown?.memory)
			charts.forEach((chart, i) => showLevels(chart, CHARTS[i].series, answer.node, answer.range))
			showRates(work, WORK.series, answer.all.message_stats, answer.range)
		},
	})
}

export const USE = [
	['Memory', row => `${bytes(row.mem_used)} of ${bytes(row.mem_limit)}${row.mem_alarm ? ', alarm' : ''}`, { part: row => row.mem_used / row.mem_limit }],
	['Disk', row => `${bytes(row.disk_free)} free, alarm below ${bytes(row.disk_free_limit)}${row.disk_free_alarm ? ', alarm' : ''}`, { part: row => row.disk_free_limit / row.disk_free }],
	['File descriptors', row => `${count(row.fd_used)} of ${count(row.fd_total)}`, { part: row => row.fd_used / row.fd_total }],
	['Sockets', row => `${count(row.sockets_used)} of ${count(row.sockets_total)}`, { part: row => row.sockets_used / row.sockets_total }],
]

export const FACTS = [
	['Uptime', row => duration(row.uptime)],
	['Cores', row => count(row.processors)],
	['Process', row => row.os_pid],
	['Rates', row => row.rates_mode],
	['Disk sync, mean', row => `${(row.io_sync_avg_time ?? 0).toFixed(2)} ms`],
	['Data directory', row => row.db_dir],
	['Configuration', row => (row.config_files ?? []).join(', ')],
	['Log', row => (row.log_files ?? []).join(', ')],
]

const names = list => (list ?? []).map(one => one.name ?? one).join(', ')

const PARTS = [
	['Exchange types', row => names(row.exchange_types)],
	['Authentication', row => names(row.auth_mechanisms)],
	['Plugins', row => names(row.enabled_plugins)],
]

async function rename() {
	const path = api('cluster-name')
	const { name } = await get(path)
	return formDialog('Rename the cluster', {
		verb: 'Rename',
		fields: [{ name: 'name', label: 'Name', value: name, required: true }],
		submit: async values => {
			await put(path, values)
			text(document.getElementById('cluster'), values.name)
		},
		done: 'Renamed.',
	})
}

/** Memory by what it is for. */
function memoryCard() {
	const body = h('tbody')
	const node = h('section.card', { hidden: true }, h('h2', 'Memory by use'), h('table.plain', body))
	const show = memory => {
		const parts = Object.entries(memory ?? {}).filter(([, value]) => typeof value === 'number' && value > 0).sort(([, a], [, b]) => b - a)
		node.hidden = parts.length === 0
		const sum = parts.reduce((total, [, value]) => total + value, 0)
		body.replaceChildren(...parts.slice(0, CATEGORIES_MAX).map(([name, value]) => {
			const bar = h('i')
			bar.style.width = `${(100 * value) / sum}%`
			return h('tr', h('th', { scope: 'row' }, name.replaceAll('_', ' ')), h('td.bar', h('div.used', bar)), h('td.number', bytes(value)))
		}))
	}
	return { node, show }
}

/** What the broker listens on. */
export function listenerCard() {
	const body = h('tbody')
	const kept = new Map()
	const heads = ['Protocol', 'Address', 'Port', 'TLS'].map(name => h('th', { scope: 'col' }, name))
	const table = h('table.plain', h('thead', h('tr', heads)), body)
	const node = h('section.card', h('h2', 'Listeners'), table)
	const row = () => {
		const cells = [h('td'), h('td'), h('td'), h('td')]
		const update = ({ protocol, ip_address, port, tls }) => {
			;[protocol, ip_address, port, tls ? 'yes' : 'no'].forEach((value, i) => text(cells[i], value))
		}
		return { node: h('tr', cells), update }
	}
	const key = ({ protocol, ip_address, port }) => `${protocol} ${ip_address} ${port}`
	const show = listeners => {
		node.hidden = listeners.length === 0
		keyed(body, kept, listeners, key, row)
	}
	return { node, show }
}
