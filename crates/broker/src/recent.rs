//! The last messages of an `x-recent-history` exchange, for whoever binds to it.

use std::collections::VecDeque;

use codec::{FieldTable, KeptNotes, Notes};
use parking_lot::Mutex;
use store::{Body, QueueId, RecoveredQueue, Store, Ticket};

use crate::message::Message;
use crate::record::Record;
use crate::services::Services;

/// Messages that are remembered unless `x-recent-history-length` says otherwise.
pub(crate) const LENGTH_DEFAULT: usize = 20;

/// Most messages that one exchange remembers. A new binding gets them in one go.
pub const HISTORY_LENGTH_MAX: usize = 100_000;

/// Bytes that one exchange remembers; older messages go first. The size of the largest message
/// that may be published by default.
pub const HISTORY_BYTES_MAX: usize = 16 * 1024 * 1024;

/// The header with which a message is not remembered.
const NO_STORE: &str = "x-recent-history-no-store";

/// What an exchange remembers.
pub(crate) struct History {
    length: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    messages: VecDeque<(u64, Message)>,
    bytes: usize,
    /// The number of the next message.
    next_seq: u64,
    /// Where they are recorded, once there is one to record.
    queue: Option<QueueId>,
}

/// Whether a message with these headers is to be remembered.
pub(crate) fn is_kept(headers: &FieldTable) -> bool {
    codec::get_bool(headers, NO_STORE) != Some(true)
}

impl History {
    pub(crate) fn new(length: usize) -> Self {
        Self {
            length,
            state: Mutex::default(),
        }
    }

    /// Remembers a message, and records it if the exchange is durable: `record` then gives the
    /// entry of a new store queue, and its number.
    pub(crate) fn push(
        &self,
        message: &Message,
        services: &Services,
        record: impl FnOnce() -> Option<(QueueId, Record)>,
    ) -> Option<Ticket> {
        let mut state = self.state.lock();
        if state.queue.is_none()
            && let Some((id, record)) = record()
        {
            services.store.put(&record.key, &record.value);
            state.queue = Some(id);
        }
        state.next_seq += 1;
        let seq = state.next_seq;
        state.bytes += message.wire_len();
        state.messages.push_back((seq, message.clone()));
        let ticket = state.queue.map(|id| {
            let (head, tail) = message.to_stored(Notes::default(), &mut KeptNotes::default());
            let body = Body { head, tail };
            services.store.append(id, seq, vec![body])
        });
        self.trim(&mut state, &services.store);
        ticket
    }

    fn trim(&self, state: &mut State, store: &Store) {
        let mut gone = Vec::new();
        while state.messages.len() > self.length || state.bytes > HISTORY_BYTES_MAX {
            let Some((seq, message)) = state.messages.pop_front() else {
                break;
            };
            state.bytes -= message.wire_len();
            gone.push(seq);
        }
        if let Some(id) = state.queue.filter(|_| !gone.is_empty()) {
            store.settle(id, &gone);
        }
    }

    /// Oldest first.
    pub(crate) fn messages(&self) -> Vec<Message> {
        let state = self.state.lock();
        state.messages.iter().map(|(_, m)| m.clone()).collect()
    }

    /// Reads back what was recorded before a restart.
    pub(crate) fn restore(&self, recovered: RecoveredQueue, store: &Store) {
        let mut state = self.state.lock();
        state.queue = Some(recovered.id);
        state.next_seq = recovered.next_seq.saturating_sub(1);
        let mut from = recovered.first_seq;
        while from < recovered.next_seq {
            let read = store.read(recovered.id, from, 512, 1 << 20);
            let Ok(read) = read.inspect_err(
                |error| tracing::error!(%error, "the history of an exchange can't be read back"),
            ) else {
                return;
            };
            let Some((last, _)) = read.last() else {
                break;
            };
            from = last + 1;
            for (seq, body) in read {
                if let Ok((message, _)) = Message::from_stored(body.head, body.tail) {
                    state.bytes += message.wire_len();
                    state.messages.push_back((seq, message));
                }
            }
            self.trim(&mut state, store);
        }
    }

    /// The exchange is deleted.
    pub(crate) fn forget(&self, services: &Services, key: &[u8]) {
        if let Some(id) = self.state.lock().queue.take() {
            services.store.remove(key);
            services.store.drop_queue(id);
        }
    }
}
