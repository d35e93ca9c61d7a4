// How fresh the page is: how often it reads, when it last did, and whether that worked.

import { text } from './dom.js'
import { clockTime } from './format.js'
import { remember, remembered } from './remembered.js'

const REFRESHES = [
	{ ms: 2000, label: 'Every 2 s' },
	{ ms: 5000, label: 'Every 5 s' },
	{ ms: 10000, label: 'Every 10 s' },
	{ ms: 30000, label: 'Every 30 s' },
	{ ms: 0, label: 'Paused' },
]

let chosen = REFRESHES.find(({ ms }) => ms === remembered('refresh', 2000)) ?? REFRESHES[0]
const listeners = new Set()
const leaving = new Set()

/** Calls back when the page is left. */
export const whenLeft = callback => leaving.add(callback)

/** The page is left: what reads or draws for it ends. */
export function leavePage() {
	for (const callback of leaving) callback()
	leaving.clear()
}

/** Milliseconds between reads; 0 is never. */
export const refreshMs = () => chosen.ms

/** Calls back when another interval is chosen; gives a function that ends this. */
export function onRefreshChange(callback) {
	listeners.add(callback)
	return () => listeners.delete(callback)
}

/** Fills the select that chooses the interval. */
export function refreshSelect(select) {
	for (const { ms, label } of REFRESHES) {
		const option = document.createElement('option')
		option.value = String(ms)
		option.textContent = label
		select.append(option)
	}
	select.value = String(chosen.ms)
	select.addEventListener('change', () => {
		chosen = REFRESHES.find(({ ms }) => String(ms) === select.value)
		remember('refresh', chosen.ms)
		for (const callback of listeners) callback()
	})
}

/** Tells the bar whether the last read worked. */
export function report(error) {
	const live = document.getElementById('live')
	live.classList.toggle('broken', error !== null)
	live.classList.toggle('paused', error === null && chosen.ms === 0)
	const rest = chosen.ms === 0 ? 'paused' : 'live'
	text(document.getElementById('live-text'), error ? (error.status ? `error ${error.status}` : 'no connection') : rest)
	live.title = error ? error.message : `Last read at ${clockTime(Date.now())}`
}
