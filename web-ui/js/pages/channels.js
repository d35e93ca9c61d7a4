// All channels.

import { api, link } from '../base.js'
import { at, countColumn, nameColumn, rateColumn, stateColumn, textColumn, userColumn, vhostColumn } from '../cells.js'
import { listPage } from '../list.js'

/** C for confirms, T for transactions. */
export const mode = row => [row.confirm && 'C', row.transactional && 'T'].filter(Boolean).join(' ')

/** Prefetch of each consumer, and of the channel. */
export const prefetch = row => [row.prefetch_count || null, row.global_prefetch_count ? `${row.global_prefetch_count} (channel)` : null].filter(Boolean).join(', ') || '–'

const stats = (id, label, rest = {}) => rateColumn(`message_stats.${id}`, label, rest)
const messages = (id, label, rest = {}) => countColumn(id, label, { group: 'Messages', ...rest })

/** @type {Column[]} */
export const CHANNEL_COLUMNS = [
	nameColumn(row => link('channels', row.name), 'Channel'),
	vhostColumn,
	userColumn,
	textColumn('mode', 'Mode', mode, { sort: undefined, hint: 'C: confirms, T: transactions', needs: ['confirm', 'transactional'] }),
	stateColumn(),
	countColumn('consumer_count', 'Consumers'),
	textColumn('prefetch_count', 'Prefetch', prefetch, { kind: 'number', needs: ['prefetch_count', 'global_prefetch_count'] }),
	messages('messages_unacknowledged', 'Unacked'),
	messages('messages_unconfirmed', 'Unconfirmed'),
	messages('messages_uncommitted', 'Uncommitted', { hidden: true }),
	messages('acks_uncommitted', 'Uncommitted acks', { hidden: true }),
	stats('publish', 'Publish'),
	stats('confirm', 'Confirm', { hidden: true }),
	stats('drop_unroutable', 'Dropped', { hidden: true, hint: 'Unroutable' }),
	stats('return_unroutable', 'Returned', { hidden: true, hint: 'Unroutable' }),
	stats('deliver_get', 'Deliver'),
	stats('redeliver', 'Redelivered', { hidden: true }),
	stats('ack', 'Ack'),
]

export const CHANNEL_NEEDS = ['name', 'vhost', 'number', 'connection_details']
export const connectionOf = row => at(row, 'connection_details.name')

export const page = (main, params) => listPage(main, params, {
	id: 'channels',
	title: 'Channels',
	path: () => api('channels'),
	columns: CHANNEL_COLUMNS,
	needs: CHANNEL_NEEDS,
	empty: 'There are no channels.',
})
