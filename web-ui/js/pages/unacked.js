// Messages that are with consumers: whose, since when.

import { dateTime, duration, get, link, literal, plural } from '../base.js'
import { linkColumn, textColumn } from '../cells.js'
import { plainCard } from '../list.js'
import { own } from '../moves.js'

const UNACKED_MAX = 500

const age = ({ age_ms }) => (age_ms == null ? '–' : age_ms < 1000 ? 'less than 1 s' : duration(age_ms))

/** A line of the body. */
const body = ({ payload, payload_encoding }) => (payload == null ? '–' : payload_encoding === 'base64' ? `base64: ${payload}` : literal(payload)).slice(0, 200)

export function unacked(row) {
	const table = plainCard({
		caption: 'Delivered and not acknowledged, the oldest first',
		columns: [
			textColumn('consumer_tag', 'Consumer', one => one.consumer_tag || 'fetched', { kind: 'name' }),
			linkColumn('channel.name', 'Channel', one => (one.channel?.name ? link('channels', one.channel.name) : null), undefined, { kind: 'wide' }),
			textColumn('age_ms', 'Unacked for', age, { kind: 'number' }),
			textColumn('delivered_at', 'Delivered', one => (one.delivered_at ? dateTime(one.delivered_at) : '–'), { kind: 'time' }),
			textColumn('redelivered', 'Redelivered', one => ({ true: 'yes', false: 'no' })[one.redelivered] ?? '–'),
			textColumn('routing_key', 'Routing key', undefined, { kind: 'wide' }),
			textColumn('payload', 'Body', body, { kind: 'code' }),
		],
		key: one => `${one.id} ${one.channel?.name} ${one.consumer_tag}`,
		empty: 'No message is with a consumer.',
	})
	return {
		node: table.node,
		load: signal => get(own(row, 'unacked'), { count: UNACKED_MAX }, signal),
		show: ({ messages, total, complete }) => {
			table.show(messages)
			table.say(`${total > messages.length ? `The oldest ${messages.length} of ` : ''}${plural(total, 'message')}${complete ? '' : '; a connection did not answer'}`)
		},
	}
}
