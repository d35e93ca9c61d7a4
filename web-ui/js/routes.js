// All pages: their addresses, and how they are found.

import { isAdministrator, isMonitor, isPolicymaker } from './session.js'

/** @type {import('./router.js').Route[]} */
export const ROUTES = [
  { pattern: '/', nav: '#/', title: 'Overview', load: () => import('./pages/overview.js') },
  { pattern: '/node', nav: '#/node', title: 'Node', load: () => import('./pages/node.js') },
  { pattern: '/logs', nav: '#/logs', title: 'Log', load: () => import('./pages/logs.js') },
  { pattern: '/features', nav: '#/features', title: 'Features', load: () => import('./pages/features.js') },
  { pattern: '/connections', nav: '#/connections', title: 'Connections', load: () => import('./pages/connections.js') },
  { pattern: '/connections/:name', nav: '#/connections', title: 'Connection', load: () => import('./pages/connection.js') },
  { pattern: '/channels', nav: '#/channels', title: 'Channels', load: () => import('./pages/channels.js') },
  { pattern: '/channels/:name', nav: '#/channels', title: 'Channel', load: () => import('./pages/channel.js') },
  { pattern: '/consumers', nav: '#/consumers', title: 'Consumers', load: () => import('./pages/consumers.js') },
  { pattern: '/exchanges', nav: '#/exchanges', title: 'Exchanges', load: () => import('./pages/exchanges.js') },
  { pattern: '/exchanges/:vhost/:name', nav: '#/exchanges', title: 'Exchange', load: () => import('./pages/exchange.js') },
  { pattern: '/queues', nav: '#/queues', title: 'Queues', load: () => import('./pages/queues.js') },
  { pattern: '/queues/:vhost/:name', nav: '#/queues', title: 'Queue', load: () => import('./pages/queue.js') },
  { pattern: '/bindings', nav: '#/bindings', title: 'Bindings', load: () => import('./pages/bindings.js') },
  { pattern: '/topology', nav: '#/topology', title: 'Topology', load: () => import('./pages/topology.js') },
  { pattern: '/route', nav: '#/route', title: 'Explain route', load: () => import('./pages/route.js') },
  { pattern: '/vhosts', nav: '#/vhosts', title: 'Virtual hosts', load: () => import('./pages/vhosts.js') },
  { pattern: '/vhosts/:name', nav: '#/vhosts', title: 'Virtual host', load: () => import('./pages/vhost.js') },
  { pattern: '/users', nav: '#/users', title: 'Users', load: () => import('./pages/users.js') },
  { pattern: '/users/:name', nav: '#/users', title: 'User', load: () => import('./pages/user.js') },
  { pattern: '/policies', nav: '#/policies', title: 'Policies', load: () => import('./pages/policies.js') },
  { pattern: '/operator-policies', nav: '#/operator-policies', title: 'Operator policies', load: () => import('./pages/operator-policies.js') },
  { pattern: '/limits', nav: '#/limits', title: 'Limits', load: () => import('./pages/limits.js') },
  { pattern: '/definitions', nav: '#/definitions', title: 'Definitions', load: () => import('./pages/definitions.js') },
]

/** The menu. `may` says who sees an entry. */
export const NAVIGATION = [
  {
    title: '',
    entries: [
      { label: 'Overview', href: '#/' },
      { label: 'Node', href: '#/node', may: isMonitor },
      { label: 'Log', href: '#/logs', may: isMonitor },
    ],
  },
  {
    title: 'Clients',
    entries: [
      { label: 'Connections', href: '#/connections' },
      { label: 'Channels', href: '#/channels' },
      { label: 'Consumers', href: '#/consumers' },
    ],
  },
  {
    title: 'Messaging',
    entries: [
      { label: 'Queues', href: '#/queues' },
      { label: 'Exchanges', href: '#/exchanges' },
      { label: 'Bindings', href: '#/bindings' },
      { label: 'Topology', href: '#/topology' },
      { label: 'Explain route', href: '#/route' },
    ],
  },
  {
    title: 'Administration',
    entries: [
      { label: 'Virtual hosts', href: '#/vhosts' },
      { label: 'Users', href: '#/users', may: isAdministrator },
      { label: 'Policies', href: '#/policies', may: isPolicymaker },
      { label: 'Operator policies', href: '#/operator-policies', may: isAdministrator },
      { label: 'Limits', href: '#/limits', may: isAdministrator },
      { label: 'Definitions', href: '#/definitions', may: isAdministrator },
      { label: 'Features', href: '#/features' },
    ],
  },
]
