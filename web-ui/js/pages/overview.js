// The whole broker at a glance: how many of everything, what messages do, how the node is.

import { Chart } from '../chart.js'
import { DataSource } from '../datasource.js'
import { attribute, h, keyed, text } from '../dom.js'
import { bytes, compact, count, duration, rate } from '../format.js'
import { get } from '../http.js'
import { setParams } from '../router.js'

/** Stretches of the past: how long, and how far apart the samples are, in seconds. */
const RANGES = [
  { id: '1m', label: '1 min', age: 60, step: 2 },
  { id: '10m', label: '10 min', age: 600, step: 5 },
  { id: '1h', label: '1 h', age: 3600, step: 60 },
  { id: '8h', label: '8 h', age: 28800, step: 300 },
  { id: '24h', label: '24 h', age: 86400, step: 1800 },
]

const RATES = [
  { id: 'publish', label: 'Published', tone: 'in' },
  { id: 'confirm', label: 'Confirmed', tone: 'confirm' },
  { id: 'deliver_get', label: 'Delivered', tone: 'out' },
  { id: 'ack', label: 'Acknowledged', tone: 'ack' },
  { id: 'redeliver', label: 'Redelivered', tone: 'warn' },
  { id: 'unroutable', label: 'Unroutable', tone: 'bad' },
]

const LENGTHS = [
  { id: 'messages_ready', label: 'Ready', tone: 'ready' },
  { id: 'messages_unacknowledged', label: 'Unacknowledged', tone: 'unacked' },
]

const TILES = [
  { id: 'connections', label: 'Connections', opened: 'connection_created' },
  { id: 'channels', label: 'Channels', opened: 'channel_created' },
  { id: 'exchanges', label: 'Exchanges' },
  { id: 'queues', label: 'Queues', opened: 'queue_created', link: '#/queues' },
  { id: 'consumers', label: 'Consumers' },
]

export function overview(main, params, report) {
  let range = RANGES.find(({ id }) => id === params.get('range')) ?? RANGES[0]
  const tiles = TILES.map(tile)
  const rates = new Chart({ title: 'Message rates', series: RATES, format: rate })
  const lengths = new Chart({ title: 'Queued messages', series: LENGTHS, format: count, stacked: true })
  const node = nodeCard()
  const listeners = listenerCard()
  const ranges = rangeSwitch(range, chosen => {
    range = chosen
    setParams({ range: range === RANGES[0] ? null : range.id })
    source.refresh()
  })

  main.replaceChildren(
    h('div', { class: 'heading' }, h('h1', {}, 'Overview'), ranges),
    h('div', { class: 'tiles' }, tiles.map(one => one.node)),
    h('div', { class: 'charts' }, rates.node, lengths.node),
    h('div', { class: 'cards' }, node.node, listeners.node),
  )

  const source = new DataSource({
    load: signal => load(range, signal),
    show: ({ all, nodes, asked }) => {
      tiles.forEach(one => one.show(all))
      showRates(rates, all.message_stats, asked)
      showLengths(lengths, all.queue_totals, asked)
      node.show(nodes[0], all)
      listeners.show(all.listeners ?? [])
    },
    report,
  })
  return () => {
    source.stop()
    rates.stop()
    lengths.stop()
  }
}

async function load(asked, signal) {
  const past = { lengths_age: asked.age, lengths_incr: asked.step, msg_rates_age: asked.age, msg_rates_incr: asked.step }
  const [all, nodes] = await Promise.all([
    get('/api/overview', past, signal),
    // Somebody who may not monitor still sees the rest.
    get('/api/nodes', {}, signal).catch(error => {
      if (signal.aborted) throw error
      return []
    }),
  ])
  return { all, nodes, asked }
}

/** The change per second between neighbouring samples, oldest first. */
function slopes(samples, stepS) {
  const forward = samples.slice().reverse()
  return forward.slice(1).map(({ sample }, i) => Math.max(0, (sample - forward[i].sample) / stepS))
}

function showRates(chart, stats, { age, step }) {
  const samples = id => stats[`${id}_details`]?.samples ?? []
  const times = samples('publish').map(({ timestamp }) => timestamp).reverse().slice(1)
  const values = {}
  const latest = {}
  for (const { id } of RATES) {
    if (id === 'unroutable') continue
    values[id] = slopes(samples(id), step)
    latest[id] = stats[`${id}_details`]?.rate
  }
  const returned = slopes(samples('return_unroutable'), step)
  const dropped = slopes(samples('drop_unroutable'), step)
  values.unroutable = returned.map((value, i) => value + dropped[i])
  latest.unroutable = stats.return_unroutable_details.rate + stats.drop_unroutable_details.rate
  chart.show({ times, values, latest, spanMs: age * 1000, stepMs: step * 1000 })
}

function showLengths(chart, totals, { age, step }) {
  const values = {}
  const latest = {}
  for (const { id } of LENGTHS) {
    values[id] = (totals[`${id}_details`]?.samples ?? []).map(({ sample }) => sample).reverse()
    latest[id] = totals[id]
  }
  const times = (totals.messages_details?.samples ?? []).map(({ timestamp }) => timestamp).reverse()
  chart.show({ times, values, latest, spanMs: age * 1000, stepMs: step * 1000 })
}

function tile({ id, label, opened, link }) {
  const number = h('b', {}, '–')
  const movement = h('small', {}, ' ')
  const node = h(link ? 'a' : 'div', { class: 'card tile', href: link }, h('span', {}, label), number, movement)
  const show = all => {
    const value = all.object_totals[id]
    text(number, value >= 100000 ? compact(value) : count(value))
    number.title = count(value)
    const perSecond = opened ? all.churn_rates[`${opened}_details`].rate : 0
    text(movement, perSecond > 0 ? `${rate(perSecond)} ${id === 'queues' ? 'created' : 'opened'}` : ' ')
  }
  return { node, show }
}

function rangeSwitch(chosen, onChoose) {
  const buttons = RANGES.map(range =>
    h(
      'button',
      {
        type: 'button',
        'aria-pressed': String(range === chosen),
        onclick: event => {
          for (const other of buttons) other.setAttribute('aria-pressed', String(other === event.currentTarget))
          onChoose(range)
        },
      },
      range.label,
    ),
  )
  return h('div', { class: 'segments', role: 'group', 'aria-label': 'Range of the charts' }, buttons)
}

/** A row of a card: a name, a value, and perhaps a bar of how much is used. */
function fact(label, withBar = false) {
  const value = h('dd', {}, '–')
  const filled = h('i')
  const bar = withBar ? h('div', { class: 'used', role: 'meter', 'aria-label': label }, filled) : null
  const node = h('div', { class: 'fact' }, h('dt', {}, label), value, bar)
  const show = (shown, part) => {
    text(value, shown)
    if (!bar) return
    const percent = Math.min(100, Math.round((Number.isFinite(part) ? part : 0) * 1000) / 10)
    filled.style.width = `${percent}%`
    attribute(bar, 'aria-valuenow', percent)
    bar.classList.toggle('high', percent >= 70 && percent < 90)
    bar.classList.toggle('full', percent >= 90)
  }
  return { node, show }
}

function nodeCard() {
  const title = h('h2', {}, 'Node')
  const memory = fact('Memory', true)
  const files = fact('File descriptors', true)
  const disk = fact('Disk free')
  const uptime = fact('Uptime')
  const cores = fact('Cores')
  const sync = fact('Disk sync, mean')
  const version = fact('Version')
  const facts = [memory, files, disk, uptime, cores, sync, version]
  const node = h('section', { class: 'card' }, title, h('dl', { class: 'facts' }, facts.map(one => one.node)))
  const show = (one, all) => {
    node.hidden = !one
    if (!one) return
    text(title, one.name)
    memory.show(`${bytes(one.mem_used)} of ${bytes(one.mem_limit)}`, one.mem_used / one.mem_limit)
    files.show(`${count(one.fd_used)} of ${count(one.fd_total)}`, one.fd_used / one.fd_total)
    disk.show(bytes(one.disk_free))
    uptime.show(duration(one.uptime))
    cores.show(count(one.processors))
    sync.show(`${one.io_sync_avg_time.toFixed(2)} ms`)
    version.show(`Leveret ${all.leveret_version}, as RabbitMQ ${all.rabbitmq_version}`)
  }
  return { node, show }
}

function listenerCard() {
  const body = h('tbody')
  const kept = new Map()
  const table = h(
    'table',
    { class: 'plain' },
    h('thead', {}, h('tr', {}, ['Protocol', 'Address', 'Port'].map(name => h('th', { scope: 'col' }, name)))),
    body,
  )
  const node = h('section', { class: 'card' }, h('h2', {}, 'Listeners'), table)
  const row = () => {
    const cells = [h('td'), h('td'), h('td', { class: 'number' })]
    const update = ({ protocol, ip_address, port }) => {
      ;[protocol, ip_address, port].forEach((value, i) => text(cells[i], value))
    }
    return { node: h('tr', {}, cells), update }
  }
  const key = ({ protocol, ip_address, port }) => `${protocol} ${ip_address} ${port}`
  const show = listeners => {
    node.hidden = listeners.length === 0
    keyed(body, kept, listeners, key, row)
  }
  return { node, show }
}
