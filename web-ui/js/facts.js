// Cards of facts: a name, a value, and perhaps a bar of how much is used.

import { attribute, h, literal, text } from './base.js'

/** @param {any[][]} list a name; `row => text`, null leaves it out; perhaps `{ href(row), part(row) }`, part of 1 that is used */
export function factsCard(title, list) {
	const heading = h('h2', title)
	const made = list.map(one => fact(one))
	const node = h('section.card', heading, h('dl.facts', made.map(one => one.node)))
	return { node, heading, show: row => made.forEach(one => one.show(row)) }
}

function fact(one) {
	const [label, value, { href = null, part = null } = {}] = one
	const shown = href ? h('a.entity') : h('span')
	const filled = h('i')
	const bar = part ? h('div.used', { role: 'meter', 'aria-label': label, 'aria-valuemin': 0, 'aria-valuemax': 100, 'aria-valuenow': 0 }, filled) : null
	const node = h('div.fact', h('dt', label), h('dd', shown, bar))
	const show = row => {
		const now = value(row)
		node.hidden = now == null || now === ''
		text(shown, now ?? '')
		if (href) attribute(shown, 'href', href(row))
		if (!bar) return
		const used = part(row)
		const percent = Math.min(100, Math.round((Number.isFinite(used) ? used : 0) * 1000) / 10)
		filled.style.width = `${percent}%`
		attribute(bar, 'aria-valuenow', percent)
		bar.classList.toggle('high', percent >= 70 && percent < 90)
		bar.classList.toggle('full', percent >= 90)
	}
	return { node, show }
}

/** A card with a tree of names and values, such as arguments or client properties. */
export function treeCard(title, empty) {
	const body = h('div')
	const node = h('section.card', h('h2', title), body)
	let shown = ''
	const show = object => {
		const now = JSON.stringify(object ?? {})
		if (now === shown) return
		shown = now
		body.replaceChildren(now === '{}' ? h('p.muted', empty) : tree(object))
	}
	return { node, show }
}

/** Names and values, nested. */
export function tree(object) {
	const entries = Object.entries(object ?? {})
	return h('dl.tree', entries.map(([key, value]) =>
		h('div', h('dt', key), h('dd', value !== null && typeof value === 'object' ? tree(value) : literal(value)))))
}
