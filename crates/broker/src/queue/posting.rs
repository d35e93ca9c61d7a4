//! Sending on dead letters that had to wait.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use codec::Content;
use store::{Body, Error};

use crate::dead_letter::DeadLetter;
use crate::limits::{REFILL_BYTES_MAX, UNCOMMITTED_RETRY_MS, UNREADABLE_RETRY_MS};
use crate::message::{Entry, Expiry, Message};
use crate::queue::letters::Waiting;
use crate::queue::levels::{level_of, number_of, store_id};
use crate::queue::{Queue, Rules};
use crate::wakes::Wakes;

impl Queue {
    /// Sends dead letters that wait on their way, if it is time. For the timers' thread only.
    pub(super) fn retry_letters(&self, now_ms: u64, wakes: &mut Wakes) {
        let generation = self.home().map_or(0, |vhost| vhost.generation());
        let (due, rules) = {
            let mut state = self.lock();
            let rules = Arc::clone(&state.rules);
            let Some(letters) = &mut state.letters else {
                return;
            };
            let due = letters.take_due(now_ms, generation, rules.keeps_dead_letters());
            (due, rules)
        };
        if due.is_empty() {
            return;
        }
        // Read before the store is: else what is committed meanwhile would count as lost.
        let committed = self.services.store.committed();
        let read = self.fetch(&due);
        let failed = read.is_none();
        let mut bodies = read.unwrap_or_default();
        let mut unread = VecDeque::from(due);
        let mut let_go = Vec::new();
        while let Some(mut waiting) = unread.pop_front() {
            let entry = waiting.entry.take().map(|entry| *entry);
            let Some(entry) = entry.or_else(|| bodies.remove(&waiting.seq)) else {
                unread.push_front(waiting);
                break;
            };
            if !rules.keeps_dead_letters() {
                let_go.push(entry.message.body_len() as u64);
            }
            self.bury(entry, &waiting, &rules, wakes);
        }
        // Before anything that dies from now on.
        wakes.pass_on();
        let mut state = self.lock();
        // They went with the queue, if that has been deleted.
        let Some(letters) = &mut state.letters else {
            return;
        };
        for bytes in let_go {
            letters.let_go(bytes);
        }
        if unread.is_empty() {
            return;
        }
        let mut wait_ms = UNREADABLE_RETRY_MS;
        if !failed {
            let seen = (committed, self.recorded());
            wait_ms = UNCOMMITTED_RETRY_MS;
            if letters.give_up(&mut unread, seen) {
                tracing::error!(queue = %self.name, "a dead letter can't be read and is lost");
                wait_ms = 0;
            }
        }
        letters.put_back(unread, now_ms.saturating_add(wait_ms));
    }

    fn bury(&self, entry: Entry, waiting: &Waiting, rules: &Arc<Rules>, wakes: &mut Wakes) {
        if let Some(queue) = self.handle() {
            wakes.bury(DeadLetter {
                queue,
                rules: Arc::clone(rules),
                entry,
                reason: waiting.reason,
            });
        }
    }

    /// Reads a message of this queue from the store, wherever else it may be. None: it is not
    /// there. Reads from the disk.
    ///
    /// # Errors
    /// It can't be read.
    pub fn read_one(&self, seq: u64) -> Result<Option<Message>, Error> {
        let (id, number) = (store_id(self.id, seq), number_of(seq));
        let read = self.services.store.read(id, number, 1, usize::MAX)?;
        let body = read.into_iter().find(|(found, _)| *found == number);
        Ok(body.and_then(|(_, body)| Some(Content::from_stored(body.head, body.tail).ok()?.0)))
    }

    /// Reads messages that are in the store only, those that follow each other together. What
    /// is not in the result is not there, or damaged. None: the store can't read now.
    fn fetch(&self, due: &[Waiting]) -> Option<HashMap<u64, Entry>> {
        let mut found = HashMap::new();
        let unread: Vec<u64> = due
            .iter()
            .filter(|waiting| waiting.entry.is_none())
            .map(|waiting| waiting.seq)
            .collect();
        for run in unread.chunk_by(|a, b| a + 1 == *b && level_of(*a) == level_of(*b)) {
            let mut rest = run;
            while let Some(&first) = rest.first() {
                let read = self.fetch_run(first, rest.len())?;
                let Some(last) = read.last().map(|entry| entry.seq) else {
                    return Some(found);
                };
                // What is missing in between is missed by whoever looks for it.
                rest = rest.split_at(rest.partition_point(|seq| *seq <= last)).1;
                found.extend(read.into_iter().map(|entry| (entry.seq, entry)));
            }
        }
        Some(found)
    }

    fn fetch_run(&self, first: u64, mut messages: usize) -> Option<Vec<Entry>> {
        let (id, number) = (store_id(self.id, first), number_of(first));
        let bytes = REFILL_BYTES_MAX as usize;
        loop {
            match self.services.store.read(id, number, messages, bytes) {
                Ok(read) => {
                    let upto = number + messages as u64;
                    let read = read.into_iter().take_while(|(found, _)| *found < upto);
                    let letters =
                        read.filter_map(|(found, body)| letter(first + (found - number), body));
                    return Some(letters.collect());
                }
                // Those before the damaged one are whole, but come only without it.
                Err(Error::CorruptMessage { .. }) if messages > 1 => messages /= 2,
                Err(Error::CorruptMessage { .. }) => return Some(Vec::new()),
                Err(error) => {
                    tracing::debug!(queue = %self.name, %error, "dead letters can't be read");
                    return None;
                }
            }
        }
    }
}

fn letter(seq: u64, body: Body) -> Option<Entry> {
    let (message, _) = Content::from_stored(body.head, body.tail).ok()?;
    Some(Entry {
        seq,
        message,
        expiry: Expiry::NEVER,
        redelivered: true,
        durable: true,
        settled: false,
    })
}
