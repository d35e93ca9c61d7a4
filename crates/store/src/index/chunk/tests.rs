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
    fn any_bytes_are_a_row_or_not_but_never_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), ones in 0usize..4) {
        let mut row = vec![VERSION];
        row.resize(1 + 64, 0);
        row[1..=ones].fill(0xFF);
        row.extend(&bytes);
        let _ = Chunk::from_row(&row);
        let _ = Chunk::from_row(&bytes);
    }
}

#[test]
fn a_full_chunk_of_neighbours_takes_few_bytes() {
    let mut chunk = Chunk::default();
    for slot in 0..512 {
        chunk.insert(
            slot,
            Entry::new(3, u32::from(slot) * 132, 1024, Keep::Always),
        );
    }
    assert!(
        chunk.to_row().len() < 65 + 512 * 5,
        "{}",
        chunk.to_row().len()
    );
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
