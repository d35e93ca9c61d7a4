// One virtual host: its numbers, who may do what in it, its limits.

import { deleteVhost } from '../actions.js'
import { api, button, bytes, count, del, go, h, isAdministrator, post, put, readVhosts } from '../base.js'
import { attempt } from '../dialog.js'
import { detailPage } from '../detail.js'
import { factsCard } from '../facts.js'
import { formDialog } from '../form.js'
import { limitsCard, VHOST_LIMITS } from '../limits.js'
import { permissionTables } from '../permissions.js'
import { lengthsChart, rangeSwitch, ratesChart, withPast } from '../samples.js'
import { vhostFields } from './vhosts.js'

export function page(main, params, { name }) {
	let vhost = { name, protected_from_deletion: false }
	const rates = ratesChart()
	const lengths = lengthsChart()
	const ranges = rangeSwitch(params, () => source.refresh())
	const facts = factsCard('Details', FACTS)
	const permissions = permissionTables({ vhost: name }, () => source.refresh())
	const limits = limitsCard(VHOST_LIMITS, api('vhost-limits', name), () => source.refresh())
	const protection = button('Protect from deletion', async () => {
		const path = api('vhosts', name, 'deletion', 'protection')
		const off = vhost.protected_from_deletion
		if (await attempt('Protection', () => (off ? del(path) : post(path)), off ? 'It can be deleted now.' : 'It is protected from deletion now.')) source.refresh()
	})
	const edit = () => formDialog(`Virtual host ${name}`, {
		verb: 'Save',
		fields: vhostFields(vhost),
		submit: async values => {
			await put(api('vhosts', name), values)
			source.refresh()
		},
		done: 'Saved.',
	})
	const remove = async () => {
		if (!(await deleteVhost(name))) return
		await readVhosts()
		go('#/vhosts')
	}
	const administrator = isAdministrator()
	const source = detailPage(main, {
		kind: 'Virtual host', name, up: ['Virtual hosts', '#/vhosts'], params,
		controls: administrator ? [button('Edit', edit), protection, button('Delete', remove, { class: 'danger' })] : [],
		tabs: [
			{ id: 'overview', label: 'Overview', nodes: [h('div.heading', h('span'), ranges.node), h('div.charts', lengths.node, rates.node), h('div.cards', facts.node)] },
			...(administrator ? [
				{ id: 'permissions', label: 'Permissions', nodes: permissions.nodes, lists: [permissions] },
				{ id: 'limits', label: 'Limits', nodes: [limits.node], lists: [limits] },
			] : []),
		],
		load: signal => withPast(ranges, api('vhosts', name), signal, 'lengths', 'msg_rates', 'data_rates'),
		show: ({ one, range }) => {
			vhost = one
			protection.textContent = one.protected_from_deletion ? 'Allow deletion' : 'Protect from deletion'
			rates.show(one.message_stats, range)
			lengths.show(one, range)
			facts.show(one)
		},
	})
}

const FACTS = [
	['Description', row => row.description],
	['Tags', row => (row.tags ?? []).join(', ')],
	['Default queue type', row => row.default_queue_type],
	['Deletion', row => (row.protected_from_deletion ? 'protected' : 'allowed')],
	['Tracing', row => (row.tracing ? 'on' : 'off')],
	['State', row => Object.values(row.cluster_state ?? {}).join(', ')],
	['Messages', row => count(row.messages)],
	['Received', row => (row.recv_oct == null ? null : bytes(row.recv_oct))],
	['Sent', row => (row.send_oct == null ? null : bytes(row.send_oct))],
]
