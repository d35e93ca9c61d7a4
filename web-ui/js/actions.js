// What people do to things, from lists and from the things' own pages.

import { exchangeShortcuts, POLICY_KEYS, queueShortcuts } from './arguments.js'
import { api, bytes, currentUser, del, exchangePart, get, h, likelyVhost, plural, post, put, vhostNames } from './base.js'
import { attempt, attemptAll, confirmLoss } from './dialog.js'
import { formDialog } from './form.js'

/** A select of virtual hosts, as a field; nothing to choose where there is one only. */
export const vhostField = () => ({
	name: 'vhost',
	label: 'Virtual host',
	kind: 'select',
	options: vhostNames(),
	value: likelyVhost(),
	when: () => vhostNames().length > 1,
})

const ownName = row => row.name

/** Asks, names the loss of each row, and then does it to all of them. */
export async function lose(rows, verb, noun, loss, act, { name = nameOf, also = null, many = undefined, done = `${verb}d` } = {}) {
	const title = `${verb} ${rows.length === 1 ? `this ${noun}` : plural(rows.length, noun, many)}?`
	return (await confirmLoss({ title, losses: rows.map(loss), verb, also })) && attemptAll(done, rows, act, name)
}

// Queues

export function addQueue(done) {
	return formDialog('Add a queue', {
		verb: 'Add queue',
		fields: [
			vhostField(),
			{ name: 'name', label: 'Name', required: true, help: 'At most 255 bytes. Names that begin with "amq." are the broker\'s.' },
			{ name: 'type', label: 'Type', kind: 'select', options: [['', 'Default of the virtual host'], 'classic', 'quorum'], help: 'A quorum queue counts deliveries and is always durable.' },
			{ name: 'durable', label: 'Durable', kind: 'check', value: true, help: 'It survives a restart of the broker.' },
			{ name: 'auto_delete', label: 'Auto-delete', kind: 'check', help: 'It is deleted when its last consumer goes.', when: ({ type }) => type !== 'quorum' },
			{ name: 'arguments', label: 'Arguments', kind: 'arguments', shortcuts: ({ type }) => queueShortcuts(type) },
		],
		submit: async ({ vhost, name, type, durable, auto_delete, arguments: given }) => {
			const args = type ? { 'x-queue-type': type, ...given } : given
			await put(api('queues', vhost, name), { durable, auto_delete: auto_delete && type !== 'quorum', arguments: args })
			done()
		},
		done: ({ name }) => `Queue ${name} is there.`,
	})
}

/** What goes with a queue, in words. */
const queueLoss = row => `${nameOf(row)}: ${plural(row.messages ?? 0, 'message')}${row.message_bytes ? `, ${bytes(row.message_bytes)}` : ''}`
export const nameOf = row => (vhostNames().length > 1 ? `${row.name} in ${row.vhost}` : row.name)

export function purgeQueues(rows) {
	const loss = row => `${nameOf(row)}: ${plural(row.messages_ready ?? row.messages ?? 0, 'ready message')}`
	const also = h('p.muted', 'Messages that consumers hold unacknowledged stay.')
	return lose(rows, 'Purge', 'queue', loss, row => del(api('queues', row.vhost, row.name, 'contents')), { also })
}

export function deleteQueues(rows) {
	const loss = row => `${queueLoss(row)}, ${plural(row.consumers ?? 0, 'consumer')}, and its bindings`
	const unused = h('input', { type: 'checkbox' })
	const empty = h('input', { type: 'checkbox' })
	const also = h('div.conditions',
		h('label.check', unused, 'Only if unused'), h('label.check', empty, 'Only if empty'))
	const act = row => del(api('queues', row.vhost, row.name), { 'if-unused': unused.checked, 'if-empty': empty.checked })
	return lose(rows, 'Delete', 'queue', loss, act, { also })
}

/** A policy that matches exactly the queues that are ticked. */
export async function policyFor(rows) {
	const vhosts = [...new Set(rows.map(({ vhost }) => vhost))]
	let done = false
	await formDialog(`A policy for ${plural(rows.length, 'queue')}`, {
		verb: 'Apply',
		fields: [
			{ name: 'name', label: 'Name', required: true, help: vhosts.length > 1 ? `One policy of this name in each of ${vhosts.length} virtual hosts.` : 'A queue has one policy: the one with the highest priority that matches.' },
			{ name: 'priority', label: 'Priority', kind: 'number', value: 0 },
			{ name: 'definition', label: 'Definition', kind: 'arguments', shortcuts: POLICY_KEYS },
		],
		submit: async ({ name, priority, definition }) => {
			for (const vhost of vhosts) {
				const names = rows.filter(row => row.vhost === vhost).map(row => row.name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
				await put(api('policies', vhost, name), { pattern: `^(${names.join('|')})$`, definition, priority: priority ?? 0, 'apply-to': 'queues' })
			}
			done = true
		},
		done: ({ name }) => `Policy ${name} is there.`,
	})
	return done
}

// Exchanges and bindings

export async function addExchange(done) {
	const overview = await get('/api/overview', { columns: 'exchange_types' }).catch(() => null)
	const kinds = (overview?.exchange_types ?? []).map(({ name }) => name)
	return formDialog('Add an exchange', {
		verb: 'Add exchange',
		fields: [
			vhostField(),
			{ name: 'name', label: 'Name', required: true },
			{ name: 'type', label: 'Type', kind: 'select', options: kinds.length > 0 ? kinds : ['direct', 'fanout', 'topic', 'headers'], help: 'direct: by the key. fanout: to all. topic: by patterns of words. headers: by headers.' },
			{ name: 'durable', label: 'Durable', kind: 'check', value: true, help: 'It survives a restart of the broker.' },
			{ name: 'auto_delete', label: 'Auto-delete', kind: 'check', help: 'It is deleted when its last binding goes.' },
			{ name: 'internal', label: 'Internal', kind: 'check', help: 'Clients cannot publish to it; other exchanges can be bound to it.' },
			{ name: 'arguments', label: 'Arguments', kind: 'arguments', shortcuts: ({ type }) => exchangeShortcuts(type) },
		],
		submit: async ({ vhost, name, ...declare }) => {
			await put(api('exchanges', vhost, name), declare)
			done()
		},
		done: ({ name }) => `Exchange ${name} is there.`,
	})
}

export const deleteExchanges = rows =>
	lose(rows, 'Delete', 'exchange', row => `${nameOf(row)} (${row.type}) and all bindings from and to it`, row => del(api('exchanges', row.vhost, exchangePart(row.name))))

/** The address of a binding. */
const bindingPath = row => api('bindings', row.vhost, 'e', exchangePart(row.source), row.destination_type === 'queue' ? 'q' : 'e', row.destination, row.properties_key)

export const unbind = rows =>
	lose(rows, 'Remove', 'binding', row => `${row.source || '(default)'} → ${row.destination} with the key "${row.routing_key}"`, row => del(bindingPath(row)), { name: row => row.properties_key })

/** A form for a binding; what is given is fixed. @param {Row} given @param {() => void} done */
export function addBinding({ vhost, source, destination, destinationType }, done) {
	return formDialog('Add a binding', {
		verb: 'Bind',
		fields: [
			...(vhost === undefined ? [vhostField()] : []),
			...(source === undefined ? [{ name: 'source', label: 'From exchange', required: true }] : []),
			...(destinationType === undefined ? [{ name: 'type', label: 'To', kind: 'select', options: [['q', 'a queue'], ['e', 'an exchange']] }] : []),
			...(destination === undefined ? [{ name: 'destination', label: 'Its name', required: true }] : []),
			{ name: 'routing_key', label: 'Routing key', help: 'direct: equal. topic: words with * for one and # for any number. fanout and headers ignore it.' },
			{ name: 'arguments', label: 'Arguments', kind: 'arguments', help: 'For headers exchanges: x-match (all, any, all-with-x, any-with-x) and the headers.', shortcuts: [
				{ key: 'x-match', label: 'x-match', type: 'String', options: ['all', 'any', 'all-with-x', 'any-with-x'], help: 'Whether all or any of the headers have to match.' },
			] },
		],
		submit: async values => {
			const path = api('bindings', vhost ?? values.vhost, 'e', source ?? values.source, destinationType ?? values.type, destination ?? values.destination)
			await post(path, { routing_key: values.routing_key, arguments: values.arguments })
			done()
		},
		done: 'Bound.',
	})
}

export const cancelConsumers = rows =>
	lose(rows, 'Stop', 'consumer', row => `${row.consumer_tag} of ${row.queue.name}: it is told, and gets nothing more`,
		row => del(api('leveret', 'consumers', row.queue.vhost, row.queue.name, row.channel_details.name, row.consumer_tag)), { name: row => row.consumer_tag, done: 'Stopped' })

// Connections

export function closeConnections(rows) {
	const reason = h('input', { value: '', placeholder: 'Closed by an operator', 'aria-label': 'Reason', maxlength: 200 })
	const loss = row => `${row.user_provided_name ? `${row.user_provided_name}, ` : ''}${row.name}: ${plural(row.channels ?? 0, 'channel')}; what it has not acknowledged is delivered again`
	const also = h('label.field', h('span', 'Reason, told to the client'), reason)
	// Header values are ASCII.
	const words = () => (reason.value || `Closed by ${currentUser().name}`).replace(/[^\x20-\x7e]/g, '?')
	return lose(rows, 'Close', 'connection', loss, row => del(api('connections', row.name), {}, { 'X-Reason': words() }), { also, name: ownName })
}

// Virtual hosts and users

export async function deleteVhost(name) {
	const vhost = await get(api('vhosts', name)).catch(() => ({}))
	const queues = await get(api('queues', name), { page: 1, page_size: 1, columns: 'name' }).catch(() => ({}))
	const losses = [
		`Virtual host ${name} with its exchanges, bindings, policies and permissions`,
		`${plural(queues.total_count ?? 0, 'queue')} with ${plural(vhost.messages ?? 0, 'message')}`,
		'All connections to it are closed',
	]
	if (!(await confirmLoss({ title: 'Delete this virtual host?', losses, verb: 'Delete', typed: name }))) return false
	return attempt(`Delete ${name}`, () => del(api('vhosts', name)), `Virtual host ${name} is gone.`)
}

export const deleteUsers = rows =>
	lose(rows, 'Delete', 'user', row => `User ${row.name}, their permissions and limits; their connections are closed`, row => del(api('users', row.name)), { name: ownName })
