// What flows between two things: channels, exchanges and queues.

import { exchangePart, link } from '../base.js'
import { linkColumn, rateColumn } from '../cells.js'
import { plainCard } from '../list.js'

/** The other end: its name and its page. */
function end({ exchange, queue, channel_details: channel }) {
	if (exchange) return [exchange.name || '(default)', link('exchanges', exchange.vhost, exchangePart(exchange.name))]
	return queue ? [queue.name, link('queues', queue.vhost, queue.name)] : [channel.name, link('channels', channel.name)]
}

/** A card of pairs with their rates, `[counter, label]`. */
export const pairsCard = (caption, label, ...rates) => plainCard({
	caption,
	columns: [
		linkColumn('end', label, row => end(row)[1], row => end(row)[0], { kind: 'name' }),
		...rates.map(([id, what]) => rateColumn(`stats.${id}`, what)),
	],
	key: row => end(row)[1],
	empty: 'Nothing lately.',
})
