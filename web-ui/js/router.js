// Pages by the address's hash: `#/queues?page=2&name=orders`. What a page shows is in the address,
// so that it can be kept, shared and gone back to.

/** The page's path and the parameters behind it. */
export function location() {
  const [path, query = ''] = window.location.hash.replace(/^#/, '').split('?')
  return { path: path || '/', params: new URLSearchParams(query) }
}

/** Changes parameters of the address without leaving the page. Empty ones are dropped. */
export function setParams(changes) {
  const { path, params } = location()
  for (const [name, value] of Object.entries(changes)) {
    if (value == null || value === '' || value === false) params.delete(name)
    else params.set(name, value)
  }
  const query = params.size > 0 ? `?${params}` : ''
  history.replaceState(null, '', `#${path}${query}`)
}

/**
 * Shows the page of the address in `main`, and another one when it changes. A page is
 * `(main, params) => stop`.
 */
export class Router {
  #pages
  #main
  #stop = null
  #active = false
  #onChange

  constructor(main, pages, onChange) {
    this.#main = main
    this.#pages = pages
    this.#onChange = onChange
    window.addEventListener('hashchange', () => this.#active && this.show())
  }

  show() {
    const { path, params } = location()
    const page = this.#pages[path] ?? this.#pages['/']
    this.leave()
    this.#active = true
    this.#onChange(path)
    this.#stop = page(this.#main, params) ?? null
  }

  /** Stops the page that is shown. */
  leave() {
    this.#stop?.()
    this.#stop = null
    this.#active = false
    this.#main.replaceChildren()
  }
}
