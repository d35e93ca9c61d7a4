// What the parts of the dashboard hand each other. For the type checker: no browser is sent this.

/** Anything with names, such as a row of the API or the parameters of an address. */
type Row = Record<string, any>

/** `h` and `svg`: a tag with classes, perhaps properties, children; null among those is left out. */
type MakeElement<Map> = <T extends keyof Map & string>(tag: T | `${T}.${string}`, ...rest: any[]) => Map[T]

/** A column of a table. */
interface Column {
	/** What it is remembered by. */
	id: string
	label: string
	/** Makes a cell, gives its update. */
	create: (cell: HTMLElement) => (row: any) => void
	/** A path that the server knows; the column can be sorted by it. */
	sort?: string
	/** Classes. */
	kind?: string
	/** Of the list of columns to choose from. */
	group?: string
	hint?: string
	/** What the server has to send for it, when that isn't `sort`. */
	needs?: string[]
	/** Not shown until somebody chooses it. */
	hidden?: boolean
	/** Always shown. */
	fixed?: boolean
}

interface TableSpec {
	caption: string
	columns: Column[]
	/** Tells rows apart. */
	key: (row: any) => string
	onSort?: (path: string) => void
	onPage?: (page: number) => void
	/** Rows can be ticked, and this hears of it. */
	onSelect?: () => void
}

/** What can be done with all ticked rows; true when it was. */
interface Bulk {
	label: string
	danger?: boolean
	run: (rows: any[]) => Promise<boolean>
}

/** A list that the server filters, sorts and pages. */
interface ListSpec {
	/** What columns are remembered by. */
	id?: string
	title: string
	path?: () => string
	columns: Column[]
	/** Tells rows apart, where virtual host and name don't. */
	key?: (row: any) => string
	/** At first. */
	sort?: string
	/** Instead of a path: what in the API follows the selector of virtual hosts. */
	ofVhost?: string
	/** More parameters. */
	query?: Row
	/** What the server has to send besides the columns. */
	needs?: string[]
	/** Of a page `{ label, open(done) }`, of a card nodes. */
	actions?: any[]
	bulk?: Bulk[]
	/** The fields that the filter looks at, unless it is the name. */
	search?: string
	/** What to say when there is nothing at all. */
	empty: string
}

/** A table of rows that a page already has. */
interface CardSpec {
	caption: string
	columns: Column[]
	key: (row: any) => string
	empty: string
	actions?: any[]
}

/** A field of a form. */
interface Field {
	name: string
	label: string
	/** text, password, number, select, check, area, arguments, file */
	kind?: string
	value?: any
	/** What it is for. */
	help?: string
	/** Of a select: values, or values with labels. */
	options?: any[]
	/** Of arguments: a list, or a function of the form's values. */
	shortcuts?: any
	required?: boolean
	placeholder?: string
	/** Shown only then. */
	when?: (values: any) => boolean
	/** Suggestions, with commas between them. */
	list?: string
}

interface FormSpec {
	fields: Field[]
	verb: string
	/** Does it; what it throws is shown in the form. */
	submit: (values: any) => Promise<any>
	cancel?: () => void
	danger?: boolean
	/** What to say when it worked. */
	done?: string | ((values: any) => string)
}

/** What is asked before something is lost. */
interface Question {
	title: string
	/** What goes. */
	losses: string[]
	verb: string
	/** Has to be written out first. */
	typed?: string
	also?: any
}

/** An argument that the broker knows. */
interface Shortcut {
	key: string
	label: string
	type: string
	help: string
	options?: string[]
	value?: any
	/** Types of queues or exchanges that it is for. */
	only?: string[]
}

/** A page of one thing. */
interface DetailSpec {
	/** As in "Queue". */
	kind: string
	name: string
	vhost?: string
	/** Label and address of the list. */
	up: [string, string]
	/** At the end of the heading. */
	controls?: any[]
	/** With what is read only when the tab is looked at. */
	tabs: { id: string, label: string, nodes: any[], lists?: { load: (signal: AbortSignal) => Promise<any>, show: (answer: any) => void }[] }[]
	params: URLSearchParams
	load: (signal: AbortSignal) => Promise<any>
	show: (answer: any) => void
}

/** What is read again and again. `failed` gives true when it has said all there is to say. */
interface Wiring {
	load: (signal: AbortSignal) => Promise<any>
	show: (answer: any) => void
	failed?: (error: any) => any
}

interface ChartSpec {
	title: string
	/** A series may add up several counters: `from`. */
	series: { id: string, label: string, tone: string, from?: string[] }[]
	/** Makes the numbers of the legend and of what is pointed at. */
	format: any
	/** Areas on top of each other. */
	stacked?: boolean
}

/** A message as the API shows it. */
interface Message {
	payload: string
	payload_bytes: number
	payload_encoding: 'string' | 'base64'
	properties: Row
	exchange: string
	routing_key: string
	redelivered: boolean
	/** Of one that was only looked at. */
	id?: string
	/** In the queue, when it was only looked at. */
	position?: number
}

type Page = (main: HTMLElement, params: URLSearchParams, args: Record<string, string>) => void
interface Route {
	pattern: string
	nav: string
	title: string
	load: () => Promise<{ page: Page }>
}

/** Somewhere to go to. */
interface Place {
	kind: string
	label: string
	href: string
}

interface User {
	name: string
	tags: string[]
}
