// Lists: filter, sort, page, columns, ticked rows, all of it in the address or remembered.

import { at } from './cells.js'
import { DataSource } from './datasource.js'
import { button, h, text } from './dom.js'
import { plural } from './format.js'
import { get } from './http.js'
import { remember, remembered } from './remembered.js'
import { setParams } from './router.js'
import { chosenVhost, followAddress } from './session.js'
import { Table } from './table.js'

const PAGE_SIZES = [25, 50, 100, 250, 500]
const PAGE_SIZE = 50

/**
 * @typedef {{ label: string, danger?: boolean, run: (rows: any[]) => Promise<boolean> }} Bulk what
 *   can be done with all ticked rows; true when it was
 * @typedef {object} ListSpec
 * @property {string} id what columns are remembered by
 * @property {string} title
 * @property {(vhost: string) => string} path
 * @property {import('./table.js').Column[]} columns
 * @property {(row: any) => string} key
 * @property {string} [sort] at first
 * @property {boolean} [ofVhost] follows the selector of virtual hosts
 * @property {Record<string, any>} [query] more parameters
 * @property {string[]} [needs] what the server has to send besides the columns
 * @property {{ label: string, open: (done: () => void) => void }[]} [actions]
 * @property {Bulk[]} [bulk]
 * @property {(row: any) => boolean} [keep] where the server gives all: which rows are shown,
 * @property {(row: any) => string} [words] and what the filter looks at
 * @property {string} empty what to say when there is nothing at all
 * @property {string} [none] and when the filter leaves nothing
 */

/**
 * A page that is a list.
 * @param {HTMLElement} main
 * @param {URLSearchParams} params
 * @param {ListSpec} spec
 */
export function listPage(main, params, spec) {
	if (spec.ofVhost) followAddress(params)
	const wish = wishOf(params, spec)
	const shown = new ColumnChoice(spec, () => {
		table.setColumns(shown.columns())
		source.refresh()
	})
	const change = changes => {
		Object.assign(wish, changes)
		setParams(addressOf(wish, spec))
		source.refresh()
	}
	const controls = filterBar(wish, change, spec)
	const bulk = bulkBar(spec, () => table, () => source.refresh())
	const table = new Table({
		caption: spec.title,
		columns: shown.columns(),
		key: spec.key,
		// Numbers are looked for from the top, names from the beginning.
		onSort: sort => change({ sort, reverse: wish.sort === sort ? !wish.reverse : isNumber(spec, sort), page: 1 }),
		onPage: page => change({ page }),
		onSelect: spec.bulk?.length ? () => bulk.show(table.selected) : undefined,
	})
	const actions = (spec.actions ?? []).map(({ label, open }) => button(label, () => open(() => source.refresh()), { class: 'primary' }))
	main.replaceChildren(
		h('div', { class: 'heading' }, h('h1', {}, spec.title), h('div', { class: 'filters' }, controls.node, shown.node, actions)),
		bulk.node,
		h('section', { class: 'card flush' }, table.node),
	)

	const source = new DataSource({
		load: signal => load(wish, spec, shown.needs(), signal),
		show: answer => {
			const page = Array.isArray(answer) ? cut(spec.keep ? answer.filter(spec.keep) : answer, wish, spec) : answer
			const empty = page.total_count === 0 ? spec.empty : (spec.none ?? 'Nothing matches the filter.')
			table.show(page, { sort: wish.sort, reverse: wish.reverse, empty })
			controls.complain(null)
		},
		failed: error => {
			// The last page may have gone while it was looked at.
			if (error.status === 400 && wish.page > 1) change({ page: 1 })
			else if (error.status === 400 && wish.regex) controls.complain('Not a regular expression')
			else controls.complain(error.message)
			return error.status === 400
		},
	})
}

const isNumber = (spec, sort) => (spec.columns.find(column => column.sort === sort)?.kind ?? '').includes('number')

function wishOf(params, spec) {
	const size = Number(params.get('size'))
	return {
		name: params.get('name') ?? '',
		regex: params.get('regex') === 'true',
		sort: params.get('sort') ?? spec.sort ?? 'name',
		reverse: params.get('reverse') === 'true',
		page: Number(params.get('page')) || 1,
		size: PAGE_SIZES.includes(size) ? size : PAGE_SIZE,
	}
}

function addressOf({ name, regex, sort, reverse, page, size }, spec) {
	return {
		name,
		regex,
		sort: sort === (spec.sort ?? 'name') ? null : sort,
		reverse,
		page: page === 1 ? null : page,
		size: size === PAGE_SIZE ? null : size,
	}
}

function load(wish, spec, needs, signal) {
	const params = {
		page: wish.page,
		page_size: wish.size,
		name: wish.name,
		use_regex: wish.regex,
		sort: wish.sort,
		sort_reverse: wish.reverse,
		columns: needs,
		...spec.query,
	}
	return get(spec.path(spec.ofVhost ? chosenVhost() : ''), params, signal)
}

/** What the server does for other lists, for those that it gives whole. */
export function cut(rows, { name, regex, sort, reverse, page, size }, spec) {
	const words = spec.words ?? (row => row.name ?? '')
	const kept = name === '' ? rows : rows.filter(matcher(name, regex, words))
	const column = spec.columns.find(one => one.sort === sort)
	const value = column?.value ?? (row => at(row, sort))
	const sorted = column ? kept.slice().sort((a, b) => compare(value(a), value(b)) * (reverse ? -1 : 1)) : kept
	const page_count = Math.ceil(sorted.length / size)
	const here = Math.min(page, Math.max(1, page_count))
	return {
		items: sorted.slice((here - 1) * size, here * size),
		page: here,
		page_count,
		filtered_count: sorted.length,
		total_count: rows.length,
	}
}

function matcher(name, regex, words) {
	const wanted = name.toLowerCase()
	if (!regex) return row => words(row).toLowerCase().includes(wanted)
	try {
		const pattern = new RegExp(name, 'i')
		return row => pattern.test(words(row))
	} catch {
		return () => false
	}
}

function compare(a, b) {
	if (typeof a === 'number' && typeof b === 'number') return a - b
	return String(a ?? '').localeCompare(String(b ?? ''), 'en', { numeric: true })
}

function filterBar(wish, change, spec) {
	let waiting = null
	const name = h('input', {
		type: 'search',
		placeholder: 'Filter',
		'aria-label': `Filter ${spec.title.toLowerCase()}`,
		value: wish.name,
		spellcheck: 'false',
		oninput: () => {
			clearTimeout(waiting)
			waiting = setTimeout(() => change({ name: name.value, page: 1 }), 200)
		},
	})
	const regex = h('input', { type: 'checkbox', checked: wish.regex, onchange: () => change({ regex: regex.checked, page: 1 }) })
	const size = h(
		'select',
		{ 'aria-label': 'Rows per page', onchange: () => change({ size: Number(size.value), page: 1 }) },
		PAGE_SIZES.map(n => h('option', { value: n, selected: n === wish.size }, `${n} per page`)),
	)
	const problem = h('span', { class: 'problem', role: 'alert' })
	const complain = reason => {
		text(problem, reason ?? '')
		name.classList.toggle('wrong', reason !== null)
	}
	return {
		node: [problem, name, h('label', { class: 'check', title: 'The filter is a regular expression' }, regex, 'Regex'), size],
		complain,
	}
}

/** Which columns are shown. */
class ColumnChoice {
	#spec
	#shown
	/** A button that opens the choice; empty where there is none. */
	node

	constructor(spec, onChange) {
		this.#spec = spec
		const optional = spec.columns.filter(column => !column.fixed)
		const kept = remembered(`columns.${spec.id}`, null)
		this.#shown = new Set(Array.isArray(kept) ? kept : optional.filter(({ hidden }) => !hidden).map(({ id }) => id))
		const groups = [...new Set(optional.map(({ group = 'Overview' }) => group))]
		const box = column => {
			const input = h('input', {
				type: 'checkbox',
				checked: this.#shown.has(column.id),
				onchange: () => {
					if (input.checked) this.#shown.add(column.id)
					else this.#shown.delete(column.id)
					remember(`columns.${spec.id}`, [...this.#shown])
					onChange()
				},
			})
			return h('label', { class: 'check' }, input, column.hint ? `${column.label} (${column.hint.toLowerCase()})` : column.label)
		}
		const sections = groups.map(group =>
			h('fieldset', {}, h('legend', {}, group), optional.filter(one => (one.group ?? 'Overview') === group).map(box)),
		)
		this.node = popover('Columns', sections)
	}

	columns() {
		return this.#spec.columns.filter(({ id, fixed }) => fixed || this.#shown.has(id))
	}

	/** Only what is shown travels. */
	needs() {
		const wanted = new Set(this.#spec.needs ?? [])
		for (const { needs, sort, id } of this.columns()) for (const one of needs ?? [sort ?? id]) wanted.add(one)
		return [...wanted].join(',')
	}
}

/** A button with a panel below it that closes when something else is pressed. */
export function popover(label, content) {
	const node = h('details', { class: 'popover' }, h('summary', {}, label), h('div', { class: 'panel' }, content))
	const close = event => {
		if (!node.isConnected) document.removeEventListener('pointerdown', close)
		else if (!node.contains(event.target)) node.open = false
	}
	document.addEventListener('pointerdown', close)
	node.addEventListener('keydown', event => {
		if (event.key !== 'Escape') return
		node.open = false
		node.querySelector('summary').focus()
	})
	return node
}

/** What can be done with ticked rows; hidden while there are none. */
function bulkBar(spec, table, refresh) {
	const number = h('b')
	const buttons = (spec.bulk ?? []).map(({ label, danger, run }) =>
		button(label, async () => {
			if (!(await run([...table().selected.values()]))) return
			table().clearSelection()
			refresh()
		}, { class: danger ? 'danger' : '' }),
	)
	const clear = button('Clear selection', () => table().clearSelection(), { class: 'quiet' })
	const node = h('div', { class: 'card bulk', hidden: true, role: 'toolbar', 'aria-label': 'Selected rows' }, number, buttons, clear)
	const show = selected => {
		node.hidden = selected.size === 0
		text(number, `${plural(selected.size, 'row')} selected`)
	}
	return { node, show }
}

/**
 * A table of rows that a page already has, with a filter where they are many.
 * @param {{ caption: string, columns: import('./table.js').Column[], key: (row: any) => string, empty: string, words?: (row: any) => string, sort?: string, actions?: any[] }} spec
 */
export function localTable({ caption, columns, key, empty, words = row => JSON.stringify(row), sort = '', actions = [] }) {
	const wish = { name: '', regex: false, sort, reverse: false, page: 1, size: PAGE_SIZE }
	let rows = []
	const filter = h('input', {
		type: 'search', placeholder: 'Filter', 'aria-label': `Filter ${caption.toLowerCase()}`, hidden: true,
		oninput: () => {
			Object.assign(wish, { name: filter.value, page: 1 })
			draw()
		},
	})
	const table = new Table({
		caption,
		columns,
		key,
		onSort: path => {
			Object.assign(wish, { sort: path, reverse: wish.sort === path && !wish.reverse, page: 1 })
			draw()
		},
		onPage: page => {
			wish.page = page
			draw()
		},
	})
	const draw = () => {
		const page = cut(rows, wish, { columns, words })
		filter.hidden = rows.length < 8 && wish.name === ''
		table.node.classList.toggle('few', rows.length <= PAGE_SIZE)
		table.show(page, { sort: wish.sort, reverse: wish.reverse, empty: rows.length === 0 ? empty : 'Nothing matches the filter.' })
	}
	const node = h('section', { class: 'card flush' }, h('div', { class: 'card-head' }, h('h2', {}, caption), h('div', { class: 'filters' }, filter, actions)), table.node)
	const show = all => {
		rows = all ?? []
		draw()
	}
	return { node, show }
}
