// One user: tags and password, permissions, limits, connections.

import { closeConnections, deleteUsers } from '../actions.js'
import { api, button, currentUser, get, go, keepLogin, link, put } from '../base.js'
import { nameColumn, textColumn } from '../cells.js'
import { detailPage } from '../detail.js'
import { factsCard } from '../facts.js'
import { formDialog } from '../form.js'
import { limitsCard, USER_LIMITS } from '../limits.js'
import { listCard } from '../list.js'
import { permissionTables } from '../permissions.js'
import { showSecret, userBody, userFields, WAYS } from './users.js'

export function page(main, params, { name }) {
	let user = { name, tags: [], password_hash: '', hashing_algorithm: '' }
	const facts = factsCard('Details', [
		['Tags', row => (row.tags ?? []).join(', ') || 'none: no dashboard'],
		['Password', row => (row.password_hash ? (row.hashing_algorithm ?? 'yes').replace('rabbit_password_hashing_', '') : 'none')],
	])
	const permissions = permissionTables({ user: name }, () => source.refresh())
	const limits = limitsCard(USER_LIMITS, api('user-limits', name), () => source.refresh())
	const connections = listCard({
		title: 'Connections',
		path: () => api('connections', 'username', name),
		columns: [
			nameColumn(row => link('connections', row.name)),
			textColumn('vhost', 'Virtual host'),
		],
		empty: 'This user is not connected.',
		bulk: [{ label: 'Close', danger: true, run: closeConnections }],
	}, () => source.refresh())
	const edit = () => formDialog(`User ${name}`, {
		verb: 'Save',
		fields: userFields((user.tags ?? []).join(','), [['keep', 'what it is now'], ...WAYS]),
		submit: async values => {
			const kept = { body: { tags: values.tags, password_hash: user.password_hash, hashing_algorithm: user.hashing_algorithm }, secret: null }
			const { body, secret } = values.way === 'keep' ? kept : userBody(values)
			await put(api('users', name), body)
			if (name === currentUser().name && 'password' in body) keepLogin(name, body.password)
			if (secret) showSecret(name, secret)
			source.refresh()
		},
		done: 'Saved.',
	})
	const source = detailPage(main, {
		kind: 'User', name, up: ['Users', '#/users'], params,
		controls: [button('Edit', edit), button('Delete', async () => (await deleteUsers([user])) && go('#/users'), { class: 'danger' })],
		tabs: [
			{ id: 'overview', label: 'Permissions', nodes: [facts.node, ...permissions.nodes], lists: [permissions] },
			{ id: 'limits', label: 'Limits', nodes: [limits.node], lists: [limits] },
			{ id: 'connections', label: 'Connections', nodes: [connections.node], lists: [connections] },
		],
		load: signal => get(api('users', name), {}, signal),
		show: one => {
			user = one
			facts.show(one)
		},
	})
}
