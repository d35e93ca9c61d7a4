// Policies: settings for queues and exchanges by their names.

import { POLICY_KEYS } from '../arguments.js'
import { policyList } from '../policy-list.js'

/** @type {import('../router.js').Page} */
export const page = (main, params) => policyList(main, params, {
  component: 'policies',
  title: 'Policies',
  shortcuts: POLICY_KEYS,
  empty: 'There are no policies. One sets limits, lifetimes and dead-lettering for all queues whose names match, without declaring them anew.',
})
