// One channel.

import { detailPage } from '../detail.js'
import { h } from '../dom.js'
import { factsCard } from '../facts.js'
import { count } from '../format.js'
import { api, get } from '../http.js'
import { localTable } from '../list.js'
import { link } from '../router.js'
import { past, rangeSwitch, ratesChart } from '../samples.js'
import { connectionOf, mode, prefetch } from './channels.js'
import { consumerKey, CONSUMER_COLUMNS } from './consumers.js'

export function page(main, params, { name }) {
  const chart = ratesChart([])
  const ranges = rangeSwitch(params, () => source.refresh())
  const facts = factsCard('Details', FACTS)
  const consumers = localTable({ caption: 'Consumers', columns: CONSUMER_COLUMNS.filter(({ id }) => !['channel', 'user', 'vhost'].includes(id)), key: consumerKey, empty: 'Nobody consumes on this channel.' })
  const source = detailPage(main, {
    kind: 'Channel', name, up: ['Channels', '#/channels'], controls: [ranges.node], params,
    tabs: [{ id: 'overview', label: 'Overview', nodes: [h('div', { class: 'charts' }, chart.node, facts.node), consumers.node] }],
    load: async signal => ({ one: await get(api('channels', name), past(ranges.range, 'msg_rates'), signal), range: ranges.range }),
    show: ({ one, range }) => {
      chart.show(one.message_stats, range)
      facts.show(one)
      consumers.show(one.consumer_details)
    },
  })
  return () => {
    source.stop()
    chart.stop()
  }
}

const MODES = { C: 'confirms', T: 'transactions', '': 'plain' }

const FACTS = [
  { label: 'Connection', value: connectionOf, href: row => link('connections', connectionOf(row)) },
  { label: 'User', value: row => row.user, href: row => link('users', row.user) },
  { label: 'Virtual host', value: row => row.vhost, href: row => link('vhosts', row.vhost) },
  { label: 'Mode', value: row => MODES[mode(row)] ?? 'confirms and transactions' },
  { label: 'State', value: row => (row.idle_since && row.state === 'running' ? 'idle' : row.state) },
  { label: 'Prefetch', value: row => (prefetch(row) === '–' ? 'no limit' : prefetch(row)) },
  { label: 'Consumers', value: row => count(row.consumer_count) },
  { label: 'Messages unacknowledged', value: row => count(row.messages_unacknowledged) },
  { label: 'Messages unconfirmed', value: row => count(row.messages_unconfirmed) },
  { label: 'Messages uncommitted', value: row => count(row.messages_uncommitted) },
  { label: 'Acks uncommitted', value: row => count(row.acks_uncommitted) },
]
