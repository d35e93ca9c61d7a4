// All exchanges.

import { addExchange, deleteExchanges } from '../actions.js'
import { exchangePart, link } from '../base.js'
import { featuresColumn, nameColumn, policyColumn, rateColumn, textColumn, vhostColumn } from '../cells.js'
import { note } from '../dialog.js'
import { listPage } from '../list.js'

/** The ones that every virtual host has cannot be deleted. */
export const isOwn = name => name === '' || name.startsWith('amq.')

async function remove(rows) {
	const own = rows.filter(({ name }) => isOwn(name))
	if (own.length > 0) note(`${own.length} of them belong to the virtual host and stay.`)
	const rest = rows.filter(({ name }) => !isOwn(name))
	return rest.length > 0 && deleteExchanges(rest)
}

export const page = (main, params) => listPage(main, params, {
	id: 'exchanges',
	title: 'Exchanges',
	ofVhost: 'exchanges',
	columns: [
		nameColumn(row => link('exchanges', row.vhost, exchangePart(row.name)), undefined, row => row.name || '(default)'),
		vhostColumn,
		textColumn('type', 'Type', undefined, { kind: 'badge-like' }),
		featuresColumn,
		{ ...policyColumn, hidden: true },
		rateColumn('message_stats.publish_in', 'In'),
		rateColumn('message_stats.publish_out', 'Out'),
	],
	needs: ['name', 'vhost', 'type'],
	actions: [{ label: 'Add exchange', open: addExchange }],
	bulk: [{ label: 'Delete', danger: true, run: remove }],
	empty: 'There are no exchanges.',
})
