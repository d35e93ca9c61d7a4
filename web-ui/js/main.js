// Starts the page: who is logged in, which page is shown, how fresh it is.

import { watchAlarms } from './alarms.js'
import { currentUser, get, h, isLoggedIn, link, logOut, onLoggedOut, readVhosts, refreshSelect, Router, setUser, text, vhostSelect } from './base.js'
import { openPalette } from './palette.js'
import { NAVIGATION, ROUTES } from './routes.js'
import { themeSwitch } from './theme.js'
import { login } from './pages/login.js'

const element = id => document.getElementById(id)
const main = element('page')
const nav = element('nav')

const router = new Router(main, ROUTES, (route, args) => {
	const own = Object.values(args).at(-1)
	document.title = `${own ? `${own === '' ? '(default)' : own} – ` : ''}${route.title} – Leveret`
	for (const one of nav.querySelectorAll('a')) {
		if (one.getAttribute('href') === route.nav) one.setAttribute('aria-current', 'page')
		else one.removeAttribute('aria-current')
	}
	openMenu(false)
})

function openMenu(open) {
	document.body.classList.toggle('menu-open', open)
	element('menu').setAttribute('aria-expanded', String(open))
}

function drawNavigation() {
	const groups = NAVIGATION.map(({ title, entries }) => {
		const seen = entries.filter(({ may }) => !may || may())
		if (seen.length === 0) return null
		return h('div.group', title ? h('h2', title) : null, seen.map(({ label, href }) => h('a', { href }, label)))
	})
	nav.replaceChildren(...groups.filter(group => group !== null))
}

let stopAlarms = () => {}

async function enter(user, vhosts = readVhosts().catch(() => {})) {
	setUser(user)
	element('bar').hidden = false
	nav.hidden = false
	text(element('user'), user.name)
	element('user').setAttribute('href', link('users', user.name))
	element('user').title = currentUser().tags.join(', ')
	drawNavigation()
	// A broker that does not answer now may do so soon: the page keeps trying.
	await vhosts
	router.show()
	stopAlarms = watchAlarms(element('banner'))
	get('/api/cluster-name').then(({ name }) => text(element('cluster'), name), () => {})
}

function leave() {
	logOut()
	stopAlarms()
	router.leave()
	element('bar').hidden = true
	element('banner').hidden = true
	nav.hidden = true
	document.title = 'Leveret'
	for (const open of document.querySelectorAll('dialog')) open.close()
	login(main, enter)
}

themeSwitch(element('theme'))
refreshSelect(element('refresh'))
vhostSelect(() => router.show())
element('logout').addEventListener('click', leave)
element('menu').addEventListener('click', () => openMenu(!document.body.classList.contains('menu-open')))
element('find').addEventListener('click', openPalette)
document.addEventListener('keydown', event => {
	if (event.key.toLowerCase() !== 'k' || !(event.ctrlKey || event.metaKey) || !isLoggedIn()) return
	event.preventDefault()
	openPalette()
})
onLoggedOut(leave)

if (isLoggedIn()) {
	router.prepare()
	const vhosts = readVhosts().catch(() => {})
	get('/api/whoami').then(user => enter(user, vhosts), error => (error.status === 401 ? undefined : enter({ name: '', tags: [] }, vhosts)))
} else {
	leave()
}
