// All bindings.

import { addBinding, unbind } from '../actions.js'
import { exchangePart, link, literal } from '../base.js'
import { linkColumn, textColumn, vhostColumn } from '../cells.js'
import { listPage } from '../list.js'

const args = row => Object.entries(row.arguments ?? {}).map(([key, value]) => `${key}: ${literal(value)}`).join(', ')
export const exchangeLink = (vhost, name) => link('exchanges', vhost, exchangePart(name))

export const SOURCE = linkColumn('source', 'From exchange', row => exchangeLink(row.vhost, row.source), row => row.source || '(default)', { kind: 'wide', fixed: true })
export const DESTINATION = linkColumn(
	'destination', 'To', row => (row.destination_type === 'queue' ? link('queues', row.vhost, row.destination) : exchangeLink(row.vhost, row.destination)),
	row => row.destination, { kind: 'name', fixed: true, needs: ['destination', 'destination_type'] },
)
export const BINDING_COLUMNS = [
	SOURCE,
	DESTINATION,
	textColumn('destination_type', 'Kind'),
	textColumn('routing_key', 'Routing key', undefined, { kind: 'wide' }),
	textColumn('arguments', 'Arguments', args, { sort: undefined, kind: 'wide', needs: ['arguments'] }),
]
export const BINDING_SEARCH = 'source,destination,routing_key,arguments'
export const bindingKey = row => JSON.stringify([row.vhost, row.source, row.destination_type, row.destination, row.properties_key])

export const page = (main, params) => listPage(main, params, {
	id: 'bindings',
	title: 'Bindings',
	ofVhost: 'bindings',
	columns: [...BINDING_COLUMNS.slice(0, 3), vhostColumn, ...BINDING_COLUMNS.slice(3)],
	needs: ['source', 'destination', 'destination_type', 'routing_key', 'vhost', 'properties_key', 'arguments'],
	key: bindingKey,
	sort: 'source',
	query: { explicit: true },
	search: BINDING_SEARCH,
	actions: [{ label: 'Add binding', open: done => addBinding({}, done) }],
	bulk: [{ label: 'Unbind', danger: true, run: unbind }],
	empty: 'There are no bindings. Those of the default exchange, to every queue by its name, are not listed.',
})
