// Pages of one thing: a heading, tabs that are in the address, and what to say when it is gone.

import { h, setParams } from './base.js'
import { DataSource } from './datasource.js'

/** @param {HTMLElement} main @param {DetailSpec} spec */
export function detailPage(main, { kind, name, vhost, up, controls = [], tabs, params, load, show }) {
	const [upLabel, upHref] = up
	const title = h('h1', h('span.kind', kind), ' ', h('span.thing', name))
	const trail = h('p.trail', h('a', { href: upHref }, upLabel), vhost ? [' in ', h('b', vhost)] : null)
	const heading = h('div.heading', h('div.title', trail, title), h('div.filters', controls))
	const gone = h('section.card.empty', { hidden: true })
	let current = tabs.find(({ id }) => id === params.get('tab')) ?? tabs[0]
	const panels = tabs.map(({ id, nodes }) => h('div.panel-page', { role: 'tabpanel', id: `tab-${id}` }, nodes))
	const buttons = tabs.map((tab, i) => h('button', {
		type: 'button', role: 'tab', 'aria-controls': `tab-${tab.id}`,
		onclick: () => choose(tab),
		onkeydown: event => {
			const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key]
			if (!step) return
			const next = (i + step + tabs.length) % tabs.length
			choose(tabs[next])
			buttons[next].focus()
		},
	}, tab.label))
	const bar = h('div.tabs', { role: 'tablist', hidden: tabs.length < 2 }, buttons)
	const body = h('div.detail', bar, panels)
	const draw = () => {
		tabs.forEach((tab, i) => {
			panels[i].hidden = tab !== current
			buttons[i].setAttribute('aria-selected', String(tab === current))
			buttons[i].tabIndex = tab === current ? 0 : -1
			if (tab === current) bar.scrollLeft = buttons[i].offsetLeft - 60
		})
	}
	const choose = tab => {
		current = tab
		setParams({ tab: tab === tabs[0] ? null : tab.id })
		draw()
		source.refresh()
	}
	main.replaceChildren(heading, gone, body)
	draw()

	const source = new DataSource({
		load: signal => Promise.all([load(signal), ...(current.lists ?? []).map(list => list.load(signal))]),
		show: ([one, ...answers]) => {
			gone.hidden = true
			body.hidden = false
			show(one)
			current.lists?.forEach((list, i) => list.show(answers[i]))
		},
		failed: error => {
			const missing = error.status === 404
			gone.hidden = !missing
			body.hidden = missing
			gone.replaceChildren(`There is no ${kind.toLowerCase()} of this name now. `, h('a', { href: upHref, class: 'entity' }, `All ${upLabel.toLowerCase()}`))
			return missing
		},
	})
	return source
}
