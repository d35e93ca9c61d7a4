// All queues: how deep, how fast, who consumes; and what can be done with many of them.

import { addQueue, deleteQueues, policyFor, purgeQueues } from '../actions.js'
import { bytesColumn, countColumn, featuresColumn, nameColumn, policyColumn, rateColumn, stateCell, stateColumn, textColumn, trendCell, vhostColumn } from '../cells.js'
import { listPage } from '../list.js'
import { moveMessages } from '../moves.js'
import { link } from '../router.js'

const SPARK = { age: 120, step: 5 }
const messages = (id, label, rest = {}) => countColumn(id, label, { group: 'Messages', ...rest })
const body = (id, label) => bytesColumn(id, label, { group: 'Message bytes', hidden: true })

/** What a queue is doing. One that never did anything has nothing to be idle since. */
const state = row =>
	row.state === 'running' && (row.idle_since !== undefined || (!row.message_stats && row.messages === 0)) ? 'idle' : row.state

const COLUMNS = [
	nameColumn(row => link('queues', row.vhost, row.name)),
	vhostColumn,
	textColumn('type', 'Type', undefined, { hidden: true }),
	featuresColumn,
	{ ...policyColumn, hidden: true },
	stateColumn(stateCell(state, row => row.idle_since)),
	messages('messages_ready', 'Ready'),
	messages('messages_unacknowledged', 'Unacked'),
	messages('messages', 'Total'),
	messages('messages_ram', 'In memory', { hidden: true }),
	messages('messages_persistent', 'Persistent', { hidden: true }),
	{ id: 'trend', label: 'Depth, 2 min', kind: 'trend', group: 'Messages', needs: ['messages_details'], create: trendCell(row => row.messages_details?.samples ?? [], SPARK.age / SPARK.step + 1) },
	body('message_bytes_ready', 'Ready bytes'),
	body('message_bytes_unacknowledged', 'Unacked bytes'),
	body('message_bytes', 'Total bytes'),
	body('message_bytes_ram', 'Bytes in memory'),
	rateColumn('message_stats.publish', 'In', { hint: 'Published to the queue' }),
	rateColumn('message_stats.deliver_get', 'Out', { hint: 'Delivered and fetched' }),
	rateColumn('message_stats.redeliver', 'Redelivered', { hidden: true }),
	rateColumn('message_stats.ack', 'Ack', { hint: 'Acknowledged' }),
	countColumn('consumers', 'Consumers'),
	countColumn('consumer_capacity', 'Capacity', { hidden: true, hint: 'The part of the time in which a consumer could take a message', create: cell => row => (cell.textContent = row.consumer_capacity == null ? '–' : `${Math.round(row.consumer_capacity * 100)} %`) }),
]

export const page = (main, params) => listPage(main, params, {
	id: 'queues',
	title: 'Queues',
	ofVhost: 'queues',
	query: { lengths_age: SPARK.age, lengths_incr: SPARK.step },
	columns: COLUMNS,
	needs: ['name', 'vhost', 'type', 'messages', 'messages_ready', 'consumers', 'message_bytes'],
	actions: [{ label: 'Add queue', open: addQueue }],
	bulk: [
		{ label: 'Purge', danger: true, run: purgeQueues },
		{ label: 'Delete', danger: true, run: deleteQueues },
		{ label: 'Move messages', run: rows => moveMessages(rows) },
		{ label: 'Apply policy', run: policyFor },
	],
	empty: 'There are no queues yet.',
})
