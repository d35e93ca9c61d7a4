//! What the client holds, for whoever wants to see it.

use std::sync::Arc;
use std::time::Instant;

use broker::{INQUIRY_DELIVERIES_MAX, Queue, Unacked};

use crate::channel::Channel;
use crate::channel::unacked::Seen;
use crate::client::Client;
use crate::limits::TOLD_FROM_MAX;

impl Channel {
    /// Adds what the client holds of `queue` on this channel, oldest first, to what is `told`
    /// by its connection.
    pub(crate) fn tell(
        &self,
        queue: &Arc<Queue>,
        (client, now): (&Client, Instant),
        told: &mut Vec<Unacked>,
    ) {
        let room = INQUIRY_DELIVERIES_MAX.saturating_sub(told.len());
        let all = self.unacked.look().take(TOLD_FROM_MAX);
        let of_queue = all.filter(|(_, origin, _)| Arc::ptr_eq(&origin.queue, queue));
        told.extend(of_queue.take(room).map(|(tag, origin, seen)| {
            let consumer = origin.consumer.and_then(|id| client.consumers.get(&id));
            let (seq, redelivered, message, body_len) = match seen {
                Seen::Whole(entry) => {
                    let message = entry.message.clone();
                    let len = message.body_len();
                    (entry.seq, Some(entry.redelivered), Some(message), len)
                }
                Seen::Stored(stored) => (stored.seq, None, None, stored.body_len as usize),
            };
            Unacked {
                seq,
                connection: client.info.id,
                connection_name: Arc::clone(&client.info.name),
                channel: self.number,
                consumer_tag: consumer.map(|consumer| Arc::clone(&consumer.tag)),
                delivery_tag: tag,
                age: self.age(tag, now),
                redelivered,
                message,
                body_len,
            }
        }));
    }
}
