use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

/// An owned record, as `Record` borrows.
#[derive(Clone, Debug)]
enum Sample {
    Publish(Vec<Reference>, Vec<u8>, Option<Vec<u8>>),
    Ack(u32, Vec<(u64, u64)>),
    Put(Vec<u8>, Vec<u8>),
    Remove(Vec<u8>),
    DropQueue(u32),
    Seal,
}

fn sample() -> impl Strategy<Value = Sample> {
    let bytes = || vec(any::<u8>(), 0..100);
    prop_oneof![
        (
            vec((any::<u32>(), any::<u64>()), 1..5),
            bytes(),
            proptest::option::of(bytes())
        )
            .prop_map(|(refs, head, tail)| Sample::Publish(refs, head, tail)),
        (any::<u32>(), vec((0..u64::MAX / 2, 0u64..1000), 0..5)).prop_map(|(queue, runs)| {
            Sample::Ack(
                queue,
                runs.into_iter()
                    .map(|(first, n)| (first, first + n))
                    .collect(),
            )
        }),
        (bytes(), bytes()).prop_map(|(key, value)| Sample::Put(key, value)),
        bytes().prop_map(Sample::Remove),
        any::<u32>().prop_map(Sample::DropQueue),
        Just(Sample::Seal),
    ]
}

fn with_record<T>(sample: &Sample, run: impl FnOnce(&Record<'_>) -> T) -> T {
    let mut scratch = Vec::new();
    match sample {
        Sample::Publish(refs, head, tail) => {
            refs[1..]
                .iter()
                .for_each(|other| push_reference(&mut scratch, *other));
            let (first, more) = (refs[0], References(&scratch));
            run(&Record::Publish {
                keep: if refs.len() % 2 == 0 {
                    Keep::Always
                } else {
                    Keep::UntilRestart
                },
                first,
                more,
                head,
                tail: tail.as_deref(),
            })
        }
        Sample::Ack(queue, runs) => {
            runs.iter()
                .for_each(|(first, last)| push_run(&mut scratch, *first, *last));
            run(&Record::Ack {
                queue: *queue,
                runs: Runs(&scratch),
            })
        }
        Sample::Put(key, value) => run(&Record::Put { key, value }),
        Sample::Remove(key) => run(&Record::Remove { key }),
        Sample::DropQueue(queue) => run(&Record::DropQueue { queue: *queue }),
        Sample::Seal => run(&Record::Seal),
    }
}

fn encoded(sample: &Sample, at: (u32, u64), place: Place) -> Vec<u8> {
    let mut buf = Vec::new();
    with_record(sample, |record| encode(&mut buf, record, at, place));
    buf
}

/// Lengths of heads: mostly short, some around the longest that fits a short header.
fn head_len() -> impl Strategy<Value = usize> {
    prop_oneof![8 => 0..100usize, 1 => 65_533..65_540usize]
}

proptest! {
    #[test]
    fn a_publish_comes_back_with_the_header_it_fits(refs in vec((any::<u32>(), any::<u64>()), 1..4), len in head_len(), tail in proptest::option::of(vec(any::<u8>(), 0..100)), segment: u32, slot: u32) {
        let head: Vec<u8> = (0..len).map(|n| n as u8).collect();
        let short = refs.len() == 1 && len <= 65_535;
        let body_len = len + tail.as_ref().map_or(0, Vec::len);
        let sample = Sample::Publish(refs.clone(), head, tail);
        let at = (segment, u64::from(slot) * 8);
        let buf = encoded(&sample, at, Place::Within);
        prop_assert_eq!(buf[8], if short { SHORT_PUBLISH } else { PUBLISH });
        let header_len = if short { 24 } else { 32 };
        prop_assert_eq!(announced_len(&buf), Some(header_len + (refs.len() - 1) * REFERENCE_LEN + body_len));
        let mut long = Vec::new();
        with_record(&sample, |record| encode_long(&mut long, record, at, Place::Within));
        prop_assert_eq!(long[8], PUBLISH);
        for buf in [buf, long] {
            let decoded = decode(&buf, at.0, at.1).unwrap();
            prop_assert_eq!(decoded.padded_len, buf.len());
            with_record(&sample, |record| assert_eq!(decoded.record, *record));
        }
    }

    #[test]
    fn a_record_comes_back_as_it_was(sample in sample(), segment: u32, slot: u32, start: bool) {
        let place = if start { Place::GroupStart } else { Place::Within };
        let at = (segment, u64::from(slot) * 8);
        let buf = encoded(&sample, at, place);
        prop_assert_eq!(buf.len() % 8, 0);
        let decoded = decode(&buf, at.0, at.1).unwrap();
        prop_assert_eq!(decoded.padded_len, buf.len());
        prop_assert_eq!(decoded.group_start, start);
        with_record(&sample, |record| {
            assert_eq!(decoded.record, *record);
            assert_eq!(padded(encoded_len(record)), buf.len());
        });
    }

    #[test]
    fn a_record_is_valid_in_its_own_place_only(sample in sample(), segment: u32, other: u32, slot in 0u64..1 << 30) {
        let buf = encoded(&sample, (segment, slot * 8), Place::Within);
        prop_assert!(decode(&buf, segment, slot * 8 + 8).is_none());
        prop_assume!(other != segment);
        prop_assert!(decode(&buf, other, slot * 8).is_none());
    }

    #[test]
    fn a_flipped_bit_or_a_missing_byte_makes_it_invalid(sample in sample(), flip: prop::sample::Index) {
        let mut buf = encoded(&sample, (1, 0), Place::Within);
        let len = announced_len(&buf).unwrap();
        prop_assert!(decode(&buf[..len - 1], 1, 0).is_none());
        let bit = flip.index(len * 8);
        buf[bit / 8] ^= 1 << (bit % 8);
        prop_assert!(decode(&buf, 1, 0).is_none());
    }

    #[test]
    fn any_bytes_are_a_record_or_not_but_never_a_panic(mut bytes in vec(any::<u8>(), 0..300), kind in 0u8..16, flags in 0u8..8) {
        let _ = decode(&bytes, 1, 0);
        // The same with a header that gets past the checksum.
        if bytes.len() >= HEADER_LEN || kind == SHORT_PUBLISH && bytes.len() >= SHORT_HEADER_LEN {
            let len = bytes.len() as u32;
            bytes[4..8].copy_from_slice(&len.to_le_bytes());
            bytes[8] = kind;
            bytes[9] = flags;
            if kind != SHORT_PUBLISH {
                bytes[28..32].fill(0);
            }
            let crc = crc32c::crc32c_append(seed(1, 0), &bytes[4..]);
            bytes[..4].copy_from_slice(&crc.to_le_bytes());
            if let Some(Decoded { record: Record::Ack { runs, .. }, .. }) = decode(&bytes, 1, 0) {
                runs.iter().for_each(drop);
            }
        }
    }
}

#[test]
fn zeros_are_no_record() {
    assert!(decode(&[0; 64], 1, 0).is_none());
    assert_eq!(announced_len(&[0; 64]), Some(0));
}

#[test]
fn the_longest_head_of_a_short_header_has_65_535_bytes() {
    for (len, kind, header_len) in [(65_535, SHORT_PUBLISH, 24), (65_536, PUBLISH, 32)] {
        for tail in [None, Some(vec![7; 3])] {
            let more = tail.as_ref().map_or(0, Vec::len);
            let sample = Sample::Publish(vec![(3, 4)], vec![1; len], tail);
            let buf = encoded(&sample, (1, 0), Place::GroupStart);
            assert_eq!(
                (buf[8], announced_len(&buf)),
                (kind, Some(header_len + len + more))
            );
            let decoded = decode(&buf, 1, 0).unwrap();
            with_record(&sample, |record| assert_eq!(decoded.record, *record));
        }
    }
}

#[test]
fn a_short_publish_without_a_body_is_a_record_of_24_bytes() {
    let buf = encoded(
        &Sample::Publish(vec![(3, 4)], vec![], None),
        (1, 8),
        Place::Within,
    );
    assert_eq!(buf.len(), 24);
    assert!(decode(&buf, 1, 8).is_some());
    assert!(decode(&buf[..23], 1, 8).is_none());
}

#[test]
fn a_long_kind_of_less_than_its_header_is_no_record() {
    for kind in [PUBLISH, ACK, PUT, REMOVE, SEAL, SNAPSHOT_END] {
        let mut buf = encoded(
            &Sample::Publish(vec![(0, 0)], vec![], None),
            (1, 0),
            Place::Within,
        );
        buf[8] = kind;
        let crc = crc32c::crc32c_append(seed(1, 0), &buf[4..]);
        buf[..4].copy_from_slice(&crc.to_le_bytes());
        assert!(decode(&buf, 1, 0).is_none(), "{kind}");
    }
}
