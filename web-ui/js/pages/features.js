// Feature flags and deprecated features, for information.

import { textColumn } from '../cells.js'
import { DataSource } from '../datasource.js'
import { h } from '../dom.js'
import { get } from '../http.js'
import { localTable } from '../list.js'

const phase = row => (row.deprecation_phase ?? '').replaceAll('_', ' ')

export function page(main) {
  const flags = localTable({
    caption: 'Feature flags',
    columns: [
      textColumn('name', 'Name', undefined, { kind: 'name' }), textColumn('state', 'State'), textColumn('stability', 'Stability'),
      textColumn('desc', 'Description', undefined, { kind: 'wide' }),
    ],
    key: row => row.name,
    empty: 'There are none: everything that Leveret can do is on.',
  })
  const deprecated = localTable({
    caption: 'Deprecated features',
    columns: [
      textColumn('name', 'Name', undefined, { kind: 'name' }), textColumn('state', 'State'), textColumn('deprecation_phase', 'Phase', phase),
      textColumn('desc', 'Description', undefined, { kind: 'wide' }),
    ],
    key: row => row.name,
    empty: 'There are none.',
  })
  const types = localTable({
    caption: 'Exchange types',
    columns: [textColumn('name', 'Name', undefined, { kind: 'name' }), textColumn('description', 'Description', undefined, { kind: 'wide' })],
    key: row => row.name,
    empty: 'There are none.',
  })
  main.replaceChildren(h('div', { class: 'heading' }, h('h1', {}, 'Features')), flags.node, deprecated.node, types.node)
  const source = new DataSource({
    load: async signal => Promise.all([get('/api/feature-flags', {}, signal), get('/api/deprecated-features', {}, signal), get('/api/overview', { columns: 'exchange_types' }, signal)]),
    show: ([on, old, overview]) => {
      flags.show(on)
      deprecated.show(old)
      types.show(overview.exchange_types)
    },
  })
  return () => source.stop()
}
