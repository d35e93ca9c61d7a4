// Arguments and policy keys that the broker knows, with what they do.

/** @returns {Shortcut[]} */
const shortcuts = list => list.map(([key, label, type, help, rest]) => ({ key, label, type, help, ...rest }))

export const QUEUE_ARGUMENTS = shortcuts([
	['x-message-ttl', 'Message TTL', 'Number', 'Milliseconds that a message may wait in the queue before it is dropped or dead-lettered.'],
	['x-expires', 'Auto expire', 'Number', 'Milliseconds without consumers, gets and declarations after which the queue is deleted.'],
	['x-max-length', 'Max length', 'Number', 'Ready messages that the queue may hold; what happens then is the overflow behaviour.'],
	['x-max-length-bytes', 'Max length bytes', 'Number', 'Body bytes of ready messages that the queue may hold.'],
	['x-overflow', 'Overflow behaviour', 'String', 'When it is full: drop the oldest, or refuse the new one (nack), or refuse and dead-letter it.', { options: ['drop-head', 'reject-publish', 'reject-publish-dlx'] }],
	['x-dead-letter-exchange', 'Dead letter exchange', 'String', 'Where messages go that were rejected, expired, or dropped because the queue was full.'],
	['x-dead-letter-routing-key', 'Dead letter routing key', 'String', 'The key of dead-lettered messages; without it they keep their own.'],
	['x-single-active-consumer', 'Single active consumer', 'Boolean', 'Only one consumer gets messages; the next one takes over when it goes.', { value: 'true' }],
	['x-max-priority', 'Max priority', 'Number', 'Priorities from 0 to this, at most 255; a few are enough. The higher go first.', { only: ['classic'] }],
	['x-delivery-limit', 'Delivery limit', 'Number', 'Returns after which a message is dropped or dead-lettered.', { only: ['quorum'] }],
	['x-consumer-timeout', 'Consumer timeout', 'Number', 'Milliseconds in which a delivery has to be acknowledged; then the channel is closed.'],
	['x-message-deduplication', 'Deduplication', 'Boolean', 'A message whose x-deduplication-header is in the queue already is dropped.', { value: 'true', only: ['classic'] }],
])

export const queueShortcuts = type => QUEUE_ARGUMENTS.filter(({ only }) => !only || only.includes(type || 'classic'))

export const EXCHANGE_ARGUMENTS = shortcuts([
	['alternate-exchange', 'Alternate exchange', 'String', 'Where messages go that this exchange can route nowhere.'],
	['x-delayed-type', 'Delayed type', 'String', 'How messages are routed when their x-delay is over.', { options: ['direct', 'fanout', 'topic', 'headers'], only: ['x-delayed-message'] }],
	['hash-header', 'Hash header', 'String', 'The header whose value is hashed instead of the routing key.', { only: ['x-consistent-hash'] }],
	['hash-property', 'Hash property', 'String', 'The property that is hashed instead of the routing key.', { only: ['x-consistent-hash'], options: ['message_id', 'correlation_id', 'timestamp'] }],
	['x-recent-history-length', 'History length', 'Number', 'Messages that are kept for queues that are bound later.', { only: ['x-recent-history'] }],
	['x-message-deduplication', 'Deduplication', 'Boolean', 'A message whose x-deduplication-header was seen before is dropped.', { value: 'true' }],
	['x-cache-size', 'Deduplication cache size', 'Number', 'How many deduplication headers are remembered.'],
	['x-cache-ttl', 'Deduplication cache TTL', 'Number', 'Milliseconds for which they are remembered.'],
])

export const exchangeShortcuts = type => EXCHANGE_ARGUMENTS.filter(({ only }) => !only || only.includes(type))

const named = keys => QUEUE_ARGUMENTS.filter(({ key }) => keys.includes(key.slice(2))).map(one => ({ ...one, key: one.key.slice(2) }))

/** Keys that an operator policy may set: limits only. */
export const OPERATOR_KEYS = named(['message-ttl', 'expires', 'max-length', 'max-length-bytes', 'overflow', 'delivery-limit', 'consumer-timeout'])

/** @type {Shortcut[]} */
export const POLICY_KEYS = [...OPERATOR_KEYS, ...named(['dead-letter-exchange', 'dead-letter-routing-key']), EXCHANGE_ARGUMENTS[0]]

export const PROPERTIES = shortcuts([
	['content_type', 'Content type', 'String', 'The media type of the body.', { value: 'application/json' }],
	['content_encoding', 'Content encoding', 'String', 'Such as gzip.'],
	['priority', 'Priority', 'Number', '0 to 255; counts in queues with a max priority.'],
	['expiration', 'Expiration', 'String', 'Milliseconds after which the message is dead, as a string.'],
	['correlation_id', 'Correlation id', 'String', 'What an answer belongs to.'],
	['reply_to', 'Reply to', 'String', 'The queue for the answer.'],
	['message_id', 'Message id', 'String', 'The name of the message.'],
	['timestamp', 'Timestamp', 'Number', 'Seconds since 1970.'],
	['type', 'Type', 'String', 'What kind of message this is.'],
	['user_id', 'User id', 'String', 'Has to be the user who publishes.'],
	['app_id', 'App id', 'String', 'The application that publishes.'],
])

export const HEADERS = shortcuts([
	['CC', 'CC', 'List', 'More routing keys, shown to consumers.'],
	['BCC', 'BCC', 'List', 'More routing keys, removed before delivery.'],
	['x-delay', 'Delay', 'Number', 'Milliseconds, for delayed-message exchanges.'],
	['x-deduplication-header', 'Deduplication', 'String', 'What tells copies of one message.'],
])
