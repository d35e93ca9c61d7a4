// Limits of all virtual hosts and users.

import { api, count, del, h, link } from '../base.js'
import { actColumn, countColumn, linkColumn, textCell } from '../cells.js'
import { DataSource } from '../datasource.js'
import { attempt } from '../dialog.js'
import { USER_LIMITS, VHOST_LIMITS } from '../limits.js'
import { both, listCard } from '../list.js'

export function page(main) {
	const vhosts = table('vhost', 'Limits of virtual hosts', 'vhosts', VHOST_LIMITS, () => source.refresh())
	const users = table('user', 'Limits of users', 'users', USER_LIMITS, () => source.refresh())
	const lists = both(vhosts, users)
	main.replaceChildren(h('div.heading', h('h1', 'Limits')), ...lists.nodes)
	const source = new DataSource(lists)
}

function table(owner, caption, list, names, changed) {
	const clear = async row => {
		for (const limit of Object.keys(row.value)) {
			if (!(await attempt('Clear', () => del(api(`${owner}-limits`, row[owner], limit)), ''))) return
		}
		changed()
	}
	return listCard({
		title: caption,
		path: () => api(`${owner}-limits`),
		columns: [
			linkColumn(owner, owner === 'vhost' ? 'Virtual host' : 'User', row => link(list, row[owner]), undefined, { kind: 'name' }),
			...names.map(({ name, label }) => countColumn(`value.${name}`, label, { create: textCell(row => (row.value?.[name] === undefined ? 'no limit' : count(row.value[name]))) })),
			actColumn(() => 'Clear', clear),
		],
		key: row => row[owner],
		sort: owner,
		search: owner,
		empty: 'None has one. They are set on their own pages.',
	}, changed)
}
