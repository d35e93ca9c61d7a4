// The node: memory, disk, files, what it listens on, where its files are.

import { Chart } from '../chart.js'
import { DataSource } from '../datasource.js'
import { h, text } from '../dom.js'
import { factsCard } from '../facts.js'
import { bytes, count, duration } from '../format.js'
import { api, get } from '../http.js'
import { past, rangeSwitch, showLevels, showRates } from '../samples.js'
import { listenerCard } from './overview.js'

const MEMORY = [{ id: 'mem_used', label: 'Memory', tone: 'unacked' }]
const DISK = [{ id: 'disk_free', label: 'Disk free', tone: 'out' }]
const FILES = [{ id: 'fd_used', label: 'File descriptors', tone: 'ready' }, { id: 'sockets_used', label: 'Sockets', tone: 'in' }]
const WORK = [{ id: 'disk_reads', label: 'Reads', tone: 'in' }, { id: 'disk_writes', label: 'Writes', tone: 'out' }]

/** Categories of memory that hold something, the largest first. */
const CATEGORIES_MAX = 12

export function page(main, params) {
  const ranges = rangeSwitch(params, () => source.refresh())
  const title = h('h1', {}, 'Node')
  const charts = [
    { chart: new Chart({ title: 'Memory', series: MEMORY, format: bytes }), draw: (chart, { node, range }) => showLevels(chart, MEMORY, node, range) },
    { chart: new Chart({ title: 'Disk free', series: DISK, format: bytes }), draw: (chart, { node, range }) => showLevels(chart, DISK, node, range) },
    { chart: new Chart({ title: 'Files and sockets', series: FILES, format: count }), draw: (chart, { node, range }) => showLevels(chart, FILES, node, range) },
    { chart: new Chart({ title: 'Disk operations', series: WORK, format: value => `${count(value)}/s` }), draw: (chart, { all, range }) => showRates(chart, WORK, all.message_stats, range) },
  ]
  const use = factsCard('Use', USE)
  const facts = factsCard('Details', FACTS)
  const listeners = listenerCard()
  const memory = memoryCard()
  const plugins = factsCard('Parts', PARTS)
  main.replaceChildren(
    h('div', { class: 'heading' }, title, ranges.node),
    h('div', { class: 'cards' }, use.node, facts.node),
    h('div', { class: 'charts even' }, charts.map(({ chart }) => chart.node)),
    h('div', { class: 'cards' }, memory.node, h('div', { class: 'stack' }, listeners.node, plugins.node)),
  )
  const source = new DataSource({
    load: async signal => {
      const asked = past(ranges.range, 'node_stats', 'msg_rates')
      const [nodes, all] = await Promise.all([get('/api/nodes', asked, signal), get('/api/overview', asked, signal)])
      const breakdown = await get(api('nodes', nodes[0].name, 'memory'), {}, signal).catch(() => null)
      return { node: nodes[0], all, breakdown, range: ranges.range }
    },
    show: answer => {
      text(title, `Node ${answer.node.name}`)
      use.show(answer.node)
      facts.show(answer.node)
      plugins.show(answer.node)
      listeners.show(answer.all.listeners ?? [])
      memory.show(answer.breakdown?.memory)
      for (const { chart, draw } of charts) draw(chart, answer)
    },
  })
  return () => {
    source.stop()
    for (const { chart } of charts) chart.stop()
  }
}

const USE = [
  { label: 'Memory', value: row => `${bytes(row.mem_used)} of ${bytes(row.mem_limit)}${row.mem_alarm ? ', alarm' : ''}`, part: row => row.mem_used / row.mem_limit },
  { label: 'Disk', value: row => `${bytes(row.disk_free)} free, alarm below ${bytes(row.disk_free_limit)}${row.disk_free_alarm ? ', alarm' : ''}`, part: row => row.disk_free_limit / row.disk_free },
  { label: 'File descriptors', value: row => `${count(row.fd_used)} of ${count(row.fd_total)}`, part: row => row.fd_used / row.fd_total },
  { label: 'Sockets', value: row => `${count(row.sockets_used)} of ${count(row.sockets_total)}`, part: row => row.sockets_used / row.sockets_total },
]

const FACTS = [
  { label: 'Uptime', value: row => duration(row.uptime) },
  { label: 'Cores', value: row => count(row.processors) },
  { label: 'Process', value: row => row.os_pid },
  { label: 'Rates', value: row => row.rates_mode },
  { label: 'Disk sync, mean', value: row => `${(row.io_sync_avg_time ?? 0).toFixed(2)} ms` },
  { label: 'Data directory', value: row => row.db_dir },
  { label: 'Configuration', value: row => (row.config_files ?? []).join(', ') },
  { label: 'Log', value: row => (row.log_files ?? []).join(', ') },
]

const names = list => (list ?? []).map(one => one.name ?? one).join(', ')

const PARTS = [
  { label: 'Exchange types', value: row => names(row.exchange_types) },
  { label: 'Authentication', value: row => names(row.auth_mechanisms) },
  { label: 'Plugins', value: row => names(row.enabled_plugins) },
]

/** Memory by what it is for. */
function memoryCard() {
  const body = h('tbody')
  const node = h('section', { class: 'card', hidden: true }, h('h2', {}, 'Memory by use'), h('table', { class: 'plain' }, body))
  const show = memory => {
    const parts = Object.entries(memory ?? {}).filter(([, value]) => typeof value === 'number' && value > 0).sort(([, a], [, b]) => b - a)
    node.hidden = parts.length === 0
    const sum = parts.reduce((total, [, value]) => total + value, 0)
    body.replaceChildren(...parts.slice(0, CATEGORIES_MAX).map(([name, value]) => {
      const bar = h('i')
      bar.style.width = `${(100 * value) / sum}%`
      return h('tr', {}, h('th', { scope: 'row' }, name.replaceAll('_', ' ')), h('td', { class: 'bar' }, h('div', { class: 'used' }, bar)), h('td', { class: 'number' }, bytes(value)))
    }))
  }
  return { node, show }
}
