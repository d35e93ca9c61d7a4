use proptest::prelude::*;

use super::*;

fn frame(kind: u8, channel: u16, payload: &[u8]) -> Vec<u8> {
    let mut bytes = frame_head(kind, channel, payload.len() as u32).to_vec();
    bytes.extend_from_slice(payload);
    bytes.push(FRAME_END);
    bytes
}

#[test]
fn a_cut_frame_waits_for_the_rest() {
    let whole = frame(METHOD, 0x0102, b"payload");
    for cut in 0..whole.len() {
        assert_eq!(decode_frame(&whole[..cut], 8192), Ok(None), "{cut}");
    }
    let decoded = decode_frame(&whole, 8192).unwrap().unwrap();
    assert_eq!(decoded.kind, FrameKind::Method);
    assert_eq!(decoded.channel, 0x0102);
    assert_eq!(decoded.payload, b"payload");
    assert_eq!(decoded.wire, whole);
}

#[test]
fn only_the_first_of_several_frames_is_taken() {
    let mut input = HEARTBEAT_FRAME.to_vec();
    input.extend(frame(BODY, 1, b"x"));
    let first = decode_frame(&input, 8192).unwrap().unwrap();
    assert_eq!(first.kind, FrameKind::Heartbeat);
    let second = decode_frame(&input[first.wire.len()..], 8192)
        .unwrap()
        .unwrap();
    assert_eq!((second.kind, second.payload), (FrameKind::Body, &b"x"[..]));
}

#[test]
fn an_unknown_type_and_a_size_too_large_show_in_the_head() {
    let head = frame_head(4, 0, 1);
    assert_eq!(decode_frame(&head, 0), Err(FrameError::UnknownType(4)));
    let head = frame_head(BODY, 1, u32::MAX);
    for frame_max in [0, 8192, u32::MAX] {
        let error = decode_frame(&head, frame_max).unwrap_err();
        assert!(
            matches!(error, FrameError::TooLarge { size: u32::MAX, .. }),
            "{frame_max}"
        );
    }
}

#[test]
fn a_payload_may_be_as_large_as_frame_max() {
    assert_eq!(decode_frame(&frame_head(BODY, 1, 8192), 8192), Ok(None));
    let error = FrameError::TooLarge {
        size: 8193,
        max: 8184,
    };
    assert_eq!(decode_frame(&frame_head(BODY, 1, 8193), 8192), Err(error));
    let exact = frame(BODY, 1, &[7; 8192 - FRAME_OVERHEAD]);
    assert_eq!(
        decode_frame(&exact, 8192).unwrap().unwrap().wire.len(),
        8192
    );
}

#[test]
fn another_end_octet_is_refused() {
    let mut bytes = frame(METHOD, 1, b"abc");
    *bytes.last_mut().unwrap() = 0xCD;
    assert_eq!(decode_frame(&bytes, 0), Err(FrameError::BadEnd(0xCD)));
}

proptest! {
    #[test]
    fn any_bytes_are_a_frame_an_error_or_unfinished(
        mut bytes in prop::collection::vec(any::<u8>(), 0..64),
        kind in 0u8..10,
        frame_max in prop_oneof![Just(0u32), 8192u32.., any::<u32>()],
    ) {
        if let Some(first) = bytes.first_mut() {
            *first = kind;
        }
        // A small size, so that whole frames are common.
        bytes.iter_mut().skip(3).take(3).for_each(|byte| *byte = 0);
        if let Ok(Some(frame)) = decode_frame(&bytes, frame_max) {
            prop_assert_eq!(frame.wire.len(), frame.payload.len() + FRAME_OVERHEAD);
            prop_assert_eq!(frame.wire, &bytes[..frame.wire.len()]);
        }
    }

    #[test]
    fn every_frame_reads_back(
        kind in prop::sample::select(vec![METHOD, HEADER, BODY, HEARTBEAT]),
        channel in any::<u16>(),
        payload in prop::collection::vec(any::<u8>(), 0..300),
        behind in prop::collection::vec(any::<u8>(), 0..20),
    ) {
        let wire = frame(kind, channel, &payload);
        let mut input = wire.clone();
        input.extend(behind);
        let decoded = decode_frame(&input, 8192).unwrap().unwrap();
        prop_assert_eq!(decoded.channel, channel);
        prop_assert_eq!(decoded.payload, &payload[..]);
        prop_assert_eq!(decoded.wire, &wire[..]);
    }
}
