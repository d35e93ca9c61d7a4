// The past: the ranges that charts offer, and the server's samples as their lines.

import { count, get, h, rate, setParams } from './base.js'
import { Chart } from './chart.js'
import { remember, remembered } from './remembered.js'

/** Stretches of the past: how long, and how far apart the samples are, in seconds. */
export const RANGES = [
	{ id: '1m', label: '1 min', age: 60, step: 2 },
	{ id: '10m', label: '10 min', age: 600, step: 5 },
	{ id: '1h', label: '1 h', age: 3600, step: 60 },
	{ id: '8h', label: '8 h', age: 28800, step: 300 },
	{ id: '24h', label: '24 h', age: 86400, step: 1800 },
]

/** The range of a page's charts: from the address, else the one chosen last. */
export function rangeSwitch(params, onChoose) {
	const wanted = params.get('range') ?? remembered('range', '1m')
	const choice = { range: RANGES.find(({ id }) => id === wanted) ?? RANGES[0], node: null }
	const buttons = RANGES.map(range =>
		h('button', {
			type: 'button',
			'aria-pressed': String(range === choice.range),
			onclick: event => {
				for (const other of buttons) other.setAttribute('aria-pressed', String(other === event.currentTarget))
				choice.range = range
				remember('range', range.id)
				setParams({ range: range.id })
				onChoose()
			},
		}, range.label),
	)
	choice.node = h('div.segments', { role: 'group', 'aria-label': 'Range of the charts' }, buttons)
	return choice
}

/** The parameters that ask for samples. */
export const past = ({ age, step }, ...kinds) =>
	Object.fromEntries(kinds.flatMap(kind => [[`${kind}_age`, age], [`${kind}_incr`, step]]))

/** One thing with samples of these kinds, and the range that was asked for. */
export async function withPast({ range }, path, signal, ...kinds) {
	return { one: await get(path, past(range, ...kinds), signal), range }
}

/** The change per second between neighbouring samples, oldest first. */
export function slopes(samples, stepS) {
	const forward = samples.slice().reverse()
	return forward.slice(1).map(({ sample }, i) => Math.max(0, (sample - forward[i].sample) / stepS))
}

const samplesOf = (stats, id) => stats?.[`${id}_details`]?.samples ?? []
const longest = lists => lists.reduce((a, b) => (b.length > a.length ? b : a), [])

/** Lines that begin with the first sample that any of them has. */
function padded(values, length) {
	return [...Array(Math.max(0, length - values.length)).fill(0), ...values]
}

/** Shows counters as rates. A series may add up several counters: `from`. */
export function showRates(chart, series, stats, { age, step }) {
	const ids = series.flatMap(({ id, from = [id] }) => from)
	const times = longest(ids.map(id => samplesOf(stats, id))).map(({ timestamp }) => timestamp).reverse().slice(1)
	const values = {}
	const latest = {}
	for (const { id, from = [id] } of series) {
		const lines = from.map(one => padded(slopes(samplesOf(stats, one), step), times.length))
		values[id] = times.map((_, i) => lines.reduce((sum, line) => sum + line[i], 0))
		latest[id] = from.reduce((sum, one) => sum + (stats?.[`${one}_details`]?.rate ?? 0), 0)
	}
	chart.show({ times, values, latest, spanMs: age * 1000, stepMs: step * 1000 })
}

/** Shows levels: lengths, memory, disk. */
export function showLevels(chart, series, stats, { age, step }) {
	const times = longest(series.map(({ id }) => samplesOf(stats, id))).map(({ timestamp }) => timestamp).reverse()
	const values = {}
	const latest = {}
	for (const { id } of series) {
		values[id] = padded(samplesOf(stats, id).map(({ sample }) => sample).reverse(), times.length)
		latest[id] = stats?.[id] ?? 0
	}
	chart.show({ times, values, latest, spanMs: age * 1000, stepMs: step * 1000 })
}

const RATES = [
	{ id: 'publish', label: 'Published', tone: 'in' },
	{ id: 'confirm', label: 'Confirmed', tone: 'confirm' },
	{ id: 'deliver', label: 'Delivered', tone: 'out', from: ['deliver', 'deliver_no_ack'] },
	{ id: 'get', label: 'Fetched', tone: 'get', from: ['get', 'get_no_ack'] },
	{ id: 'ack', label: 'Acknowledged', tone: 'ack' },
	{ id: 'redeliver', label: 'Redelivered', tone: 'warn' },
	{ id: 'unroutable', label: 'Unroutable', tone: 'bad', from: ['return_unroutable', 'drop_unroutable'] },
]

const LENGTHS = [
	{ id: 'messages_ready', label: 'Ready', tone: 'ready' },
	{ id: 'messages_unacknowledged', label: 'Unacknowledged', tone: 'unacked' },
]

/** The chart of what messages do. */
export function ratesChart(without = [], title = 'Message rates') {
	const series = RATES.filter(({ id }) => !without.includes(id))
	const chart = new Chart({ title, series, format: rate })
	return { node: chart.node, show: (stats, range) => showRates(chart, series, stats, range) }
}

/** The chart of how many messages wait. */
export function lengthsChart() {
	const chart = new Chart({ title: 'Queued messages', series: LENGTHS, format: count, stacked: true })
	return { node: chart.node, show: (totals, range) => showLevels(chart, LENGTHS, totals, range) }
}
