// One connection.

import { closeConnections } from '../actions.js'
import { api, button, bytes, count, dataRate, dateTime, go, h, link } from '../base.js'
import { Chart } from '../chart.js'
import { detailPage } from '../detail.js'
import { factsCard, treeCard } from '../facts.js'
import { listCard } from '../list.js'
import { rangeSwitch, showRates, withPast } from '../samples.js'
import { CHANNEL_COLUMNS } from './channels.js'

const SERIES = [
	{ id: 'recv_oct', label: 'From client', tone: 'in' },
	{ id: 'send_oct', label: 'To client', tone: 'out' },
]

export function page(main, params, { name }) {
	let connection = { name, user: '', vhost: '' }
	const chart = new Chart({ title: 'Data rates', series: SERIES, format: dataRate })
	const ranges = rangeSwitch(params, () => source.refresh())
	const facts = factsCard('Details', FACTS)
	const tls = factsCard('TLS', TLS)
	const client = treeCard('Client properties', 'The client said nothing about itself.')
	const channels = listCard({ title: 'Channels', path: () => api('connections', name, 'channels'), columns: CHANNEL_COLUMNS.filter(({ hidden, id }) => !hidden && id !== 'user'), search: 'name', empty: 'It has no channels.' }, () => source.refresh())
	const controls = [ranges.node, button('Close', async () => (await closeConnections([connection])) && go('#/connections'), { class: 'danger' })]
	const source = detailPage(main, {
		kind: 'Connection', name, up: ['Connections', '#/connections'], controls, params,
		tabs: [{ id: 'overview', label: 'Overview', nodes: [h('div.charts', chart.node, facts.node), channels.node, h('div.cards', client.node, tls.node)], lists: [channels] }],
		load: signal => withPast(ranges, api('connections', name), signal, 'data_rates'),
		show: ({ one, range }) => {
			connection = one
			showRates(chart, SERIES, one, range)
			facts.show(one)
			tls.node.hidden = !one.ssl
			tls.show(one)
			client.show(one.client_properties)
		},
	})
}

const FACTS = [
	['Client name', row => row.user_provided_name],
	['User', row => row.user, { href: row => link('users', row.user) }],
	['Virtual host', row => row.vhost, { href: row => link('vhosts', row.vhost) }],
	['State', row => row.state],
	['Connected at', row => dateTime(row.connected_at)],
	['Protocol', row => row.protocol],
	['SASL mechanism', row => row.auth_mechanism],
	['Heartbeat', row => (row.timeout ? `${row.timeout} s` : 'off')],
	['Frame max', row => bytes(row.frame_max)],
	['Channels', row => `${count(row.channels)} of ${row.channel_max ? count(row.channel_max) : 'any number'}`],
	['Received', row => bytes(row.recv_oct)],
	['Sent', row => bytes(row.send_oct)],
	['Node', row => row.node],
]

const TLS = [
	['Version', row => row.ssl_protocol],
	['Cipher', row => row.ssl_cipher],
	['Key exchange', row => row.ssl_key_exchange],
	['Hash', row => row.ssl_hash],
	['Peer certificate', row => row.peer_cert_subject ?? 'none'],
	['Issuer', row => row.peer_cert_issuer],
	['Valid', row => row.peer_cert_validity],
]
