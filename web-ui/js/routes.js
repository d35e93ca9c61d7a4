// All pages: their addresses, and how they are found.

import { isAdministrator, isMonitor, isPolicymaker } from './session.js'

const route = (pattern, title, load) => ({ pattern, title, nav: `#/${pattern.split('/')[1]}`, load })

export const ROUTES = [
	route('/', 'Overview', () => import('./pages/overview.js')),
	route('/node', 'Node', () => import('./pages/node.js')),
	route('/logs', 'Log', () => import('./pages/logs.js')),
	route('/features', 'Features', () => import('./pages/features.js')),
	route('/connections', 'Connections', () => import('./pages/connections.js')),
	route('/connections/:name', 'Connection', () => import('./pages/connection.js')),
	route('/channels', 'Channels', () => import('./pages/channels.js')),
	route('/channels/:name', 'Channel', () => import('./pages/channel.js')),
	route('/consumers', 'Consumers', () => import('./pages/consumers.js')),
	route('/exchanges', 'Exchanges', () => import('./pages/exchanges.js')),
	route('/exchanges/:vhost/:name', 'Exchange', () => import('./pages/exchange.js')),
	route('/queues', 'Queues', () => import('./pages/queues.js')),
	route('/queues/:vhost/:name', 'Queue', () => import('./pages/queue.js')),
	route('/bindings', 'Bindings', () => import('./pages/bindings.js')),
	route('/topology', 'Topology', () => import('./pages/topology.js')),
	route('/route', 'Explain route', () => import('./pages/route.js')),
	route('/trace', 'Trace', () => import('./pages/trace.js')),
	route('/vhosts', 'Virtual hosts', () => import('./pages/vhosts.js')),
	route('/vhosts/:name', 'Virtual host', () => import('./pages/vhost.js')),
	route('/users', 'Users', () => import('./pages/users.js')),
	route('/users/:name', 'User', () => import('./pages/user.js')),
	route('/policies', 'Policies', () => import('./pages/policies.js')),
	route('/limits', 'Limits', () => import('./pages/limits.js')),
	route('/definitions', 'Definitions', () => import('./pages/definitions.js')),
	route('/operator-policies', 'Operator policies', async () => ({ page: (await import('./pages/policies.js')).operatorPage })),
]

const entry = (label, href, may) => ({ label, href, may })

/** The menu. `may` says who sees an entry. */
export const NAVIGATION = [
	{
		title: '',
		entries: [
			entry('Overview', '#/'),
			entry('Node', '#/node', isMonitor),
			entry('Log', '#/logs', isMonitor),
		],
	},
	{
		title: 'Clients',
		entries: [
			entry('Connections', '#/connections'),
			entry('Channels', '#/channels'),
			entry('Consumers', '#/consumers'),
		],
	},
	{
		title: 'Messaging',
		entries: [
			entry('Queues', '#/queues'),
			entry('Exchanges', '#/exchanges'),
			entry('Bindings', '#/bindings'),
			entry('Topology', '#/topology'),
			entry('Explain route', '#/route'),
			entry('Trace', '#/trace', isAdministrator),
		],
	},
	{
		title: 'Administration',
		entries: [
			entry('Virtual hosts', '#/vhosts'),
			entry('Users', '#/users', isAdministrator),
			entry('Policies', '#/policies', isPolicymaker),
			entry('Operator policies', '#/operator-policies', isAdministrator),
			entry('Limits', '#/limits', isAdministrator),
			entry('Definitions', '#/definitions', isAdministrator),
			entry('Features', '#/features'),
			entry('HTTP API', 'api/index.html'),
		],
	},
]
