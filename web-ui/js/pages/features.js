// Feature flags and deprecated features, for information.

import { api, h } from '../base.js'
import { textColumn } from '../cells.js'
import { DataSource } from '../datasource.js'
import { both, listCard } from '../list.js'

const table = (title, path, third, empty, refresh) => listCard({
	title,
	path: () => api(path),
	columns: [textColumn('name', 'Name', undefined, { kind: 'name' }), textColumn('state', 'State'), third, textColumn('desc', 'Description', undefined, { kind: 'wide' })],
	search: 'name,desc',
	empty,
}, refresh)

export function page(main) {
	const flags = table('Feature flags', 'feature-flags', textColumn('stability', 'Stability'), 'There are none: everything that Leveret can do is on.', () => source.refresh())
	const deprecated = table('Deprecated features', 'deprecated-features', textColumn('deprecation_phase', 'Phase', row => (row.deprecation_phase ?? '').replaceAll('_', ' ')), 'There are none.', () => source.refresh())
	const lists = both(flags, deprecated)
	main.replaceChildren(h('div.heading', h('h1', 'Features')), ...lists.nodes)
	const source = new DataSource(lists)
}
