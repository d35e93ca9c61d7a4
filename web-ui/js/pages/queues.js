// All queues: how deep, how fast, who consumes.

import { sparkline } from '../chart.js'
import { DataSource } from '../datasource.js'
import { h, keyed, text } from '../dom.js'
import { compact, count, rate } from '../format.js'
import { get } from '../http.js'
import { setParams } from '../router.js'
import { Table, textCell } from '../table.js'

const PAGE_SIZES = [25, 50, 100, 250, 500]
const SPARK = { age: 120, step: 5 }

/** Only what the table shows travels. */
const COLUMNS = [
  'name', 'vhost', 'type', 'durable', 'auto_delete', 'exclusive', 'arguments', 'state', 'idle_since',
  'messages', 'messages_ready', 'messages_unacknowledged', 'messages_details', 'consumers',
  'message_stats.publish_details.rate', 'message_stats.deliver_get_details.rate',
  'message_stats.ack_details.rate',
].join(',')

const perSecond = (row, id) => row.message_stats?.[`${id}_details`]?.rate ?? 0
const rateColumn = (id, label, hint) => ({
  label,
  hint,
  sort: `message_stats.${id}_details.rate`,
  kind: 'number rate',
  create: textCell(row => rate(perSecond(row, id)), row => perSecond(row, id) === 0),
})
const countColumn = (id, label, kind = 'number') => ({
  label,
  sort: id,
  kind,
  create: textCell(row => (row[id] >= 1e7 ? compact(row[id]) : count(row[id])), row => row[id] === 0),
})

export function queues(main, params, report) {
  const wish = {
    name: params.get('name') ?? '',
    regex: params.get('regex') === 'true',
    vhost: params.get('vhost') ?? '',
    sort: params.get('sort') ?? 'name',
    reverse: params.get('reverse') === 'true',
    page: Number(params.get('page')) || 1,
    size: PAGE_SIZES.includes(Number(params.get('size'))) ? Number(params.get('size')) : 50,
  }

  const change = changes => {
    Object.assign(wish, changes)
    const { name, regex, vhost, sort, reverse, page, size } = wish
    setParams({
      name,
      regex,
      vhost,
      sort: sort === 'name' ? null : sort,
      reverse,
      page: page === 1 ? null : page,
      size: size === 50 ? null : size,
    })
    source.refresh()
  }

  const controls = filterBar(wish, change)
  const table = new Table({
    caption: 'Queues',
    columns: columns(),
    key: row => JSON.stringify([row.vhost, row.name]),
    // Numbers are looked for from the top, names from the beginning.
    onSort: sort => change({ sort, reverse: wish.sort === sort ? !wish.reverse : sort !== 'name', page: 1 }),
    onPage: page => change({ page }),
  })
  main.replaceChildren(
    h('div', { class: 'heading' }, h('h1', {}, 'Queues'), controls.node),
    h('section', { class: 'card flush' }, table.node),
  )

  const source = new DataSource({
    load: signal => load(wish, signal),
    show: ({ queues: page, vhosts }) => {
      main.classList.toggle('one-vhost', vhosts.length < 2)
      controls.show(vhosts)
      table.show(page, {
        sort: wish.sort,
        reverse: wish.reverse,
        empty: page.total_count === 0 ? 'There are no queues yet.' : 'No queue has a name like that.',
      })
    },
    report: error => {
      // The last page may have gone while it was looked at.
      if (error?.status === 400 && wish.page > 1) change({ page: 1 })
      else controls.complain(error)
      report(error)
    },
  })
  return () => {
    source.stop()
    main.classList.remove('one-vhost')
  }
}

async function load(wish, signal) {
  const path = wish.vhost ? `/api/queues/${encodeURIComponent(wish.vhost)}` : '/api/queues'
  const [page, vhosts] = await Promise.all([
    get(
      path,
      {
        page: wish.page,
        page_size: wish.size,
        name: wish.name,
        use_regex: wish.regex,
        sort: wish.sort,
        sort_reverse: wish.reverse,
        columns: COLUMNS,
        lengths_age: SPARK.age,
        lengths_incr: SPARK.step,
      },
      signal,
    ),
    get('/api/vhosts', { disable_stats: true, columns: 'name' }, signal),
  ])
  return { queues: page, vhosts }
}

function columns() {
  return [
    { label: 'Name', sort: 'name', kind: 'name', create: nameCell },
    { label: 'Virtual host', sort: 'vhost', kind: 'vhost', create: textCell(row => row.vhost) },
    { label: 'Features', kind: 'features', create: featuresCell },
    { label: 'State', kind: 'state', create: stateCell },
    countColumn('messages_ready', 'Ready'),
    countColumn('messages_unacknowledged', 'Unacked'),
    countColumn('messages', 'Total'),
    { label: 'Depth, 2 min', kind: 'trend', create: trendCell },
    rateColumn('publish', 'In', 'Published to the queue'),
    rateColumn('deliver_get', 'Out', 'Delivered and fetched'),
    rateColumn('ack', 'Ack', 'Acknowledged'),
    countColumn('consumers', 'Consumers'),
  ]
}

function nameCell(cell) {
  const name = h('span', { class: 'queue-name' })
  cell.append(name)
  return row => {
    text(name, row.name)
    name.title = row.name
  }
}

function stateCell(cell) {
  const badge = h('span', { class: 'status' }, h('i', {}), h('span'))
  cell.append(badge)
  return row => {
    // A queue that never did anything has nothing to be idle since.
    const resting = row.idle_since !== undefined || (!row.message_stats && row.messages === 0)
    const idle = row.state === 'running' && resting
    badge.dataset.state = idle ? 'idle' : row.state
    text(badge.lastChild, idle ? 'idle' : row.state)
    badge.title = idle && row.idle_since ? `since ${new Date(row.idle_since).toLocaleString()}` : ''
  }
}

/** What a queue is, in the letters that RabbitMQ's users know. */
const FEATURES = [
  { letters: 'D', title: 'durable', has: row => row.durable },
  { letters: 'AD', title: 'auto-delete', has: row => row.auto_delete },
  { letters: 'Excl', title: 'exclusive', has: row => row.exclusive },
  { letters: 'Args', title: 'arguments', has: row => Object.keys(row.arguments).some(key => key !== 'x-queue-type') },
]

function featuresCell(cell) {
  const kept = new Map()
  const badge = ({ letters }) => {
    const node = h('span', { class: 'badge' }, letters)
    return { node, update: ({ title }) => (node.title = title) }
  }
  return row => {
    const features = FEATURES.filter(({ has }) => has(row)).map(({ letters, title }) => ({
      letters,
      title: letters === 'Args' ? JSON.stringify(row.arguments) : title,
    }))
    keyed(cell, kept, features, ({ letters }) => letters, badge)
  }
}

function trendCell(cell) {
  const { node, show } = sparkline()
  cell.append(node)
  return row => {
    const samples = (row.messages_details?.samples ?? []).map(({ sample }) => sample).reverse()
    // A new queue has a short past: it was empty before.
    const missing = SPARK.age / SPARK.step + 1 - samples.length
    show([...Array(Math.max(0, missing)).fill(0), ...samples])
  }
}

function filterBar(wish, change) {
  let waiting = null
  const name = h('input', {
    type: 'search',
    placeholder: 'Filter by name',
    'aria-label': 'Filter by name',
    value: wish.name,
    spellcheck: 'false',
    oninput: () => {
      clearTimeout(waiting)
      waiting = setTimeout(() => change({ name: name.value, page: 1 }), 200)
    },
  })
  const regex = h('input', { type: 'checkbox', checked: wish.regex, onchange: () => change({ regex: regex.checked, page: 1 }) })
  const vhost = h('select', { 'aria-label': 'Virtual host', onchange: () => change({ vhost: vhost.value, page: 1 }) })
  const size = h(
    'select',
    { 'aria-label': 'Queues per page', onchange: () => change({ size: Number(size.value), page: 1 }) },
    PAGE_SIZES.map(n => h('option', { value: n, selected: n === wish.size }, `${n} per page`)),
  )
  const problem = h('span', { class: 'problem', role: 'alert' })
  const node = h(
    'div',
    { class: 'filters' },
    problem,
    name,
    h('label', { class: 'check', title: 'The filter is a regular expression' }, regex, 'Regex'),
    vhost,
    size,
  )

  const kept = new Map()
  const option = ({ value, label }) => {
    const made = h('option', { value }, label)
    return { node: made, update: () => {} }
  }
  const show = vhosts => {
    vhost.hidden = vhosts.length < 2
    const options = [{ value: '', label: 'All virtual hosts' }, ...vhosts.map(v => ({ value: v.name, label: v.name }))]
    keyed(vhost, kept, options, ({ value }) => value, option)
    vhost.value = wish.vhost
  }
  const complain = error => {
    const mine = error?.status === 400 && wish.regex
    text(problem, mine ? 'Not a regular expression' : '')
    name.classList.toggle('wrong', mine)
  }
  return { node, show, complain }
}
