// Why a queue grows or stands still, from its numbers, in one sentence.

import { count, duration, plural, rate } from './format.js'

/** A change of depth, in messages a second, that counts as standing still. */
const STILL = 0.5

/** How far back it is looked for a trend. */
const RECENT_MS = 15_000

const speed = (queue, ...ids) => ids.reduce((sum, id) => sum + (queue.message_stats?.[`${id}_details`]?.rate ?? 0), 0)

/** Messages a second by which it has grown lately. */
export function growth(queue) {
	const all = queue.messages_details?.samples ?? []
	// What was is of no interest: only the latest samples, two at least.
	const samples = all.filter(({ timestamp }, i) => i < 2 || timestamp > all[0].timestamp - RECENT_MS)
	if (samples.length < 2) return queue.messages_details?.rate ?? 0
	const [newest, oldest] = [samples[0], samples.at(-1)]
	const seconds = (newest.timestamp - oldest.timestamp) / 1000
	return seconds > 0 ? (newest.sample - oldest.sample) / seconds : 0
}

export function diagnose(queue) {
	const { messages_ready: ready = 0, messages_unacknowledged: unacked = 0, messages = 0 } = queue
	const consumers = queue.consumer_details ?? []
	const incoming = speed(queue, 'publish')
	const outgoing = speed(queue, 'deliver', 'deliver_no_ack', 'get', 'get_no_ack')
	const acks = speed(queue, 'ack')
	const grows = growth(queue)
	const rates = `${rate(incoming)} come in, ${rate(outgoing)} go out`
	const wait = ready > 0 && outgoing > 0 ? `; at this speed the ${count(ready)} ready ones take ${duration((ready / outgoing) * 1000)}` : ''

	if (messages === 0) return quiet(incoming > 0 ? `It is empty: what comes in (${rate(incoming)}) goes out at once.` : 'It is empty and nothing comes in.')
	if (ready === 0) {
		return { tone: 'good', words: `No message waits; ${plural(unacked, 'message')} ${unacked === 1 ? 'is' : 'are'} with consumers that have not acknowledged ${unacked === 1 ? 'it' : 'them'} yet (${rate(acks)} are).` }
	}
	const trend = grows > STILL ? `It grows by ${rate(grows)}` : grows < -STILL ? `It shrinks by ${rate(-grows)}` : `It stands at ${count(messages)}`
	if (consumers.length === 0) {
		return { tone: grows > STILL ? 'bad' : 'warn', words: `${trend}: ${plural(ready, 'message')} ${ready === 1 ? 'waits' : 'wait'} and nobody consumes (${rates}).` }
	}
	const full = fullConsumers(queue, consumers, unacked)
	if (full) return { tone: grows > STILL ? 'bad' : 'warn', words: `${trend}: ${full} (${rates}, ${rate(acks)} are acknowledged)${wait}.` }
	if (queue.state === 'paused') return { tone: 'warn', words: `${trend}: deliveries are paused.` }
	if (grows > STILL) {
		return { tone: 'bad', words: `${trend}: ${rates}; ${plural(consumers.length, 'consumer')} cannot keep up${wait}.` }
	}
	if (grows < -STILL) return { tone: 'good', words: `${trend}: ${rates}${wait}.` }
	if (outgoing === 0) {
		const idle = consumers.filter(({ active }) => active === false).length
		const why = idle > 0 ? `${plural(idle, 'consumer')} of ${consumers.length} ${idle === 1 ? 'is' : 'are'} not active` : 'the consumers take nothing'
		return { tone: 'warn', words: `${trend}: ${why} (${rates}).` }
	}
	return { tone: 'warn', words: `${trend}: ${rates}${wait}.` }
}

const quiet = words => ({ tone: 'quiet', words })

/** What to say if every consumer holds as much as it may. */
function fullConsumers(queue, consumers, unacked) {
	const limited = consumers.filter(({ prefetch_count, ack_required }) => ack_required && prefetch_count > 0)
	if (limited.length < consumers.length || unacked === 0) return null
	const credit = limited.reduce((sum, { prefetch_count }) => sum + prefetch_count, 0)
	if (unacked < credit) return null
	const who = consumers.length === 1 ? 'its only consumer holds' : `all ${consumers.length} consumers hold`
	return `${who} as many unacknowledged messages as the prefetch allows, ${count(unacked)} of ${count(credit)}, so that they are slower than what comes in`
}
