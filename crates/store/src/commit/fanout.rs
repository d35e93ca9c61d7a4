//! Which messages of a group are written, and which share a record.
//!
//! The same body in several queues is written once, with a reference for each queue. A message
//! that was settled before its group was written is not written at all.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use crate::index::chunk::Entry;
use crate::keep::Keep;
use crate::log::record::{REFERENCES_MAX, Reference, push_reference};
use crate::pending::{Op, Run};

/// "No slot", in place of an index.
const NONE: u32 = u32::MAX;

/// Slots whose memory is kept between groups; a burst beyond it gives the rest back.
const SLOTS_KEPT_MAX: usize = 16 << 10;

/// One message of one queue in the group.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Slot {
    queue: u32,
    seq: u64,
    /// The slot whose record carries this message; itself, or `NONE` if it is not written.
    carrier: u32,
    /// The next slot with the same carrier.
    next: u32,
    entry: Entry,
}

impl Slot {
    /// Where the message lies; nowhere if it was settled before it was written.
    pub(crate) fn entry(&self) -> Entry {
        self.entry
    }
}

/// Messages with the same one share a record.
type Identity = ((usize, usize, usize, usize), Keep);

/// See the module.
#[derive(Default)]
pub(crate) struct Fanout {
    slots: Vec<Slot>,
    bodies: HashMap<Identity, Chain, BuildHasherDefault<AddressHasher>>,
    shared: bool,
}

#[derive(Copy, Clone)]
struct Chain {
    first: u32,
    last: u32,
    len: usize,
}

impl Fanout {
    /// Makes a slot for every message of the group, in order; returns the bytes of all bodies.
    /// `settles` is sorted.
    pub(crate) fn plan(&mut self, ops: &[Op], settles: &[Run]) -> usize {
        self.slots.clear();
        self.slots.shrink_to(SLOTS_KEPT_MAX);
        self.bodies.clear();
        self.bodies.shrink_to(SLOTS_KEPT_MAX);
        self.shared = false;
        let several = spans_queues(ops);
        let mut bytes = 0;
        for op in ops {
            let Op::Append {
                queue,
                first_seq,
                bodies,
                keep,
            } = op
            else {
                continue;
            };
            let at = settles.partition_point(|run| (run.queue, run.last) < (*queue, *first_seq));
            let mut settles = settles[at..].iter().peekable();
            for (seq, body) in (*first_seq..).zip(bodies) {
                bytes += body.len();
                while settles
                    .next_if(|run| run.queue == *queue && run.last < seq)
                    .is_some()
                {}
                let settled = settles
                    .peek()
                    .is_some_and(|run| run.queue == *queue && run.first <= seq);
                let number = self.slots.len() as u32;
                let carrier = if settled { NONE } else { number };
                let entry = Entry::default();
                self.slots.push(Slot {
                    queue: *queue,
                    seq,
                    carrier,
                    next: NONE,
                    entry,
                });
                if several && !settled {
                    self.join(number, (body.identity(), *keep));
                }
            }
        }
        bytes
    }

    /// Lets slot `number` share the record of an earlier slot with the same body.
    fn join(&mut self, number: u32, identity: Identity) {
        let new = Chain {
            first: number,
            last: number,
            len: 1,
        };
        let chain = self.bodies.entry(identity).or_insert(new);
        if chain.first == number {
            return;
        }
        if chain.len == REFERENCES_MAX {
            *chain = new;
            return;
        }
        self.slots[number as usize].carrier = chain.first;
        self.slots[chain.last as usize].next = number;
        chain.last = number;
        chain.len += 1;
        self.shared = true;
    }

    /// If slot `number` carries a record: its own reference, with the others encoded in `more`.
    pub(crate) fn references(&self, number: usize, more: &mut Vec<u8>) -> Option<Reference> {
        more.clear();
        let slot = self
            .slots
            .get(number)
            .filter(|slot| slot.carrier as usize == number)?;
        let mut next = slot.next;
        while let Some(other) = self.slots.get(next as usize) {
            push_reference(more, (other.queue, other.seq));
            next = other.next;
        }
        Some((slot.queue, slot.seq))
    }

    /// The record of slot `number` lies at `entry`.
    pub(crate) fn locate(&mut self, number: usize, entry: Entry) {
        if let Some(slot) = self.slots.get_mut(number) {
            slot.entry = entry;
        }
    }

    /// Gives every slot the place of the record that carries it.
    pub(crate) fn share_locations(&mut self) {
        if !self.shared {
            return;
        }
        for number in 0..self.slots.len() {
            let carrier = self.slots[number].carrier as usize;
            if let Some(carrier) = self.slots.get(carrier) {
                self.slots[number].entry = carrier.entry;
            }
        }
    }

    /// All slots, in order.
    pub(crate) fn slots(&self) -> &[Slot] {
        &self.slots
    }
}

/// Whether messages of more than one queue are in the group; if not, nothing can be shared.
fn spans_queues(ops: &[Op]) -> bool {
    let mut queues = ops.iter().filter_map(|op| match op {
        Op::Append { queue, .. } => Some(*queue),
        _ => None,
    });
    let first = queues.next();
    queues.any(|queue| Some(queue) != first)
}

/// Mixes addresses and lengths; they need no protection against chosen keys.
#[derive(Default)]
struct AddressHasher(u64);

impl Hasher for AddressHasher {
    fn finish(&self) -> u64 {
        self.0 ^ (self.0 >> 32)
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_usize(usize::from(*byte));
        }
    }

    fn write_usize(&mut self, value: usize) {
        self.0 = (self.0.rotate_left(5) ^ value as u64).wrapping_mul(0x517C_C1B7_2722_0A95);
    }
}
