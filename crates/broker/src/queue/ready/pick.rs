//! Messages out of the middle of what is ready, and back to their places.

use std::collections::VecDeque;

use crate::message::Entry;
use crate::queue::cold::{Before, Run};
use crate::queue::ready::Ready;

impl Ready {
    /// Takes those of `seqs`, ascending, that are in memory and `wanted`.
    pub(crate) fn pick(&mut self, seqs: &[u64], wanted: impl Fn(&Entry) -> bool) -> Vec<Entry> {
        let mut picked = pick_from(&mut self.front, seqs, &wanted);
        if let Some(deep) = &mut self.deep {
            picked.extend(pick_from(&mut deep.tail, seqs, &wanted));
            if deep.tail.is_empty() {
                deep.marks.clear();
            }
            self.rise();
        }
        picked.iter().for_each(|entry| self.count_out(entry));
        picked
    }

    /// A message in memory.
    pub(crate) fn warm_at(&self, seq: u64) -> Option<&Entry> {
        let find = |entries: &VecDeque<Entry>| entries.binary_search_by_key(&seq, |one| one.seq);
        match find(&self.front) {
            Ok(at) => self.front.get(at),
            Err(_) => {
                let tail = &self.deep.as_ref()?.tail;
                tail.get(find(tail).ok()?)
            }
        }
    }

    /// The run of a message that is in the store only.
    pub(crate) fn cold_at(&self, seq: u64) -> Option<&Run> {
        self.deep.as_ref()?.cold.holding(seq)
    }

    /// Takes a message that has been read from the store out of its run, unless it lies in
    /// another one by now.
    pub(crate) fn pick_cold(&mut self, seq: u64, size: u64, before: Before) -> bool {
        let deep = self.deep.as_mut();
        let taken = deep.is_some_and(|deep| deep.cold.take_out(seq, size, before));
        self.rise();
        taken
    }

    /// Puts back what was picked, in ascending order, wherever it was.
    pub(crate) fn unpick(&mut self, mut picked: Vec<Entry>) {
        let tail_from = self.first_of_tail().map_or(u64::MAX, |entry| entry.seq);
        let of_tail = picked.split_off(picked.partition_point(|entry| entry.seq < tail_from));
        self.put_back(picked);
        if of_tail.is_empty() {
            return;
        }
        of_tail.iter().for_each(|entry| self.count_in(entry));
        let tail = &mut self.behind().tail;
        tail.extend(of_tail);
        tail.make_contiguous().sort_by_key(|entry| entry.seq);
    }
}

/// Takes entries by their numbers, ascending, moving each of the others at most once.
fn pick_from(
    entries: &mut VecDeque<Entry>,
    seqs: &[u64],
    wanted: impl Fn(&Entry) -> bool,
) -> Vec<Entry> {
    let (Some(first), Some(last)) = (seqs.first(), seqs.last()) else {
        return Vec::new();
    };
    let start = entries.partition_point(|entry| entry.seq < *first);
    let end = entries.partition_point(|entry| entry.seq <= *last);
    if start == end {
        return Vec::new();
    }
    let mut behind = entries.split_off(end);
    let between = entries.split_off(start);
    let mut picked = Vec::new();
    for entry in between {
        if seqs.binary_search(&entry.seq).is_ok() && wanted(&entry) {
            picked.push(entry);
        } else {
            entries.push_back(entry);
        }
    }
    entries.append(&mut behind);
    picked
}
