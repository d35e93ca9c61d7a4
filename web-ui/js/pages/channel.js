// One channel.

import { api, count, h, link } from '../base.js'
import { detailPage } from '../detail.js'
import { factsCard } from '../facts.js'
import { plainCard } from '../list.js'
import { rangeSwitch, ratesChart, withPast } from '../samples.js'
import { connectionOf, mode, prefetch } from './channels.js'
import { consumerKey, CONSUMER_COLUMNS } from './consumers.js'
import { pairsCard } from './pairs.js'

export function page(main, params, { name }) {
	const chart = ratesChart([])
	const ranges = rangeSwitch(params, () => source.refresh())
	const facts = factsCard('Details', FACTS)
	const consumers = plainCard({ caption: 'Consumers', columns: CONSUMER_COLUMNS.filter(({ id }) => !id.startsWith('channel') && id !== 'queue.vhost'), key: consumerKey, empty: 'Nobody consumes on this channel.' })
	const publishes = pairsCard('Publishes to', 'Exchange', ['publish', 'Publish'], ['confirm', 'Confirm'])
	const deliveries = pairsCard('Gets from', 'Queue', ['deliver_get', 'Deliver'], ['ack', 'Ack'])
	const source = detailPage(main, {
		kind: 'Channel', name, up: ['Channels', '#/channels'], controls: [ranges.node], params,
		tabs: [{ id: 'overview', label: 'Overview', nodes: [h('div.charts', chart.node, facts.node), h('div.cards', publishes.node, deliveries.node), consumers.node] }],
		load: signal => withPast(ranges, api('channels', name), signal, 'msg_rates'),
		show: ({ one, range }) => {
			chart.show(one.message_stats, range)
			facts.show(one)
			publishes.show(one.publishes)
			deliveries.show(one.deliveries)
			consumers.show(one.consumer_details)
		},
	})
}

const MODES = { C: 'confirms', T: 'transactions', '': 'plain' }

const FACTS = [
	['Connection', connectionOf, { href: row => link('connections', connectionOf(row)) }],
	['User', row => row.user, { href: row => link('users', row.user) }],
	['Virtual host', row => row.vhost, { href: row => link('vhosts', row.vhost) }],
	['Mode', row => MODES[mode(row)] ?? 'confirms and transactions'],
	['State', row => (row.idle_since && row.state === 'running' ? 'idle' : row.state)],
	['Prefetch', row => (prefetch(row) === '–' ? 'no limit' : prefetch(row))],
	['Consumers', row => count(row.consumer_count)],
	['Messages unacknowledged', row => count(row.messages_unacknowledged)],
	['Messages unconfirmed', row => count(row.messages_unconfirmed)],
	['Messages uncommitted', row => count(row.messages_uncommitted)],
	['Acks uncommitted', row => count(row.acks_uncommitted)],
]
