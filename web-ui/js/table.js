// A table that the server sorts, filters and cuts into pages, and whose rows are updated in place.

import { attribute, button, count, h, keyed, text } from './base.js'

export class Table {
	#columns = []
	#key
	#rows = new Map()
	#heads = new Map()
	#body = h('tbody')
	#head = h('tr')
	#note = h('p.empty', { hidden: true })
	#count = h('span.muted')
	#place = h('span.place')
	#number
	#previous
	#next
	#pages
	#page = 1
	#items = []
	#onSort
	#onSelect
	#all
	/** Rows that are ticked, by key. @type {Map<string, any>} */
	selected = new Map()

	/** @param {TableSpec} spec */
	constructor({ caption, columns, key, onSort, onPage = () => {}, onSelect }) {
		this.#key = key
		this.#onSort = onSort
		this.#onSelect = onSelect
		this.#previous = button('‹ Previous', () => onPage(this.#page - 1))
		this.#next = button('Next ›', () => onPage(this.#page + 1))
		this.#number = h('input', {
			type: 'number', min: 1, class: 'page-number', 'aria-label': 'Page',
			onchange: () => onPage(Math.max(1, Number(this.#number.value) || 1)),
		})
		this.#all = h('input', { type: 'checkbox', 'aria-label': 'Select all on this page', onchange: () => this.#tickAll() })
		this.#pages = h('div.pages', this.#count, h('span.spring'), this.#previous, this.#number, this.#place, this.#next)
		const table = h('table', h('caption', caption), h('thead', this.#head), this.#body)
		this.node = h('div.table-frame', h('div.table-scroll', { tabindex: 0, role: 'region', 'aria-label': caption }, table), this.#note, this.#pages)
		this.setColumns(columns)
	}

	/** Other columns: all rows are made anew. */
	setColumns(columns) {
		this.#columns = columns
		this.#heads.clear()
		this.#rows.clear()
		this.#body.replaceChildren()
		const tick = this.#onSelect ? [h('th', { scope: 'col', class: 'tick' }, this.#all)] : []
		this.#head.replaceChildren(...tick, ...columns.map(column => this.#headOf(column)))
	}

	/** Shows a page of the server's answer. `empty` is what to say when there is nothing. @param {any} page @param {Row} how */
	show({ items, page = 1, page_count = 1, filtered_count = items.length, total_count = items.length }, { sort, reverse, empty }) {
		this.#items = items
		keyed(this.#body, this.#rows, items, this.#key, row => this.#row(row))
		this.#note.hidden = items.length > 0
		text(this.#note, empty)
		this.#page = page
		const all = count(total_count)
		text(this.#count, filtered_count === total_count ? `${all} in all` : `${count(filtered_count)} of ${all}`)
		text(this.#place, `of ${count(Math.max(1, page_count))}`)
		if (document.activeElement !== this.#number) this.#number.value = String(page)
		this.#previous.disabled = page <= 1
		this.#next.disabled = page >= page_count
		this.#pages.classList.toggle('single', page_count <= 1)
		for (const [path, head] of this.#heads) {
			attribute(head, 'aria-sort', path === sort ? (reverse ? 'descending' : 'ascending') : null)
		}
		this.#showTicks()
	}

	clearSelection() {
		this.selected.clear()
		this.#showTicks()
		this.#onSelect?.()
	}

	#headOf({ label, sort, kind = '', hint }) {
		if (!sort || !this.#onSort) return h('th', { scope: 'col', class: kind, title: hint }, label)
		const head = h('th', { scope: 'col', class: kind }, button(label, () => this.#onSort(sort), { title: hint }))
		this.#heads.set(sort, head)
		return head
	}

	#row(first) {
		const node = h('tr')
		const key = this.#key(first)
		let current = first
		let box = null
		if (this.#onSelect) {
			box = h('input', { type: 'checkbox', 'aria-label': `Select ${first.name ?? first.consumer_tag ?? key}`, onchange: () => this.#tick(key, current, box.checked) })
			node.append(h('td.tick', box))
		}
		const updates = this.#columns.map(({ kind = '', label, create }) => {
			const cell = h('td', { class: kind, 'data-label': label })
			node.append(cell)
			return create(cell)
		})
		const update = row => {
			current = row
			for (const one of updates) one(row)
			if (this.selected.has(key)) this.selected.set(key, row)
		}
		return { node, update, box }
	}

	#tick(key, row, on) {
		if (on) this.selected.set(key, row)
		else this.selected.delete(key)
		this.#showTicks()
		this.#onSelect()
	}

	#tickAll() {
		const on = this.#all.checked
		for (const row of this.#items) {
			if (on) this.selected.set(this.#key(row), row)
			else this.selected.delete(this.#key(row))
		}
		this.#showTicks()
		this.#onSelect()
	}

	#showTicks() {
		if (!this.#onSelect) return
		for (const [key, { box, node }] of this.#rows) {
			box.checked = this.selected.has(key)
			node.classList.toggle('ticked', box.checked)
		}
		this.#all.checked = this.#items.length > 0 && this.#items.every(row => this.selected.has(this.#key(row)))
	}
}
