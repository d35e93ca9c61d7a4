//! The ready messages of a queue, by priority.

use store::{Body, QueueId, Ticket};

use crate::message::{Entry, Expiry};
use crate::queue::browse::Piece;
use crate::queue::cold::Runs;
use crate::queue::comebacks::Comebacks;
use crate::queue::pick::{ColdSpot, Picked, Sought};
use crate::queue::ready::{Head, Popped, Ready, Stretch};

/// The priority of a number stands in its highest byte.
const LEVEL_SHIFT: u32 = 56;

/// Deliveries of a weighted queue that go to its high level before its low one has a turn.
const HIGH_TURNS: u8 = 2;

/// The priority that a number belongs to.
#[inline]
pub(crate) const fn level_of(seq: u64) -> usize {
    (seq >> LEVEL_SHIFT) as usize
}

/// The number within its level, as the store knows it.
#[inline]
pub(crate) const fn number_of(seq: u64) -> u64 {
    seq & ((1 << LEVEL_SHIFT) - 1)
}

/// The number that the store knows as `number` of `level`.
#[inline]
pub(crate) const fn seq_of(level: usize, number: u64) -> u64 {
    ((level as u64) << LEVEL_SHIFT) | number
}

/// The store's queue for a number of the queue `base`: each level has its own.
pub(crate) const fn store_id(base: QueueId, seq: u64) -> QueueId {
    QueueId(base.0 + (seq >> LEVEL_SHIFT) as u32)
}

/// One level.
pub(crate) struct Level {
    pub(crate) ready: Ready,
    /// The number that the next message gets.
    pub(crate) next_seq: u64,
    /// The highest number ever delivered; stored at a clean stop, because what lies below
    /// it may have been delivered before.
    pub(crate) delivered_to: u64,
}

impl Level {
    pub(crate) fn new(ready: Ready, next_seq: u64, delivered_to: u64) -> Self {
        Self {
            ready,
            next_seq,
            delivered_to,
        }
    }
}

/// How the levels take turns.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Turns {
    /// The highest goes first (classic queues).
    Strict,
    /// Two of the high one, one of the low one (quorum queues).
    Weighted,
}

/// All levels: one, for nearly every queue.
pub(crate) struct Levels {
    base: Level,
    more: Option<Box<More>>,
}

/// What only queues with priorities, and quorum queues, have.
struct More {
    levels: Vec<Level>,
    turns: Turns,
    /// Turns that the high level of a weighted queue has had in a row.
    high_turns: u8,
    /// No level above this one has a message.
    top: usize,
    /// What came back to a quorum queue, in that order: served before anything else.
    returned: Comebacks,
}

impl More {
    #[inline(never)]
    fn sum(&self, of: impl Fn(&Ready) -> u64, returned: impl Fn(&Self) -> u64) -> u64 {
        let levels = self.levels.iter().map(|level| of(&level.ready));
        levels.sum::<u64>() + returned(self)
    }

    #[inline(never)]
    fn level(&mut self, at: usize) -> &mut Level {
        self.top = self.top.max(at);
        // Numbers are made here, so that one of a level that isn't there can't be.
        let at = at.min(self.levels.len());
        &mut self.levels[at - 1]
    }
}

impl Levels {
    /// One level for each of `levels`, which has one at least.
    pub(crate) fn new(mut levels: Vec<Level>, turns: Turns) -> Self {
        if levels.is_empty() {
            levels.push(Level::new(Ready::default(), 1, 0));
        }
        let base = levels.remove(0);
        let plain = levels.is_empty() && turns == Turns::Strict;
        let more = (!plain).then(|| {
            Box::new(More {
                top: levels.len(),
                levels,
                turns,
                high_turns: 0,
                returned: Comebacks::default(),
            })
        });
        Self { base, more }
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        1 + self.more.as_ref().map_or(0, |more| more.levels.len())
    }

    /// The level of a message of this priority.
    #[inline]
    pub(crate) fn level_for(&self, priority: u8) -> usize {
        match &self.more {
            None => 0,
            Some(more) => match more.turns {
                Turns::Strict => usize::from(priority).min(more.levels.len()),
                Turns::Weighted => usize::from(priority > 4).min(more.levels.len()),
            },
        }
    }

    #[inline]
    pub(crate) fn level(&mut self, at: usize) -> &mut Level {
        if at == 0 {
            return &mut self.base;
        }
        match &mut self.more {
            Some(more) => more.level(at),
            None => &mut self.base,
        }
    }

    /// All levels, lowest first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Level> {
        let more = self.more.as_ref().map_or(&[][..], |more| &more.levels);
        std::iter::once(&self.base).chain(more)
    }

    fn iter_mut(&mut self) -> impl Iterator<Item = &mut Level> {
        let more = self
            .more
            .as_mut()
            .map_or(&mut [][..], |more| &mut more.levels);
        std::iter::once(&mut self.base).chain(more)
    }

    #[inline]
    fn sum(&self, of: impl Fn(&Ready) -> u64, returned: impl Fn(&More) -> u64) -> u64 {
        let base = of(&self.base.ready);
        match &self.more {
            None => base,
            Some(more) => base + more.sum(of, returned),
        }
    }

    pub(crate) fn len(&self) -> u64 {
        self.sum(Ready::len, |more| more.returned.len())
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.sum(Ready::bytes, |more| more.returned.bytes())
    }

    /// What they take in memory, in bytes.
    #[inline]
    pub(crate) fn cost(&self) -> u64 {
        self.sum(Ready::cost, |more| more.returned.cost())
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.base.ready.is_empty()
            && self.more.as_ref().is_none_or(|more| {
                more.returned.is_empty() && more.levels.iter().all(|level| level.ready.is_empty())
            })
    }

    /// Some level has messages that are or will be in the store only.
    #[inline]
    pub(crate) fn is_deep(&self) -> bool {
        self.base.ready.is_deep()
            || self
                .more
                .as_ref()
                .is_some_and(|more| more.levels.iter().any(|level| level.ready.is_deep()))
    }

    pub(crate) fn rejoin(&mut self, little: u64) {
        self.iter_mut().for_each(|level| level.ready.rejoin(little));
    }

    /// All that was appended to any tail so far can be read once `ticket` is committed.
    pub(crate) fn mark(&mut self, ticket: Ticket) {
        self.iter_mut().for_each(|level| level.ready.mark(ticket));
    }

    /// Drops the bodies of what lies too deep, of the lowest level first.
    pub(crate) fn chill(&mut self, allowance: u64, committed: Ticket, recorded: Ticket) {
        let mut others = self.cost();
        for level in self.iter_mut() {
            others = others.saturating_sub(level.ready.cost());
            let own = allowance.saturating_sub(others);
            level.ready.chill(own, committed, recorded);
            others += level.ready.cost();
        }
    }

    /// Takes the next message: of those that came back, then of the level whose turn it is.
    #[inline]
    pub(crate) fn pop(&mut self) -> Popped {
        match &mut self.more {
            None => self.base.ready.pop(),
            Some(_) => self.pop_leveled(),
        }
    }

    #[inline(never)]
    fn pop_leveled(&mut self) -> Popped {
        match self.pop_returned() {
            Popped::Nothing => {}
            popped => return popped,
        }
        let at = self.next_level();
        let popped = self.level(at).ready.pop();
        if let (Some(more), Popped::Entry(_)) = (&mut self.more, &popped) {
            more.high_turns = if at > 0 {
                HIGH_TURNS.min(more.high_turns + 1)
            } else {
                0
            };
        }
        popped
    }

    fn pop_returned(&mut self) -> Popped {
        let more = self.more.as_mut();
        more.map_or(Popped::Nothing, |more| more.returned.pop())
    }

    /// The level whose turn it is.
    fn next_level(&mut self) -> usize {
        let Some(more) = &mut self.more else {
            return 0;
        };
        while more.top > 0 && more.levels[more.top - 1].ready.is_empty() {
            more.top -= 1;
        }
        if more.turns == Turns::Weighted
            && more.high_turns >= HIGH_TURNS
            && !self.base.ready.is_empty()
        {
            return 0;
        }
        more.top
    }

    /// The next message is in the store only: what is to be read.
    pub(crate) fn wanted(&mut self) -> Option<Stretch> {
        let returned = self.more.as_ref().map(|more| &more.returned);
        if let Some(returned) = returned.filter(|returned| !returned.is_empty()) {
            return returned.wanted();
        }
        let at = self.next_level();
        self.level(at).ready.wanted()
    }

    /// Nobody can tell when the first message of some level expires, because it is in the
    /// store only: what is to be read.
    pub(crate) fn unknown_head(&self) -> Option<Stretch> {
        let returned = self.more.as_ref().and_then(|more| more.returned.wanted());
        returned.or_else(|| self.iter().find_map(|level| level.ready.wanted()))
    }

    /// What is ready from the number `from` on, in the order of its delivery, for `max`
    /// messages.
    pub(crate) fn pieces(&self, from: Option<u64>, max: usize) -> Vec<Piece> {
        let mut pieces = match (&self.more, from) {
            (Some(more), None) => more.returned.pieces(max),
            _ => Vec::new(),
        };
        let mut left = pieces.iter().fold(max, |left, piece| piece.less(left));
        let levels: Vec<&Level> = self.iter().collect();
        let highest = from.map_or(levels.len(), |from| level_of(from) + 1);
        for (at, level) in levels.iter().enumerate().take(highest).rev() {
            let from = from.filter(|from| level_of(*from) == at);
            let more = level.ready.pieces(from.unwrap_or(0), left);
            left = more.iter().fold(left, |left, piece| piece.less(left));
            pieces.extend(more);
            if left == 0 {
                break;
            }
        }
        pieces
    }

    /// The first messages of all levels.
    pub(crate) fn next_expiry_ms(&self) -> Option<u64> {
        let returned = self.more.as_ref().map(|more| more.returned.head());
        let expiry = |head: Head<'_>| match head {
            Head::Entry(entry) => entry.expiry.ms(),
            Head::Cold | Head::Nothing => None,
        };
        let heads = self.iter().filter_map(|level| expiry(level.ready.head()));
        heads.chain(returned.and_then(expiry)).min()
    }

    /// Takes a message that stands first on its level and has expired at `now_ms`.
    pub(crate) fn pop_expired(&mut self, now_ms: u64) -> Option<Entry> {
        let has_come = |expiry: Expiry| expiry.has_come(now_ms);
        let returned = self.more.as_ref().map(|more| more.returned.head());
        if matches!(returned, Some(Head::Entry(entry)) if has_come(entry.expiry))
            && let Popped::Entry(entry) = self.pop_returned()
        {
            return Some(entry);
        }
        for level in self.iter_mut() {
            if matches!(level.ready.head(), Head::Entry(entry) if has_come(entry.expiry))
                && let Popped::Entry(entry) = level.ready.pop()
            {
                return Some(entry);
            }
        }
        None
    }

    /// Takes in what the store has read of the queue of `stretch`.
    pub(crate) fn thaw(&mut self, stretch: Stretch, read: Vec<(u64, Body)>) -> u64 {
        let at = level_of(stretch.first);
        let mut read = read
            .into_iter()
            .map(|(number, body)| (seq_of(at, number), body))
            .collect();
        let returned = self.more.as_mut().map(|more| &mut more.returned);
        if let Some(lost) = returned.and_then(|all| all.thaw(stretch, &mut read)) {
            return lost;
        }
        self.level(at).ready.thaw(stretch, read)
    }

    /// Gives up the messages from `first`, where a run begins, to the number `damaged`.
    pub(crate) fn skip(&mut self, first: u64, damaged: u64) {
        let at = level_of(first);
        let damaged = seq_of(at, damaged);
        let returned = self.more.as_mut().map(|more| &mut more.returned);
        if !returned.is_some_and(|all| all.skip(first, damaged)) {
            self.level(at).ready.skip(first, damaged);
        }
    }

    /// Puts messages back where they were. `returned` is sorted by number.
    pub(crate) fn put_back(&mut self, mut returned: Vec<Entry>) {
        while let Some(last) = returned.last() {
            let at = level_of(last.seq);
            let first = returned.partition_point(|entry| level_of(entry.seq) < at);
            let of_level = if first == 0 {
                std::mem::take(&mut returned)
            } else {
                returned.split_off(first)
            };
            self.level(at).ready.put_back(of_level);
        }
    }

    /// Puts messages before all others but those that came back before: those whose bodies are
    /// in the store, which were delivered first, and then the others.
    pub(crate) fn put_first(&mut self, runs: Runs, returned: Vec<Entry>) {
        let Some(more) = &mut self.more else {
            self.put_back(returned);
            return self.put_back_cold(runs);
        };
        for run in runs {
            more.returned.push_cold(run);
        }
        for entry in returned {
            more.returned.push(entry);
        }
    }

    /// Takes back messages whose bodies are in the store.
    pub(crate) fn put_back_cold(&mut self, runs: Runs) {
        if self.more.is_none() {
            return self.base.ready.put_back_cold(runs);
        }
        for (at, runs) in runs.by_level() {
            self.level(at).ready.put_back_cold(runs);
        }
    }

    /// Takes those of `seqs`, ascending, that are in memory and `wanted`.
    pub(crate) fn pick(&mut self, seqs: &[u64], wanted: impl Fn(&Entry) -> bool) -> Vec<Picked> {
        let mut picked = self.pick_returned(seqs, &wanted);
        for seqs in seqs.chunk_by(|a, b| level_of(*a) == level_of(*b)) {
            let at = seqs.first().map_or(usize::MAX, |seq| level_of(*seq));
            if at < self.count() {
                let entries = self.level(at).ready.pick(seqs, &wanted);
                picked.extend(entries.into_iter().map(Picked::ready));
            }
        }
        picked
    }

    fn pick_returned(&mut self, seqs: &[u64], wanted: impl Fn(&Entry) -> bool) -> Vec<Picked> {
        let Some(more) = &mut self.more else {
            return Vec::new();
        };
        let is_one = |entry: &Entry| seqs.binary_search(&entry.seq).is_ok() && wanted(entry);
        let picked = more.returned.take_if(is_one);
        picked.into_iter().map(Picked::returned).collect()
    }

    /// Copies of those of `seqs`, ascending, that are in memory.
    pub(crate) fn look_at(&self, seqs: &[u64]) -> Vec<Entry> {
        let returned = self.more.iter().flat_map(|more| more.returned.entries());
        let returned = returned.filter(|entry| seqs.binary_search(&entry.seq).is_ok());
        let ready = seqs.iter().filter_map(|seq| {
            let level = self.iter().nth(level_of(*seq))?;
            level.ready.warm_at(*seq)
        });
        returned.chain(ready).cloned().collect()
    }

    /// Where those of `seqs`, ascending, lie that are in the store only, in the same order.
    pub(crate) fn look_up(&self, seqs: &[u64]) -> Vec<ColdSpot> {
        let mut spots = Vec::new();
        for run in self.more.iter().flat_map(|more| more.returned.runs()) {
            let start = seqs.partition_point(|seq| *seq < run.first);
            let inside = seqs.get(start..).unwrap_or_default();
            let inside = inside.iter().take_while(|seq| **seq <= run.last);
            spots.extend(inside.map(|seq| ColdSpot::new(*seq, run, true)));
        }
        spots.extend(seqs.iter().filter_map(|seq| {
            let level = self.iter().nth(level_of(*seq))?;
            let run = level.ready.cold_at(*seq)?;
            Some(ColdSpot::new(*seq, run, false))
        }));
        spots.sort_unstable_by_key(|spot| spot.seq);
        spots
    }

    /// Takes a message that has been read from the store out of its run, unless it lies
    /// elsewhere by now.
    pub(crate) fn pick_cold(&mut self, sought: Sought) -> Option<Picked> {
        let Sought {
            entry,
            size,
            before,
            returned,
        } = sought;
        let at = level_of(entry.seq);
        if returned {
            let more = self.more.as_mut()?;
            let taken = more.returned.take_out(entry.seq, size, before);
            return taken.then(|| Picked::returned(entry));
        }
        let taken = at < self.count() && self.level(at).ready.pick_cold(entry.seq, size, before);
        taken.then(|| Picked::ready(entry))
    }

    /// Puts back what was picked, to its place on its level or before all others.
    pub(crate) fn unpick(&mut self, picked: Vec<Picked>) {
        let (mut returned, mut ready): (Vec<Entry>, Vec<Entry>) = (Vec::new(), Vec::new());
        for one in picked {
            if one.was_returned {
                returned.push(one.entry);
            } else {
                ready.push(one.entry);
            }
        }
        if let Some(more) = &mut self.more {
            for entry in returned.into_iter().rev() {
                more.returned.push_front(entry);
            }
        }
        ready.sort_unstable_by_key(|entry| entry.seq);
        while let Some(last) = ready.last() {
            let at = level_of(last.seq);
            let first = ready.partition_point(|entry| level_of(entry.seq) < at);
            let of_level = ready.split_off(first);
            self.level(at).ready.unpick(of_level);
        }
    }

    /// Empties all levels and tells which numbers were in the store, as runs.
    pub(crate) fn clear(&mut self) -> Vec<(u64, u64)> {
        let mut runs: Vec<(u64, u64)> = Vec::new();
        for level in self.iter_mut() {
            runs.extend(level.ready.clear());
        }
        if let Some(more) = &mut self.more {
            runs.extend(more.returned.clear());
        }
        runs
    }
}
