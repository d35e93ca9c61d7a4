// All users.

import { deleteUsers } from '../actions.js'
import { api, button, h, link, put } from '../base.js'
import { flagColumn, nameColumn, textColumn } from '../cells.js'
import { formDialog } from '../form.js'
import { listPage } from '../list.js'
import { attempt, copyText, dialog } from '../dialog.js'

const TAGS = ['administrator', 'monitoring', 'policymaker', 'management']

/** Letters of a password that nobody mistakes for each other. */
const LETTERS = 'abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789'
const PASSWORD_CHARS = 24

/** A password from the browser's generator of secrets. */
export function generated() {
	const password = []
	while (password.length < PASSWORD_CHARS) {
		const [one] = crypto.getRandomValues(new Uint8Array(1))
		// All letters equally often.
		if (one < 256 - (256 % LETTERS.length)) password.push(LETTERS[one % LETTERS.length])
	}
	return password.join('')
}

export const WAYS = [
	['password', 'a password'],
	['generated', 'a generated password'],
	['hash', 'a password hash'],
	['none', 'no password'],
]

/** The fields of a user: tags, and how they log in. */
export const userFields = (tags, ways = WAYS) => [
	{ name: 'tags', label: 'Tags', value: tags, list: TAGS.join(','), help: 'administrator: everything. monitoring: sees all, changes nothing. policymaker: policies and parameters. management: their own virtual hosts. None: no dashboard. Commas between them.' },
	{ name: 'way', label: 'Logs in with', kind: 'select', options: ways },
	{ name: 'password', label: 'Password', kind: 'password', when: ({ way }) => way === 'password' },
	{ name: 'password_hash', label: 'Password hash', when: ({ way }) => way === 'hash', help: 'Base64 of four bytes of salt and the SHA-256 of salt and password, as in exported definitions.' },
]

/** The body of a PUT; gives a generated password, too. @param {Row} values */
export function userBody({ tags, way, password, password_hash }) {
	const words = tags.split(',').map(tag => tag.trim()).filter(tag => tag !== '').join(',')
	if (way === 'password' && password === '') throw new Error('The password is empty.')
	const secret = way === 'generated' ? generated() : password
	if (way === 'password' || way === 'generated') return { body: { tags: words, password: secret }, secret: way === 'generated' ? secret : null }
	return { body: { tags: words, password_hash: way === 'hash' ? password_hash : '' }, secret: null }
}

/** Shows a generated password once. */
export function showSecret(name, secret) {
	return dialog(`The password of ${name}`, close => [
		h('p', 'It is shown only now.'),
		h('pre.body', secret),
		h('div.dialog-end', button('Copy', () => attempt('Copy', () => copyText(secret), 'Copied.')), button('Done', close, { class: 'primary' })),
	])
}

function add(done) {
	return formDialog('Add a user', {
		verb: 'Add user',
		fields: [{ name: 'name', label: 'Name', required: true }, ...userFields('')],
		submit: async ({ name, ...rest }) => {
			const { body, secret } = userBody(rest)
			await put(api('users', name), body)
			if (secret) showSecret(name, secret)
			done()
		},
		done: ({ name }) => `User ${name} is there. Permissions come next.`,
	})
}

export const page = (main, params) => listPage(main, params, {
	id: 'users',
	title: 'Users',
	path: () => api('users'),
	columns: [
		nameColumn(row => link('users', row.name)),
		textColumn('tags', 'Tags', row => (row.tags ?? []).join(', ') || '–', { sort: undefined, kind: 'wide' }),
		flagColumn('password_hash', 'Has a password', { needs: ['password_hash'], sort: undefined }),
		textColumn('hashing_algorithm', 'Hashing', row => (row.hashing_algorithm ?? '').replace('rabbit_password_hashing_', ''), { hidden: true }),
		textColumn('limits', 'Limits', row => Object.entries(row.limits ?? {}).map(([key, value]) => `${key}: ${value}`).join(', ') || '–', { sort: undefined, needs: ['limits'] }),
	],
	needs: ['name'],
	actions: [{ label: 'Add user', open: add }],
	bulk: [{ label: 'Delete', danger: true, run: deleteUsers }],
	empty: 'There are no users.',
})
