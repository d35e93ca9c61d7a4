// Operator policies: limits that users cannot lift.

import { OPERATOR_KEYS } from '../arguments.js'
import { policyList } from '../policy-list.js'

/** @type {import('../router.js').Page} */
export const page = (main, params) => policyList(main, params, {
  component: 'operator-policies',
  title: 'Operator policies',
  shortcuts: OPERATOR_KEYS,
  empty: 'There are no operator policies. Where one and a policy or argument set the same limit, the smaller one counts.',
})
