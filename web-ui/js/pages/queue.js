// One queue: its numbers, messages, consumers, bindings, and what can be done with it.

import { addBinding, deleteQueues, purgeQueues, unbind } from '../actions.js'
import { api, button, bytes, count, dateTime, go, h, keyed, link, text } from '../base.js'
import { actColumn, features } from '../cells.js'
import { detailPage } from '../detail.js'
import { diagnose } from '../diagnosis.js'
import { factsCard, treeCard } from '../facts.js'
import { listCard } from '../list.js'
import { moveMessages } from '../moves.js'
import { publishCard } from '../publish.js'
import { lengthsChart, rangeSwitch, ratesChart, withPast } from '../samples.js'
import { bindingKey, BINDING_COLUMNS, BINDING_SEARCH } from './bindings.js'
import { browser } from './browse.js'
import { CONSUMER_BULK, consumerKey, CONSUMER_COLUMNS, CONSUMER_SEARCH } from './consumers.js'
import { deadLetters } from './dead.js'
import { pairsCard } from './pairs.js'
import { unacked } from './unacked.js'

export function page(main, params, { vhost, name }) {
	const queue = { vhost, name }
	const rates = ratesChart(['confirm', 'unroutable'])
	const lengths = lengthsChart()
	const ranges = rangeSwitch(params, () => source.refresh())
	const why = h('p.card.why', { role: 'status' })
	const badges = badgeRow()
	const facts = factsCard('Details', FACTS)
	const sizes = sizeCard()
	const incoming = pairsCard('Comes from', 'Exchange', ['publish', 'In'])
	const outgoing = pairsCard('Goes to', 'Channel', ['deliver_get', 'Out'], ['ack', 'Ack'])
	const args = treeCard('Arguments', 'It was declared without arguments.')
	const policy = treeCard('Effective policy', 'No policy applies to it.')
	const refresh = () => source.refresh()
	const consumers = listCard({ title: 'Consumers', path: () => api('leveret', 'queues', vhost, name, 'consumers'), columns: CONSUMER_COLUMNS.filter(({ id }) => !id.startsWith('queue')), key: consumerKey, sort: 'consumer_tag', search: CONSUMER_SEARCH, bulk: CONSUMER_BULK, empty: 'Nobody consumes from this queue.' }, refresh)
	const bindings = listCard({
		title: 'Bindings',
		path: () => api('queues', vhost, name, 'bindings'),
		columns: [
			...BINDING_COLUMNS.filter(({ id }) => id !== 'destination' && id !== 'destination_type'),
			actColumn(row => (row.source === '' ? '' : 'Unbind'), async row => (await unbind([row])) && refresh()),
		],
		key: bindingKey,
		sort: 'source',
		search: BINDING_SEARCH,
		empty: 'Nothing is bound to this queue.',
		actions: [button('Add a binding', () => addBinding({ vhost, destinationType: 'q', destination: name }, refresh))],
	}, refresh)
	const messages = browser(queue, refresh)
	const dead = deadLetters(queue, refresh)
	const held = unacked(queue)
	const then = async acted => (await acted) && source.refresh()
	const controls = [
		button('Move messages', () => then(moveMessages([queue]))),
		button('Purge', () => then(purgeQueues([queue])), { class: 'danger' }),
		button('Delete', async () => (await deleteQueues([queue])) && go('#/queues'), { class: 'danger' }),
	]
	const source = detailPage(main, {
		kind: 'Queue', name, vhost, up: ['Queues', '#/queues'], controls, params,
		tabs: [
			{ id: 'overview', label: 'Overview', nodes: [h('div.heading', badges.node, ranges.node), why, h('div.charts', lengths.node, rates.node), h('div.cards', facts.node, sizes.node, incoming.node, outgoing.node, args.node, policy.node)] },
			{ id: 'messages', label: 'Messages', nodes: [messages.node], lists: [once(messages.look)] },
			{ id: 'dead', label: 'Dead letters', nodes: [dead.node], lists: [once(dead.look)] },
			{ id: 'unacked', label: 'Unacked', nodes: [held.node], lists: [held] },
			{ id: 'consumers', label: 'Consumers', nodes: [consumers.node], lists: [consumers] },
			{ id: 'bindings', label: 'Bindings', nodes: [bindings.node], lists: [bindings] },
			{ id: 'publish', label: 'Publish', nodes: [publishCard({ vhost, exchange: '', routingKey: name, done: () => source.refresh() })] },
		],
		load: signal => withPast(ranges, api('queues', vhost, name), signal, 'lengths', 'msg_rates'),
		show: ({ one, range }) => {
			Object.assign(queue, one)
			const { tone, words } = diagnose(one)
			text(why, words)
			why.dataset.tone = tone
			badges.show(one)
			rates.show(one.message_stats, range)
			lengths.show(one, range)
			facts.show(one)
			sizes.show(one)
			incoming.show(one.incoming)
			outgoing.show(one.deliveries)
			args.show(one.arguments)
			policy.show(one.effective_policy_definition)
		},
	})
}

/** Something that is read once: what somebody reads is not to change under their eyes. */
function once(look) {
	let looked = false
	const load = async () => looked || ((looked = true), look())
	return { load, show: () => {} }
}

const FACTS = [
	['State', row => (row.idle_since ? `idle since ${dateTime(new Date(row.idle_since).getTime())}` : row.state)],
	['Type', row => row.type],
	['Consumers', row => count(row.consumers)],
	['Consumer capacity', row => (row.consumer_capacity == null ? null : `${Math.round(row.consumer_capacity * 100)} %`)],
	['Exclusive owner', row => row.owner_pid_details?.name, { href: row => (row.owner_pid_details?.name ? link('connections', row.owner_pid_details.name) : null) }],
	['Single active consumer', row => row.single_active_consumer_tag],
	['Policy', row => row.policy, { href: () => '#/policies' }],
	['Operator policy', row => row.operator_policy, { href: () => '#/operator-policies' }],
	['Delivery limit', row => (row.delivery_limit == null ? null : count(row.delivery_limit))],
	['Dead-lettered', row => (row.messages_dlx == null ? null : count(row.messages_dlx))],
	['Oldest message', row => (row.head_message_timestamp ? dateTime(row.head_message_timestamp * 1000) : null)],
	['Node', row => row.node],
]

/** Numbers of messages, their bytes, and what one of them weighs. */
function sizeCard() {
	const rows = [['Ready', '_ready'], ['Unacknowledged', '_unacknowledged'], ['In memory', '_ram'], ['Persistent', '_persistent'], ['Total', '']]
	const body = h('tbody')
	const cells = rows.map(([label]) => {
		const numbers = [h('td.number'), h('td.number'), h('td.number')]
		body.append(h('tr', h('th', { scope: 'row' }, label), numbers))
		return numbers
	})
	const heads = ['', 'Messages', 'Body bytes', 'Average'].map(label => h('th', { scope: 'col', class: label === '' ? '' : 'number' }, label))
	const node = h('section.card', h('h2', 'Messages'), h('table.plain.sizes', h('thead', h('tr', heads)), body))
	const show = queue => {
		rows.forEach(([, ending], i) => {
			const messages = queue[`messages${ending}`]
			const size = queue[`message_bytes${ending}`]
			const average = messages > 0 && size != null ? bytes(size / messages) : '–'
			;[messages == null ? '–' : count(messages), size == null ? '–' : bytes(size), average].forEach((value, at) => text(cells[i][at], value))
		})
	}
	return { node, show }
}

/** The badges of a thing, with their words. */
export function badgeRow() {
	const node = h('div.badges')
	const kept = new Map()
	const create = () => {
		const badge = h('span.badge')
		return { node: badge, update: ({ title }) => text(badge, title) }
	}
	const show = row => keyed(node, kept, features(row), ({ letters }) => letters, create)
	return { node, show }
}
