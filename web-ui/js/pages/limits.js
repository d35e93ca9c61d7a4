// Limits of all virtual hosts and users.

import { buttonCell, countColumn, linkCell } from '../cells.js'
import { DataSource } from '../datasource.js'
import { attempt } from '../dialog.js'
import { button, h } from '../dom.js'
import { formDialog } from '../form.js'
import { count } from '../format.js'
import { api, del, get, put } from '../http.js'
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
  return () => source.stop()
}

function table(owner, caption, list, names, changed) {
  const clear = async row => {
    for (const limit of Object.keys(row.value)) {
      if (!(await attempt('Clear', () => del(api(`${owner}-limits`, row[owner], limit)), ''))) return
    }
    changed()
  }
  const shown = localTable({
    caption,
    columns: [
      { id: owner, label: owner === 'vhost' ? 'Virtual host' : 'User', sort: owner, kind: 'name', create: linkCell(row => row[owner], row => link(list, row[owner])) },
      ...names.map(({ name, label }) => countColumn(`value.${name}`, label, {
        create: cell => row => (cell.textContent = row.value?.[name] === undefined ? 'no limit' : count(row.value[name])),
        value: row => row.value?.[name] ?? Infinity,
      })),
      { id: 'clear', label: '', kind: 'act', create: buttonCell(() => 'Clear', clear) },
    ],
    key: row => row[owner],
    empty: 'None has a limit.',
    actions: [button('Set a limit', () => add())],
  })
  const add = async () => {
    const owners = await get(api(list), { columns: 'name' }).catch(() => [])
    return formDialog('Set a limit', {
      verb: 'Set',
      fields: [
        { name: 'owner', label: owner === 'vhost' ? 'Virtual host' : 'User', kind: 'select', options: owners.map(({ name }) => name) },
        { name: 'limit', label: 'Limit of', kind: 'select', options: names.map(({ name, label }) => ({ value: name, label })) },
        { name: 'value', label: 'At most', kind: 'number', required: true, help: 'Zero allows none; a negative number is no limit.' },
      ],
      submit: async ({ owner: whose, limit, value }) => {
        await put(api(`${owner}-limits`, whose, limit), { value: Math.round(value) })
        changed()
      },
      done: 'Set.',
    })
  }
  return shown
}
