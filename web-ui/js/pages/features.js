// Feature flags and deprecated features, for information.

import { textColumn } from '../cells.js'
import { DataSource } from '../datasource.js'
import { h } from '../dom.js'
import { get } from '../http.js'
import { localTable } from '../list.js'

const table = (caption, third, empty) => localTable({
	caption,
	columns: [textColumn('name', 'Name', undefined, { kind: 'name' }), textColumn('state', 'State'), third, textColumn('desc', 'Description', undefined, { kind: 'wide' })],
	key: row => row.name,
	empty,
})

export function page(main) {
	const flags = table('Feature flags', textColumn('stability', 'Stability'), 'There are none: everything that Leveret can do is on.')
	const deprecated = table('Deprecated features', textColumn('deprecation_phase', 'Phase', row => (row.deprecation_phase ?? '').replaceAll('_', ' ')), 'There are none.')
	main.replaceChildren(h('div', { class: 'heading' }, h('h1', {}, 'Features')), flags.node, deprecated.node)
	new DataSource({
		load: async signal => Promise.all([get('/api/feature-flags', {}, signal), get('/api/deprecated-features', {}, signal)]),
		show: ([on, old]) => {
			flags.show(on)
			deprecated.show(old)
		},
	})
}
