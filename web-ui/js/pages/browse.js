// The messages of a queue: looked at without taking them, or fetched.

import { confirmLoss, note } from '../dialog.js'
import { button, h } from '../dom.js'
import { form, formDialog } from '../form.js'
import { plural } from '../format.js'
import { api, get, post } from '../http.js'
import { importLines, messageList, searchable } from '../messages.js'
import { moveQueues } from '../actions.js'

/** Payload bytes of each message that are shown. */
const TRUNCATE = 50000
const COUNT_MAX = 1000

const MODES = [
  { value: 'ack_requeue_true', label: 'Put them back' },
  { value: 'reject_requeue_true', label: 'Put them back (reject)' },
  { value: 'ack_requeue_false', label: 'Remove them (ack)' },
  { value: 'reject_requeue_false', label: 'Reject them: dead-letter or drop' },
]

/** @param {{ vhost: string, queue: string, changed: () => void }} place */
export function browser({ vhost, queue, changed }) {
  const list = messageList({ vhost, queue })
  const path = api('queues', vhost, queue, 'get')
  const fetching = form({
    verb: 'Get messages',
    fields: [
      { name: 'ackmode', label: 'Afterwards', kind: 'select', options: MODES, help: 'Putting messages back marks them as redelivered. Removing them is for good.' },
      { name: 'count', label: 'Messages', kind: 'number', value: 10 },
      { name: 'encoding', label: 'Encoding', kind: 'select', options: [{ value: 'auto', label: 'Text if it is UTF-8' }, { value: 'base64', label: 'Base64' }] },
      { name: 'search', label: 'Only those with', placeholder: 'in key, properties, headers or body' },
    ],
    submit: async ({ ackmode, count, encoding, search }) => {
      const number = Math.min(COUNT_MAX, Math.max(1, count ?? 1))
      if (!ackmode.endsWith('_true') && !(await sureToTake(ackmode, number, queue))) return
      const messages = await post(path, { ackmode, count: number, encoding, truncate: TRUNCATE })
      const words = search.trim().toLowerCase()
      list.show(words === '' ? messages : messages.filter(one => searchable(one).includes(words)), messages.length === 0 ? 'The queue has no ready message.' : 'None of them has that.')
      changed()
    },
  })
  const tools = h(
    'div',
    { class: 'tools' },
    button('Import', () => importDialog(vhost, queue, changed)),
    button('Remove the first…', () => removeFirst(path, queue, changed), { class: 'danger' }),
    button('Retry dead letters', async () => {
      const row = await get(api('queues', vhost, queue), { columns: 'name,vhost,messages,messages_ready' })
      if (await moveQueues([row], { title: `Retry dead letters of ${queue}`, origin: true })) changed()
    }, { title: 'Moves them back to the queues that they were dead-lettered from' }),
  )
  const node = h('div', { class: 'stack' }, h('section', { class: 'card get-form' }, fetching.node, tools), list.node)
  return { node }
}

function sureToTake(ackmode, number, queue) {
  const fate = ackmode === 'ack_requeue_false' ? 'removed' : 'rejected: dead-lettered where the queue says so, else dropped'
  return confirmLoss({ title: 'Take messages out?', losses: [`Up to ${plural(number, 'message')} at the front of ${queue} are ${fate}`], verb: 'Take them' })
}

function importDialog(vhost, queue, changed) {
  return formDialog(`Import into ${queue}`, {
    verb: 'Import',
    fields: [{ name: 'file', label: 'Lines of JSON, as exported here', kind: 'file', required: true }],
    submit: async ({ file }) => {
      await importLines(await file.text(), vhost, queue)
      changed()
    },
  })
}

/** A purge of a part. */
async function removeFirst(path, queue, changed) {
  let number = 0
  await formDialog(`Remove messages of ${queue}`, {
    verb: 'Remove',
    fields: [{ name: 'count', label: 'How many, from the front', kind: 'number', value: 10, required: true }],
    submit: async ({ count }) => {
      number = Math.max(1, count ?? 1)
    },
  })
  if (number === 0) return
  if (!(await confirmLoss({ title: 'Remove messages?', losses: [`The first ${plural(number, 'message')} of ${queue}`], verb: 'Remove' }))) return
  let left = number
  while (left > 0) {
    const taken = await post(path, { ackmode: 'ack_requeue_false', count: Math.min(left, COUNT_MAX), encoding: 'auto', truncate: 0 })
    left -= taken.length
    if (taken.length === 0) break
  }
  note(`${plural(number - left, 'message')} removed.`)
  changed()
}
