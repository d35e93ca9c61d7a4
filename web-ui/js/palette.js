// The command palette: write what something is called, go there.

import { exchangePart, get, go, h, isAdministrator, keyed, link, text } from './base.js'
import { NAVIGATION } from './routes.js'

const FOUND_MAX = 8
const PAUSE_MS = 120

let open = false

export function openPalette() {
	if (open) return
	open = true
	/** @type {Place[]} */
	let places = []
	let chosen = 0
	let timer = null
	let asking = new AbortController()
	const kept = new Map()
	const list = h('ul', { role: 'listbox', id: 'palette-list', 'aria-label': 'Places' })
	const nothing = h('p.muted', { hidden: true }, 'Nothing is called like that.')
	const input = h('input', {
		type: 'text', placeholder: 'Queue, exchange, connection, page…', 'aria-label': 'Go to', role: 'combobox',
		'aria-controls': 'palette-list', 'aria-expanded': 'true', 'aria-autocomplete': 'list', autocomplete: 'off', spellcheck: 'false',
		oninput: () => {
			clearTimeout(timer)
			timer = setTimeout(search, PAUSE_MS)
		},
	})
	const node = h('dialog.palette', { 'aria-label': 'Go to' }, input, list, nothing)

	const draw = () => {
		keyed(list, kept, places, ({ kind, label, href }) => `${kind} ${label} ${href}`, row)
		;[...list.children].forEach((one, i) => {
			one.setAttribute('aria-selected', String(i === chosen))
			one.id = `place-${i}`
			if (i === chosen) one.scrollIntoView({ block: 'nearest' })
		})
		input.setAttribute('aria-activedescendant', places.length > 0 ? `place-${chosen}` : '')
		nothing.hidden = places.length > 0
	}
	const visit = place => {
		node.close()
		if (place) go(place.href)
	}
	const row = place => {
		const name = h('span')
		text(name, place.label)
		return { node: h('li', { role: 'option', onclick: () => visit(place) }, name, h('small', place.kind)), update: () => {} }
	}
	const search = async () => {
		asking.abort()
		asking = new AbortController()
		const { signal } = asking
		const words = input.value.trim()
		places = pages(words)
		chosen = 0
		draw()
		if (words === '') return
		const asked = isAdministrator() ? SOURCES : SOURCES.slice(0, -1)
		const found = await Promise.all(asked.map(source => source(words, signal).catch(() => [])))
		if (signal.aborted) return
		places = [...found.flat(), ...pages(words)]
		draw()
	}
	node.addEventListener('keydown', event => {
		const step = { ArrowDown: 1, ArrowUp: -1 }[event.key]
		if (step && places.length > 0) {
			event.preventDefault()
			chosen = (chosen + step + places.length) % places.length
			draw()
		} else if (event.key === 'Enter') {
			event.preventDefault()
			visit(places[chosen])
		}
	})
	node.addEventListener('click', event => event.target === node && node.close())
	node.addEventListener('close', () => {
		open = false
		asking.abort()
		clearTimeout(timer)
		node.remove()
	})
	document.body.append(node)
	node.showModal()
	search()
}

function pages(words) {
	return NAVIGATION.flatMap(({ entries }) => entries)
		.filter(({ label, may }) => (!may || may()) && label.toLowerCase().includes(words.toLowerCase()))
		.map(({ label, href }) => ({ kind: 'page', label, href }))
}

const found = async (path, columns, words, signal) =>
	(await get(path, { page: 1, page_size: FOUND_MAX, name: words, columns, disable_stats: true }, signal)).items ?? []

const within = row => (document.body.classList.contains('one-vhost') ? '' : ` in ${row.vhost}`)

const source = (path, columns, place) => async (words, signal) => (await found(path, columns, words, signal)).map(place)

const SOURCES = [
	source('/api/queues', 'name,vhost', row => ({ kind: `queue${within(row)}`, label: row.name, href: link('queues', row.vhost, row.name) })),
	source('/api/exchanges', 'name,vhost', row => ({ kind: `exchange${within(row)}`, label: row.name || '(default)', href: link('exchanges', row.vhost, exchangePart(row.name)) })),
	source('/api/connections', 'name', row => ({ kind: 'connection', label: row.name, href: link('connections', row.name) })),
	source('/api/vhosts', 'name', row => ({ kind: 'virtual host', label: row.name, href: link('vhosts', row.name) })),
	source('/api/users', 'name', row => ({ kind: 'user', label: row.name, href: link('users', row.name) })),
]
