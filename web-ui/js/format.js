// Numbers for people: short, steady in width, never more exact than they are.

const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 })
const short = new Intl.NumberFormat('en', { notation: 'compact', maximumSignificantDigits: 3 })
const tenth = new Intl.NumberFormat('en', { minimumFractionDigits: 1, maximumFractionDigits: 1 })

/** 1,234,567 */
export const count = value => whole.format(value ?? 0)

/** 1.23M */
export const compact = value => ((value ?? 0) < 10000 ? whole.format(value ?? 0) : short.format(value))

/** 12,345/s; 0.4/s; nothing for rest */
export function rate(value) {
	const perSecond = value ?? 0
	if (perSecond === 0) return '0/s'
	return `${perSecond < 10 ? tenth.format(perSecond) : compact(Math.round(perSecond))}/s`
}

/** 12.3 MiB */
export function bytes(value) {
	const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']
	let rest = value ?? 0
	let unit = 0
	while (rest >= 1024 && unit < units.length - 1) {
		rest /= 1024
		unit += 1
	}
	return `${unit === 0 || rest >= 100 ? whole.format(rest) : tenth.format(rest)} ${units[unit]}`
}

/** 3 d 4 h, from milliseconds: the two largest units */
export function duration(ms) {
	const seconds = Math.floor((ms ?? 0) / 1000)
	/** @type {[number, string][]} */
	const parts = [
		[Math.floor(seconds / 86400), 'd'],
		[Math.floor(seconds / 3600) % 24, 'h'],
		[Math.floor(seconds / 60) % 60, 'min'],
		[seconds % 60, 's'],
	]
	const first = Math.max(0, parts.findIndex(([n]) => n > 0))
	const from = parts.every(([n]) => n === 0) ? 3 : first
	return parts.slice(from, from + 2).map(([n, unit]) => `${n} ${unit}`).join(' ')
}

/** @type {Intl.DateTimeFormatOptions} */
const minutes = { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' }
const clock = new Intl.DateTimeFormat('en', { ...minutes, second: '2-digit' })
const hour = new Intl.DateTimeFormat('en', minutes)

/** 14:03:09, or 14:03 when seconds don't matter */
export const time = (ms, stepMs = 0) => (stepMs >= 60000 ? hour : clock).format(new Date(ms))

/** 14:03:09 */
export const clockTime = ms => clock.format(new Date(ms))

const day = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'medium' })

/** 5 Mar 2026, 14:03:09 */
export const dateTime = ms => day.format(new Date(ms))

/** "1 queue", "2 queues" */
export const plural = (n, one, many = `${one}s`) => `${count(n)} ${n === 1 ? one : many}`

/** A value of an argument as people write it. */
export const literal = value => (typeof value === 'string' ? value : JSON.stringify(value))

/** 12.3 KiB/s */
export const dataRate = value => `${bytes(value)}/s`

/** What stands on the axis of a chart. */
bytes.axis = dataRate.axis = bytes
