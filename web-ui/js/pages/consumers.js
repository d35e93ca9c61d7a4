// All consumers.

import { cancelConsumers } from '../actions.js'
import { link, literal } from '../base.js'
import { countColumn, flagColumn, linkColumn, textColumn } from '../cells.js'
import { listPage } from '../list.js'

const channel = row => row.channel_details ?? {}
const args = row => Object.entries(row.arguments ?? {}).map(([key, value]) => `${key}: ${literal(value)}`).join(', ')

/** The columns of consumers; their own queue or channel may be left out. */
export const CONSUMER_COLUMNS = [
	textColumn('consumer_tag', 'Tag', undefined, { kind: 'name', fixed: true }),
	linkColumn('queue.name', 'Queue', row => link('queues', row.queue.vhost, row.queue.name), undefined, { kind: 'wide', needs: ['queue'] }),
	textColumn('queue.vhost', 'Virtual host', undefined, { kind: 'vhost', needs: ['queue'] }),
	linkColumn('channel_details.name', 'Channel', row => (channel(row).name ? link('channels', channel(row).name) : null), undefined, { kind: 'wide', needs: ['channel_details'] }),
	textColumn('channel_details.user', 'User', undefined, { needs: ['channel_details'] }),
	flagColumn('ack_required', 'Acks'),
	flagColumn('exclusive', 'Exclusive', { hidden: true }),
	countColumn('prefetch_count', 'Prefetch'),
	flagColumn('active', 'Active'),
	textColumn('activity_status', 'Activity', row => (row.activity_status ?? '').replaceAll('_', ' ')),
	textColumn('arguments', 'Arguments', args, { sort: undefined, needs: ['arguments'], hidden: true }),
]

export const CONSUMER_SEARCH = 'consumer_tag,queue.name,channel_details.name'
export const CONSUMER_BULK = [{ label: 'Stop', danger: true, run: cancelConsumers }]
export const consumerKey = row => JSON.stringify([row.queue.vhost, row.queue.name, channel(row).name, row.consumer_tag])

export const page = (main, params) => listPage(main, params, {
	id: 'consumers',
	title: 'Consumers',
	ofVhost: 'consumers',
	columns: CONSUMER_COLUMNS,
	needs: ['queue', 'channel_details', 'consumer_tag'],
	key: consumerKey,
	sort: 'queue.name',
	search: CONSUMER_SEARCH,
	bulk: CONSUMER_BULK,
	empty: 'Nobody consumes.',
})
