//! What waits for the commit thread. Callers push under one short mutex; the thread takes all of
//! it in one swap. Nobody waits for a batch to grow: it grows while the last one is written.

use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use crate::body::Body;
use crate::ids::Ticket;
use crate::keep::Keep;

/// Longest time that settlements wait for a group to ride in (100 ms). A crash redelivers what
/// was settled in it, so it should be short; it costs a write, so not too short.
pub(crate) const SETTLE_DELAY_MAX: Duration = Duration::from_millis(100);

/// Bytes of waiting settlements that are worth a write of their own (64 KiB).
pub(crate) const SETTLE_BYTES_MAX: usize = 64 << 10;

/// Operations a spare group keeps room for; after a burst the rest of the memory goes back.
const SPARE_OPS_MAX: usize = 4096;

/// Settled messages `first ..= last` of one queue. Ordered by queue, then number.
#[derive(Copy, Clone, Eq, PartialEq, Ord, PartialOrd, Debug)]
pub(crate) struct Run {
    pub(crate) queue: u32,
    pub(crate) first: u64,
    pub(crate) last: u64,
}

/// One operation that was promised a ticket.
#[derive(Debug)]
pub(crate) enum Op {
    Append {
        queue: u32,
        first_seq: u64,
        bodies: Vec<Body>,
        keep: Keep,
    },
    Purge {
        queue: u32,
        runs: Vec<(u64, u64)>,
    },
    DropQueue {
        queue: u32,
    },
    Put {
        key: Box<[u8]>,
        value: Box<[u8]>,
    },
    Remove {
        key: Box<[u8]>,
    },
    /// Writes nothing: somebody waits for what came before it.
    Barrier,
}

/// Everything that shares one ticket.
#[derive(Debug, Default)]
pub(crate) struct Group {
    pub(crate) ticket: u64,
    pub(crate) ops: Vec<Op>,
    pub(crate) settles: Vec<Run>,
}

impl Group {
    /// Empties the group for its next use.
    pub(crate) fn clear(&mut self) {
        self.ops.clear();
        self.settles.clear();
        self.ops.shrink_to(SPARE_OPS_MAX);
        self.settles.shrink_to(SPARE_OPS_MAX);
    }

    /// Whether anything of it goes to the log.
    pub(crate) fn writes(&self) -> bool {
        !self.settles.is_empty() || self.ops.iter().any(|op| !matches!(op, Op::Barrier))
    }

    fn settle_bytes(&self) -> usize {
        self.settles.len() * size_of::<Run>()
    }
}

/// What the commit thread should do when nothing is left.
#[derive(Copy, Clone, Eq, PartialEq, Debug)]
enum Mode {
    Open,
    /// Write what is there, then end. Accept nothing more.
    Draining,
    /// End at once. Accept nothing more.
    Stopped,
}

/// What the commit thread waits for.
#[derive(Copy, Clone, Eq, PartialEq, Debug)]
enum Sleep {
    Awake,
    /// Anything.
    Idle,
    /// An operation, many settlements, or the end of the settlements' delay.
    Delay,
}

struct State {
    group: Group,
    mode: Mode,
    sleep: Sleep,
}

/// See the module.
pub(crate) struct Pending {
    state: Mutex<State>,
    wake: Condvar,
}

impl Pending {
    pub(crate) fn new() -> Self {
        let group = Group {
            ticket: 1,
            ..Group::default()
        };
        let state = State {
            group,
            mode: Mode::Open,
            sleep: Sleep::Awake,
        };
        Self {
            state: Mutex::new(state),
            wake: Condvar::new(),
        }
    }

    /// Adds an operation. After a stop it is forgotten: the ticket, in `Err`, is never committed.
    pub(crate) fn push(&self, op: Op) -> Result<Ticket, Ticket> {
        let mut state = self.state.lock();
        let ticket = Ticket(state.group.ticket);
        if state.mode != Mode::Open {
            return Err(ticket);
        }
        state.group.ops.push(op);
        let asleep = std::mem::replace(&mut state.sleep, Sleep::Awake) != Sleep::Awake;
        drop(state);
        if asleep {
            self.wake.notify_one();
        }
        Ok(ticket)
    }

    /// Adds settlements.
    pub(crate) fn settle(&self, queue: u32, seqs: &[u64]) {
        let mut state = self.state.lock();
        if state.mode != Mode::Open || seqs.is_empty() {
            return;
        }
        let settles = &mut state.group.settles;
        for &seq in seqs {
            match settles.last_mut() {
                Some(run) if run.queue == queue && run.last.checked_add(1) == Some(seq) => {
                    run.last = seq;
                }
                _ => settles.push(Run {
                    queue,
                    first: seq,
                    last: seq,
                }),
            }
        }
        let full = state.group.settle_bytes() >= SETTLE_BYTES_MAX;
        let wake = match state.sleep {
            Sleep::Awake => false,
            Sleep::Idle => true,
            Sleep::Delay => full,
        };
        if wake {
            state.sleep = Sleep::Awake;
            drop(state);
            self.wake.notify_one();
        }
    }

    /// The last ticket that belongs to a group already taken.
    pub(crate) fn last_taken(&self) -> Ticket {
        Ticket(self.state.lock().group.ticket - 1)
    }

    /// Ends the commit thread once everything accepted so far is written.
    pub(crate) fn drain(&self) {
        self.set_mode(Mode::Draining);
    }

    /// Ends the commit thread as soon as possible; what waits is forgotten.
    pub(crate) fn stop(&self) {
        self.set_mode(Mode::Stopped);
    }

    fn set_mode(&self, mode: Mode) {
        let mut state = self.state.lock();
        if state.mode == Mode::Stopped {
            return;
        }
        state.mode = mode;
        state.sleep = Sleep::Awake;
        let forgotten = if mode == Mode::Stopped {
            let ticket = state.group.ticket;
            std::mem::replace(
                &mut state.group,
                Group {
                    ticket,
                    ..Group::default()
                },
            )
        } else {
            Group::default()
        };
        drop(state);
        drop(forgotten);
        self.wake.notify_one();
    }

    /// Waits for something to write and swaps it against `spare`, which is empty.
    /// `None` when the thread should end.
    // The commit thread is one of the two places that own a clock: the delay of settlements is
    // real time and nobody else is there to pass it in.
    #[allow(clippy::disallowed_methods)]
    pub(crate) fn take(&self, mut spare: Group) -> Option<Group> {
        let mut state = self.state.lock();
        let mut deadline = None;
        loop {
            match state.mode {
                Mode::Stopped => return None,
                Mode::Draining if state.group.ops.is_empty() && state.group.settles.is_empty() => {
                    return None;
                }
                Mode::Draining => break,
                Mode::Open => {}
            }
            if !state.group.ops.is_empty() || state.group.settle_bytes() >= SETTLE_BYTES_MAX {
                break;
            }
            if state.group.settles.is_empty() {
                state.sleep = Sleep::Idle;
                self.wake.wait(&mut state);
                continue;
            }
            let now = Instant::now();
            let until = *deadline.get_or_insert(now + SETTLE_DELAY_MAX);
            if now >= until {
                break;
            }
            state.sleep = Sleep::Delay;
            self.wake.wait_until(&mut state, until);
        }
        state.sleep = Sleep::Awake;
        spare.ticket = state.group.ticket + 1;
        Some(std::mem::replace(&mut state.group, spare))
    }
}
