// Limits of one virtual host or user, each with what it is now.

import { button, count, del, get, h, put, text } from './base.js'
import { attempt } from './dialog.js'
import { formDialog } from './form.js'

export const VHOST_LIMITS = [
	{ name: 'max-connections', label: 'Connections' },
	{ name: 'max-queues', label: 'Queues' },
]
export const USER_LIMITS = [
	{ name: 'max-connections', label: 'Connections' },
	{ name: 'max-channels', label: 'Channels' },
]

export function limitsCard(names, base, changed) {
	const rows = names.map(({ name, label }) => {
		const path = `${base}/${name}`
		const shown = h('td.number')
		const clear = button('Clear', async () => {
			if (await attempt('Clear', () => del(path), `${label}: no limit now.`)) changed()
		}, { class: 'small' })
		let value
		const set = button('Set', () => setLimit(label, value, path, changed), { class: 'small' })
		const node = h('tr', h('th', { scope: 'row' }, label), shown, h('td.act', set, ' ', clear))
		const show = given => {
			value = given?.[name]
			text(shown, value === undefined || value < 0 ? 'no limit' : count(value))
			clear.hidden = value === undefined
		}
		return { node, show }
	})
	const node = h('section.card.narrow', h('h2', 'Limits'), h('table.plain', h('tbody', rows.map(row => row.node))))
	return { node, load: signal => get(base, {}, signal), show: ([one]) => rows.forEach(row => row.show(one?.value)) }
}

function setLimit(label, value, path, changed) {
	return formDialog(`Limit of ${label.toLowerCase()}`, {
		verb: 'Set',
		fields: [{ name: 'value', label: 'At most', kind: 'number', value: value ?? '', required: true, help: 'Zero allows none; a negative number is no limit.' }],
		submit: async ({ value: wanted }) => {
			await put(path, { value: Math.round(wanted) })
			changed()
		},
		done: 'Set.',
	})
}
