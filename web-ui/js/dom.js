// Building and updating the page. Text goes in as text only: names come from clients.

/** Makes an element: h('p.muted', { title }, child). Properties that begin with "on" are listeners. @type {MakeElement<HTMLElementTagNameMap>} */
export const h = (tag, ...rest) => fill(name => document.createElement(name), tag, rest)

/** @type {MakeElement<SVGElementTagNameMap>} */
export const svg = (tag, ...rest) => fill(name => document.createElementNS('http://www.w3.org/2000/svg', name), tag, rest)

function fill(make, tag, rest) {
	const [name, ...classes] = tag.split('.')
	const props = rest[0]?.constructor === Object ? rest.shift() : {}
	const element = make(name)
	if (classes.length > 0) element.setAttribute('class', classes.join(' '))
	for (const [name, value] of Object.entries(props)) {
		if (name.startsWith('on')) element.addEventListener(name.slice(2), value)
		else if (value === true) element.setAttribute(name, '')
		else if (value !== false && value != null && name !== 'value') element.setAttribute(name, value)
	}
	element.append(...rest.flat(Infinity).filter(child => child != null && child !== false))
	// A select takes its value only once it has its options.
	if ('value' in element && props.value != null) element.value = props.value
	return element
}

/** A button that does one thing. */
export const button = (label, onclick, props = {}) => h('button', { type: 'button', ...props, onclick }, label)

/** Sets an element's text, unless it is that already: an untouched node keeps its selection. */
export function text(element, value) {
	const wanted = String(value ?? '')
	if (element.textContent !== wanted) element.textContent = wanted
}

/** Sets or removes an attribute, unless it is so already. */
export function attribute(element, name, value) {
	if (value == null || value === false) element.removeAttribute(name)
	else if (element.getAttribute(name) !== String(value)) element.setAttribute(name, String(value))
}

/**
 * Makes the children of `parent` those of `items`, in order, reusing the node of each key.
 * `create(item)` gives `{ node, update(item) }`; `kept` remembers them between calls.
 */
export function keyed(parent, kept, items, key, create) {
	const seen = new Set()
	let place = parent.firstChild
	for (const item of items) {
		const name = key(item)
		if (seen.has(name)) continue
		seen.add(name)
		let entry = kept.get(name)
		if (!entry) kept.set(name, (entry = create(item)))
		entry.update(item)
		if (entry.node === place) place = place.nextSibling
		else parent.insertBefore(entry.node, place)
	}
	for (const [name, entry] of kept) {
		if (seen.has(name)) continue
		entry.node.remove()
		kept.delete(name)
	}
}

/** Saves a text as a file. */
export function saveFile(name, content, type = 'application/json') {
	const address = URL.createObjectURL(new Blob([content], { type }))
	const link = h('a', { href: address, download: name })
	link.click()
	setTimeout(() => URL.revokeObjectURL(address), 10_000)
}
