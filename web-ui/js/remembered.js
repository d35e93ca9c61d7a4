// What this browser remembers from visit to visit: theme, refresh, columns, ranges.

const KEY = 'leveret.'

/** The value kept under `name`, or `fallback`. */
export function remembered(name, fallback) {
	try {
		return JSON.parse(localStorage.getItem(KEY + name)) ?? fallback
	} catch {
		return fallback
	}
}

export function remember(name, value) {
	localStorage.setItem(KEY + name, JSON.stringify(value))
}
