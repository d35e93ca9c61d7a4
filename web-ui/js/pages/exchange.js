// One exchange: its rates, its bindings, publishing to it.

import { addBinding, deleteExchanges, unbind } from '../actions.js'
import { api, button, bytes, count, dateTime, del, exchangePart, get, go, h, link, rate } from '../base.js'
import { actColumn, bytesColumn, textColumn } from '../cells.js'
import { Chart } from '../chart.js'
import { attempt, confirmLoss } from '../dialog.js'
import { detailPage } from '../detail.js'
import { factsCard, treeCard } from '../facts.js'
import { both, listCard, plainCard } from '../list.js'
import { publishCard } from '../publish.js'
import { rangeSwitch, showRates, withPast } from '../samples.js'
import { bindingKey, BINDING_COLUMNS, BINDING_SEARCH } from './bindings.js'
import { isOwn } from './exchanges.js'
import { pairsCard } from './pairs.js'
import { badgeRow } from './queue.js'

const SERIES = [
	{ id: 'publish_in', label: 'In', tone: 'in' },
	{ id: 'publish_out', label: 'Out', tone: 'out' },
]

export function page(main, params, { vhost, name: part }) {
	const name = part === 'amq.default' ? '' : part
	let exchange = { vhost, name, type: '' }
	const chart = new Chart({ title: 'Message rates', series: SERIES, format: rate })
	const ranges = rangeSwitch(params, () => source.refresh())
	const badges = badgeRow()
	const facts = factsCard('Details', FACTS)
	const incoming = pairsCard('Published by', 'Channel', ['publish', 'In'])
	const outgoing = pairsCard('Goes to', 'Queue', ['publish', 'Out'])
	const args = treeCard('Arguments', 'It was declared without arguments.')
	const unbindColumn = actColumn(row => (row.source === '' ? '' : 'Unbind'), async row => (await unbind([row])) && source.refresh())
	const addFrom = button('Add a binding', () => addBinding({ vhost, source: part }, () => source.refresh()))
	const side = (title, end, own, sort, empty, actions) => listCard({
		title, sort, empty, actions, key: bindingKey, search: BINDING_SEARCH,
		path: () => api('exchanges', vhost, part, 'bindings', end),
		columns: [...BINDING_COLUMNS.filter(({ id }) => !id.startsWith(own)), unbindColumn],
	}, () => source.refresh())
	const bindings = both(
		side('From this exchange', 'source', 'source', 'destination', 'Nothing is bound to this exchange: what is published to it goes nowhere.', name === '' ? [] : [addFrom]),
		side('To this exchange', 'destination', 'destination', 'source', 'This exchange gets nothing from others.', []),
	)
	const delayed = delayedTable(vhost, part, () => source.refresh())
	const controls = [
		button('Explain a route', () => go(`#/route?vhost=${encodeURIComponent(vhost)}&exchange=${encodeURIComponent(name)}`)),
		isOwn(name) ? null : button('Delete', async () => (await deleteExchanges([exchange])) && go('#/exchanges'), { class: 'danger' }),
	]
	const implied = name === '' ? h('p.card.muted', 'Every queue is bound to the default exchange by its name. These bindings cannot be changed.') : ''
	const source = detailPage(main, {
		kind: 'Exchange', name: name || '(default)', vhost, up: ['Exchanges', '#/exchanges'], controls, params,
		tabs: [
			{ id: 'overview', label: 'Overview', nodes: [h('div.heading', badges.node, ranges.node), chart.node, h('div.cards', incoming.node, outgoing.node, facts.node, args.node)] },
			{ id: 'bindings', label: 'Bindings', nodes: [implied, ...bindings.nodes.slice(0, name === '' ? 1 : 2)], lists: [bindings] },
			{ id: 'publish', label: 'Publish', nodes: [publishCard({ vhost, exchange: name, done: () => source.refresh() })] },
			{ id: 'delayed', label: 'Delayed', nodes: [delayed.node], lists: [delayed] },
		],
		load: signal => withPast(ranges, api('exchanges', vhost, part), signal, 'msg_rates'),
		show: ({ one: row, range }) => {
			exchange = row
			badges.show(row)
			facts.show(row)
			incoming.show(row.incoming)
			outgoing.show(row.outgoing)
			args.show(row.arguments)
			showRates(chart, SERIES, row.message_stats, range)
		},
	})
}

const FACTS = [
	['Type', row => row.type],
	['Durable', row => (row.durable ? 'yes' : 'no')],
	['Auto-delete', row => (row.auto_delete ? 'yes' : 'no')],
	['Internal', row => (row.internal ? 'yes' : 'no')],
	['Alternate exchange', row => row.arguments?.['alternate-exchange'], { href: row => link('exchanges', row.vhost, exchangePart(row.arguments?.['alternate-exchange'] ?? '')) }],
	['Policy', row => row.policy, { href: () => '#/policies' }],
	['Delayed messages', row => (row.messages_delayed == null ? null : count(row.messages_delayed))],
]

/** Messages that wait for their time, the next one first. */
function delayedTable(vhost, name, changed) {
	const cancel = async row => {
		const losses = [`The message for ${row.routing_key || '(no key)'}, ${bytes(row.payload_bytes)}, due ${dateTime(row.due_ms)}`]
		if (!(await confirmLoss({ title: 'Cancel this message?', losses, verb: 'Cancel it' }))) return
		if (await attempt('Cancel', () => del(api('leveret', 'delayed', vhost, name, row.id)), 'Cancelled.')) changed()
	}
	const table = plainCard({
		caption: 'Delayed messages',
		columns: [
			textColumn('due_ms', 'Due', row => dateTime(row.due_ms), { kind: 'name' }),
			textColumn('routing_key', 'Routing key'),
			bytesColumn('payload_bytes', 'Body'),
			actColumn(() => 'Cancel', cancel),
		],
		key: row => row.id,
		empty: 'No message waits for its time.',
	})
	const note = h('p.card.muted', 'Only exchanges of the type x-delayed-message keep messages until their time has come.')
	const load = async signal => {
		const { type } = await get(api('exchanges', vhost, name), { columns: 'type' }, signal)
		return type === 'x-delayed-message' ? get(api('leveret', 'delayed', vhost, name), { page_size: 500 }, signal) : null
	}
	const show = waiting => {
		note.hidden = waiting !== null
		table.node.hidden = waiting === null
		table.show(waiting?.items)
	}
	return { node: h('div.stack', note, table.node), load, show }
}
