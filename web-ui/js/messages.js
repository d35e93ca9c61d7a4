// Messages as people look at them: properties, headers, the way of a dead one, the body.

import { api, button, bytes, count, dateTime, exchangePart, get, h, plural, post, saveFile, text } from './base.js'
import { attempt, confirmLoss, copyText, note } from './dialog.js'
import { tree } from './facts.js'
import { formDialog } from './form.js'
import { moveMessages, own, pickFrom } from './moves.js'

/** Bytes that the hex view shows. */
const HEX_BYTES_MAX = 4096

const decode = message =>
	message.payload_encoding === 'base64'
		? Uint8Array.from(atob(message.payload), one => one.charCodeAt(0))
		: new TextEncoder().encode(message.payload)

const bodyText = message => (message.payload_encoding === 'base64' ? new TextDecoder().decode(decode(message)) : message.payload)

/** The body laid out, if it is JSON. */
function asJson(message) {
	try {
		return JSON.stringify(JSON.parse(bodyText(message)), null, 2)
	} catch {
		return null
	}
}

/** Offsets, bytes, characters. */
export function hex(data) {
	const lines = []
	for (let at = 0; at < Math.min(data.length, HEX_BYTES_MAX); at += 16) {
		const row = [...data.subarray(at, at + 16)]
		const numbers = row.map(one => one.toString(16).padStart(2, '0')).join(' ')
		const signs = row.map(one => (one >= 32 && one < 127 ? String.fromCharCode(one) : '.')).join('')
		lines.push(`${at.toString(16).padStart(6, '0')}  ${numbers.padEnd(47)}  ${signs}`)
	}
	if (data.length > HEX_BYTES_MAX) lines.push(`and ${count(data.length - HEX_BYTES_MAX)} bytes more`)
	return lines.join('\n')
}

/** Why it died and where it was, the last time first. */
export const deaths = message => {
	const list = message.properties?.headers?.['x-death']
	return Array.isArray(list) ? list : []
}

/** What a message is published again with. */
const publishing = message => ({ properties: message.properties ?? {}, payload: message.payload, payload_encoding: message.payload_encoding })

/** What can be done with messages: a label, who does it, and for which. @returns {[string, (messages: Message[]) => any, ((message: Message) => any)?][]} */
function acts(row, changed) {
	const queued = message => message.id !== undefined
	const move = (messages, how) => moveMessages([row], { ...how, pick: pickFrom(messages.map(({ id }) => id)), most: messages.length }).then(begun => begun && changed())
	return [
		['Publish again…', messages => republish(row, messages)],
		['Move…', messages => move(messages, { title: `Move ${plural(messages.length, 'message')}` }), queued],
		['Retry', messages => move(messages, { title: `Retry ${plural(messages.length, 'dead letter')}`, to: 'origin' }), message => queued(message) && deaths(message).length > 0],
		['Delete', messages => remove(row, messages, changed), queued],
	]
}

/** A list of messages of a queue with a selection. @param {Row} row */
export function messageList(row, changed) {
	/** @type {Message[]} */
	let shown = []
	const ticked = new Set()
	const list = h('div.messages')
	const number = h('b')
	const all = acts(row, changed)
	const bar = h(
		'div.card.bulk',
		{ hidden: true, role: 'toolbar', 'aria-label': 'Selected messages' },
		number,
		button('Export', () => attempt('Export', () => saveLines(row, chosen()), '')),
		all.map(([label, act]) => button(label, () => act(chosen()), { class: label === 'Delete' ? 'danger' : '' })),
		button('Select all', () => tickAll(true), { class: 'quiet' }),
		button('Clear', () => tickAll(false), { class: 'quiet' }),
	)
	const chosen = () => shown.filter(message => ticked.has(message))
	const drawBar = () => {
		bar.hidden = ticked.size === 0
		text(number, `${plural(ticked.size, 'message')} selected`)
		all.forEach(([, , fits = _ => true], i) => (/** @type {HTMLElement} */ (bar.children[i + 2]).hidden = !chosen().every(fits)))
	}
	const tickAll = on => {
		ticked.clear()
		if (on) for (const message of shown) ticked.add(message)
		for (const box of list.querySelectorAll('input.pick')) /** @type {HTMLInputElement} */ (box).checked = on
		drawBar()
	}
	const show = (messages, empty) => {
		shown = messages
		ticked.clear()
		drawBar()
		const tick = (message, on) => {
			if (on) ticked.add(message)
			else ticked.delete(message)
			drawBar()
		}
		list.replaceChildren(...(messages.length === 0
			? [h('p.empty', empty)]
			: messages.map((message, i) => messageCard(message, i, all, on => tick(message, on)))))
	}
	return { node: h('div.stack', bar, list), show }
}

/** @param {Message} message */
function messageCard(message, index, all, onTick) {
	const pick = h('input', { type: 'checkbox', class: 'pick', 'aria-label': `Select message ${index + 1}`, onchange: () => onTick(pick.checked) })
	const dead = deaths(message)
	const { headers, ...properties } = message.properties ?? {}
	const head = h(
		'div.message-head',
		pick,
		h('b', `#${count((message.position ?? index) + 1)}`),
		h('span.route', h('span.muted', message.exchange || '(default)'), ' → ', message.routing_key || '(no key)'),
		message.redelivered ? h('span.badge.warn', 'redelivered') : null,
		dead.length > 0 ? h('span.badge.bad', `dead: ${dead[0].reason}`) : null,
		h('span.spring'),
		h('span.muted', bytes(message.payload_bytes)),
		button('Copy', () => copy(message), { class: 'small' }),
		all.map(([label, act, fits = _ => true]) => fits(message) && button(label, () => act([message]), { class: label === 'Delete' ? 'small danger' : 'small' })),
	)
	return h(
		'article.card.message',
		head,
		dead.length > 0 ? timeline(dead) : null,
		Object.keys(properties).length > 0 ? section('Properties', tree(properties)) : null,
		headers && Object.keys(headers).length > 0 ? section('Headers', tree(withoutDeaths(headers))) : null,
		bodyViews(message),
	)
}

const section = (title, content) => h('section', h('h3', title), content)

/** The deaths have a view of their own. */
const withoutDeaths = headers => Object.fromEntries(Object.entries(headers).filter(([key]) => key !== 'x-death'))

/** Where it died, the first time first. */
function timeline(dead) {
	const steps = dead.slice().reverse().map(({ queue, reason, exchange, count: times, time, 'routing-keys': keys }) =>
		h('li', h('b', queue), ` ${reason}${times > 1 ? ` ${count(times)} times` : ''}`,
			h('small.muted', ` published to ${exchange || '(default)'} with ${(keys ?? []).join(', ')}${typeof time === 'number' ? `, ${dateTime(time * 1000)}` : ''}`)))
	return section('Its way here', h('ol.timeline', steps))
}

/** The body as JSON, text and hex. */
function bodyViews(message) {
	const json = asJson(message)
	const views = [
		...(json === null ? [] : [['JSON', () => json]]),
		['Text', () => bodyText(message)],
		['Hex', () => hex(decode(message))],
	]
	const box = h('pre.body', { tabindex: 0, 'aria-label': 'Body' })
	const buttons = views.map(([label, make]) => button(label, () => choose(label, make)))
	const choose = (label, make) => {
		text(box, make())
		for (const one of buttons) one.setAttribute('aria-pressed', String(one.textContent === label))
	}
	const first = json === null && message.payload_encoding === 'base64' ? views.at(-1) : views[0]
	choose(first[0], first[1])
	const cutShort = decode(message).length < message.payload_bytes
	return h(
		'section',
		h('div.body-head', h('h3', 'Body'), h('div.segments.small', { role: 'group', 'aria-label': 'View of the body' }, buttons)),
		message.payload_bytes === 0 ? h('p.muted', 'The body is empty.') : box,
		cutShort ? h('p.muted', `Only the first ${bytes(decode(message).length)} of ${bytes(message.payload_bytes)} are shown.`) : null,
	)
}

/** As one line of JSON that can be imported again. */
const line = ({ exchange, routing_key, properties, payload, payload_encoding }) =>
	JSON.stringify({ exchange, routing_key, properties, payload, payload_encoding })

const copy = message => attempt('Copy', () => copyText(line(message)), 'Copied as JSON.')

/** The messages with whole bodies, where only the beginnings were fetched. @returns {Promise<Message[]>} */
const whole = (row, messages) => Promise.all(messages.map(async message => {
	if (decode(message).length === message.payload_bytes) return message
	const { messages: [same] } = message.id ? await get(own(row, 'messages'), { from: message.id, count: 1 }) : { messages: [] }
	if (same?.id !== message.id || !message.id) throw new Error('A body of which only a part is shown is not in the queue any more.')
	return same
}))

async function saveLines(row, messages) {
	const lines = (await whole(row, messages)).map(one => `${line(one)}\n`)
	saveFile(`${row.name.replace(/[^\w.-]/g, '_')}.jsonl`, lines.join(''), 'application/jsonl')
}

async function remove(row, messages, changed) {
	const losses = messages.map(one => `${one.position === undefined ? '' : `#${count(one.position + 1)}: `}${one.exchange || '(default)'} → ${one.routing_key || '(no key)'}, ${bytes(one.payload_bytes)}`)
	const title = messages.length === 1 ? 'Delete this message?' : `Delete ${plural(messages.length, 'message')}?`
	if (!(await confirmLoss({ title, losses, verb: 'Delete' }))) return
	await attempt('Delete', async () => {
		const { deleted } = await post(own(row, 'messages', 'delete'), { ids: messages.map(({ id }) => id) })
		note(`${plural(deleted, 'message')} deleted${deleted < messages.length ? '; the rest was not there any more' : ''}.`)
		changed()
	}, '')
}

/** Publishes copies, to where they came from or somewhere else. */
function republish(row, messages) {
	const one = messages.length === 1 ? messages[0] : null
	return formDialog(`Publish ${plural(messages.length, 'message')} again`, {
		verb: 'Publish',
		fields: [
			{ name: 'exchange', label: 'Exchange', value: one ? one.exchange : '', help: 'Empty is the default exchange: the key is the name of a queue.' },
			{ name: 'routing_key', label: 'Routing key', value: one ? one.routing_key : '', help: messages.length > 1 ? 'Empty: every message keeps its own.' : 'Of the copy; the message in the queue stays.' },
		],
		submit: async ({ exchange, routing_key }) => {
			let routed = 0
			for (const message of await whole(row, messages)) {
				const key = routing_key || message.routing_key
				const answer = await post(api('exchanges', row.vhost, exchangePart(exchange), 'publish'), { ...publishing(message), routing_key: key })
				routed += answer.routed ? 1 : 0
			}
			if (routed < messages.length) throw new Error(`${plural(messages.length - routed, 'message')} reached no queue.`)
		},
		done: `${plural(messages.length, 'copy', 'copies')} published.`,
	})
}

/** Publishes lines of JSON to a queue, as they were exported. */
export async function importLines(words, { vhost, name }) {
	const messages = words.split('\n').filter(one => one.trim() !== '').map((one, i) => {
		try {
			return JSON.parse(one)
		} catch {
			throw new Error(`Line ${i + 1} is not JSON.`)
		}
	})
	for (const message of messages) {
		await post(api('exchanges', vhost, 'amq.default', 'publish'), { ...publishing(message), routing_key: name })
	}
	note(`${plural(messages.length, 'message')} imported.`)
}
