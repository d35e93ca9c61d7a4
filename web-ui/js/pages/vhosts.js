// All virtual hosts.

import { api, isAdministrator, link, put, readVhosts } from '../base.js'
import { bytesColumn, countColumn, flagColumn, nameColumn, rateColumn, textColumn } from '../cells.js'
import { formDialog } from '../form.js'
import { listPage } from '../list.js'

/** The fields of a virtual host. */
export const vhostFields = (row = {}) => [
	{ name: 'description', label: 'Description', value: row.description ?? '' },
	{ name: 'tags', label: 'Tags', value: (row.tags ?? []).join(','), help: 'Words with commas between them.' },
	{ name: 'tracing', label: 'Tracing', kind: 'check', value: row.tracing, help: 'Copies of all messages go to amq.rabbitmq.trace, for clients that are bound to it.' },
	{ name: 'default_queue_type', label: 'Default queue type', kind: 'select', options: ['classic', 'quorum'], value: row.default_queue_type === 'quorum' ? 'quorum' : 'classic', help: 'Of queues that are declared without a type.' },
]

const add = done => formDialog('Add a virtual host', {
	verb: 'Add virtual host',
	fields: [{ name: 'name', label: 'Name', required: true }, ...vhostFields()],
	submit: async ({ name, ...rest }) => {
		await put(api('vhosts', name), rest)
		await readVhosts()
		done()
	},
	done: ({ name }) => `Virtual host ${name} is there.`,
})

const messages = (id, label) => countColumn(id, label, { group: 'Messages' })

export const page = (main, params) => listPage(main, params, {
	id: 'vhosts',
	title: 'Virtual hosts',
	path: () => api('vhosts'),
	columns: [
		nameColumn(row => link('vhosts', row.name)),
		textColumn('description', 'Description', undefined, { kind: 'wide' }),
		textColumn('tags', 'Tags', row => (row.tags ?? []).join(', '), { hidden: true }),
		textColumn('default_queue_type', 'Default type'),
		flagColumn('protected_from_deletion', 'Protected', { hidden: true }),
		flagColumn('tracing', 'Tracing', { hidden: true }),
		messages('messages_ready', 'Ready'),
		messages('messages_unacknowledged', 'Unacked'),
		messages('messages', 'Total'),
		rateColumn('message_stats.publish', 'Publish'),
		rateColumn('message_stats.deliver_get', 'Deliver'),
		bytesColumn('recv_oct', 'Received', { hidden: true, group: 'Network' }),
		bytesColumn('send_oct', 'Sent', { hidden: true, group: 'Network' }),
	],
	needs: ['name'],
	actions: isAdministrator() ? [{ label: 'Add virtual host', open: add }] : [],
	empty: 'There is no virtual host that you may see.',
})
