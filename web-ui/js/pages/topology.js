// The topology of a virtual host: exchanges, bindings, queues, consumers, with what flows.

import { api, button, chosenVhost, compact, count, followAddress, get, h, likelyVhost, link, literal, plural, rate, setParams, svg } from '../base.js'
import { DataSource } from '../datasource.js'
import { exchangeLink } from './bindings.js'

/** Nodes that are drawn at once; a filter makes room. */
const NODES_MAX = 500
const NODE = { width: 200, height: 34, gap: 12 }
const COLUMN = 330
const SWEEPS = 6

export function page(main, params) {
	followAddress(params)
	const vhost = chosenVhost() || likelyVhost()
	const wish = { name: params.get('name') ?? '', consumers: params.get('consumers') !== 'false', all: params.get('all') === 'true' }
	let zoom = 0
	let last = null
	const canvas = svg('svg.topology', { role: 'group', 'aria-label': `Topology of ${vhost}` })
	const frame = h('div.topology-frame', { tabindex: 0 }, canvas)
	const summary = h('span.muted', { role: 'status' })
	const change = changes => {
		Object.assign(wish, changes)
		setParams({ name: wish.name, consumers: wish.consumers ? null : 'false', all: wish.all ? 'true' : null })
		if (last) show(last)
	}
	const filter = h('input', { type: 'search', placeholder: 'Only what is near…', 'aria-label': 'Filter by name', value: wish.name, oninput: () => change({ name: filter.value }) })
	const consumers = h('input', { type: 'checkbox', checked: wish.consumers, onchange: () => change({ consumers: consumers.checked }) })
	const all = h('input', { type: 'checkbox', checked: wish.all, onchange: () => change({ all: all.checked }) })
	const scale = factor => {
		zoom = Math.min(2, Math.max(0.25, zoom * factor))
		size()
	}
	const size = () => {
		const [, , width, height] = (canvas.getAttribute('viewBox') ?? '0 0 0 0').split(' ').map(Number)
		// At first all columns are seen.
		zoom ||= Math.min(1, Math.max(0.6, frame.clientWidth / width))
		canvas.setAttribute('width', String(width * zoom))
		canvas.setAttribute('height', String(height * zoom))
	}
	const show = rows => {
		last = rows
		const graph = near(graphOf(rows, vhost, wish), wish.name)
		const shown = graph.nodes.slice(0, NODES_MAX)
		const ids = new Set(shown.map(({ id }) => id))
		const edges = graph.edges.filter(({ from, to }) => ids.has(from) && ids.has(to))
		const left = graph.nodes.length - shown.length
		summary.textContent = `${plural(shown.length, 'node')}, ${plural(edges.length, 'edge')}${left > 0 ? `; ${count(left)} more are hidden: filter` : ''}`
		canvas.replaceChildren(...drawing(place(shown, edges), edges))
		const width = 40 + COLUMN * Math.max(0, ...shown.map(({ level }) => level)) + NODE.width
		const height = 40 + Math.max(0, ...shown.map(({ y }) => y)) + NODE.height
		canvas.setAttribute('viewBox', `0 0 ${width} ${height}`)
		size()
	}
	main.replaceChildren(
		h('div.heading', h('h1', `Topology of ${vhost}`), h('div.filters',
			summary, filter,
			h('label.check', consumers, 'Consumers'),
			h('label.check', { title: 'Exchanges and queues without bindings and consumers, too' }, all, 'Unconnected'),
			button('−', () => scale(0.8), { 'aria-label': 'Smaller' }), button('+', () => scale(1.25), { 'aria-label': 'Larger' }))),
		h('section.card.flush', frame),
	)
	const source = new DataSource({
		load: async signal => {
			const [exchanges, queues, bindings, list] = await Promise.all([
				get(api('exchanges', vhost), { columns: 'name,type,message_stats.publish_in_details.rate' }, signal),
				get(api('queues', vhost), { page: 1, page_size: 500, sort: 'message_stats.publish_details.rate', sort_reverse: true, columns: 'name,messages,message_stats.publish_details.rate,message_stats.deliver_get_details.rate' }, signal),
				get(api('bindings', vhost), { explicit: true }, signal),
				get(api('consumers', vhost), { columns: 'queue,consumer_tag,channel_details' }, signal),
			])
			return { exchanges, queues: queues.items, bindings, consumers: list }
		},
		show,
	})
}

const speedOf = (row, id) => row?.message_stats?.[`${id}_details`]?.rate ?? 0

/** Nodes and edges of what there is. */
export function graphOf({ exchanges, queues, bindings, consumers }, vhost, wish) {
	const nodes = new Map()
	const edges = []
	const add = (kind, key, name, href, note, speed) => nodes.set(`${kind} ${key}`, { id: `${kind} ${key}`, kind, name, href, note, speed, level: 0, y: 0 })
	for (const row of exchanges) {
		add('exchange', row.name, row.name || '(default)', exchangeLink(vhost, row.name), row.type, speedOf(row, 'publish_in'))
	}
	for (const row of queues) {
		add('queue', row.name, row.name, link('queues', vhost, row.name), plural(row.messages ?? 0, 'message'), speedOf(row, 'publish'))
	}
	const incoming = new Map()
	for (const one of bindings) incoming.set(one.destination, (incoming.get(one.destination) ?? 0) + 1)
	for (const { source, destination, destination_type: type, routing_key: key, arguments: args } of bindings) {
		const target = nodes.get(`${type} ${destination}`)
		if (!target) continue
		// Rates are known for both ends only: an edge's is known where there is one way in.
		const speed = incoming.get(destination) === 1 ? target.speed : Math.min(target.speed, nodes.get(`exchange ${source}`)?.speed ?? 0)
		const words = Object.entries(args ?? {}).map(([name, value]) => `${name}=${literal(value)}`).join(' ')
		edges.push({ from: `exchange ${source}`, to: `${type} ${destination}`, label: key || words || '(no key)', speed })
	}
	const groups = new Map()
	if (wish.consumers) {
		for (const one of consumers) {
			const who = one.channel_details?.connection_name ?? one.consumer_tag
			const key = `${one.queue.name} ${who}`
			groups.set(key, { queue: one.queue.name, who, many: (groups.get(key)?.many ?? 0) + 1 })
		}
	}
	for (const [key, { queue, who, many }] of groups) {
		const target = nodes.get(`queue ${queue}`)
		if (!target) continue
		add('consumer', key, who, link('connections', who), plural(many, 'consumer'), 0)
		edges.push({ from: `queue ${queue}`, to: `consumer ${key}`, label: '', speed: speedOf(queues.find(({ name }) => name === queue), 'deliver_get') })
	}
	const used = new Set(edges.flatMap(({ from, to }) => [from, to]))
	const kept = [...nodes.values()].filter(({ id }) => wish.all || used.has(id))
	return { nodes: kept, edges }
}

/** What matches a name, and all that is connected with it. */
function near(graph, name) {
	if (name === '') return graph
	const wanted = name.toLowerCase()
	const seen = new Set(graph.nodes.filter(one => one.name.toLowerCase().includes(wanted)).map(({ id }) => id))
	for (const [forward, back] of [['from', 'to'], ['to', 'from']]) {
		const reached = new Set(seen)
		const waiting = [...seen]
		while (waiting.length > 0) {
			const here = waiting.pop()
			for (const edge of graph.edges) {
				if (edge[forward] !== here || reached.has(edge[back])) continue
				reached.add(edge[back])
				waiting.push(edge[back])
			}
		}
		for (const id of reached) seen.add(id)
	}
	return { nodes: graph.nodes.filter(({ id }) => seen.has(id)), edges: graph.edges.filter(({ from, to }) => seen.has(from) && seen.has(to)) }
}

/** Columns from left to right, and an order in each that crosses few edges. */
function place(nodes, edges) {
	const byId = new Map(nodes.map(node => [node.id, node]))
	// As many steps as there are exchanges will do, also where exchanges are bound in a circle.
	for (let round = 0; round < 8; round += 1) {
		for (const { from, to } of edges) {
			const [a, b] = [byId.get(from), byId.get(to)]
			if (a.kind === 'exchange' && b.kind === 'exchange' && b.level <= a.level && a.level < 6) b.level = a.level + 1
		}
	}
	const last = Math.max(0, ...nodes.filter(({ kind }) => kind === 'exchange').map(({ level }) => level))
	for (const node of nodes) if (node.kind !== 'exchange') node.level = last + (node.kind === 'queue' ? 1 : 2)
	const columns = Object.values(Object.groupBy(nodes, ({ level }) => level))
	const neighbours = new Map(nodes.map(({ id }) => [id, []]))
	for (const { from, to } of edges) {
		neighbours.get(from).push(byId.get(to))
		neighbours.get(to).push(byId.get(from))
	}
	const settle = column => column.forEach((node, i) => (node.y = i * (NODE.height + NODE.gap)))
	columns.forEach(settle)
	for (let sweep = 0; sweep < SWEEPS; sweep += 1) {
		for (const column of columns) {
			const middle = node => {
				const around = neighbours.get(node.id)
				return around.length > 0 ? around.reduce((sum, { y }) => sum + y, 0) / around.length : node.y
			}
			const wanted = new Map(column.map(node => [node, middle(node)]))
			column.sort((a, b) => wanted.get(a) - wanted.get(b))
			settle(column)
		}
	}
	const tallest = Math.max(0, ...columns.map(column => column.length))
	for (const column of columns) {
		const shift = ((tallest - column.length) * (NODE.height + NODE.gap)) / 2
		for (const node of column) node.y += shift
	}
	return byId
}

function drawing(byId, edges) {
	const x = node => 20 + node.level * COLUMN
	const y = node => 20 + node.y
	const fastest = Math.max(1, ...edges.map(({ speed }) => speed))
	const labels = edges.length <= 80
	const lines = edges.flatMap(({ from, to, label, speed }) => {
		const [a, b] = [byId.get(from), byId.get(to)]
		const [x1, y1, x2, y2] = [x(a) + NODE.width, y(a) + NODE.height / 2, x(b), y(b) + NODE.height / 2]
		const bend = Math.max(40, Math.abs(x2 - x1) / 2)
		const words = [label, speed > 0 ? rate(speed) : ''].filter(Boolean).join(' · ')
		const path = svg('path', {
			class: `edge${speed > 0 ? ' flows' : ''}`, d: `M${x1},${y1} C${x1 + bend},${y1} ${x2 - bend},${y2} ${x2},${y2}`,
			'stroke-width': (1 + (4 * speed) / fastest).toFixed(1),
		}, svg('title', words))
		if (!labels || words === '') return [path]
		return [path, svg('text.edge-label', { x: x1 + (x2 - x1) * 0.62, y: y1 + (y2 - y1) * 0.72 - 4, 'text-anchor': 'middle' }, shorten(words, 26))]
	})
	const boxes = [...byId.values()].map(node => svg(
		'a',
		{ href: node.href, class: `node ${node.kind}` },
		svg('title', `${node.kind} ${node.name}, ${node.note}${node.speed > 0 ? `, ${rate(node.speed)}` : ''}`),
		svg('rect', { x: x(node), y: y(node), width: NODE.width, height: NODE.height, rx: node.kind === 'exchange' ? 17 : 7 }),
		svg('text', { x: x(node) + 12, y: y(node) + 15 }, shorten(node.name, 28)),
		svg('text.node-note', { x: x(node) + 12, y: y(node) + 28 }, `${node.note}${node.speed > 0 ? ` · ${compact(Math.round(node.speed))}/s` : ''}`),
	))
	return [...lines, ...boxes]
}

const shorten = (words, max) => (words.length > max ? `${words.slice(0, max - 1)}…` : words)
