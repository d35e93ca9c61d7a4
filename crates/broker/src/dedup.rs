//! Telling duplicates apart: a bounded memory of header values.
//!
//! Arguments and headers are those of RabbitMQ's popular plugin, and of LavinMQ, which take
//! `x-message-deduplication` on exchanges of any type.

use std::collections::{HashMap, VecDeque};

use codec::{AMQPValue, FieldTable};
use parking_lot::Mutex;
use routing::Kind;
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};
use store::Ticket;

use crate::error::Error;
use crate::record::Record;
use crate::services::Services;

/// Most values that one cache remembers, whatever `x-cache-size` says. An entry takes about
/// 100 bytes, so this is 400 MB: more than anybody asks for, less than a machine.
pub const DEDUP_ENTRIES_MAX: usize = 4_000_000;

/// Values that a cache remembers when `x-cache-size` is not given, as in LavinMQ.
pub const DEDUP_ENTRIES_DEFAULT: usize = 128;

/// The header that tells duplicates, unless an argument of the same name names another.
pub(crate) const HEADER: &str = "x-deduplication-header";

/// A header's value, shortened. Two values are the same if type class and content are.
pub type Digest = [u8; 16];

/// Whether a value was there before.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Seen {
    /// It is new, and remembered from now on as the entry with this number.
    First(u64),
    /// It is remembered.
    Before,
}

/// A bounded set of values that are forgotten in time. Every call is O(1), amortized.
#[derive(Debug)]
pub struct Dedup {
    entries_max: usize,
    entries: HashMap<Digest, Entry>,
    /// Oldest first; may name entries that are gone.
    order: VecDeque<(u64, Digest)>,
    next: u64,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    number: u64,
    /// Milliseconds since 1970; `u64::MAX` for never.
    expires_ms: u64,
}

impl Dedup {
    /// Remembers up to `entries_max` values, at least 1 and at most [`DEDUP_ENTRIES_MAX`].
    #[must_use]
    pub fn new(entries_max: usize) -> Self {
        Self {
            entries_max: entries_max.clamp(1, DEDUP_ENTRIES_MAX),
            entries: HashMap::new(),
            order: VecDeque::new(),
            next: 1,
        }
    }

    /// Remembers up to `entries_max` values from now on. `forgotten` is told which ones go.
    pub fn resize(&mut self, entries_max: usize, mut forgotten: impl FnMut(&Digest)) {
        self.entries_max = entries_max.clamp(1, DEDUP_ENTRIES_MAX);
        self.shrink_to(self.entries_max, &mut forgotten);
    }

    /// The oldest go until there are no more than `entries_max`.
    fn shrink_to(&mut self, entries_max: usize, forgotten: &mut impl FnMut(&Digest)) {
        while self.entries.len() > entries_max {
            let Some((number, oldest)) = self.order.pop_front() else {
                break;
            };
            if self.is_current(number, &oldest) {
                self.entries.remove(&oldest);
                forgotten(&oldest);
            }
        }
    }

    /// Values remembered, also those that have expired and were not met since.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether nothing is remembered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Looks a value up and remembers it if it is new, for `ttl_ms` or until there are too many.
    /// `forgotten` is told which values went to make room.
    pub fn insert(
        &mut self,
        value: Digest,
        ttl_ms: Option<u64>,
        now_ms: u64,
        mut forgotten: impl FnMut(&Digest),
    ) -> Seen {
        self.forget_expired(now_ms, &mut forgotten);
        if self
            .entries
            .get(&value)
            .is_some_and(|entry| entry.expires_ms > now_ms)
        {
            return Seen::Before;
        }
        self.entries.remove(&value);
        self.shrink_to(self.entries_max - 1, &mut forgotten);
        let number = self.next;
        let expires_ms = ttl_ms.map_or(u64::MAX, |ttl| now_ms.saturating_add(ttl));
        self.restore(value, number, expires_ms);
        Seen::First(number)
    }

    /// Remembers a value as it was before a restart. In order of their numbers.
    pub fn restore(&mut self, value: Digest, number: u64, expires_ms: u64) {
        self.next = self.next.max(number + 1);
        self.entries.insert(value, Entry { number, expires_ms });
        self.order.push_back((number, value));
        // Values that were removed early leave their place in the order behind.
        if self.order.len() > 2 * self.entries.len() + 64 {
            let entries = &self.entries;
            self.order
                .retain(|(number, value)| entries.get(value).is_some_and(|e| e.number == *number));
        }
    }

    /// Forgets a value before its time, if it still is the entry with this number.
    pub fn remove(&mut self, value: &Digest, number: u64) {
        if self.is_current(number, value) {
            self.entries.remove(value);
        }
    }

    /// The oldest values whose time is over. Others go when they are met or make room.
    fn forget_expired(&mut self, now_ms: u64, forgotten: &mut impl FnMut(&Digest)) {
        while let Some((number, oldest)) = self.order.front().copied() {
            if self.is_current(number, &oldest) {
                if self
                    .entries
                    .get(&oldest)
                    .is_some_and(|entry| entry.expires_ms > now_ms)
                {
                    return;
                }
                self.entries.remove(&oldest);
                forgotten(&oldest);
            }
            self.order.pop_front();
        }
    }

    fn is_current(&self, number: u64, value: &Digest) -> bool {
        self.entries.get(value).is_some_and(|e| e.number == number)
    }
}

/// How an exchange tells duplicates.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct DedupRules {
    entries_max: usize,
    ttl_ms: Option<u64>,
    /// `x-cache-persistence` is `disk`.
    persistent: bool,
    header: String,
}

impl DedupRules {
    /// Reads an exchange's arguments; `None` if it is to let duplicates pass.
    pub(crate) fn parse(kind: Kind, arguments: &FieldTable) -> Result<Option<Self>, Error> {
        let is_type = kind == Kind::Deduplication;
        if !is_type && codec::get_bool(arguments, "x-message-deduplication") != Some(true) {
            return Ok(None);
        }
        let invalid = |text: &str| Error::InvalidExchange(text.to_owned());
        let size = positive(arguments, "x-cache-size");
        let entries_max = match size {
            Some(Ok(size)) => usize::try_from(size).unwrap_or(usize::MAX),
            None if !is_type => DEDUP_ENTRIES_DEFAULT,
            None | Some(Err(())) => {
                return Err(invalid(
                    "Missing or invalid argument, 'x-cache-size' must be an integer greater than 0",
                ));
            }
        };
        let ttl_ms = positive(arguments, "x-cache-ttl")
            .transpose()
            .map_err(|()| {
                invalid("Invalid argument, 'x-cache-ttl' must be an integer greater than 0")
            })?;
        let persistent = match arguments.inner().get("x-cache-persistence") {
            None => false,
            Some(value) => match codec::as_str(value) {
                Some("disk") => true,
                Some("memory") => false,
                _ => {
                    return Err(invalid(
                        "Invalid argument, 'x-cache-persistence' must be either 'disk' or 'memory'",
                    ));
                }
            },
        };
        Ok(Some(Self {
            entries_max,
            ttl_ms,
            persistent,
            header: codec::get_str(arguments, HEADER)
                .unwrap_or(HEADER)
                .to_owned(),
        }))
    }
}

/// An integer above 0, also as decimal digits; `Err` for anything else.
fn positive(arguments: &FieldTable, name: &str) -> Option<Result<u64, ()>> {
    let value = arguments.inner().get(name)?;
    let number = codec::as_int(value).or_else(|| codec::as_str(value)?.parse().ok());
    Some(match number.and_then(|n| u64::try_from(n).ok()) {
        Some(number) if number > 0 => Ok(number),
        _ => Err(()),
    })
}

/// The value of a header by which messages are told apart; `None` for one that can't: missing,
/// void, a table or an array.
pub(crate) fn digest(headers: &FieldTable, header: &str) -> Option<Digest> {
    let value = headers.inner().get(header)?;
    let mut hasher = Sha256::new();
    if let Some(number) = codec::as_int(value) {
        hasher.update(b"i");
        hasher.update(number.to_be_bytes());
    } else {
        match value {
            AMQPValue::LongString(text) => {
                hasher.update(b"s");
                hasher.update(text.as_bytes());
            }
            AMQPValue::ShortString(text) => {
                hasher.update(b"s");
                hasher.update(text.as_str());
            }
            AMQPValue::ByteArray(bytes) => {
                hasher.update(b"s");
                hasher.update(bytes.as_slice());
            }
            AMQPValue::Boolean(value) => hasher.update([b't', u8::from(*value)]),
            AMQPValue::Timestamp(value) => {
                hasher.update(b"i");
                hasher.update(value.to_be_bytes());
            }
            AMQPValue::Float(value) => {
                hasher.update(b"d");
                hasher.update(f64::from(*value).to_be_bytes());
            }
            AMQPValue::Double(value) => {
                hasher.update(b"d");
                hasher.update(value.to_be_bytes());
            }
            _ => return None,
        }
    }
    hasher.finalize().first_chunk().copied()
}

/// The duplicates of one exchange.
pub(crate) struct ExchangeDedup {
    rules: DedupRules,
    /// Records of its entries begin so; none if they are not to survive a restart.
    record_key: Option<Vec<u8>>,
    cache: Mutex<Cache>,
}

struct Cache {
    values: Dedup,
    /// How long they are remembered, unless a message says something else.
    ttl_ms: Option<u64>,
}

impl ExchangeDedup {
    pub(crate) fn new(rules: DedupRules, vhost: &str, exchange: &str, durable: bool) -> Self {
        let record_key =
            (rules.persistent && durable).then(|| Record::seen_prefix(vhost, exchange));
        Self {
            cache: Mutex::new(Cache {
                values: Dedup::new(rules.entries_max),
                ttl_ms: rules.ttl_ms,
            }),
            record_key,
            rules,
        }
    }

    /// Puts the cache under a policy: what that says of its size and time holds, else the
    /// arguments of the exchange. Where the cache is kept was settled when that was declared.
    pub(crate) fn govern(&self, policy: Option<&Map<String, Value>>, services: &Services) {
        let of_policy = |key: &str| policy.and_then(|policy| policy.get(key)?.as_u64());
        let size =
            of_policy("x-cache-size").map(|size| usize::try_from(size).unwrap_or(usize::MAX));
        let mut cache = self.cache.lock();
        cache.ttl_ms = of_policy("x-cache-ttl").or(self.rules.ttl_ms);
        let forgotten = |value: &Digest| self.forget_one(value, services);
        cache
            .values
            .resize(size.unwrap_or(self.rules.entries_max), forgotten);
    }

    /// A value is not remembered any more: neither is it in the store.
    fn forget_one(&self, value: &Digest, services: &Services) {
        if let Some(prefix) = &self.record_key {
            services.store.remove(&[&prefix[..], value].concat());
        }
    }

    /// Whether a message with these headers can be a duplicate at all.
    pub(crate) fn applies(&self, headers: &FieldTable) -> bool {
        headers.contains_key(&self.rules.header)
    }

    /// Whether a message is a duplicate; one that is not is remembered. The ticket is that of
    /// the entry's record.
    pub(crate) fn is_duplicate(
        &self,
        headers: &FieldTable,
        services: &Services,
    ) -> (bool, Option<Ticket>) {
        let Some(value) = digest(headers, &self.rules.header) else {
            return (false, None);
        };
        let own_ttl = codec::get_int(headers, "x-cache-ttl")
            .and_then(|ttl| u64::try_from(ttl).ok())
            .filter(|ttl| *ttl > 0);
        let now_ms = services.clock.now_ms();
        let mut cache = self.cache.lock();
        let ttl_ms = own_ttl.or(cache.ttl_ms);
        let forgotten = |value: &Digest| self.forget_one(value, services);
        let Seen::First(number) = cache.values.insert(value, ttl_ms, now_ms, forgotten) else {
            return (true, None);
        };
        let ticket = self.record_key.as_ref().map(|prefix| {
            let expires_ms = ttl_ms.map_or(u64::MAX, |ttl| now_ms.saturating_add(ttl));
            let entry = [number.to_be_bytes(), expires_ms.to_be_bytes()].concat();
            services.store.put(&[&prefix[..], &value].concat(), &entry)
        });
        (false, ticket)
    }

    /// Takes back what was remembered before a restart, in order of the numbers.
    pub(crate) fn restore(&self, mut entries: Vec<(u64, Digest, u64)>) {
        entries.sort_unstable();
        let mut cache = self.cache.lock();
        for (number, value, expires_ms) in entries {
            cache.values.restore(value, number, expires_ms);
        }
    }

    /// The exchange is deleted: so are its records.
    pub(crate) fn forget(&self, services: &Services) {
        for value in self.cache.lock().values.entries.keys() {
            self.forget_one(value, services);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashSet;

    fn value(n: u8) -> Digest {
        [n; 16]
    }

    fn insert(cache: &mut Dedup, n: u8, ttl: Option<u64>, now: u64) -> bool {
        matches!(cache.insert(value(n), ttl, now, |_| ()), Seen::First(_))
    }

    #[test]
    fn a_value_is_new_once() {
        let mut cache = Dedup::new(10);
        assert!(insert(&mut cache, 1, None, 0));
        assert!(!insert(&mut cache, 1, None, u64::MAX - 1));
        assert!(insert(&mut cache, 2, None, 0));
    }

    #[test]
    fn a_value_is_new_again_when_its_time_is_over() {
        let mut cache = Dedup::new(10);
        assert!(insert(&mut cache, 1, Some(100), 1_000));
        assert!(!insert(&mut cache, 1, Some(100), 1_099));
        assert!(insert(&mut cache, 1, Some(100), 1_100));
        assert!(!insert(&mut cache, 1, Some(100), 1_199));
    }

    #[test]
    fn the_oldest_goes_when_there_are_too_many() {
        let mut cache = Dedup::new(2);
        for n in 1..=3 {
            assert!(insert(&mut cache, n, None, 0));
        }
        assert_eq!(cache.len(), 2);
        assert!(!insert(&mut cache, 2, None, 0) && !insert(&mut cache, 3, None, 0));
        assert!(insert(&mut cache, 1, None, 0));
    }

    #[test]
    fn a_removed_value_is_new_again_and_an_older_removal_does_not_count() {
        let mut cache = Dedup::new(2);
        let Seen::First(first) = cache.insert(value(1), None, 0, |_| ()) else {
            panic!("it is new");
        };
        cache.remove(&value(1), first);
        assert!(insert(&mut cache, 1, None, 0));
        cache.remove(&value(1), first);
        assert!(!insert(&mut cache, 1, None, 0));
    }

    #[test]
    fn values_are_told_apart_by_class_and_content() {
        let of = |value: AMQPValue| {
            let mut headers = FieldTable::default();
            headers.insert("h".into(), value);
            digest(&headers, "h")
        };
        let five = of(AMQPValue::LongInt(5));
        assert_eq!(five, of(AMQPValue::ShortShortInt(5)));
        assert_ne!(five, of(AMQPValue::LongString("5".into())));
        assert_ne!(of(AMQPValue::Boolean(true)), of(AMQPValue::Boolean(false)));
        assert_eq!(of(AMQPValue::Void), None);
        assert_eq!(of(AMQPValue::FieldTable(FieldTable::default())), None);
    }

    proptest! {
        #[test]
        fn memory_is_bounded_and_what_was_forgotten_is_told(
            steps in prop::collection::vec((0u8..12, any::<bool>()), 1..400),
        ) {
            let mut cache = Dedup::new(5);
            let (mut known, mut numbers) = (HashSet::new(), HashMap::new());
            for (n, remove) in steps {
                if remove {
                    if let Some(number) = numbers.remove(&n) {
                        cache.remove(&value(n), number);
                        known.remove(&n);
                    }
                    continue;
                }
                let mut gone = Vec::new();
                let seen = cache.insert(value(n), None, 0, |value| gone.push(value[0]));
                for n in gone {
                    prop_assert!(known.remove(&n));
                    numbers.remove(&n);
                }
                match seen {
                    Seen::First(number) => {
                        prop_assert!(known.insert(n));
                        numbers.insert(n, number);
                    }
                    Seen::Before => prop_assert!(known.contains(&n)),
                }
                prop_assert_eq!(cache.len(), known.len());
                prop_assert!(cache.len() <= 5 && cache.order.len() <= 2 * 5 + 64 + 1);
            }
        }
    }
}
