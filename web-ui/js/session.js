// Who is logged in, and which virtual host they look at.

import { get } from './http.js'
import { setParams } from './router.js'
import { remember, remembered } from './remembered.js'
import { h } from './dom.js'

/** @type {User} */
let user = { name: '', tags: [] }
let names = []
let chosen = remembered('vhost', '')
let onChoose = () => {}

export const currentUser = () => user
export const setUser = one => (user = { name: one.name, tags: one.tags ?? [] })

const has = (...tags) => tags.some(tag => user.tags.includes(tag))
export const isAdministrator = () => has('administrator')
export const isMonitor = () => has('administrator', 'monitoring')
export const isPolicymaker = () => has('administrator', 'policymaker')

/** The virtual hosts that this user sees. */
export const vhostNames = () => names
/** The one that lists are about; empty for all of them. */
export const chosenVhost = () => chosen
/** The one that forms begin with. */
export const likelyVhost = () => chosen || (names.includes('/') ? '/' : (names[0] ?? '/'))

export async function readVhosts() {
	const rows = await get('/api/vhosts', { disable_stats: true, columns: 'name' })
	names = rows.map(({ name }) => name)
	if (chosen !== '' && !names.includes(chosen)) choose('')
	fill()
}

function choose(name) {
	chosen = name
	remember('vhost', name)
}

/** A list was opened by an address: the address is right, and the selector follows. */
export function followAddress(params) {
	const named = params.get('vhost')
	if (named !== null) choose(named)
	else if (chosen !== '') setParams({ vhost: chosen })
	const select = element()
	if (select) select.value = chosen
}

const element = () => /** @type {HTMLSelectElement} */ (document.getElementById('vhost'))

function fill() {
	const select = element()
	select.replaceChildren(
		h('option', { value: '' }, 'All virtual hosts'),
		...names.map(name => h('option', { value: name }, name)),
	)
	select.value = chosen
	select.hidden = names.length < 2
	document.body.classList.toggle('one-vhost', names.length < 2)
}

/** Lets the bar's select choose. `changed` is called afterwards. */
export function vhostSelect(changed) {
	onChoose = changed
	element().addEventListener('change', () => {
		choose(element().value)
		setParams({ vhost: chosen })
		onChoose()
	})
}
