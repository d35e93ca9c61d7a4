// All consumers.

import { countColumn, flagColumn, linkCell, textColumn } from '../cells.js'
import { api } from '../http.js'
import { listPage } from '../list.js'
import { literal } from '../format.js'
import { link } from '../router.js'

const channel = row => row.channel_details ?? {}
const args = row => Object.entries(row.arguments ?? {}).map(([key, value]) => `${key}: ${literal(value)}`).join(', ')

/** The columns of consumers; their own queue or channel may be left out. @type {import('../table.js').Column[]} */
export const CONSUMER_COLUMNS = [
	textColumn('consumer_tag', 'Tag', undefined, { kind: 'name', fixed: true }),
	{ id: 'queue', label: 'Queue', sort: 'queue.name', kind: 'wide', create: linkCell(row => row.queue.name, row => link('queues', row.queue.vhost, row.queue.name)), needs: ['queue'] },
	{ ...textColumn('vhost', 'Virtual host', row => row.queue.vhost), sort: 'queue.vhost', kind: 'vhost', needs: ['queue'] },
	{ id: 'channel', label: 'Channel', sort: 'channel_details.name', kind: 'wide', create: linkCell(row => channel(row).name ?? '–', row => (channel(row).name ? link('channels', channel(row).name) : null)), needs: ['channel_details'] },
	textColumn('user', 'User', row => channel(row).user ?? '', { sort: 'channel_details.user', needs: ['channel_details'] }),
	flagColumn('ack_required', 'Acks'),
	flagColumn('exclusive', 'Exclusive'),
	countColumn('prefetch_count', 'Prefetch'),
	flagColumn('active', 'Active'),
	textColumn('activity_status', 'Activity', row => (row.activity_status ?? '').replaceAll('_', ' ')),
	textColumn('arguments', 'Arguments', args, { sort: undefined, needs: ['arguments'], hidden: true }),
]

export const consumerKey = row => JSON.stringify([row.queue.vhost, row.queue.name, channel(row).name, row.consumer_tag])

export const page = (main, params) => listPage(main, params, {
	id: 'consumers',
	title: 'Consumers',
	ofVhost: true,
	path: vhost => (vhost ? api('consumers', vhost) : api('consumers')),
	columns: CONSUMER_COLUMNS,
	needs: ['queue', 'channel_details', 'consumer_tag'],
	key: consumerKey,
	sort: 'queue.name',
	words: row => `${row.consumer_tag} ${row.queue.name} ${channel(row).name ?? ''}`,
	empty: 'Nobody consumes.',
})
