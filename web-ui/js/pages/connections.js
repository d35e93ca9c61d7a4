// All connections.

import { closeConnections } from '../actions.js'
import { api, attribute, h, link, text } from '../base.js'
import { at, countColumn, flagColumn, rateColumn, stateColumn, textColumn, timeColumn, userColumn, vhostColumn } from '../cells.js'
import { listPage } from '../list.js'

/** The address, and below it what the client calls itself. */
function nameCell(cell) {
	const anchor = h('a.entity')
	const own = h('small.muted')
	cell.append(anchor, own)
	return row => {
		text(anchor, row.name)
		anchor.title = row.name
		attribute(anchor, 'href', link('connections', row.name))
		text(own, row.user_provided_name ?? '')
		own.hidden = !row.user_provided_name
	}
}

const product = row => [at(row, 'client_properties.product'), at(row, 'client_properties.version')].filter(Boolean).join(' ')

export const page = (main, params) => listPage(main, params, {
	id: 'connections',
	title: 'Connections',
	path: () => api('connections'),
	columns: [
		{ id: 'name', label: 'Name', sort: 'name', kind: 'name', fixed: true, create: nameCell },
		vhostColumn,
		userColumn,
		stateColumn(),
		flagColumn('ssl', 'TLS'),
		textColumn('ssl_protocol', 'TLS version', undefined, { hidden: true }),
		textColumn('ssl_cipher', 'Cipher', undefined, { hidden: true }),
		textColumn('peer_cert_subject', 'Peer certificate', undefined, { hidden: true }),
		textColumn('protocol', 'Protocol', undefined, { hidden: true }),
		countColumn('channels', 'Channels'),
		countColumn('channel_max', 'Channel max', { hidden: true }),
		countColumn('frame_max', 'Frame max', { hidden: true }),
		textColumn('auth_mechanism', 'SASL mechanism', undefined, { hidden: true }),
		textColumn('client', 'Client', product, { sort: 'client_properties.product', needs: ['client_properties'] }),
		rateColumn('recv_oct', 'From client', { kind: 'number data', group: 'Network' }),
		rateColumn('send_oct', 'To client', { kind: 'number data', group: 'Network' }),
		countColumn('timeout', 'Heartbeat, s', { hidden: true, group: 'Network' }),
		timeColumn('connected_at', 'Connected at', { hidden: true, group: 'Network' }),
	],
	needs: ['name', 'vhost', 'user_provided_name', 'channels', 'user'],
	bulk: [{ label: 'Close', danger: true, run: closeConnections }],
	empty: 'Nobody is connected.',
})
