// The log, live: what was said lately, and what is said now.

import { button, clockTime, dateTime, events, h, saveFile, setParams, text, whenLeft } from '../base.js'

const LEVELS = ['error', 'warning', 'info', 'debug']

/** Lines that are kept here; the oldest go first. */
const LINES_MAX = 5000
const RETRY_MS = 3000

export function page(main, params) {
	const wish = { level: params.get('level') ?? 'info', search: params.get('search') ?? '' }
	let lines = []
	let follow = true
	const list = h('div.log', { tabindex: 0, role: 'log', 'aria-label': 'Log', onscroll: () => (follow = list.scrollTop + list.clientHeight >= list.scrollHeight - 8) })
	const empty = h('p.empty', 'Nothing was logged that matches.')
	const state = h('span.muted', { role: 'status' }, 'connecting')
	const level = h('select', { 'aria-label': 'Severity', value: wish.level, onchange: () => change({ level: level.value }) },
		LEVELS.map(one => h('option', { value: one }, one === 'debug' ? 'everything' : `${one} and worse`)))
	const search = h('input', { type: 'search', placeholder: 'Search', 'aria-label': 'Search the log', value: wish.search, oninput: () => change({ search: search.value }) })
	const asText = () => lines.map(one => `${new Date(one.timestamp).toISOString()} ${one.level} ${one.category} ${one.message}\n`)
	main.replaceChildren(
		h('div.heading', h('h1', 'Log'), h('div.filters', state, search, level,
			button('Oldest', () => list.scrollTo({ top: 0 })),
			button('Newest', () => list.scrollTo({ top: list.scrollHeight })),
			button('Download', () => saveFile('leveret.log', asText().join(''), 'text/plain')))),
		h('section.card.flush', list, empty),
	)
	const wanted = line =>
		LEVELS.indexOf(line.level) <= LEVELS.indexOf(wish.level) &&
		`${line.category} ${line.message}`.toLowerCase().includes(wish.search.toLowerCase())
	const settle = () => {
		while (list.childElementCount > LINES_MAX) list.firstChild.remove()
		list.hidden = list.childElementCount === 0
		empty.hidden = !list.hidden
		if (follow) list.scrollTop = list.scrollHeight
	}
	const draw = () => {
		list.replaceChildren(...lines.filter(wanted).map(item))
		settle()
	}
	const change = changes => {
		Object.assign(wish, changes)
		setParams({ level: wish.level === 'info' ? null : wish.level, search: wish.search })
		draw()
	}
	const add = line => {
		lines.push(line)
		if (lines.length > LINES_MAX) lines.shift()
		if (!wanted(line)) return
		list.append(item(line))
		settle()
	}
	const stop = new AbortController()
	const begin = async () => {
		while (!stop.signal.aborted) {
			try {
				await events(`/api/leveret/log/stream?count=${LINES_MAX}`, stop.signal, add, () => {
					lines = []
					draw()
					text(state, 'live')
				})
			} catch (error) {
				text(state, error.message)
			}
			await new Promise(resolve => setTimeout(resolve, RETRY_MS))
		}
	}
	draw()
	begin()
	whenLeft(() => stop.abort())
}

const item = ({ timestamp, level, category, message }) =>
	h('div', { 'data-level': level },
		h('time', { title: dateTime(timestamp) }, clockTime(timestamp)), h('b', level), h('span.muted', category), h('span', message))
