// The API, with the credentials of this tab.

const KEY = 'leveret.login'

/** What every path begins with: nothing, unless the API is below a prefix. */
const ROOT = new URL('.', document.baseURI).pathname.slice(0, -1)

/** An answer that is not what was asked for. `message` is the server's reason. */
export class HttpError extends Error {
	constructor(status, reason, word = '') {
		super(reason)
		this.status = status
		this.word = word
	}
}

/** Called when a login that used to work is refused. */
let loggedOut = () => {}
export const onLoggedOut = callback => (loggedOut = callback)

const encode = text => btoa(String.fromCharCode(...new TextEncoder().encode(text)))

export const isLoggedIn = () => sessionStorage.getItem(KEY) !== null

/** The address of a resource of the API, each part escaped. */
export const api = (...parts) => `/api/${parts.map(encodeURIComponent).join('/')}`

/** How an exchange is named in an address: the default one has no name. */
export const exchangePart = name => (name === '' ? 'amq.default' : name)

/** Tries a name and a password; keeps them if they are right. Gives the user. */
export async function logIn(name, password) {
	const login = encode(`${name}:${password}`)
	const user = await ask('GET', '/api/whoami', { login })
	sessionStorage.setItem(KEY, login)
	return user
}

export function logOut() {
	sessionStorage.removeItem(KEY)
}

/** After somebody changed their own password. */
export function keepLogin(name, password) {
	sessionStorage.setItem(KEY, encode(`${name}:${password}`))
}

export function address(path, params = {}) {
	const query = new URLSearchParams()
	for (const [name, value] of Object.entries(params)) {
		if (value != null && value !== '' && value !== false) query.set(name, String(value))
	}
	return query.size > 0 ? `${path}?${query}` : path
}

/** @param {string} path @param {Row} [params] @param {AbortSignal} [signal] */
export const get = (path, params = {}, signal) => send('GET', address(path, params), { signal })
export const put = (path, body = {}) => send('PUT', path, { body })
export const post = (path, body = {}) => send('POST', path, { body })
export const del = (path, params = {}, headers = {}) => send('DELETE', address(path, params), { headers })

/** Reads server-sent events, each as JSON with its name, until they end. `begun` is called first. */
export async function events(path, signal, each, begun = () => {}) {
	const response = await fetch(ROOT + path, options('GET', { signal, login: sessionStorage.getItem(KEY) }))
	if (!response.ok) throw refusal(response, await response.text())
	begun()
	const reader = response.body.pipeThrough(new TextDecoderStream()).getReader()
	let rest = ''
	for (;;) {
		const { done, value } = await reader.read()
		if (done) return
		// An empty line ends an event.
		const parts = (rest + value).split('\n\n')
		rest = parts.pop()
		for (const part of parts) {
			const field = name => part.split('\n').find(one => one.startsWith(`${name}:`))?.slice(name.length + 1).trim()
			if (field('data')) each(JSON.parse(field('data')), field('event'))
		}
	}
}

async function send(method, path, rest) {
	try {
		return await ask(method, path, { ...rest, login: sessionStorage.getItem(KEY) })
	} catch (error) {
		// The other 401, "not_authorised", is about what this user may do.
		if (error.status === 401 && error.word === 'not_authorized' && isLoggedIn()) {
			logOut()
			loggedOut()
		}
		throw error
	}
}

/** @param {string} method @param {Row} given @returns {RequestInit} */
function options(method, { login, signal, body, headers = {} }) {
	return {
		method,
		headers: {
			authorization: `Basic ${login}`,
			accept: 'application/json',
			...(body === undefined ? {} : { 'content-type': 'application/json' }),
			...headers,
		},
		body: body === undefined ? undefined : JSON.stringify(body),
		// The browser's own login dialog and its memory stay out of this.
		credentials: 'omit',
		cache: 'no-store',
		signal,
	}
}

async function ask(method, path, given) {
	const response = await fetch(ROOT + path, options(method, given))
	const words = await response.text()
	if (!response.ok) throw refusal(response, words)
	return parsed(words)
}

/** JSON, or nothing: then the status has to do. */
function parsed(words) {
	try {
		return JSON.parse(words)
	} catch {
		return null
	}
}

function refusal({ status, statusText }, words) {
	const { reason = statusText, error = '' } = parsed(words) ?? {}
	return new HttpError(status, typeof reason === 'string' ? reason : JSON.stringify(reason), error)
}
