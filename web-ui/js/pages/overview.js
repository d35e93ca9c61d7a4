// The whole broker at a glance: how many of everything, what messages do, how the node is.

import { compact, count, get, h, isMonitor, rate, text } from '../base.js'
import { DataSource } from '../datasource.js'
import { factsCard } from '../facts.js'
import { lengthsChart, past, rangeSwitch, ratesChart } from '../samples.js'
import { FACTS, listenerCard, USE } from './node.js'

const TILES = [
	{ id: 'connections', label: 'Connections', link: '#/connections', movement: ['connection_created', 'opened'] },
	{ id: 'channels', label: 'Channels', link: '#/channels', movement: ['channel_created', 'opened'] },
	{ id: 'exchanges', label: 'Exchanges', link: '#/exchanges' },
	{ id: 'queues', label: 'Queues', link: '#/queues', movement: ['queue_created', 'created'] },
	{ id: 'consumers', label: 'Consumers', link: '#/consumers' },
]

const CHURN = [
	['connection_created', 'Connections opened'], ['connection_closed', 'Connections closed'],
	['channel_created', 'Channels opened'], ['channel_closed', 'Channels closed'],
	['queue_declared', 'Queues declared'], ['queue_created', 'Queues created'], ['queue_deleted', 'Queues deleted'],
]

export function page(main, params) {
	const tiles = TILES.map(tile)
	const rates = ratesChart()
	const lengths = lengthsChart()
	const node = nodeCard()
	const churn = factsCard('Since the start', CHURN.map(([id, label]) => [label, ({ churn_rates: churn }) => {
		const perSecond = churn?.[`${id}_details`]?.rate ?? 0
		return `${count(churn?.[id])}${perSecond > 0 ? `, ${rate(perSecond)}` : ''}`
	}]))
	const listeners = listenerCard()
	const ranges = rangeSwitch(params, () => source.refresh())

	main.replaceChildren(
		h('div.heading', h('h1', 'Overview'), ranges.node),
		h('div.tiles', tiles.map(one => one.node)),
		h('div.charts', rates.node, lengths.node),
		h('div.cards.three', node.node, churn.node, listeners.node),
	)

	const source = new DataSource({
		load: signal => load(ranges.range, signal),
		show: ({ all, nodes, range }) => {
			tiles.forEach(one => one.show(all))
			rates.show(all.message_stats, range)
			lengths.show(all.queue_totals, range)
			node.show(nodes[0], all)
			churn.show(all)
			listeners.show(all.listeners ?? [])
		},
	})
}

async function load(range, signal) {
	const [all, nodes] = await Promise.all([
		get('/api/overview', past(range, 'lengths', 'msg_rates'), signal),
		// Somebody who may not monitor still sees the rest.
		isMonitor() ? get('/api/nodes', {}, signal) : [],
	])
	return { all, nodes, range }
}

/** @param {Row} given */
function tile({ id, label, movement: moved, link }) {
	const number = h('b', '–')
	const movement = h('small', ' ')
	const node = h('a.card.tile', { href: link }, h('span', label), number, movement)
	const show = all => {
		const value = all.object_totals[id]
		text(number, value >= 100000 ? compact(value) : count(value))
		number.title = count(value)
		const perSecond = moved ? (all.churn_rates?.[`${moved[0]}_details`]?.rate ?? 0) : 0
		text(movement, perSecond > 0 ? `${rate(perSecond)} ${moved[1]}` : ' ')
	}
	return { node, show }
}

function nodeCard() {
	const card = factsCard('Node', [USE[0], USE[2], USE[1], ...FACTS.slice(0, 2), ['Version', row => row.version]])
	const name = h('a.entity', { href: '#/node' })
	card.heading.replaceChildren(name)
	const show = (one, all) => {
		card.node.hidden = !one
		if (!one) return
		text(name, one.name)
		card.show({ ...one, version: `Leveret ${all.leveret_version ?? ''}, as RabbitMQ ${all.rabbitmq_version}` })
	}
	return { node: card.node, show }
}
