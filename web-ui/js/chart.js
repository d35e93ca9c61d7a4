// Lines over time, and the small ones in table rows. Drawn as SVG from the server's samples.

import { attribute, compact, h, svg, text, time, whenLeft } from './base.js'

const HEIGHT = 220
/** The charts of the page: what is pointed at in one is marked in all. */
const all = new Set()
const MARGIN = { top: 12, right: 8, bottom: 24, left: 56 }

/**
 * A chart with a legend. `series` are `{ id, label, tone }`; with `stacked` they are areas on top
 * of each other. `format` makes the numbers of the legend and of what is pointed at.
 */
export class Chart {
	#series
	#format
	#stacked
	#hidden = new Set()
	#data = null
	#latest = {}
	/** The part of the time axis that is pointed at, from 0 to 1. */
	#pointed = null
	#pointedHere = false
	#width = 0
	#plot
	#tip
	#legend = new Map()
	#observer

	/** @param {ChartSpec} spec */
	constructor({ title, series, format, stacked = false }) {
		this.#series = series
		this.#format = format
		this.#stacked = stacked
		this.#plot = svg('svg.plot', { height: HEIGHT, role: 'img', 'aria-label': title })
		this.#tip = h('div.tip', { hidden: true })
		const frame = h('div.plot-frame', this.#plot, this.#tip)
		this.node = h(
			'section.card.chart',
			h('h2', title),
			frame,
			h('div.legend', series.map(one => this.#legendItem(one))),
		)
		frame.addEventListener('pointermove', event => this.#point(event))
		frame.addEventListener('pointerleave', () => this.#point(null))
		this.#observer = new ResizeObserver(([entry]) => {
			this.#width = Math.floor(entry.contentRect.width)
			this.#draw()
		})
		this.#observer.observe(frame)
		all.add(this)
		whenLeft(() => {
			all.delete(this)
			this.#observer.disconnect()
		})
	}

	/**
	 * Shows new data: `times` in milliseconds, oldest first, `values[id]` beside them, the newest
	 * numbers by id, and the span that the axis covers.
	 */
	show({ times, values, latest, spanMs, stepMs }) {
		this.#data = { times, values, spanMs, stepMs }
		this.#latest = latest
		for (const { id } of this.#series) text(this.#legend.get(id).number, this.#format(latest[id]))
		this.#draw()
	}

	#legendItem({ id, label, tone }) {
		const number = h('b', '–')
		const button = h(
			'button',
			{
				type: 'button',
				class: `legend-item tone-${tone}`,
				'aria-pressed': 'true',
				title: `Show or hide ${label.toLowerCase()}`,
				onclick: () => {
					const hide = !this.#hidden.delete(id)
					if (hide) this.#hidden.add(id)
					button.setAttribute('aria-pressed', String(!hide))
					this.#draw()
				},
			},
			h('i'),
			h('span', label),
			number,
		)
		this.#legend.set(id, { number })
		return button
	}

	/** The lines as they are drawn: hidden ones left out, stacked ones added up. */
	#lines() {
		const lines = []
		let below = null
		for (const { id, tone } of this.#series) {
			const own = this.#data.values[id]
			// A line along the axis says nothing that the legend doesn't.
			if (this.#hidden.has(id) || own.every(value => value === 0)) continue
			const top = below && this.#stacked ? own.map((value, i) => value + below[i]) : own
			lines.push({ id, tone, top, bottom: this.#stacked ? below : null })
			below = top
		}
		return lines
	}

	#draw() {
		if (!this.#data || this.#width === 0) return
		const { times, spanMs, stepMs } = this.#data
		const width = this.#width
		attribute(this.#plot, 'width', width)
		attribute(this.#plot, 'viewBox', `0 0 ${width} ${HEIGHT}`)
		const lines = this.#lines()
		const highest = Math.max(0, ...lines.flatMap(line => line.top))
		// Bytes need their units on the axis; numbers stand alone.
		const axis = this.#format.axis
		const ticks = niceTicks(highest, axis !== undefined)
		const end = times.at(-1) ?? Date.now()
		const x = at => MARGIN.left + (1 - (end - at) / spanMs) * (width - MARGIN.left - MARGIN.right)
		const yMax = ticks.at(-1)
		const y = value => HEIGHT - MARGIN.bottom - (value / yMax) * (HEIGHT - MARGIN.top - MARGIN.bottom)
		const content = [
			...ticks.map(tick => gridLine(width, y(tick), (axis ?? compact)(tick))),
			...timeLabels(end, spanMs, width).map(at => timeLabel(x(at), at, stepMs)),
			svg('g', { class: this.#stacked ? '' : 'lines' }, lines.flatMap(line => this.#line(line, times, x, y))),
		]
		if (times.length < 2) content.push(emptyNote(width))
		const pointed = this.#pointedIndex(times, x)
		if (pointed != null) content.push(...this.#marks(lines, times, pointed, x, y))
		this.#plot.replaceChildren(...content)
		this.#showTip(pointed, times, x, stepMs)
	}

	#line({ tone, top, bottom }, times, x, y) {
		const points = times.map((at, i) => `${x(at).toFixed(1)},${y(top[i]).toFixed(1)}`)
		if (points.length < 2) return []
		const line = svg('polyline', { class: `line tone-${tone}`, points: points.join(' ') })
		if (!this.#stacked) return [line]
		const back = times.map((at, i) => `${x(at).toFixed(1)},${y(bottom ? bottom[i] : 0).toFixed(1)}`)
		const area = [...points, ...back.reverse()].join(' ')
		return [svg('polygon', { class: `area tone-${tone}`, points: area }), line]
	}

	#point(event) {
		const at = event ? event.clientX - this.#plot.getBoundingClientRect().left : 0
		const part = event ? (at - MARGIN.left) / (this.#width - MARGIN.left - MARGIN.right) : null
		for (const chart of all) {
			chart.#pointed = part
			chart.#pointedHere = chart === this
			chart.#draw()
		}
	}

	#pointedIndex(times, x) {
		if (this.#pointed == null || times.length < 2) return null
		const wanted = MARGIN.left + this.#pointed * (this.#width - MARGIN.left - MARGIN.right)
		let nearest = 0
		times.forEach((at, i) => {
			if (Math.abs(x(at) - wanted) < Math.abs(x(times[nearest]) - wanted)) nearest = i
		})
		return nearest
	}

	#marks(lines, times, index, x, y) {
		const at = x(times[index])
		return [
			svg('line.cross', { x1: at, x2: at, y1: MARGIN.top, y2: HEIGHT - MARGIN.bottom }),
			...lines.map(({ tone, top }) =>
				svg('circle', { class: `dot tone-${tone}`, cx: at, cy: y(top[index]), r: 3.5 }),
			),
		]
	}

	#showTip(index, times, x, stepMs) {
		this.#tip.hidden = index == null
		if (index == null) return
		const rows = this.#series
			.filter(({ id }) => !this.#hidden.has(id))
			.map(({ id, label, tone }) =>
				h(
					'div',
					{ class: `tip-row tone-${tone}` },
					h('i'),
					h('span', label),
					h('b', this.#format(this.#data.values[id][index])),
				),
			)
		this.#tip.replaceChildren(h('div.tip-time', time(times[index], stepMs)), ...rows)
		const at = x(times[index])
		const left = at > this.#width / 2 ? at - this.#tip.offsetWidth - 12 : at + 12
		this.#tip.style.transform = `translate(${Math.max(0, Math.round(left))}px, ${MARGIN.top}px)`
	}
}

function gridLine(width, y, tick) {
	return svg(
		'g.grid',
		svg('line', { x1: MARGIN.left, x2: width - MARGIN.right, y1: y, y2: y }),
		svg('text', { x: MARGIN.left - 8, y: y + 4, 'text-anchor': 'end' }, tick),
	)
}

function timeLabel(x, at, stepMs) {
	return svg('text.axis', { x, y: HEIGHT - 6, 'text-anchor': 'middle' }, time(at, stepMs))
}

function emptyNote(width) {
	const middle = { x: width / 2, y: HEIGHT / 2, 'text-anchor': 'middle' }
	return svg('text.axis', { ...middle }, 'collecting samples')
}

/** Round times inside the span, so many that labels don't touch. */
function timeLabels(end, spanMs, width) {
	const steps = [10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600].map(s => s * 1000)
	const wanted = spanMs / Math.max(1, Math.floor((width - MARGIN.left) / 110))
	const step = steps.find(one => one >= wanted) ?? steps.at(-1)
	// Round in local time: midnight and noon are where people expect them.
	const zoneMs = new Date(end).getTimezoneOffset() * 60000
	const labels = []
	for (let at = Math.floor((end - zoneMs) / step) * step + zoneMs; at > end - spanMs * 0.96; at -= step) {
		if (at < end - spanMs * 0.04) labels.push(at)
	}
	return labels
}

/** Zero, and up to four round numbers that reach over `highest`; of bytes, round in binary. */
export function niceTicks(highest, binary = false) {
	const wanted = Math.max(highest, 1) / 4
	const unit = binary ? 1024 ** Math.floor(Math.log(wanted) / Math.log(1024)) : 1
	const power = unit * 10 ** Math.floor(Math.log10(wanted / unit))
	const step = [1, 2, 2.5, 5, 10].map(n => n * power).find(n => n >= wanted) ?? wanted
	const whole = Math.max(1, step)
	const ticks = [0]
	while (ticks.at(-1) < Math.max(highest, 1)) ticks.push(ticks.at(-1) + whole)
	return ticks
}

const SPARK = { width: 72, height: 22 }

/** A small line without axes. Gives its node and a function that shows other values. */
export function sparkline() {
	const line = svg('polyline.line')
	const area = svg('polygon.area')
	const node = svg(
		'svg.spark',
		{ width: SPARK.width, height: SPARK.height, 'aria-hidden': 'true' },
		area,
		line,
	)
	let shown = ''
	const show = values => {
		const highest = Math.max(1, ...values)
		const step = SPARK.width / Math.max(1, values.length - 1)
		const points = values
			.map((value, i) => {
				const y = SPARK.height - 2 - (value / highest) * (SPARK.height - 4)
				return `${(i * step).toFixed(1)},${y.toFixed(1)}`
			})
			.join(' ')
		if (points === shown) return
		shown = points
		node.classList.toggle('flat', values.every(value => value === 0))
		line.setAttribute('points', points)
		const corners = `${SPARK.width},${SPARK.height} 0,${SPARK.height}`
		area.setAttribute('points', values.length > 1 ? `${points} ${corners}` : '')
	}
	return { node, show }
}
