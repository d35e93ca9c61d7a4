// Explain route: the way of a message through exchanges and bindings, with the reason for each turn.

import { currentUser, get, h, isAdministrator, likelyVhost, link, plural, setParams, text, vhostNames } from '../base.js'
import { tree } from '../facts.js'
import { form } from '../form.js'
import { exchangeLink } from './bindings.js'

export function page(main, params) {
	const result = h('div.stack', { 'aria-live': 'polite' })
	const ask = async ({ vhost, exchange, key, headers, user = '' }) => {
		setParams({ vhost, exchange, key, user, headers: Object.keys(headers).length > 0 ? JSON.stringify(headers) : null })
		const answer = await get('/api/leveret/route', { vhost, exchange: exchange || 'amq.default', key, user, headers: JSON.stringify(headers) })
		result.replaceChildren(...draw(answer, vhost))
	}
	const made = form({
		verb: 'Explain',
		fields: [
			{ name: 'vhost', label: 'Virtual host', kind: 'select', options: vhostNames(), value: params.get('vhost') || likelyVhost() },
			{ name: 'exchange', label: 'Exchange', value: params.get('exchange') ?? '', placeholder: '(default)' },
			{ name: 'key', label: 'Routing key', value: params.get('key') ?? '' },
			{ name: 'headers', label: 'Headers', kind: 'arguments', value: headersOf(params) },
			...(isAdministrator() ? [{ name: 'user', label: 'Published by', value: params.get('user') ?? '', placeholder: currentUser().name }] : []),
		],
		submit: ask,
	})
	main.replaceChildren(
		h('div.heading', h('h1', 'Explain route')),
		h('p.muted', 'Where would this message go, and why? Nothing is published.'),
		h('div.explain', h('section.card', made.node), result),
	)
	if (params.has('exchange') || params.has('key')) made.node.requestSubmit()
}

function headersOf(params) {
	try {
		return JSON.parse(params.get('headers') ?? '{}')
	} catch {
		return {}
	}
}

function draw({ queues, steps, permission }, vhost) {
	const verdict = h('p.card.why')
	verdict.dataset.tone = queues.length > 0 ? 'good' : 'bad'
	text(verdict, queues.length > 0 ? `It reaches ${plural(queues.length, 'queue')}:` : 'It reaches no queue: it is returned if it is mandatory, else dropped.')
	const ends = queues.map(name => h('a.badge.entity', { href: link('queues', vhost, name) }, name))
	verdict.append(' ', ...ends.flatMap(one => [one, ' ']))
	const refused = permission === null ? [] : [h('p.card.why', { 'data-tone': 'bad' }, `It is refused before: ${permission}`)]
	return [...refused, verdict, ...steps.map(step => stepCard(step, vhost))]
}

function stepCard({ exchange, type, why, note, bindings, left_out: left }, vhost) {
	const hits = bindings.filter(({ matches }) => matches)
	const misses = bindings.filter(({ matches }) => !matches)
	const line = one => h(
		'li',
		{ class: one.matches ? 'hit' : 'miss' },
		h('b', { 'aria-label': one.matches ? 'matches' : 'does not match' }, one.matches ? '✓' : '✗'),
		h('div',
			h('a.entity', { href: one.destination_type === 'queue' ? link('queues', vhost, one.destination) : exchangeLink(vhost, one.destination) }, one.destination),
			h('small.muted', ` ${one.destination_type}`),
			h('div', one.reason),
			one.arguments && Object.keys(one.arguments).length > 0 ? tree(one.arguments) : null),
	)
	return h(
		'section.card.step',
		h('h2', h('a.entity', { href: exchangeLink(vhost, exchange) }, exchange || '(default)'), h('small.muted', ` ${type} – ${why}`)),
		note ? h('p', note) : null,
		hits.length > 0 ? h('ul.ways', hits.map(line)) : null,
		misses.length > 0 ? h('details', { open: hits.length === 0 }, h('summary', `${plural(misses.length, 'binding does', 'bindings do')} not match`), h('ul.ways', misses.map(line))) : null,
		left > 0 ? h('p.muted', `${plural(left, 'more binding')} not shown.`) : null,
	)
}
