// What stands in front of the page: forms, questions, notes.

import { button, h, text, whenLeft } from './base.js'

/** Opens a dialog. `content` gets a function that closes it. */
export function dialog(title, content, kind = '') {
	return new Promise(resolve => {
		const before = document.activeElement
		const close = () => node.close()
		const heading = h('h2', { id: 'dialog-title' }, title)
		const node = h(
			'dialog',
			{ class: kind, 'aria-labelledby': 'dialog-title' },
			h('div.dialog-head', heading, button('✕', close, { class: 'quiet', 'aria-label': 'Close' })),
		)
		node.append(...[content(close)].flat())
		whenLeft(close)
		node.addEventListener('close', () => {
			node.remove()
			if (before instanceof HTMLElement) before.focus()
			resolve()
		})
		document.body.append(node)
		node.showModal()
	})
}

/** Asks before something is lost. @param {Question} question */
export async function confirmLoss({ title, losses, verb, typed, also }) {
	let sure = false
	const list = losses.slice(0, 20)
	await dialog(
		title,
		close => {
			const go = button(verb, () => {
				sure = true
				close()
			}, { class: 'danger', disabled: typed !== undefined })
			const proof = typed === undefined ? null : h('input', {
				'aria-label': 'Name', spellcheck: 'false', autocomplete: 'off',
				oninput: () => (go.disabled = proof.value !== typed),
			})
			return [
				h('p', 'This cannot be undone. What will be gone:'),
				h('ul.losses', list.map(one => h('li', one)), losses.length > 20 ? h('li', `and ${losses.length - 20} more`) : null),
				also ?? '',
				proof ? h('label.field', h('span', 'Write ', h('b', typed), ' to go on'), proof) : '',
				h('div.dialog-end', button('Cancel', close, { autofocus: true }), go),
			]
		},
		'question',
	)
	return sure
}

const NOTE_MS = 5000

/** Says what was done. */
export const note = words => toast(words, 'good')

/** Says what went wrong, with the server's reason. It stays until it is read. */
export const complain = (what, error) => toast(`${what}: ${error.message || 'no connection'}`, 'bad')

function toast(words, kind) {
	const message = h('span')
	text(message, words)
	const node = h('div', { class: `toast ${kind}` }, message, button('✕', () => node.remove(), { class: 'quiet', 'aria-label': 'Dismiss' }))
	document.getElementById('toasts').append(node)
	if (kind === 'good') setTimeout(() => node.remove(), NOTE_MS)
}

/** Does one thing and says how it went. */
export async function attempt(what, act, done) {
	try {
		await act()
		if (done !== '') note(done)
		return true
	} catch (error) {
		complain(what, error)
		return false
	}
}

/** Copies a text, also where the browser has no clipboard: it has one on https and localhost only. */
export async function copyText(words) {
	if (navigator.clipboard) return navigator.clipboard.writeText(words)
	const area = h('textarea', { value: words })
	;(document.querySelector('dialog[open]') ?? document.body).append(area)
	area.select()
	document.execCommand('copy')
	area.remove()
}

const AT_ONCE = 6

/** Does the same to many things, some at a time, and says how it went. */
export async function attemptAll(what, rows, act, name) {
	const failures = []
	let done = 0
	const bar = h('progress', { max: rows.length, value: 0, 'aria-label': what })
	const node = h('div.toast', h('span', what), bar)
	document.getElementById('toasts').append(node)
	const rest = rows.slice()
	const worker = async () => {
		for (let row = rest.shift(); row !== undefined; row = rest.shift()) {
			try {
				await act(row)
				done += 1
			} catch (error) {
				failures.push(`${name(row)}: ${error.message}`)
			}
			bar.value = rows.length - rest.length
		}
	}
	await Promise.all(Array.from({ length: AT_ONCE }, worker))
	node.remove()
	if (done > 0) note(`${what}: ${done} of ${rows.length}`)
	if (failures.length > 0) complain(what, new Error(failures.slice(0, 5).join('; ')))
	return true
}
