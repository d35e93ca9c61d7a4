// Name and password.

import { h, logIn, text } from '../base.js'

/** Shows the form in `main`; `onLogin(user)` is called when it worked. */
export function login(main, onLogin) {
	const name = h('input', { name: 'username', autocomplete: 'username', required: true, spellcheck: 'false', autocapitalize: 'off' })
	const password = h('input', { name: 'password', type: 'password', autocomplete: 'current-password', required: true })
	const button = h('button.primary', { type: 'submit' }, 'Sign in')
	const problem = h('p.problem', { role: 'alert' })

	const submit = async event => {
		event.preventDefault()
		button.disabled = true
		text(problem, '')
		try {
			onLogin(await logIn(name.value, password.value))
		} catch (error) {
			text(problem, explain(error))
			password.select()
		} finally {
			button.disabled = false
		}
	}

	main.replaceChildren(
		h(
			'form.card.login',
			{ onsubmit: submit },
			h('img', { src: 'logo.svg', alt: '', width: 56, height: 56 }),
			h('h1', 'Leveret'),
			h('p.muted', 'Sign in with a user of the broker.'),
			h('label', h('span', 'User'), name),
			h('label', h('span', 'Password'), password),
			problem,
			button,
		),
	)
	name.focus()
}

function explain(error) {
	if (error.status === 401) {
		return error.message === 'Not_Authorized' ? 'Wrong user or password.' : `${error.message}.`
	}
	return error.status ? `The broker answered ${error.status}: ${error.message}` : 'The broker does not answer.'
}
