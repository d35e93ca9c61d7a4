// One user: tags and password, permissions, limits, connections.

import { closeConnections, deleteUsers } from '../actions.js'
import { nameColumn, textColumn } from '../cells.js'
import { detailPage } from '../detail.js'
import { button } from '../dom.js'
import { factsCard } from '../facts.js'
import { formDialog } from '../form.js'
import { api, get, keepLogin, put } from '../http.js'
import { limitsCard, USER_LIMITS } from '../limits.js'
import { localTable } from '../list.js'
import { permissionTables } from '../permissions.js'
import { go, link } from '../router.js'
import { currentUser } from '../session.js'
import { showSecret, userBody, userFields, WAYS } from './users.js'

export function page(main, params, { name }) {
	let user = { name, tags: [], password_hash: '', hashing_algorithm: '' }
	const facts = factsCard('Details', [
		['Tags', row => (row.tags ?? []).join(', ') || 'none: no dashboard'],
		['Password', row => (row.password_hash ? (row.hashing_algorithm ?? 'yes').replace('rabbit_password_hashing_', '') : 'none')],
	])
	const permissions = permissionTables({ user: name }, () => source.refresh())
	const limits = limitsCard({ title: 'Limits', names: USER_LIMITS, path: limit => api('user-limits', name, limit), changed: () => source.refresh() })
	const connections = localTable({
		caption: 'Connections',
		columns: [
			nameColumn(row => link('connections', row.name)),
			textColumn('vhost', 'Virtual host'),
		],
		key: row => row.name,
		empty: 'This user is not connected.',
		actions: [button('Close all', async () => open.length > 0 && (await closeConnections(open)) && source.refresh(), { class: 'danger' })],
	})
	let open = []
	const edit = () => formDialog(`User ${name}`, {
		verb: 'Save',
		fields: userFields((user.tags ?? []).join(','), [{ value: 'keep', label: 'what it is now' }, ...WAYS]),
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
			{ id: 'overview', label: 'Permissions', nodes: [facts.node, ...permissions.nodes] },
			{ id: 'limits', label: 'Limits', nodes: [limits.node] },
			{ id: 'connections', label: 'Connections', nodes: [connections.node] },
		],
		load: async (signal, tab) => {
			const [one, allowed, topics, limited, connected] = await Promise.all([
				get(api('users', name), {}, signal),
				tab === 'overview' ? get(api('users', name, 'permissions'), {}, signal) : null,
				tab === 'overview' ? get(api('users', name, 'topic-permissions'), {}, signal) : null,
				tab === 'limits' ? get(api('user-limits', name), {}, signal) : null,
				tab === 'connections' ? get(api('connections', 'username', name), {}, signal) : null,
			])
			return { one, allowed, topics, limited, connected }
		},
		show: ({ one, allowed, topics, limited, connected }) => {
			user = one
			facts.show(one)
			if (allowed) permissions.show(allowed, topics)
			if (limited) limits.show(limited[0]?.value)
			if (connected) connections.show((open = connected))
		},
	})
}
