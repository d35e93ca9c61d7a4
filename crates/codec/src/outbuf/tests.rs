use proptest::prelude::*;

use super::*;

fn drain(out: &mut OutBuf) -> Vec<u8> {
    let mut bytes = vec![0; out.remaining()];
    out.copy_to_slice(&mut bytes);
    bytes
}

#[test]
fn copied_and_shared_pieces_keep_their_order() {
    let large = Bytes::from(vec![7; OUTPUT_SHARE_MIN]);
    let mut out = OutBuf::new();
    out.put_shared(large.clone());
    out.put_u16(0x0102);
    out.put_shared(large.clone());
    out.put_shared(large.clone());
    out.put_u8(3);
    let mut expected = large.to_vec();
    expected.extend([1, 2]);
    expected.extend(large.iter().chain(large.iter()));
    expected.push(3);
    assert_eq!(out.len(), expected.len());
    assert_eq!(drain(&mut out), expected);
    assert!(out.is_empty());
}

#[test]
fn large_pieces_are_shared_and_small_ones_copied() {
    let large = Bytes::from(vec![1; OUTPUT_SHARE_MIN]);
    let mut out = OutBuf::new();
    out.put_shared(large.clone());
    assert_eq!(out.chunk().as_ptr(), large.as_ptr());
    let small = large.slice(1..);
    let mut out = OutBuf::new();
    out.put_shared(small.clone());
    assert_ne!(out.chunk().as_ptr(), small.as_ptr());
}

#[test]
fn limits_count_what_waits() {
    let mut out = OutBuf::new();
    out.put_slice(&vec![0; OUTPUT_SOFT_MAX - 1]);
    assert!(out.has_room());
    out.put_u8(0);
    assert!(!out.has_room());
    out.advance(1);
    assert!(out.has_room());
    out.put_shared(vec![0; OUTPUT_HARD_MAX].into());
    assert!(out.over_hard_limit());
}

#[test]
fn an_idle_buffer_gives_its_memory_back() {
    let mut out = OutBuf::new();
    out.put_slice(&[0; 5_000]);
    out.put_shared(vec![0; 5_000].into());
    out.shrink_if_empty();
    assert_eq!(out.len(), 10_000);
    out.advance(10_000);
    out.shrink_if_empty();
    assert_eq!((out.copied.capacity(), out.shared.capacity()), (0, 0));
}

#[test]
fn a_buffer_never_quite_empty_does_not_grow_without_end() {
    let mut out = OutBuf::new();
    out.put_slice(&[1; 100]);
    for _ in 0..10_000 {
        out.put_slice(&[2; 1_000]);
        out.advance(1_000);
    }
    assert_eq!(out.len(), 100);
    assert!(
        out.copied.capacity() <= 4 * COMPACT_MIN,
        "{}",
        out.copied.capacity()
    );
}

#[derive(Clone, Debug)]
enum Step {
    Copy(usize),
    Share(usize),
    Write(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0usize..3_000).prop_map(Step::Copy),
        (OUTPUT_SHARE_MIN - 2..OUTPUT_SHARE_MIN + 3_000).prop_map(Step::Share),
        (0usize..20_000).prop_map(Step::Write),
    ]
}

proptest! {
    #[test]
    fn it_is_a_queue_of_bytes(
        steps in prop::collection::vec(step(), 1..200),
        slots in 1usize..9,
    ) {
        let mut out = OutBuf::new();
        let mut model: Vec<u8> = Vec::new();
        let mut written = 0;
        for (index, step) in steps.into_iter().enumerate() {
            let piece = |len| (0..len).map(|at| (at + index) as u8).collect::<Vec<_>>();
            match step {
                Step::Copy(len) => {
                    out.put_slice(&piece(len));
                    model.extend(piece(len));
                }
                Step::Share(len) => {
                    out.put_shared(piece(len).into());
                    model.extend(piece(len));
                }
                Step::Write(len) => {
                    let mut slices = vec![IoSlice::new(&[]); slots];
                    let filled = out.chunks_vectored(&mut slices);
                    let seen: Vec<u8> = slices[..filled].iter().flat_map(|s| s.to_vec()).collect();
                    prop_assert_eq!(&model[written..written + seen.len()], &seen[..]);
                    prop_assert_eq!(seen.is_empty(), out.is_empty());
                    prop_assert!(seen.starts_with(out.chunk()));
                    let len = len.min(seen.len());
                    out.advance(len);
                    written += len;
                }
            }
            prop_assert_eq!(out.remaining(), model.len() - written);
        }
        prop_assert_eq!(drain(&mut out), &model[written..]);
    }
}
