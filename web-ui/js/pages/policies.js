// Policies, and operator policies, which users cannot lift: the same page with other keys.

import { vhostField } from '../actions.js'
import { OPERATOR_KEYS, POLICY_KEYS } from '../arguments.js'
import { countColumn, textColumn, vhostColumn } from '../cells.js'
import { attemptAll, confirmLoss } from '../dialog.js'
import { button, text } from '../dom.js'
import { formDialog } from '../form.js'
import { literal } from '../format.js'
import { api, del, put } from '../http.js'
import { listPage } from '../list.js'

const APPLY = [
	{ value: 'all', label: 'Queues and exchanges' }, { value: 'queues', label: 'Queues' }, { value: 'exchanges', label: 'Exchanges' },
	{ value: 'classic_queues', label: 'Classic queues' }, { value: 'quorum_queues', label: 'Quorum queues' }, { value: 'streams', label: 'Streams' },
]

const definition = row => Object.entries(row.definition ?? {}).map(([key, value]) => `${key}: ${literal(value)}`).join(', ')

/**
 * @param {HTMLElement} main
 * @param {URLSearchParams} params
 * @param {{ component: 'policies'|'operator-policies', title: string, shortcuts: import('../arguments.js').Shortcut[], empty: string }} which
 */
function policyList(main, params, { component, title, shortcuts, empty }) {
	const kinds = component === 'policies' ? APPLY : APPLY.filter(({ value }) => !['all', 'exchanges'].includes(value))
	/** @param {() => void} done @param {any} row one to change */
	const edit = (done, row = null) => formDialog(row ? `Policy ${row.name}` : 'Add a policy', {
		verb: row ? 'Save' : 'Add policy',
		fields: [
			...(row ? [] : [vhostField(), { name: 'name', label: 'Name', required: true }]),
			{ name: 'pattern', label: 'Pattern', value: row?.pattern ?? '', required: true, help: 'A regular expression of names. ^ and $ are the ends: "^amq" begins with amq, "log" has log anywhere.' },
			{ name: 'apply-to', label: 'Applies to', kind: 'select', options: kinds, value: row?.['apply-to'] ?? 'queues' },
			{ name: 'priority', label: 'Priority', kind: 'number', value: row?.priority ?? 0, help: 'Of all that match, the one with the highest counts.' },
			{ name: 'definition', label: 'Definition', kind: 'arguments', value: row?.definition, shortcuts },
		],
		submit: async ({ vhost = row?.vhost, name = row?.name, priority, ...rest }) => {
			await put(api(component, vhost, name), { ...rest, priority: priority ?? 0 })
			done()
		},
		done: ({ name = row?.name }) => `Policy ${name} is in force.`,
	})
	const remove = async rows => {
		const losses = rows.map(row => `${row.name} in ${row.vhost}, which sets ${definition(row)} for names like ${row.pattern}`)
		if (!(await confirmLoss({ title: rows.length === 1 ? 'Delete this policy?' : `Delete ${rows.length} policies?`, losses, verb: 'Delete' }))) return false
		return attemptAll('Deleted', rows, row => del(api(component, row.vhost, row.name)), row => row.name)
	}
	const nameCell = cell => {
		let current = null
		const open = button('', () => edit(() => refresh(), current), { class: 'link' })
		cell.append(open)
		return row => {
			current = row
			text(open, row.name)
		}
	}
	const refresh = () => window.dispatchEvent(new HashChangeEvent('hashchange'))
	return listPage(main, params, {
		id: component,
		title,
		ofVhost: true,
		path: vhost => (vhost ? api(component, vhost) : api(component)),
		columns: [
			{ id: 'name', label: 'Name', sort: 'name', kind: 'name', fixed: true, create: nameCell },
			{ ...vhostColumn, fixed: true },
			textColumn('pattern', 'Pattern', undefined, { kind: 'code' }),
			textColumn('apply-to', 'Applies to', row => APPLY.find(({ value }) => value === row['apply-to'])?.label ?? row['apply-to']),
			textColumn('definition', 'Definition', definition, { sort: undefined, kind: 'wide', needs: ['definition'] }),
			countColumn('priority', 'Priority'),
		],
		needs: ['name', 'vhost', 'pattern', 'apply-to', 'definition', 'priority'],
		key: row => JSON.stringify([row.vhost, row.name]),
		words: row => `${row.name} ${row.pattern} ${definition(row)}`,
		actions: [{ label: 'Add policy', open: done => edit(done) }],
		bulk: [{ label: 'Delete', danger: true, run: remove }],
		empty,
	})
}

export const page = (main, params) => policyList(main, params, {
	component: 'policies',
	title: 'Policies',
	shortcuts: POLICY_KEYS,
	empty: 'There are no policies. One sets limits, lifetimes and dead-lettering for all queues whose names match.',
})

export const operatorPage = (main, params) => policyList(main, params, {
	component: 'operator-policies',
	title: 'Operator policies',
	shortcuts: OPERATOR_KEYS,
	empty: 'There are no operator policies. Where one and a policy or argument set the same limit, the smaller one counts.',
})
