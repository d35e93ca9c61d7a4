// Who may do what: permissions and topic permissions, seen from a user or from a virtual host.

import { api, button, del, exchangePart, get, link, put, vhostNames } from './base.js'
import { actColumn, linkColumn, textColumn, userColumn } from './cells.js'
import { attempt, confirmLoss } from './dialog.js'
import { formDialog } from './form.js'
import { both, listCard } from './list.js'

const NOTHING = 'Empty is nothing, .* is everything.'

/** The two tables, each with a button that adds to it. */
export function permissionTables(own, changed) {
	const other = own.vhost === undefined
		? linkColumn('vhost', 'Virtual host', row => link('vhosts', row.vhost), undefined, { kind: 'name' })
		: { ...userColumn, kind: 'name' }
	const regex = (id, label) => textColumn(id, label, row => (row[id] === '' ? '(nothing)' : row[id]), { kind: 'code' })
	const base = own.vhost === undefined ? ['users', own.user] : ['vhosts', own.vhost]
	const sort = other.id
	const permissions = listCard({
		title: 'Permissions',
		path: () => api(...base, 'permissions'),
		actions: [button('Set a permission', () => setPermission(own, changed))],
		columns: [
			other, regex('configure', 'Configure'), regex('write', 'Write'), regex('read', 'Read'),
			actColumn(() => 'Change', row => setPermission(row, changed)),
			actColumn(() => 'Clear', row => clear(row, changed)),
		],
		key: row => `${row.user} ${row.vhost}`,
		sort,
		search: 'user,vhost',
		empty: own.user === undefined ? 'Nobody may use this virtual host.' : 'This user may use no virtual host.',
	}, changed)
	const topics = listCard({
		title: 'Topic permissions',
		path: () => api(...base, 'topic-permissions'),
		actions: [button('Set a topic permission', () => setTopic(own, changed))],
		columns: [
			other, textColumn('exchange', 'Exchange', row => row.exchange || '(default)'), regex('write', 'Write'), regex('read', 'Read'),
			actColumn(() => 'Change', row => setTopic(row, changed)),
			actColumn(() => 'Clear', row => clear(row, changed)),
		],
		key: row => `${row.user} ${row.vhost} ${row.exchange}`,
		sort,
		search: 'user,vhost,exchange',
		empty: 'None: routing keys are not looked at.',
	}, changed)
	return both(permissions, topics)
}

/** The fields for the sides that are not known. */
async function sides({ vhost, user }) {
	const users = user === undefined ? await get('/api/users', { columns: 'name' }).catch(() => []) : []
	return [
		...(vhost === undefined ? [{ name: 'vhost', label: 'Virtual host', kind: 'select', options: vhostNames() }] : []),
		...(user === undefined ? [{ name: 'user', label: 'User', kind: 'select', options: users.map(({ name }) => name) }] : []),
	]
}

async function setPermission(row, changed) {
	return formDialog('Set a permission', {
		verb: 'Set',
		fields: [
			...(await sides(row)),
			{ name: 'configure', label: 'Configure', value: row.configure ?? '.*', help: `A regular expression of the names that may be declared and deleted. ${NOTHING}` },
			{ name: 'write', label: 'Write', value: row.write ?? '.*', help: `Of the exchanges that may be published to and the queues that may be bound. ${NOTHING}` },
			{ name: 'read', label: 'Read', value: row.read ?? '.*', help: `Of the queues that may be consumed from and the exchanges that may be bound to. ${NOTHING}` },
		],
		submit: async ({ vhost = row.vhost, user = row.user, configure, write, read }) => {
			await put(api('permissions', vhost, user), { configure, write, read })
			changed()
		},
		done: 'Set.',
	})
}

async function setTopic(row, changed) {
	return formDialog('Set a topic permission', {
		verb: 'Set',
		fields: [
			...(await sides(row)),
			{ name: 'exchange', label: 'Topic exchange', value: row.exchange ?? 'amq.topic', required: true },
			{ name: 'write', label: 'Write', value: row.write ?? '.*', help: 'A regular expression of the routing keys that may be published with. {username}, {vhost} and {client_id} stand for the client\'s.' },
			{ name: 'read', label: 'Read', value: row.read ?? '.*', help: 'Of the routing keys that may be bound with.' },
		],
		submit: async ({ vhost = row.vhost, user = row.user, exchange, write, read }) => {
			await put(api('topic-permissions', vhost, user), { exchange, write, read })
			changed()
		},
		done: 'Set.',
	})
}

/** Clears a permission, or a topic permission where the row has an exchange. */
async function clear(row, changed) {
	const topic = row.exchange !== undefined
	const losses = [topic ? `The topic permission of ${row.user} for ${row.exchange || '(default)'} in ${row.vhost}` : `${row.user} may not use ${row.vhost} any more`]
	if (!(await confirmLoss({ title: 'Clear this?', losses, verb: 'Clear' }))) return
	const path = topic ? api('topic-permissions', row.vhost, row.user, exchangePart(row.exchange)) : api('permissions', row.vhost, row.user)
	if (await attempt('Clear', () => del(path), 'Cleared.')) changed()
}
