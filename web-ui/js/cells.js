// Cells of tables: functions that make a cell and give what brings it up to date.

import { attribute, button, bytes, compact, count, dateTime, h, keyed, link, literal, rate, text } from './base.js'
import { sparkline } from './chart.js'

/** The value at a dotted path. */
export const at = (row, path) => path.split('.').reduce((value, part) => value?.[part], row)

/** A cell that shows one text; `dim(row)` says when it is of no interest. */
export const textCell = (show, dim = _ => false) => cell => row => {
	text(cell, show(row))
	cell.classList.toggle('dim', dim(row))
}

/** A cell that leads somewhere. `href(row)` may be null. */
export const linkCell = (show, href) => cell => {
	const anchor = h('a.entity')
	cell.append(anchor)
	return row => {
		const label = String(show(row))
		text(anchor, label)
		anchor.title = label
		attribute(anchor, 'href', href(row))
	}
}

/** The column that leads to the page of a thing. */
export const nameColumn = (href, label = 'Name', show = row => row.name) => linkColumn('name', label, href, show, { kind: 'name', fixed: true })

/** A column of links to something else. */
export const linkColumn = (id, label, href, show = row => at(row, id) ?? '–', rest = {}) => ({ id, label, sort: id, create: linkCell(show, href), ...rest })

export const userColumn = linkColumn('user', 'User', row => link('users', row.user))

/** A column of buttons, with none where `label(row)` is empty. */
export const actColumn = (label, press) => ({ id: label.toString(), label: '', kind: 'act', create: cell => actCell(cell, label, press) })

function actCell(cell, label, press) {
	let current = null
	const made = button('', () => press(current), { class: 'small' })
	cell.append(made)
	return row => {
		current = row
		text(made, label(row))
		made.hidden = label(row) === ''
	}
}

export const textColumn = (id, label, show = row => at(row, id) ?? '', rest = {}) => ({ id, label, sort: id, create: textCell(show), ...rest })

/** @returns {(id: string, label: string, rest?: Row) => Column} */
const column = (kind, show) => (id, label, rest) => ({ id, label, sort: id, kind, create: textCell(row => show(at(row, id)), row => !at(row, id)), ...rest })

export const countColumn = column('number', value => (value == null ? '–' : value >= 1e7 ? compact(value) : count(value)))
export const bytesColumn = column('number', value => (value == null ? '–' : bytes(value)))
export const flagColumn = column('flag', value => (value ? '●' : '○'))
export const timeColumn = column('time', value => (value ? dateTime(value) : '–'))

/** A rate; `id` is the counter's path. */
export const rateColumn = (id, label, rest = {}) => {
	const path = `${id}_details.rate`
	return {
		id,
		label,
		sort: path,
		kind: 'number rate',
		group: 'Rates',
		create: textCell(row => (rest.kind === 'number data' ? `${bytes(at(row, path))}/s` : rate(at(row, path))), row => !at(row, path)),
		...rest,
	}
}

/** Shown where there is more than one. */
export const vhostColumn = textColumn('vhost', 'Virtual host', undefined, { kind: 'vhost', fixed: true })

const STATES = {
	running: 'It works.',
	idle: 'Nothing has happened to it for a while.',
	flow: 'It is held back for moments, because what is behind it is slower.',
	blocked: 'An alarm is on, and it has published: it is not read until the alarm is off.',
	blocking: 'An alarm is on: it will be held back when it publishes.',
	closing: 'It is being closed.',
	paused: 'Deliveries are paused.',
}

/** A coloured state. `state(row)` gives the word, `since(row)` perhaps a time. */
export const stateCell = (state = row => row.state, since = _ => null) => cell => {
	const badge = h('span.status', h('i'), h('span'))
	cell.append(badge)
	return row => {
		const word = state(row) ?? 'unknown'
		badge.dataset.state = word
		text(badge.lastChild, word)
		const from = since(row)
		badge.title = [STATES[word], from && `Since ${dateTime(new Date(from).getTime())}.`].filter(Boolean).join(' ')
	}
}

export const stateColumn = (create = stateCell()) => ({ id: 'state', label: 'State', sort: 'state', kind: 'state', create, needs: ['state', 'idle_since'] })

/** What a queue or exchange is, in the letters that RabbitMQ's users know. */
const FEATURES = [
	['x-message-ttl', 'TTL'], ['x-expires', 'Exp'], ['x-max-length', 'Lim'], ['x-max-length-bytes', 'Lim B'],
	['x-delivery-limit', 'DlL'], ['x-overflow', 'Ovfl'], ['x-dead-letter-exchange', 'DLX'],
	['x-dead-letter-routing-key', 'DLK'], ['x-max-priority', 'Pri'], ['x-single-active-consumer', 'SAC'],
	['alternate-exchange', 'AE'], ['x-consumer-timeout', 'CT'], ['x-message-deduplication', 'Dedup'], ['x-delayed-type', 'Delayed'],
]

/** The badges of a queue or exchange: `{ letters, title }`. */
export function features(row) {
	const badges = []
	if (row.durable) badges.push({ letters: 'D', title: 'Durable: it survives a restart.' })
	if (row.auto_delete) badges.push({ letters: 'AD', title: 'Auto-delete: it goes with its last user.' })
	if (row.exclusive) badges.push({ letters: 'Excl', title: 'Exclusive: only the connection that declared it may use it.' })
	if (row.internal) badges.push({ letters: 'I', title: 'Internal: clients cannot publish to it.' })
	const given = row.arguments ?? {}
	const rest = []
	for (const [key, value] of Object.entries(given)) {
		const known = FEATURES.find(([name]) => name === key)
		if (known) badges.push({ letters: known[1], title: `${key}: ${literal(value)}` })
		else if (key !== 'x-queue-type') rest.push(`${key}: ${literal(value)}`)
	}
	if (rest.length > 0) badges.push({ letters: 'Args', title: rest.join('\n') })
	return badges
}

export function featuresCell(cell) {
	const kept = new Map()
	const badge = ({ letters }) => {
		const node = h('span.badge', letters)
		return { node, update: ({ title }) => (node.title = title) }
	}
	return row => keyed(cell, kept, features(row), ({ letters }) => letters, badge)
}

/** @type {Column} */
export const featuresColumn = {
	id: 'features',
	label: 'Features',
	kind: 'features',
	create: featuresCell,
	needs: ['durable', 'auto_delete', 'exclusive', 'internal', 'arguments'],
}

/** @type {Column} */
export const policyColumn = {
	id: 'policy',
	label: 'Policy',
	sort: 'policy',
	kind: 'policy',
	needs: ['policy', 'operator_policy'],
	create: textCell(row => [row.policy, row.operator_policy && `${row.operator_policy} (operator)`].filter(Boolean).join(', ')),
}

/** A small line of the past. `samples(row)` come newest first; `length` is how many there can be. */
export const trendCell = (samples, length) => cell => {
	const { node, show } = sparkline()
	cell.append(node)
	return row => {
		const past = samples(row).map(({ sample }) => sample).reverse()
		// What is new has a short past: there was nothing before.
		show([...Array(Math.max(0, length - past.length)).fill(0), ...past])
	}
}
