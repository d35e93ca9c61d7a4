// The messages of a queue: looked at without taking them, or taken.

import { api, button, count as whole, get, h, plural, post, text } from '../base.js'
import { confirmLoss, note } from '../dialog.js'
import { formDialog } from '../form.js'
import { importLines, messageList } from '../messages.js'
import { own } from '../moves.js'

/** Payload bytes of each message that are shown. */
const TRUNCATE = 50_000
const TAKE_MAX = 1000
const PAGE = 50

const MODES = [
	['ack_requeue_false', 'Remove them'],
	['reject_requeue_false', 'Reject them: dead-letter or drop'],
	['ack_requeue_true', 'Put them back as redelivered'],
]

export function browser(row, changed) {
	const then = () => {
		changed()
		look(...here)
	}
	const list = messageList(row, then)
	const state = h('span.muted', { role: 'status' })
	const search = h('input', { type: 'search', placeholder: 'Header, property, body', 'aria-label': 'Search messages', onkeydown: event => event.key === 'Enter' && look() })
	const more = button('Next ›', () => look(next, shown))
	const first = button('From the front', () => look())
	/** Where this page begins, and how many are before it. */
	let here = [null, 0]
	let next = null
	let shown = 0
	let asking = new AbortController()
	const look = async (from = null, before = 0) => {
		asking.abort()
		asking = new AbortController()
		const { signal } = asking
		here = [from, before]
		text(state, 'looking')
		try {
			const words = search.value.trim()
			const found = { messages: [], next: from, looked_at: 0 }
			// A search ends with the queue, or with a page of what it found.
			do {
				const answer = await get(own(row, 'messages'), { from: found.next, count: PAGE - found.messages.length, search: words, truncate: TRUNCATE }, signal)
				found.messages.push(...answer.messages)
				found.next = answer.next
				found.looked_at += answer.looked_at
				text(state, `${whole(before + found.looked_at)} looked at`)
			} while (words !== '' && found.next !== null && found.messages.length < PAGE)
			next = found.next
			shown = before + found.looked_at
			if (words === '') found.messages.forEach((message, i) => (message.position = before + i))
			list.show(found.messages, words === '' ? 'The queue has no ready message.' : 'No message has that.')
			text(state, words === '' && found.messages.length > 0 ? `${whole(before + 1)} to ${whole(shown)}` : `${plural(found.messages.length, 'message')} found, ${whole(shown)} looked at`)
			more.disabled = next === null
		} catch (error) {
			if (!signal.aborted) text(state, error.message)
		}
	}
	const tools = h(
		'div.tools',
		button('Take messages…', () => take(row, list, changed)),
		button('Remove the first…', () => removeFirst(row, then), { class: 'danger' }),
		button('Import…', () => importDialog(row, then)),
	)
	const node = h(
		'div.stack',
		h('section.card', h('div.filters', search, button('Search', () => look(), { class: 'primary' }), first, more, state), tools),
		list.node,
	)
	return { node, look }
}

/** Takes messages out, or puts them back as redelivered. */
function take({ vhost, name }, list, changed) {
	return formDialog(`Take messages from ${name}`, {
		verb: 'Take',
		fields: [
			{ name: 'ackmode', label: 'Afterwards', kind: 'select', options: MODES, help: 'To look at messages there is no need to take them: this page shows them without.' },
			{ name: 'count', label: 'Messages', kind: 'number', value: 10 },
			{ name: 'encoding', label: 'Encoding', kind: 'select', options: [['auto', 'Text if it is UTF-8'], ['base64', 'Base64']] },
		],
		submit: async ({ ackmode, count, encoding }) => {
			const number = Math.min(TAKE_MAX, Math.max(1, count ?? 1))
			const fate = ackmode === 'ack_requeue_false' ? 'removed' : 'rejected: dead-lettered where the queue says so, else dropped'
			const losses = [`Up to ${plural(number, 'message')} at the front of ${name} are ${fate}`]
			if (!ackmode.endsWith('_true') && !(await confirmLoss({ title: 'Take messages out?', losses, verb: 'Take them' }))) return
			list.show(await post(api('queues', vhost, name, 'get'), { ackmode, count: number, encoding }), 'The queue has no ready message.')
			changed()
		},
	})
}

function importDialog(row, done) {
	return formDialog(`Import into ${row.name}`, {
		verb: 'Import',
		fields: [{ name: 'file', label: 'Lines of JSON, as exported here', kind: 'file', required: true }],
		submit: async ({ file }) => {
			await importLines(await file.text(), row)
			done()
		},
	})
}

/** A purge of a part. */
async function removeFirst({ vhost, name }, done) {
	let number = 0
	await formDialog(`Remove messages of ${name}`, {
		verb: 'Remove',
		fields: [{ name: 'count', label: 'How many, from the front', kind: 'number', value: 10, required: true }],
		submit: async ({ count }) => {
			number = Math.max(1, count ?? 1)
		},
	})
	if (number === 0) return
	if (!(await confirmLoss({ title: 'Remove messages?', losses: [`The first ${plural(number, 'message')} of ${name}`], verb: 'Remove' }))) return
	let left = number
	while (left > 0) {
		const taken = await post(api('queues', vhost, name, 'get'), { ackmode: 'ack_requeue_false', count: Math.min(left, TAKE_MAX), encoding: 'auto', truncate: 0 })
		left -= taken.length
		if (taken.length === 0) break
	}
	note(`${plural(number - left, 'message')} removed.`)
	done()
}
