// Definitions: everything that was declared, as one file.

import { api, get, h, plural, post, readVhosts, saveFile, text, vhostNames } from '../base.js'
import { confirmLoss } from '../dialog.js'
import { form } from '../form.js'

const LISTS = [['users', 'user'], ['vhosts', 'virtual host'], ['permissions', 'permission'], ['topic_permissions', 'topic permission'], ['policies', 'policy', 'policies'], ['parameters', 'parameter'], ['global_parameters', 'global parameter'], ['exchanges', 'exchange'], ['queues', 'queue'], ['bindings', 'binding']]

/** What a file holds, in words. */
const inventory = file => LISTS.filter(([key]) => file[key]?.length > 0).map(([key, one, many]) => plural(file[key].length, one, many))

const scope = () => ({ name: 'vhost', label: 'Of', kind: 'select', options: [['', 'All virtual hosts'], ...vhostNames().map(name => [name, `Virtual host ${name}`])] })
const path = vhost => (vhost === '' ? api('definitions') : api('definitions', vhost))

export function page(main) {
	const exported = h('p.result', { role: 'status' })
	const imported = h('p.result', { role: 'status' })
	const out = form({
		verb: 'Export',
		fields: [
			{ name: 'file', label: 'File name', value: `leveret-${new Date().toISOString().slice(0, 10)}.json`, required: true },
			scope(),
		],
		submit: async ({ file, vhost }) => {
			const definitions = await get(path(vhost))
			saveFile(file, `${JSON.stringify(definitions, null, 2)}\n`)
			text(exported, `Saved: ${inventory(definitions).join(', ')}.`)
		},
	})
	const into = form({
		verb: 'Import',
		fields: [{ name: 'file', label: 'File', kind: 'file', required: true }, { ...scope(), label: 'Into' }],
		submit: async ({ file, vhost }) => {
			text(imported, '')
			if (!file) throw new Error('Choose a file.')
			const definitions = readFile(await file.text())
			const losses = ['Users, permissions, policies and parameters of the same names are overwritten', `The file has ${inventory(definitions).join(', ') || 'nothing'}`]
			if (!(await confirmLoss({ title: 'Import these definitions?', losses, verb: 'Import' }))) return
			await post(path(vhost), definitions)
			await readVhosts()
			text(imported, `Imported: ${inventory(definitions).join(', ')}.`)
		},
	})
	main.replaceChildren(
		h('div.heading', h('h1', 'Definitions')),
		h('p.muted', 'Users, virtual hosts, permissions, policies, parameters, exchanges, queues and bindings, in RabbitMQ\'s format. No messages.'),
		h('div.cards',
			h('section.card', h('h2', 'Export'), out.node, exported),
			h('section.card', h('h2', 'Import'), h('p.muted', 'What is there and not in the file stays.'), into.node, imported)),
	)
}

function readFile(words) {
	try {
		return JSON.parse(words)
	} catch (error) {
		throw new Error(`The file is not JSON: ${error.message}`)
	}
}
