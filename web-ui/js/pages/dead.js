// The dead letters of a queue: why and where they died, and their way back to work.

import { button, count as whole, get, h, link, plural, text } from '../base.js'
import { actColumn, countColumn, linkColumn, textColumn, timeColumn } from '../cells.js'
import { plainCard } from '../list.js'
import { messageList } from '../messages.js'
import { moveMessages, own, pickFrom } from '../moves.js'
import { exchangeLink } from './bindings.js'

/** Messages that one request looks at: as many as it gives ids of. */
const STEP = 1000
/** Messages that are looked at before somebody asks for more. */
const LOOK_MAX = 50_000
const SHOWN_MAX = 50

const cause = ({ reason, queue, exchange }) => JSON.stringify([reason, queue, exchange])

/** Gives the ids of all dead letters, as it comes to them. */
function pickDead(row) {
	let from = null
	let ids = []
	let ended = false
	return async size => {
		while (ids.length === 0 && !ended) {
			const { groups, next } = await get(own(row, 'dead-letters'), { from, count: STEP })
			ids = groups.flatMap(group => group.ids)
			from = next
			ended = next === null
		}
		return ids.splice(0, size)
	}
}

export function deadLetters(row, changed) {
	const groups = new Map()
	let next = null
	let looked = 0
	let others = 0
	let asking = new AbortController()
	const state = h('span.muted', { role: 'status' })
	const further = button('Look further', () => look(false))
	const list = messageList(row, () => then())
	const sum = () => [...groups.values()].reduce((all, { count }) => all + count, 0)
	const retry = async (most, pick) => (await moveMessages([row], { title: `Retry ${plural(most, 'dead letter')}`, to: 'origin', most, pick })) && then()
	const table = plainCard({
		caption: 'By reason and origin',
		columns: [
			textColumn('reason', 'Reason', undefined, { kind: 'name' }),
			linkColumn('queue', 'Died in', one => link('queues', row.vhost, one.queue), undefined, { kind: 'wide' }),
			linkColumn('exchange', 'Published to', one => exchangeLink(row.vhost, one.exchange), one => one.exchange || '(default)', { kind: 'wide' }),
			textColumn('routing_keys', 'With keys', one => one.routing_keys.join(', '), { kind: 'wide' }),
			countColumn('count', 'Messages'),
			timeColumn('oldest', 'First'),
			timeColumn('newest', 'Latest'),
			actColumn(() => 'Show', one => show(one)),
			actColumn(() => 'Retry…', one => retry(one.ids.length, pickFrom(one.ids))),
		],
		key: cause,
		empty: 'There are no dead letters in this queue.',
	})
	const all = button('Retry all…', () => retry(next === null ? sum() : row.messages, pickDead(row)), { class: 'primary', title: 'Each goes to the queue that it died in' })

	const show = async one => {
		const ids = new Set(one.ids)
		const found = []
		for (let from = one.ids[0], i = 0; from && found.length < Math.min(SHOWN_MAX, ids.size) && i < STEP / SHOWN_MAX; i += 1) {
			const answer = await get(own(row, 'messages'), { from, count: SHOWN_MAX, truncate: 5000 })
			found.push(...answer.messages.filter(({ id }) => ids.has(id)))
			from = answer.next
		}
		list.show(found, 'They are not there any more.')
		list.node.lastElementChild.scrollIntoView()
	}
	const add = group => {
		const same = groups.get(cause(group))
		if (!same) return groups.set(cause(group), group)
		same.count += group.count
		same.ids.push(...group.ids)
		same.routing_keys = [...new Set([...same.routing_keys, ...group.routing_keys])].slice(0, 10)
		same.oldest = Math.min(same.oldest ?? group.oldest, group.oldest ?? same.oldest)
		same.newest = Math.max(same.newest ?? group.newest, group.newest ?? same.newest)
	}
	const draw = () => {
		table.show([...groups.values()].sort((a, b) => b.count - a.count))
		text(state, `${plural(sum(), 'dead letter')} among ${plural(looked, 'message')}${others > 0 ? `, ${whole(others)} never died` : ''}`)
		further.hidden = next === null
		all.disabled = groups.size === 0
	}
	const look = async (again = true) => {
		asking.abort()
		asking = new AbortController()
		const { signal } = asking
		if (again) {
			groups.clear()
			next = null
			looked = others = 0
		}
		try {
			const end = looked + LOOK_MAX
			do {
				const answer = await get(own(row, 'dead-letters'), { from: next, count: STEP }, signal)
				answer.groups.forEach(add)
				next = answer.next
				looked += answer.looked_at
				others += answer.others
				draw()
			} while (next !== null && looked < end)
		} catch (error) {
			if (!signal.aborted) text(state, error.message)
		}
	}
	const then = () => {
		changed()
		list.show([], '')
		look()
	}
	const head = h('section.card', h('div.filters', all, button('Look again', () => look()), further, state))
	return { node: h('div.stack', head, table.node, list.node), look }
}
