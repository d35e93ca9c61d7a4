// Light, dark, or as the system has it.

import { remember, remembered } from './remembered.js'

const THEMES = {
	auto: { scheme: 'light dark', label: 'Auto', next: 'light' },
	light: { scheme: 'light', label: 'Light', next: 'dark' },
	dark: { scheme: 'dark', label: 'Dark', next: 'auto' },
}

let current = remembered('theme', 'auto')
if (!(current in THEMES)) current = 'auto'
document.documentElement.style.colorScheme = THEMES[current].scheme

/** Makes a button that goes through the themes. */
export function themeSwitch(button) {
	const show = () => {
		const { scheme, label } = THEMES[current]
		document.documentElement.style.colorScheme = scheme
		button.textContent = `◐ ${label}`
		button.title = `Theme: ${label.toLowerCase()}`
	}
	button.addEventListener('click', () => {
		current = THEMES[current].next
		remember('theme', current)
		show()
	})
	show()
}
