// Forms: fields with explanations, arguments with shortcuts, and the server's reason when it refuses.

import { dialog, note } from './dialog.js'
import { button, h, text } from './dom.js'

/** A form. `submit(values)` does it; what it throws is shown in the form. @param {FormSpec} spec */
export function form({ fields, verb, submit, cancel, danger }) {
	const inputs = fields.map(field => ({ field, ...make(field, () => values()) }))
	const values = (done = false) => Object.fromEntries(inputs.map(({ field, read }) => [field.name, read(done)]))
	const problem = h('p.problem', { role: 'alert' })
	const go = h('button', { type: 'submit', class: danger ? 'danger' : 'primary' }, verb)
	const refresh = () => {
		const now = values()
		for (const { field, node, renew } of inputs) {
			node.hidden = field.when ? !field.when(now) : false
			renew()
		}
	}
	const onsubmit = async event => {
		event.preventDefault()
		text(problem, '')
		go.disabled = true
		try {
			await submit(values(true))
		} catch (error) {
			text(problem, error.message || 'The broker does not answer.')
		} finally {
			go.disabled = false
		}
	}
	const end = h('div.dialog-end', cancel ? button('Cancel', cancel) : null, go)
	const node = h('form.form', { onsubmit, onchange: refresh, autocomplete: 'off' }, inputs.map(one => one.node), problem, end)
	refresh()
	return { node, values, problem }
}

/** A form in a dialog, which closes when it worked. @param {string} title @param {FormSpec} spec */
export function formDialog(title, { fields, verb, submit, done }) {
	return dialog(title, close => {
		const made = form({
			fields,
			verb,
			cancel: close,
			submit: async values => {
				await submit(values)
				close()
				if (done) note(typeof done === 'function' ? done(values) : done)
			},
		})
		return made.node
	})
}

let ids = 0

function make(field, values) {
	if (field.kind === 'arguments') return argumentsEditor(field, values)
	const id = `field-${(ids += 1)}`
	const input = inputOf(field, id)
	const read = () => {
		if (field.kind === 'check') return /** @type {HTMLInputElement} */ (input).checked
		if (field.kind === 'file') return /** @type {HTMLInputElement} */ (input).files[0]
		if (field.kind === 'number') return input.value === '' ? null : Number(input.value)
		return input.value
	}
	const label = h('label', { for: id }, field.label, field.required ? h('i.required', { 'aria-hidden': 'true' }, ' *') : null)
	const explained = help(field.help)
	const node = field.kind === 'check'
		? h('div.field.check-field', h('div.field-head', input, label, explained.button), explained.words)
		: h('div.field', h('div.field-head', label, explained.button), input, explained.words)
	return { read, node, renew: () => {} }
}

function inputOf(field, id) {
	const { kind = 'text', value, name, placeholder, required, options } = field
	const common = { id, name, placeholder, required }
	if (kind === 'select') {
		const choices = options.map(one => (Array.isArray(one) ? one : [one, one]))
		return h('select', { ...common, value: value ?? choices[0]?.[0] }, choices.map(([key, words]) => h('option', { value: key }, words)))
	}
	if (kind === 'area') return h('textarea', { ...common, rows: 5, spellcheck: 'false', value: value ?? '' })
	if (kind === 'check') return h('input', { ...common, type: 'checkbox', checked: value === true })
	const suggestions = field.list ? h('datalist', { id: `${id}-list` }, field.list.split(',').map(one => h('option', { value: one }))) : null
	const type = kind === 'text' ? 'text' : kind
	const input = h('input', {
		...common, type, value: kind === 'file' ? null : (value ?? ''), spellcheck: 'false',
		autocomplete: kind === 'password' ? 'new-password' : 'off', list: suggestions ? suggestions.id : null,
		step: kind === 'number' ? 'any' : null,
	})
	if (suggestions) document.body.append(suggestions)
	return input
}

/** A `?` that shows an explanation. */
export function help(words) {
	if (!words) return { button: null, words: null }
	const node = h('small.help', { hidden: true }, words)
	const ask = button('?', () => {
		node.hidden = !node.hidden
		ask.setAttribute('aria-expanded', String(!node.hidden))
	}, { class: 'ask', 'aria-label': 'What is this?', 'aria-expanded': 'false', title: words })
	return { button: ask, words: node }
}

const TYPES = ['String', 'Number', 'Boolean', 'List', 'JSON']

/** The type under which a value is shown. */
const typeOf = value =>
	typeof value === 'number' ? 'Number' : typeof value === 'boolean' ? 'Boolean' : typeof value === 'string' ? 'String' : 'JSON'

/** Keys, values and their types, with shortcuts that say what they do. */
function argumentsEditor(field, values) {
	const rows = []
	const body = h('div.argument-rows')
	const add = (key = '', value = '', type = 'String', words = '', options = null) => {
		const name = h('input', { value: key, placeholder: 'key', 'aria-label': 'Key', spellcheck: 'false' })
		const content = options && options.length > 0
			? h('select', { 'aria-label': 'Value', value: value === '' ? options[0] : value }, options.map(one => h('option', { value: one }, one)))
			: h('input', { value: String(value), placeholder: 'value', 'aria-label': 'Value', spellcheck: 'false' })
		const kind = h('select', { 'aria-label': 'Type', value: type }, TYPES.map(one => h('option', { value: one }, one)))
		const row = { name, content, kind }
		const node = h('div.argument', name, content, kind, button('✕', () => {
			node.remove()
			rows.splice(rows.indexOf(row), 1)
		}, { class: 'quiet', 'aria-label': 'Remove' }), words ? h('small.help', words) : null)
		rows.push(row)
		body.append(node)
		return content
	}
	for (const [key, value] of Object.entries(field.value ?? {})) {
		add(key, typeof value === 'string' ? value : JSON.stringify(value), typeOf(value))
	}
	const shortcuts = h('div.shortcuts')
	let shownFor = null
	const renew = () => {
		const list = typeof field.shortcuts === 'function' ? field.shortcuts(values()) : (field.shortcuts ?? [])
		const wanted = list.map(({ key }) => key).join()
		if (wanted === shownFor) return
		shownFor = wanted
		shortcuts.replaceChildren(...list.map(({ key, label, type, help: words, options, value }) =>
			button(label, () => {
				const there = rows.find(row => row.name.value === key)
				;(there ? there.content : add(key, value ?? '', type, words, options)).focus()
			}, { class: 'chip', title: words }),
		))
	}
	const node = h(
		'fieldset.field.arguments',
		h('legend', field.label),
		field.help ? h('small.help', field.help) : null,
		shortcuts,
		body,
		button('Add a row', () => add().focus(), { class: 'small' }),
	)
	return { read: done => readArguments(rows, done), input: body, node, renew: () => queueMicrotask(renew) }
}

/** Arguments as JSON. Throws what is wrong with one, once somebody is done writing. */
function readArguments(rows, done) {
	const result = {}
	for (const { name, content, kind } of rows) {
		const key = name.value.trim()
		if (key === '') continue
		try {
			result[key] = parse(key, content.value, kind.value)
		} catch (error) {
			if (done) throw error
		}
	}
	return result
}

function parse(key, words, type) {
	if (type === 'String') return words
	if (type === 'Number') {
		if (words.trim() === '' || Number.isNaN(Number(words))) throw new Error(`${key}: "${words}" is not a number.`)
		return Number(words)
	}
	if (type === 'Boolean') {
		if (words !== 'true' && words !== 'false') throw new Error(`${key}: write true or false.`)
		return words === 'true'
	}
	if (type === 'List') return words.split(',').map(one => one.trim()).filter(one => one !== '')
	try {
		return JSON.parse(words)
	} catch {
		throw new Error(`${key}: this is not JSON.`)
	}
}
