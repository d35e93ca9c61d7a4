// A table that the server sorts, filters and cuts into pages, and whose rows are updated in place.

import { attribute, h, keyed, text } from './dom.js'
import { count } from './format.js'

/**
 * `columns` are `{ id, label, sort, kind, create(cell) => update(row) }`; a column with `sort` (a
 * path that the server knows) can be sorted by. `key(row)` tells rows apart. `onSort(path)` and
 * `onPage(number)` ask for something else.
 */
export class Table {
  #columns
  #key
  #rows = new Map()
  #heads = new Map()
  #body = h('tbody')
  #note = h('p', { class: 'empty', hidden: true })
  #count = h('span', { class: 'muted' })
  #place = h('span', { class: 'place' })
  #previous
  #next
  #page = 1

  constructor({ columns, key, onSort, onPage, caption }) {
    this.#columns = columns
    this.#key = key
    this.#previous = h('button', { type: 'button', onclick: () => onPage(this.#page - 1) }, '‹ Previous')
    this.#next = h('button', { type: 'button', onclick: () => onPage(this.#page + 1) }, 'Next ›')
    const heads = columns.map(column => this.#head(column, onSort))
    this.node = h(
      'div',
      { class: 'table-frame' },
      h(
        'div',
        { class: 'table-scroll' },
        h('table', {}, h('caption', {}, caption), h('thead', {}, h('tr', {}, heads)), this.#body),
      ),
      this.#note,
      h('div', { class: 'pages' }, this.#count, h('span', { class: 'spring' }), this.#previous, this.#place, this.#next),
    )
  }

  /** Shows a page of the server's answer. `empty` is what to say when there is nothing. */
  show({ items, page, page_count, filtered_count, total_count }, { sort, reverse, empty }) {
    keyed(this.#body, this.#rows, items, this.#key, row => this.#row(row))
    this.#note.hidden = items.length > 0
    text(this.#note, empty)
    this.#page = page
    const all = count(total_count)
    text(this.#count, filtered_count === total_count ? `${all} in all` : `${count(filtered_count)} of ${all}`)
    text(this.#place, `${page} / ${Math.max(1, page_count)}`)
    this.#previous.disabled = page <= 1
    this.#next.disabled = page >= page_count
    for (const [path, head] of this.#heads) {
      attribute(head, 'aria-sort', path === sort ? (reverse ? 'descending' : 'ascending') : null)
    }
  }

  #head({ label, sort, kind, hint }, onSort) {
    if (!sort) return h('th', { scope: 'col', class: kind, title: hint }, label)
    const button = h('button', { type: 'button', title: hint, onclick: () => onSort(sort) }, label)
    const head = h('th', { scope: 'col', class: kind }, button)
    this.#heads.set(sort, head)
    return head
  }

  #row() {
    const node = h('tr')
    const updates = this.#columns.map(({ kind, label, create }) => {
      const cell = h('td', { class: kind, 'data-label': label })
      node.append(cell)
      return create(cell)
    })
    return { node, update: row => updates.forEach(update => update(row)) }
  }
}

/** A cell that shows one text; `dim(row)` says when it is of no interest. */
export const textCell = (show, dim = () => false) => cell => row => {
  text(cell, show(row))
  cell.classList.toggle('dim', dim(row))
}
