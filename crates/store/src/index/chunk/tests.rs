use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

fn entry() -> impl Strategy<Value = Entry> {
    (
        1..=u32::MAX,
        any::<u32>(),
        0..=1u32 << 30,
        prop_oneof![Just(Keep::Always), Just(Keep::UntilRestart)],
    )
        .prop_map(|(segment, offset8, len, keep)| Entry::new(segment, offset8, len, keep))
}

/// The row of an early build.
fn row_without_runs(chunk: &Chunk) -> Vec<u8> {
    let mut row = vec![VERSION_WITHOUT_RUNS];
    for word in chunk.bitmap {
        row.extend_from_slice(&word.to_le_bytes());
    }
    let mut last = Entry::default();
    for (_, entry) in chunk.iter_from(0) {
        let same = entry.segment == last.segment;
        let expected = if same {
            expected8(&last, HEADER_LEN)
        } else {
            0
        };
        let segment = i64::from(entry.segment) - i64::from(last.segment);
        push_varint(&mut row, zigzag(segment));
        push_varint(&mut row, zigzag(i64::from(entry.offset8) - expected));
        push_varint(&mut row, u64::from(entry.len));
        last = entry;
    }
    row
}

/// The row of the build before the short header: the first slots are live, all of one length.
fn row_of_long_headers(first: Entry, count: u64) -> Vec<u8> {
    let mut row = vec![VERSION_OF_LONG_HEADERS];
    for word in 0..WORDS as u64 {
        let live = count.saturating_sub(word * 64).min(64);
        let bits = u64::MAX.checked_shr(64 - live as u32).unwrap_or(0);
        row.extend_from_slice(&bits.to_le_bytes());
    }
    push_varint(&mut row, zigzag(i64::from(first.segment)) << 1 | 1);
    push_varint(&mut row, zigzag(i64::from(first.offset8)));
    push_varint(&mut row, u64::from(first.len));
    push_varint(&mut row, count - 1);
    row
}

#[test]
fn messages_with_long_headers_lie_8_bytes_further_apart() {
    let first = Entry::new(3, 10, 1069, Keep::Always);
    let chunk = Chunk::from_row(&row_of_long_headers(first, 300)).unwrap();
    assert_eq!(chunk.live(), 300);
    // 32 of header and 1069 of body, padded.
    let lies = |slot: u32| Entry::new(3, 10 + slot * 1104 / 8, 1069, Keep::Always);
    assert!(
        chunk
            .iter_from(0)
            .all(|(slot, entry)| entry == lies(slot.into()))
    );
    // Written again they are where they were.
    let back = Chunk::from_row(&chunk.to_row()).unwrap();
    assert!(back.iter_from(0).eq(chunk.iter_from(0)));
}

proptest! {
    #[test]
    fn a_row_brings_back_the_live_entries(live in proptest::collection::btree_map(0u16..512, entry(), 0..60), dead in proptest::collection::vec(0u16..512, 0..60)) {
        let mut chunk = Chunk::default();
        let mut model: BTreeMap<u16, Entry> = live.clone();
        for (slot, entry) in live.iter().rev() {
            prop_assert_eq!(chunk.insert(*slot, *entry), None);
        }
        for slot in dead {
            prop_assert_eq!(chunk.take(slot), model.remove(&slot));
        }
        let back = Chunk::from_row(&chunk.to_row()).unwrap();
        prop_assert_eq!(back.iter_from(0).collect::<BTreeMap<_, _>>(), model.clone());
        prop_assert_eq!(usize::from(back.live()), model.len());
        prop_assert!(back.iter_from(100).all(|(slot, _)| slot >= 100));
    }

    #[test]
    fn runs_of_neighbours_come_back(runs in proptest::collection::vec((entry(), 1u16..40), 1..20)) {
        let mut chunk = Chunk::default();
        let mut model = BTreeMap::new();
        let mut slot = 0;
        for (mut entry, count) in runs {
            // Gaps between runs, so that a run is not one of slots only.
            for _ in 0..count {
                if slot >= 512 {
                    break;
                }
                chunk.insert(slot, entry);
                model.insert(slot, entry);
                slot += 1 + entry.offset8 as u16 % 2;
                let Ok(next) = u32::try_from(expected8(&entry, SHORT_HEADER_LEN)) else { break };
                entry.offset8 = next;
            }
        }
        for back in [chunk.to_row(), row_without_runs(&chunk)] {
            let back = Chunk::from_row(&back).unwrap();
            prop_assert_eq!(back.iter_from(0).collect::<BTreeMap<_, _>>(), model.clone());
        }
    }

    #[test]
    fn any_bytes_are_a_row_or_not_but_never_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), ones in 0usize..4) {
        for version in [VERSION, VERSION_OF_LONG_HEADERS, VERSION_WITHOUT_RUNS] {
            let mut row = vec![version];
            row.resize(1 + 64, 0);
            row[1..=ones].fill(0xFF);
            row.extend(&bytes);
            let _ = Chunk::from_row(&row);
        }
        let _ = Chunk::from_row(&bytes);
    }
}

#[test]
fn a_full_chunk_of_neighbours_takes_few_bytes() {
    let mut chunk = Chunk::default();
    for slot in 0..512 {
        chunk.insert(
            slot,
            Entry::new(3, u32::from(slot) * 131, 1024, Keep::Always),
        );
    }
    let row = chunk.to_row();
    assert!(row.len() <= 65 + 8, "{}", row.len());
    assert_eq!(Chunk::from_row(&row).unwrap().live(), 512);
}

#[test]
fn a_count_beyond_the_live_messages_makes_no_row() {
    let mut chunk = Chunk::default();
    for slot in 0..3 {
        let offset8 = u32::from(slot) * 131;
        chunk.insert(slot, Entry::new(3, offset8, 1024, Keep::Always));
    }
    let mut row = chunk.to_row();
    assert_eq!(row.pop(), Some(2));
    row.push(3);
    assert!(Chunk::from_row(&row).is_none());
}

#[test]
fn inserting_twice_returns_the_live_entry_it_replaces() {
    let (a, b) = (
        Entry::new(1, 2, 3, Keep::Always),
        Entry::new(4, 5, 6, Keep::Always),
    );
    let mut chunk = Chunk::default();
    assert_eq!(chunk.insert(9, a), None);
    assert_eq!(chunk.insert(9, b), Some(a));
    assert_eq!(chunk.live(), 1);
}
