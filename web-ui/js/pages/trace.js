// Trace: messages as they come, each from its publish through routing and delivery to its acks.

import { address, api, button, clockTime, count, events, h, likelyVhost, link, plural, setParams, text, vhostNames, whenLeft } from '../base.js'
import { form } from '../form.js'

const SECONDS_MAX = 60
/** Messages that are shown; the oldest go first. */
const SHOWN_MAX = 200

const FILTERS = [
	['exchange', 'Published to exchange', 'amq.default is the default one.'],
	['routing_key', 'Routing key', 'With * or # in it: a topic pattern.'],
	['queue', 'Routed to queue'],
	['text', 'Has this text', 'In names, properties, headers or body.'],
]

/** Microseconds as people read them. */
const span = us => (us < 1000 ? `${us} µs` : us < 1e6 ? `${(us / 1000).toFixed(us < 1e4 ? 1 : 0)} ms` : `${(us / 1e6).toFixed(1)} s`)

export function page(main, params) {
	const state = h('p.muted', { role: 'status' }, 'Nothing is followed yet.')
	const list = h('div.stack')
	const stop = button('Stop', () => asking.abort(), { hidden: true })
	let asking = new AbortController()
	let seen = new Map()
	const begin = ({ vhost, ...filter }) => {
		setParams({ vhost, ...filter })
		asking.abort()
		const mine = (asking = new AbortController())
		seen = new Map()
		list.replaceChildren()
		follow(address(api('leveret', 'trace', vhost), filter), mine, vhost, Math.min(filter.seconds || SECONDS_MAX, SECONDS_MAX))
	}
	const follow = async (path, { signal }, vhost, seconds) => {
		const end = Date.now() + seconds * 1000
		const say = () => text(state, `Following for ${Math.max(0, Math.ceil((end - Date.now()) / 1000))} s more: ${plural(seen.size, 'message')}`)
		const timer = setInterval(say, 500)
		stop.hidden = false
		try {
			await events(path, signal, (one, name) => {
				if (name !== 'end') add(one, vhost)
				else text(state, `Ended${one.reason === 'events' ? ` after ${count(one.events)} events` : ''}: ${plural(seen.size, 'message')}.`)
			}, say)
		} catch (error) {
			text(state, signal.aborted ? `Stopped: ${plural(seen.size, 'message')}.` : error.message)
		} finally {
			clearInterval(timer)
			stop.hidden = signal === asking.signal
		}
	}
	const add = (one, vhost) => {
		if (!seen.has(one.number)) {
			const made = messageCard(one)
			seen.set(one.number, made)
			list.prepend(made.node)
			if (list.childElementCount > SHOWN_MAX) list.lastChild.remove()
		}
		seen.get(one.number).add(one, vhost)
	}
	const { node } = form({
		verb: 'Follow',
		fields: [
			{ name: 'vhost', label: 'Virtual host', kind: 'select', options: vhostNames(), value: params.get('vhost') || likelyVhost() },
			...FILTERS.map(([name, label, help]) => ({ name, label, help, value: params.get(name) ?? '', placeholder: 'any' })),
			{ name: 'seconds', label: 'Seconds', kind: 'number', value: params.get('seconds') ?? SECONDS_MAX, help: `At most ${SECONDS_MAX}.` },
		],
		submit: async values => begin(values),
	})
	main.replaceChildren(
		h('div.heading', h('h1', 'Trace'), stop),
		h('p.muted', 'Follows what is published from now on. Nothing is taken or changed.'),
		h('div.explain', h('section.card', node), h('div.stack', state, list)),
	)
	main.setAttribute('aria-busy', 'false')
	whenLeft(() => asking.abort())
}

/** One message, with a line for each thing that happens to it. */
function messageCard({ at_ms, exchange, routing_key, payload }) {
	const steps = h('ol.steps')
	const node = h('article.card.trace',
		h('div.message-head', h('time.muted', clockTime(at_ms)), h('span.route', exchange || '(default)', ' → ', routing_key || '(no key)')),
		payload ? h('code', payload) : null,
		steps)
	const add = (one, vhost) => steps.append(h('li',
		h('b', one.event.replace('_', '-')), h('span.muted', one.us_since_publish > 0 ? `+${span(one.us_since_publish)}` : ''), h('span', where(one, vhost))))
	return { node, add }
}

/** Where and why something happened. */
function where({ event, queues, queue, consumer_tag: tag, connection, reason, redelivered }, vhost) {
	const queueLink = name => h('a.entity', { href: link('queues', vhost, name) }, name)
	return [
		event === 'unroutable' ? 'no binding matches' : null,
		reason ? `${reason} ` : null,
		queue ? ['from ', queueLink(queue), ' '] : null,
		queues ? ['to ', queues.map((name, i) => [i > 0 ? ', ' : '', queueLink(name)])] : null,
		event === 'delivered' ? `to ${tag || 'a fetch'}${redelivered ? ', not for the first time,' : ''} ` : null,
		connection && event !== 'routed' ? [event === 'published' ? 'by ' : 'on ', h('a.entity', { href: link('connections', connection) }, connection)] : null,
	]
}
