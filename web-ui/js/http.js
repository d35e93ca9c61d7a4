// The API, with the credentials of this tab.

const KEY = 'leveret.login'

/** An answer that is not what was asked for. */
export class HttpError extends Error {
  constructor(status, reason) {
    super(reason)
    this.status = status
  }
}

/** Called when a login that used to work is refused. */
let loggedOut = () => {}
export const onLoggedOut = callback => (loggedOut = callback)

const encode = text => btoa(String.fromCharCode(...new TextEncoder().encode(text)))

export const isLoggedIn = () => sessionStorage.getItem(KEY) !== null

/** Tries a name and a password; keeps them if they are right. Gives the user. */
export async function logIn(name, password) {
  const login = encode(`${name}:${password}`)
  const user = await request('/api/whoami', login)
  sessionStorage.setItem(KEY, login)
  return user
}

export function logOut() {
  sessionStorage.removeItem(KEY)
}

/** GETs a resource. `params` with no value are left out. */
export async function get(path, params = {}, signal) {
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries(params)) {
    if (value != null && value !== '' && value !== false) query.set(name, value)
  }
  const address = query.size > 0 ? `${path}?${query}` : path
  try {
    return await request(address, sessionStorage.getItem(KEY), signal)
  } catch (error) {
    if (error.status === 401) {
      logOut()
      loggedOut()
    }
    throw error
  }
}

async function request(address, login, signal) {
  const response = await fetch(address, {
    headers: { authorization: `Basic ${login}`, accept: 'application/json' },
    // The browser's own login dialog and its memory stay out of this.
    credentials: 'omit',
    cache: 'no-store',
    signal,
  })
  if (response.ok) return response.json()
  let reason = response.statusText
  try {
    reason = (await response.json()).reason ?? reason
  } catch {
    // Not JSON: the status has to do.
  }
  throw new HttpError(response.status, typeof reason === 'string' ? reason : JSON.stringify(reason))
}
