// Starts the page: who is logged in, which page is shown, how fresh it is.

import { text } from './dom.js'
import { get, isLoggedIn, logOut, onLoggedOut } from './http.js'
import { Router } from './router.js'
import { themeSwitch } from './theme.js'
import { login } from './pages/login.js'
import { overview } from './pages/overview.js'
import { queues } from './pages/queues.js'

const element = id => document.getElementById(id)
const main = element('page')
const bar = element('bar')

/** Tells the bar whether the last refresh worked. */
function report(error) {
  element('live').classList.toggle('broken', error !== null)
  text(element('live-text'), error ? (error.status ? `error ${error.status}` : 'no connection') : 'live')
  element('live').title = error ? error.message : 'Refreshed every two seconds'
}

const router = new Router(
  main,
  {
    '/': (target, params) => overview(target, params, report),
    '/queues': (target, params) => queues(target, params, report),
  },
  path => {
    for (const link of element('nav').children) {
      if (link.getAttribute('href') === `#${path}`) link.setAttribute('aria-current', 'page')
      else link.removeAttribute('aria-current')
    }
  },
)

function enter(user) {
  bar.hidden = false
  text(element('user'), user.name)
  router.show()
  get('/api/cluster-name').then(({ name }) => text(element('cluster'), name), () => {})
}

function leave() {
  logOut()
  router.leave()
  bar.hidden = true
  login(main, enter)
}

themeSwitch(element('theme'))
element('logout').addEventListener('click', leave)
onLoggedOut(leave)

if (isLoggedIn()) {
  // A broker that does not answer now may do so soon: the page keeps trying.
  get('/api/whoami').then(enter, error => error.status === 401 || enter({ name: '' }))
} else {
  leave()
}
