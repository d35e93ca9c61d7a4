// Limits of all virtual hosts and users.

import { actColumn, countColumn, linkCell } from '../cells.js'
import { DataSource } from '../datasource.js'
import { attempt } from '../dialog.js'
import { h } from '../dom.js'
import { count } from '../format.js'
import { api, del, get } from '../http.js'
import { USER_LIMITS, VHOST_LIMITS } from '../limits.js'
import { localTable } from '../list.js'
import { link } from '../router.js'

export function page(main) {
	const vhosts = table('vhost', 'Limits of virtual hosts', 'vhosts', VHOST_LIMITS, () => source.refresh())
	const users = table('user', 'Limits of users', 'users', USER_LIMITS, () => source.refresh())
	main.replaceChildren(h('div', { class: 'heading' }, h('h1', {}, 'Limits')), vhosts.node, users.node)
	const source = new DataSource({
		load: async signal => Promise.all([get('/api/vhost-limits', {}, signal), get('/api/user-limits', {}, signal)]),
		show: ([ofVhosts, ofUsers]) => {
			vhosts.show(ofVhosts)
			users.show(ofUsers)
		},
	})
}

function table(owner, caption, list, names, changed) {
	const clear = async row => {
		for (const limit of Object.keys(row.value)) {
			if (!(await attempt('Clear', () => del(api(`${owner}-limits`, row[owner], limit)), ''))) return
		}
		changed()
	}
	return localTable({
		caption,
		columns: [
			{ id: owner, label: owner === 'vhost' ? 'Virtual host' : 'User', sort: owner, kind: 'name', create: linkCell(row => row[owner], row => link(list, row[owner])) },
			...names.map(({ name, label }) => countColumn(`value.${name}`, label, {
				create: cell => row => (cell.textContent = row.value?.[name] === undefined ? 'no limit' : count(row.value[name])),
				value: row => row.value?.[name] ?? Infinity,
			})),
			actColumn(() => 'Clear', clear),
		],
		key: row => row[owner],
		empty: 'None has one. They are set on their own pages.',
	})
}
