// The log, live: what was said lately, and what is said now.

import { button, h, saveFile, text } from '../dom.js'
import { clockTime, dateTime } from '../format.js'
import { get, open } from '../http.js'
import { setParams } from '../router.js'

const LEVELS = ['error', 'warn', 'info', 'debug']

/** Lines that are kept here; the oldest go first. */
const LINES_MAX = 5000
const RETRY_MS = 3000

/**
 * One line, whatever its parts are called.
 * @param {any} entry
 */
function readEntry(entry) {
  const level = String(entry.level ?? entry.severity ?? 'info').toLowerCase()
  return {
    at: Number(entry.timestamp ?? entry.time_ms ?? entry.at_ms ?? Date.parse(entry.time)),
    level: level === 'warning' ? 'warn' : level,
    source: String(entry.category ?? entry.target ?? entry.source ?? ''),
    words: String(entry.message ?? entry.text ?? ''),
  }
}

/** @type {import('../router.js').Page} */
export function page(main, params) {
  const wish = { level: params.get('level') ?? 'info', search: params.get('search') ?? '' }
  const lines = []
  let follow = true
  const list = h('ol', { class: 'log', tabindex: 0, role: 'log', 'aria-label': 'Log' })
  const empty = h('p', { class: 'empty' }, 'Nothing was logged that matches.')
  const state = h('span', { class: 'muted', role: 'status' }, 'connecting')
  const level = h('select', { 'aria-label': 'Severity', value: wish.level, onchange: () => change({ level: level.value }) },
    LEVELS.map(one => h('option', { value: one }, one === 'debug' ? 'everything' : `${one} and worse`)))
  level.value = wish.level
  const search = h('input', { type: 'search', placeholder: 'Search', 'aria-label': 'Search the log', value: wish.search, oninput: () => change({ search: search.value }) })
  const newest = button('Newest', () => list.scrollTo({ top: list.scrollHeight }))
  const oldest = button('Oldest', () => list.scrollTo({ top: 0 }))
  const save = button('Download', () => saveFile('leveret.log', lines.map(({ at, level: word, source, words }) => `${new Date(at).toISOString()} ${word} ${source} ${words}`).join('\n'), 'text/plain'))
  main.replaceChildren(
    h('div', { class: 'heading' }, h('h1', {}, 'Log'), h('div', { class: 'filters' }, state, search, level, oldest, newest, save)),
    h('section', { class: 'card flush' }, list, empty),
  )
  list.addEventListener('scroll', () => {
    follow = list.scrollTop + list.clientHeight >= list.scrollHeight - 8
  })

  const wanted = line =>
    LEVELS.indexOf(line.level) <= LEVELS.indexOf(wish.level) &&
    `${line.source} ${line.words}`.toLowerCase().includes(wish.search.toLowerCase())
  const draw = () => {
    list.replaceChildren(...lines.filter(wanted).map(item))
    settle()
  }
  const settle = () => {
    empty.hidden = list.childElementCount > 0
    list.hidden = !empty.hidden
    if (follow) list.scrollTop = list.scrollHeight
  }
  const change = changes => {
    Object.assign(wish, changes)
    setParams({ level: wish.level === 'info' ? null : wish.level, search: wish.search })
    draw()
  }
  const add = entry => {
    const line = readEntry(entry)
    lines.push(line)
    if (lines.length > LINES_MAX) lines.shift()
    if (!wanted(line)) return
    list.append(item(line))
    while (list.childElementCount > LINES_MAX) list.firstChild.remove()
    settle()
  }
  const stop = new AbortController()
  begin(stop.signal, {
    past: entries => {
      lines.splice(0, lines.length, ...entries.map(readEntry))
      draw()
    },
    add,
    say: words => text(state, words),
  })
  return () => stop.abort()
}

function item({ at, level, source, words }) {
  return h('li', { 'data-level': level },
    h('time', { title: Number.isFinite(at) ? dateTime(at) : '' }, Number.isFinite(at) ? clockTime(at) : ''),
    h('b', {}, level), h('span', { class: 'muted' }, source), h('span', {}, words))
}

/** Reads what there is, then follows; again and again until it is stopped. */
async function begin(signal, { past, add, say }) {
  while (!signal.aborted) {
    try {
      const before = await get('/api/leveret/log', {}, signal)
      past(before.items ?? before)
      say('live')
      await readEvents(await open('/api/leveret/log/stream', signal), add)
      say('the stream ended')
    } catch (error) {
      if (signal.aborted) return
      say(error.status === 404 ? 'This broker keeps no log for the dashboard.' : error.message)
    }
    await new Promise(resolve => setTimeout(resolve, RETRY_MS))
  }
}

/** Server-sent events: lines of `data:`, an empty line ends one. */
async function readEvents(reader, add) {
  const decoder = new TextDecoder()
  let rest = ''
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return
    rest += decoder.decode(value, { stream: true })
    const parts = rest.split('\n\n')
    rest = parts.pop()
    for (const part of parts) {
      const data = part.split('\n').filter(one => one.startsWith('data:')).map(one => one.slice(5).trimStart()).join('\n')
      if (data === '') continue
      try {
        add(JSON.parse(data))
      } catch {
        // Not an entry: a remark of the server.
      }
    }
  }
}
