// Pages by the address's hash: `#/queues?page=2&name=orders`. What a page shows is in the address,
// so that it can be kept, shared and gone back to.

import { leavePage } from './live.js'

/** The page's path and the parameters behind it. */
export function location() {
	const [path, query = ''] = window.location.hash.replace(/^#/, '').split('?')
	return { path: path || '/', params: new URLSearchParams(query) }
}

/** The address of a page, each part escaped. */
export const link = (...parts) => `#/${parts.map(encodeURIComponent).join('/')}`

/** Goes to another page. */
export const go = address => window.location.assign(address)

/** Changes parameters of the address without leaving the page. Empty ones are dropped. */
export function setParams(changes) {
	const { path, params } = location()
	for (const [name, value] of Object.entries(changes)) {
		if (value == null || value === '' || value === false) params.delete(name)
		else params.set(name, String(value))
	}
	const query = params.size > 0 ? `?${params}` : ''
	history.replaceState(null, '', `#${path}${query}`)
}

/** The values of a pattern's `:names` in a path, or null if it is another path. */
export function match(pattern, path) {
	const wanted = pattern.split('/')
	const given = path.split('/')
	if (wanted.length !== given.length) return null
	/** @type {Record<string, string>} */
	const args = {}
	for (const [i, part] of wanted.entries()) {
		if (!part.startsWith(':')) {
			if (part !== given[i]) return null
			continue
		}
		try {
			args[part.slice(1)] = decodeURIComponent(given[i])
		} catch {
			return null
		}
	}
	return args
}

/** Shows the page of the address in `main`, and another one when it changes. */
export class Router {
	#routes
	#main
	#active = false
	#turn = 0
	#onChange

	/** @param {Route[]} routes */
	constructor(main, routes, onChange) {
		this.#main = main
		this.#routes = routes
		this.#onChange = onChange
		window.addEventListener('hashchange', () => this.#active && this.show())
	}

	/** Fetches the page of the address, while something else has to be waited for. */
	prepare() {
		this.#find(location().path)[0].load()
	}

	async show() {
		this.leave()
		this.#active = true
		const { path, params } = location()
		const [route, args] = this.#find(path)
		const turn = this.#turn
		this.#onChange(route, args, params)
		const { page } = await route.load()
		// Somebody may have gone on while the page was fetched.
		if (turn !== this.#turn) return
		// A page that has something to read says so itself.
		this.#main.setAttribute('aria-busy', 'false')
		page(this.#main, location().params, args)
		window.scrollTo(0, 0)
	}

	/** @returns {[Route, Record<string, string>]} */
	#find(path) {
		for (const route of this.#routes) {
			const args = match(route.pattern, path)
			if (args) return [route, args]
		}
		return [this.#routes[0], {}]
	}

	/** Stops the page that is shown. */
	leave() {
		this.#turn += 1
		leavePage()
		this.#active = false
		this.#main.replaceChildren()
		this.#main.setAttribute('aria-busy', 'true')
	}
}
