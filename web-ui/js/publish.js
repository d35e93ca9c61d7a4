// The form that publishes a message.

import { HEADERS, PROPERTIES } from './arguments.js'
import { api, exchangePart, h, post, text } from './base.js'
import { form } from './form.js'

/** @param {{ vhost: string, exchange: string, routingKey?: string, done?: () => void }} given */
export function publishCard({ vhost, exchange, routingKey, done = () => {} }) {
	const result = h('p.result', { role: 'status' })
	const made = form({
		verb: 'Publish',
		fields: [
			...(routingKey === undefined ? [{ name: 'routing_key', label: 'Routing key' }] : []),
			{ name: 'delivery_mode', label: 'Delivery mode', kind: 'select', options: [['2', 'Persistent'], ['1', 'Transient']], help: 'Persistent messages in durable queues survive a restart.' },
			{ name: 'properties', label: 'Properties', kind: 'arguments', shortcuts: PROPERTIES },
			{ name: 'headers', label: 'Headers', kind: 'arguments', shortcuts: HEADERS },
			{ name: 'payload', label: 'Payload', kind: 'area' },
			{ name: 'payload_encoding', label: 'Payload is', kind: 'select', options: [['string', 'Text'], ['base64', 'Base64']] },
		],
		submit: async ({ routing_key, delivery_mode, properties, headers, payload, payload_encoding }) => {
			text(result, '')
			const message = {
				routing_key: routingKey ?? routing_key,
				properties: { ...properties, delivery_mode: Number(delivery_mode), headers },
				payload,
				payload_encoding,
			}
			const { routed } = await post(api('exchanges', vhost, exchangePart(exchange), 'publish'), message)
			if (!routed) throw new Error('It reached no queue: no binding matches.')
			text(result, 'Published.')
			done()
		},
	})
	return h('section.card.narrow', h('h2', 'Publish a message'), made.node, result)
}
