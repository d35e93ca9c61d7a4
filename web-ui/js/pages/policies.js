// Policies, and operator policies, which users cannot lift: the same page with other keys.

import { lose, vhostField } from '../actions.js'
import { OPERATOR_KEYS, POLICY_KEYS } from '../arguments.js'
import { api, button, del, literal, put, text } from '../base.js'
import { countColumn, textColumn, vhostColumn } from '../cells.js'
import { formDialog } from '../form.js'
import { listPage } from '../list.js'

/** @type {[string, string][]} */
const APPLY = [
	['all', 'Queues and exchanges'], ['queues', 'Queues'], ['exchanges', 'Exchanges'],
	['classic_queues', 'Classic queues'], ['quorum_queues', 'Quorum queues'], ['streams', 'Streams'],
]

const definition = row => Object.entries(row.definition ?? {}).map(([key, value]) => `${key}: ${literal(value)}`).join(', ')

function policyList(main, params, { component, title, shortcuts, empty }) {
	const kinds = component === 'policies' ? APPLY : APPLY.filter(([value]) => !['all', 'exchanges'].includes(value))
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
	const loss = row => `${row.name} in ${row.vhost}, which sets ${definition(row)} for names like ${row.pattern}`
	const remove = rows => lose(rows, 'Delete', 'policy', loss, row => del(api(component, row.vhost, row.name)), { many: 'policies' })
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
		ofVhost: component,
		columns: [
			{ id: 'name', label: 'Name', sort: 'name', kind: 'name', fixed: true, create: nameCell },
			vhostColumn,
			textColumn('pattern', 'Pattern', undefined, { kind: 'code' }),
			textColumn('apply-to', 'Applies to', row => new Map(APPLY).get(row['apply-to']) ?? row['apply-to']),
			textColumn('definition', 'Definition', definition, { sort: undefined, kind: 'wide', needs: ['definition'] }),
			countColumn('priority', 'Priority'),
		],
		needs: ['name', 'vhost', 'pattern', 'apply-to', 'definition', 'priority'],
		search: 'name,pattern,definition',
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
