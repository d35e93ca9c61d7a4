//! Entries: what the store keeps by key.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Arc;

/// A key and its value in one allocation, which a checkpoint shares. A queue has one of them at
/// least, so that two maps of keys and values were a tenth of what it takes when idle.
#[derive(Clone, Debug)]
pub(crate) struct Pair(Arc<[u8]>);

impl Pair {
    /// The length of the key stands first.
    fn new(key: &[u8], value: &[u8]) -> Self {
        let key_len = (key.len() as u32).to_le_bytes();
        Self([&key_len[..], key, value].concat().into())
    }

    pub(crate) fn key(&self) -> &[u8] {
        self.parts().0
    }

    pub(crate) fn value(&self) -> &[u8] {
        self.parts().1
    }

    fn parts(&self) -> (&[u8], &[u8]) {
        let Some((key_len, rest)) = self.0.split_first_chunk() else {
            return (&[], &[]);
        };
        let key_len = u32::from_le_bytes(*key_len) as usize;
        rest.split_at_checked(key_len).unwrap_or((rest, &[]))
    }
}

impl Borrow<[u8]> for Pair {
    fn borrow(&self) -> &[u8] {
        self.key()
    }
}

impl Ord for Pair {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key().cmp(other.key())
    }
}

impl PartialOrd for Pair {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Pair {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Pair {}

/// A change that the next checkpoint writes.
#[derive(Debug)]
pub(crate) enum Changed {
    /// The entry is this.
    Set(Pair),
    /// The entry of this key is gone.
    Removed(Pair),
}

/// All entries, and which of them have changed since the last checkpoint.
#[derive(Default)]
pub(crate) struct Entries {
    all: BTreeSet<Pair>,
    changed: BTreeSet<Pair>,
}

impl Entries {
    /// What the database holds, by key: nothing has changed yet.
    pub(crate) fn loaded(entries: BTreeMap<Vec<u8>, Vec<u8>>) -> Self {
        let pair = |(key, value): (Vec<u8>, Vec<u8>)| Pair::new(&key, &value);
        Self {
            all: entries.into_iter().map(pair).collect(),
            changed: BTreeSet::new(),
        }
    }

    /// Sets (`Some`) or removes (`None`) an entry.
    pub(crate) fn set(&mut self, key: &[u8], value: Option<&[u8]>) {
        let pair = match value {
            Some(value) => {
                let pair = Pair::new(key, value);
                self.all.replace(pair.clone());
                pair
            }
            None => self.all.take(key).unwrap_or_else(|| Pair::new(key, &[])),
        };
        self.changed.insert(pair);
    }

    /// What has changed since this was last asked, by key.
    pub(crate) fn take_changed(&mut self) -> Vec<Changed> {
        let changed = std::mem::take(&mut self.changed);
        let now = |pair: Pair| match self.all.get(pair.key()) {
            Some(now) => Changed::Set(now.clone()),
            None => Changed::Removed(pair),
        };
        changed.into_iter().map(now).collect()
    }

    /// The entries behind `key`, or all of them, in order of keys.
    pub(crate) fn after(&self, key: Option<&[u8]>) -> impl Iterator<Item = &Pair> {
        let from = key.map_or(Bound::Unbounded, Bound::Excluded);
        self.all.range::<[u8], _>((from, Bound::Unbounded))
    }

    /// Copies of all keys and values.
    pub(crate) fn to_map(&self) -> BTreeMap<Vec<u8>, Vec<u8>> {
        let copy = |pair: &Pair| (pair.key().to_vec(), pair.value().to_vec());
        self.all.iter().map(copy).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_value_of_a_key_counts() {
        let mut entries = Entries::default();
        entries.set(b"a", Some(b"1"));
        entries.set(b"a", Some(b"22"));
        entries.set(b"b", Some(b""));
        entries.set(b"c", Some(b"3"));
        entries.set(b"c", None);
        let now = BTreeMap::from([(b"a".to_vec(), b"22".to_vec()), (b"b".to_vec(), Vec::new())]);
        assert_eq!(entries.to_map(), now);
        let changed = entries.take_changed();
        let [Changed::Set(a), Changed::Set(b), Changed::Removed(c)] = &changed[..] else {
            panic!("{changed:?}");
        };
        assert_eq!((a.key(), a.value()), (&b"a"[..], &b"22"[..]));
        assert_eq!((b.key(), b.value()), (&b"b"[..], &b""[..]));
        assert_eq!(c.key(), b"c");
        assert!(entries.take_changed().is_empty());
    }

    #[test]
    fn keys_are_in_order_whatever_their_lengths_and_values() {
        let mut entries = Entries::default();
        for key in [&b"b"[..], b"aa", b"", b"a"] {
            entries.set(key, Some(b"zz"));
        }
        let keys: Vec<&[u8]> = entries.after(None).map(Pair::key).collect();
        assert_eq!(keys, [&b""[..], b"a", b"aa", b"b"]);
        let behind: Vec<&[u8]> = entries.after(Some(b"a")).map(Pair::key).collect();
        assert_eq!(behind, [&b"aa"[..], b"b"]);
    }
}
