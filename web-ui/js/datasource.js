// A resource that is read again and again while somebody looks.

import { onRefreshChange, refreshMs, report, whenLeft } from './live.js'

const RETRY_MS_MIN = 2000
const RETRY_MS_MAX = 15000

const busy = value => document.getElementById('page').setAttribute('aria-busy', value)

/**
 * Reads with `load(signal)` at once and again some time after each answer, and hands each answer
 * to `show`. Rests while the tab is hidden. `failed(error)` hears of what went wrong; when it
 * gives true, that was all there is to say about it.
 */
export class DataSource {
	#load
	#show
	#failed
	#timer = null
	#running = null
	#failures = 0
	#stopped = false
	#forget
	#wake = () => {
		if (!document.hidden && refreshMs() > 0) this.refresh()
	}

	/** @param {Wiring} wiring */
	constructor({ load, show, failed = () => false }) {
		this.#load = load
		this.#show = show
		this.#failed = failed
		document.addEventListener('visibilitychange', this.#wake)
		this.#forget = onRefreshChange(() => this.refresh())
		busy('true')
		whenLeft(() => this.#stop())
		this.refresh()
	}

	/** Reads now: what was asked for has changed, and an answer under way is for something else. */
	async refresh() {
		clearTimeout(this.#timer)
		this.#running?.abort()
		if (this.#stopped) return
		const running = (this.#running = new AbortController())
		try {
			const answer = await this.#load(running.signal)
			if (running.signal.aborted) return
			this.#failures = 0
			this.#show(answer)
			report(null)
			busy('false')
		} catch (error) {
			if (running.signal.aborted) return
			this.#failures += 1
			if (!(error && 'status' in error) && error.name !== 'TypeError') console.error(error)
			report(this.#failed(error) === true ? null : error)
			busy('false')
		}
		const pause = Math.max(refreshMs(), this.#failures > 0 ? RETRY_MS_MIN * 2 ** Math.min(this.#failures, 3) : 0)
		if (!document.hidden && pause > 0) {
			this.#timer = setTimeout(() => this.refresh(), Math.min(pause, Math.max(RETRY_MS_MAX, refreshMs())))
		}
	}

	#stop() {
		this.#stopped = true
		clearTimeout(this.#timer)
		this.#running?.abort()
		this.#forget()
		document.removeEventListener('visibilitychange', this.#wake)
	}
}
