// Lists: filtered, sorted and cut into pages by the server; what is wished for is in the address or
// remembered.

import { api, button, chosenVhost, followAddress, get, h, plural, setParams, text } from './base.js'
import { DataSource } from './datasource.js'
import { remember, remembered } from './remembered.js'
import { Table } from './table.js'

const PAGE_SIZES = [25, 50, 100, 250, 500]
const PAGE_SIZE = 50

/** With fewer rows than this, a card needs no filter. */
const FEW = 8

/** A page that is a list. @param {HTMLElement} main @param {URLSearchParams} params @param {ListSpec} spec */
export function listPage(main, params, spec) {
	if (spec.ofVhost) followAddress(params)
	const wish = wishOf(params, spec)
	const shown = new ColumnChoice(spec, () => {
		list.table.setColumns(shown.columns())
		source.refresh()
	})
	const list = asked(spec, wish, () => shown, () => {
		setParams(addressOf(wish, spec))
		source.refresh()
	})
	const actions = (spec.actions ?? []).map(({ label, open }) => button(label, () => open(() => source.refresh()), { class: 'primary' }))
	main.replaceChildren(
		h('div.heading', h('h1', spec.title), h('div.filters', list.filters, shown.node, actions)),
		list.bulk,
		h('section.card.flush', list.table.node),
	)
	const source = new DataSource({ load: list.load, show: list.show, failed: list.failed })
}

/** The same as a card of a page that reads by itself. @param {ListSpec} spec @param {() => void} refresh */
export function listCard(spec, refresh) {
	const wish = wishOf(new URLSearchParams(), spec)
	const columns = { columns: () => spec.columns, needs: () => null }
	const list = asked(spec, wish, () => columns, refresh)
	const filters = h('div.filters', list.filters.slice(0, 2), spec.actions)
	const node = h('section.card.flush', h('div.card-head', h('h2', spec.title), filters), list.bulk, list.table.node)
	const show = answer => {
		if (answer) {
			list.filters[1].hidden = answer.total_count < FEW && wish.name === ''
			list.table.node.classList.toggle('few', answer.total_count <= PAGE_SIZE)
		}
		list.show(answer)
	}
	return { node, load: list.load, show }
}

/** Two lists that are read and shown together. */
export const both = (a, b) => ({
	nodes: [a.node, b.node],
	load: signal => Promise.all([a.load(signal), b.load(signal)]),
	show: ([one, other]) => {
		a.show(one)
		b.show(other)
	},
})

/** A card with rows that the page has already. @param {CardSpec} spec */
export function plainCard({ caption, columns, key, empty, actions = [] }) {
	const table = new Table({ caption, columns, key })
	table.node.classList.add('few')
	const said = h('span.muted')
	const node = h('section.card.flush', h('div.card-head', h('h2', caption), h('div.filters', said, actions)), table.node)
	return { node, say: words => text(said, words), show: rows => table.show({ items: rows ?? [] }, { empty }) }
}

/** A table that the server fills, with what it is asked. @param {ListSpec} spec */
function asked(spec, wish, shown, changed) {
	const change = changes => {
		Object.assign(wish, changes)
		changed()
	}
	const controls = filterBar(wish, change, spec)
	const bulk = bulkBar(spec, () => table, changed)
	const table = new Table({
		caption: spec.title,
		columns: shown().columns(),
		key: spec.key ?? (row => JSON.stringify([row.vhost, row.name])),
		// Numbers are looked for from the top, names from the beginning.
		onSort: sort => change({ sort, reverse: wish.sort === sort ? !wish.reverse : isNumber(spec, sort), page: 1 }),
		onPage: page => change({ page }),
		onSelect: spec.bulk?.length ? () => bulk.show(table.selected) : undefined,
	})
	const load = async signal => {
		try {
			return await get(spec.path?.() ?? api(spec.ofVhost, ...[chosenVhost()].filter(Boolean)), paramsOf(wish, spec, shown().needs()), signal)
		} catch (error) {
			if (error.status !== 400) throw error
			if (wish.page > 1) {
				// The last page may have gone while it was looked at.
				wish.page = 1
				return load(signal)
			}
			controls.complain(wish.regex ? 'Not a regular expression' : error.message)
			return null
		}
	}
	const show = answer => {
		if (!answer) return
		const empty = answer.total_count === 0 ? spec.empty : 'Nothing matches the filter.'
		table.show(answer, { sort: wish.sort, reverse: wish.reverse, empty })
		controls.complain(null)
	}
	const failed = error => controls.complain(error.message)
	return { table, load, show, failed, filters: controls.node, bulk: bulk.node }
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

/** @param {Row} wish @param {ListSpec} spec */
function paramsOf({ page, size, name, regex, sort, reverse }, { search, query }, columns) {
	return { page, page_size: size, name, use_regex: regex, search_in: search, sort, sort_reverse: reverse, columns, ...query }
}

function filterBar(wish, change, spec) {
	let waiting
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
	const problem = h('span.problem', { role: 'alert' })
	const complain = reason => {
		text(problem, reason ?? '')
		name.classList.toggle('wrong', reason !== null)
	}
	return {
		node: [problem, name, h('label.check', { title: 'The filter is a regular expression' }, regex, 'Regex'), size],
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
			return h('label.check', input, column.hint ? `${column.label} (${column.hint.toLowerCase()})` : column.label)
		}
		const sections = groups.map(group =>
			h('fieldset', h('legend', group), optional.filter(one => (one.group ?? 'Overview') === group).map(box)),
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
	const node = h('details.popover', h('summary', label), h('div.panel', content))
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
	const node = h('div.card.bulk', { hidden: true, role: 'toolbar', 'aria-label': 'Selected rows' }, number, buttons, clear)
	const show = selected => {
		node.hidden = selected.size === 0
		text(number, `${plural(selected.size, 'row')} selected`)
	}
	return { node, show }
}
