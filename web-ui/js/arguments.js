// Arguments and policy keys that the broker knows, with what they do.

/**
 * @typedef {{ key: string, label: string, type: string, help: string, options?: string[], value?: any, only?: string[] }} Shortcut
 */

/** @type {Shortcut[]} */
export const QUEUE_ARGUMENTS = [
	{ key: 'x-message-ttl', label: 'Message TTL', type: 'Number', help: 'Milliseconds that a message may wait in the queue before it is dropped or dead-lettered.' },
	{ key: 'x-expires', label: 'Auto expire', type: 'Number', help: 'Milliseconds without consumers, gets and declarations after which the queue is deleted.' },
	{ key: 'x-max-length', label: 'Max length', type: 'Number', help: 'Ready messages that the queue may hold; what happens then is the overflow behaviour.' },
	{ key: 'x-max-length-bytes', label: 'Max length bytes', type: 'Number', help: 'Body bytes of ready messages that the queue may hold.' },
	{ key: 'x-overflow', label: 'Overflow behaviour', type: 'String', options: ['drop-head', 'reject-publish', 'reject-publish-dlx'], help: 'When it is full: drop the oldest, or refuse the new one (nack), or refuse and dead-letter it.' },
	{ key: 'x-dead-letter-exchange', label: 'Dead letter exchange', type: 'String', help: 'Where messages go that were rejected, expired, or dropped because the queue was full.' },
	{ key: 'x-dead-letter-routing-key', label: 'Dead letter routing key', type: 'String', help: 'The key of dead-lettered messages; without it they keep their own.' },
	{ key: 'x-single-active-consumer', label: 'Single active consumer', type: 'Boolean', value: 'true', help: 'Only one consumer gets messages; the next one takes over when it goes.' },
	{ key: 'x-max-priority', label: 'Max priority', type: 'Number', only: ['classic'], help: 'Priorities from 0 to this, at most 255; a few are enough. The higher go first.' },
	{ key: 'x-delivery-limit', label: 'Delivery limit', type: 'Number', only: ['quorum'], help: 'Returns after which a message is dropped or dead-lettered.' },
	{ key: 'x-consumer-timeout', label: 'Consumer timeout', type: 'Number', help: 'Milliseconds in which a delivery has to be acknowledged; then the channel is closed.' },
	{ key: 'x-message-deduplication', label: 'Deduplication', type: 'Boolean', value: 'true', only: ['classic'], help: 'A message whose x-deduplication-header is in the queue already is dropped.' },
]

export const queueShortcuts = type => QUEUE_ARGUMENTS.filter(({ only }) => !only || only.includes(type || 'classic'))

/** @type {Shortcut[]} */
export const EXCHANGE_ARGUMENTS = [
	{ key: 'alternate-exchange', label: 'Alternate exchange', type: 'String', help: 'Where messages go that this exchange can route nowhere.' },
	{ key: 'x-delayed-type', label: 'Delayed type', type: 'String', options: ['direct', 'fanout', 'topic', 'headers'], only: ['x-delayed-message'], help: 'How messages are routed when their x-delay is over.' },
	{ key: 'hash-header', label: 'Hash header', type: 'String', only: ['x-consistent-hash'], help: 'The header whose value is hashed instead of the routing key.' },
	{ key: 'hash-property', label: 'Hash property', type: 'String', only: ['x-consistent-hash'], options: ['message_id', 'correlation_id', 'timestamp'], help: 'The property that is hashed instead of the routing key.' },
	{ key: 'x-recent-history-length', label: 'History length', type: 'Number', only: ['x-recent-history'], help: 'Messages that are kept for queues that are bound later.' },
	{ key: 'x-message-deduplication', label: 'Deduplication', type: 'Boolean', value: 'true', help: 'A message whose x-deduplication-header was seen before is dropped.' },
	{ key: 'x-cache-size', label: 'Deduplication cache size', type: 'Number', help: 'How many deduplication headers are remembered.' },
	{ key: 'x-cache-ttl', label: 'Deduplication cache TTL', type: 'Number', help: 'Milliseconds for which they are remembered.' },
]

export const exchangeShortcuts = type => EXCHANGE_ARGUMENTS.filter(({ only }) => !only || only.includes(type))

const named = keys => QUEUE_ARGUMENTS.filter(({ key }) => keys.includes(key.slice(2))).map(one => ({ ...one, key: one.key.slice(2) }))

/** Keys that an operator policy may set: limits only. */
export const OPERATOR_KEYS = named(['message-ttl', 'expires', 'max-length', 'max-length-bytes', 'overflow', 'delivery-limit', 'consumer-timeout'])

/** @type {Shortcut[]} */
export const POLICY_KEYS = [...OPERATOR_KEYS, ...named(['dead-letter-exchange', 'dead-letter-routing-key']), EXCHANGE_ARGUMENTS[0]]

/** @type {Shortcut[]} */
export const PROPERTIES = [
	{ key: 'content_type', label: 'Content type', type: 'String', value: 'application/json', help: 'The media type of the body.' },
	{ key: 'content_encoding', label: 'Content encoding', type: 'String', help: 'Such as gzip.' },
	{ key: 'priority', label: 'Priority', type: 'Number', help: '0 to 255; counts in queues with a max priority.' },
	{ key: 'expiration', label: 'Expiration', type: 'String', help: 'Milliseconds after which the message is dead, as a string.' },
	{ key: 'correlation_id', label: 'Correlation id', type: 'String', help: 'What an answer belongs to.' },
	{ key: 'reply_to', label: 'Reply to', type: 'String', help: 'The queue for the answer.' },
	{ key: 'message_id', label: 'Message id', type: 'String', help: 'The name of the message.' },
	{ key: 'timestamp', label: 'Timestamp', type: 'Number', help: 'Seconds since 1970.' },
	{ key: 'type', label: 'Type', type: 'String', help: 'What kind of message this is.' },
	{ key: 'user_id', label: 'User id', type: 'String', help: 'Has to be the user who publishes.' },
	{ key: 'app_id', label: 'App id', type: 'String', help: 'The application that publishes.' },
]

/** @type {Shortcut[]} */
export const HEADERS = [
	{ key: 'CC', label: 'CC', type: 'List', help: 'More routing keys, shown to consumers.' },
	{ key: 'BCC', label: 'BCC', type: 'List', help: 'More routing keys, removed before delivery.' },
	{ key: 'x-delay', label: 'Delay', type: 'Number', help: 'Milliseconds, for delayed-message exchanges.' },
	{ key: 'x-deduplication-header', label: 'Deduplication', type: 'String', help: 'What tells copies of one message.' },
]
