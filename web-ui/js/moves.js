// Moving and copying messages: where to, how fast, how far it is.

import { nameOf } from './actions.js'
import { api, button, count, exchangePart, get, h, post, text } from './base.js'
import { dialog } from './dialog.js'
import { formDialog } from './form.js'

/** Messages that one request takes. */
const BATCH = 200

/** The address of what can be done with messages of a queue. */
export const own = (row, ...parts) => api('leveret', 'queues', row.vhost, row.name, ...parts)

/**
 * Asks where to, and moves or copies messages: the first of some queues, or those that `pick(size)`
 * gives the ids of, batch by batch. True if it began.
 * @param {any[]} rows @param {{ title?: string, to?: string, pick?: (size: number) => any, most?: number, copy?: boolean }} [how]
 */
export async function moveMessages(rows, { title, to: first = 'queue', pick = null, most, copy = false } = {}) {
	const all = most ?? rows.reduce((sum, row) => sum + (row.messages_ready ?? row.messages ?? 0), 0)
	/** @type {() => Promise<any>} */
	let begin
	await formDialog(title ?? `Move messages of ${rows.length === 1 ? nameOf(rows[0]) : `${rows.length} queues`}`, {
		verb: 'Start',
		fields: [
			{ name: 'to', label: 'To', kind: 'select', value: first, options: [['queue', 'a queue'], ['exchange', 'an exchange'], ['origin', 'the queues that they were dead-lettered from']] },
			{ name: 'queue', label: 'Queue', when: ({ to }) => to === 'queue', help: 'In the same virtual host. It has to be there.' },
			{ name: 'exchange', label: 'Exchange', when: ({ to }) => to === 'exchange' },
			{ name: 'routing_key', label: 'Routing key', when: ({ to }) => to === 'exchange', help: 'Empty: every message keeps its own.' },
			{ name: 'count', label: 'At most', kind: 'number', value: all, when: () => pick === null, help: 'Messages from the front of the queue.' },
			{ name: 'rate', label: 'Messages a second, at most', kind: 'number', help: 'Empty: as fast as it goes.' },
			{ name: 'copy', label: 'Copy: the originals stay', kind: 'check', value: copy },
		],
		submit: async ({ to, queue, exchange, routing_key, count: wanted, rate, copy: copies }) => {
			if (to === 'queue' && queue === '') throw new Error('To which queue?')
			const target = to === 'queue' ? { queue } : to === 'exchange' ? { exchange, routing_key: routing_key || null } : { origin: true }
			// Nothing is taken before it is known that there is somewhere to put it.
			for (const row of rows) {
				if (to === 'queue') await get(api('queues', row.vhost, queue), { columns: 'name' })
				if (to === 'exchange') await get(api('exchanges', row.vhost, exchangePart(exchange)), { columns: 'name' })
			}
			begin = () => run(rows, { ...target, copy: copies }, { most: wanted ?? all, rate: rate || 0, pick })
		},
	})
	await begin?.()
	return begin !== undefined
}

/** Gives ids of a list, so many at a time. */
export const pickFrom = ids => {
	const rest = ids.slice()
	return async size => rest.splice(0, size)
}

/** Goes in steps and shows how far it is. */
function run(rows, target, { most, rate, pick }) {
	const what = target.copy ? 'copied' : 'moved'
	const bar = h('progress', { 'aria-label': 'Done so far', max: Math.max(1, most), value: 0 })
	const words = h('p')
	const batch = rate > 0 ? Math.min(BATCH, Math.max(1, Math.floor(rate / 5))) : BATCH
	let stopped = false
	let moved = 0
	let stay = 0
	const say = how => text(words, `${how}${count(moved)} ${what}${stay > 0 ? `, ${count(stay)} stay where they were: no queue takes them` : ''}.`)
	const each = async row => {
		// What no queue takes is at the front again; of large ones a request takes a part.
		let front = 0
		let from = null
		let ids = []
		while (!stopped && moved < most) {
			const size = Math.min(batch, most - moved)
			if (pick && ids.length === 0) ids = await pick(size)
			if (pick && ids.length === 0) return
			const part = pick ? { ids } : { count: size + front, from: target.copy ? from : undefined }
			const answer = await post(own(row, 'move'), { ...target, ...part })
			moved += answer.moved
			stay += answer.unroutable - front
			if (pick) ids = answer.moved > 0 ? ids.slice(answer.moved + answer.unroutable) : []
			else if (target.copy) from = answer.next
			else front = answer.unroutable
			bar.value = moved
			say('')
			if (!pick && (answer.moved === 0 || (target.copy && from === null))) return
			if (rate > 0) await new Promise(resolve => setTimeout(resolve, (answer.moved / rate) * 1000))
		}
	}
	const all = async () => {
		for (const row of rows) await each(row)
	}
	return dialog(target.copy ? 'Copying messages' : 'Moving messages', close => {
		const end = button('Stop', close)
		all().then(() => say('Done: '), error => text(words, `Stopped after ${count(moved)}: ${error.message}`)).finally(() => text(end, 'Close'))
		return [words, bar, h('div.dialog-end', end)]
	}).then(() => (stopped = true))
}
