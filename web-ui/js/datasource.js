// A resource that is read again and again while somebody looks.

const REFRESH_MS = 2000
const RETRY_MS_MAX = 15000

/**
 * Reads with `load(signal)` at once and every two seconds after an answer, hands each answer to
 * `show`, and tells `report` how it goes. Rests while the tab is hidden.
 */
export class DataSource {
  #load
  #show
  #report
  #timer = null
  #running = null
  #failures = 0
  #stopped = false
  #wake = () => {
    if (!document.hidden) this.refresh()
  }

  constructor({ load, show, report }) {
    this.#load = load
    this.#show = show
    this.#report = report
    document.addEventListener('visibilitychange', this.#wake)
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
      this.#report(null)
    } catch (error) {
      if (running.signal.aborted) return
      this.#failures += 1
      this.#report(error)
    }
    const pause = REFRESH_MS * 2 ** Math.min(this.#failures, 3)
    if (!document.hidden) this.#timer = setTimeout(() => this.refresh(), Math.min(pause, RETRY_MS_MAX))
  }

  stop() {
    this.#stopped = true
    clearTimeout(this.#timer)
    this.#running?.abort()
    document.removeEventListener('visibilitychange', this.#wake)
  }
}
