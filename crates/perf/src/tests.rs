//! Pure parts. The whole is run against a broker by the black-box tests.

use std::time::Duration;

use codec::{FrameKind, decode_content_header, decode_frame, decode_publish};

use crate::clock;
use crate::letter::{Address, Letters};
use crate::pace::Pace;
use crate::report::grouped;
use crate::uri::Uri;
use crate::window::Window;

#[test]
fn an_address_may_leave_out_what_is_usual() {
    let uri = Uri::parse("amqp://somewhere").unwrap();
    assert_eq!(
        (uri.host.as_str(), uri.port, uri.tls),
        ("somewhere", 5672, false)
    );
    assert_eq!(
        (uri.user.as_str(), uri.password.as_str(), uri.vhost.as_str()),
        ("guest", "guest", "/")
    );
    let uri = Uri::parse("amqps://a%40b:p%2Fw@[::1]:77/my%20host?heartbeat=5").unwrap();
    assert_eq!((uri.host.as_str(), uri.port, uri.tls), ("::1", 77, true));
    assert_eq!(
        (uri.user.as_str(), uri.password.as_str(), uri.vhost.as_str()),
        ("a@b", "p/w", "my host")
    );
    for wrong in ["somewhere", "http://a", "amqp://a:b:c", "amqp://a:99999"] {
        Uri::parse(wrong).unwrap_err();
    }
}

#[test]
fn a_letter_is_the_frames_of_a_message() {
    let address = Address {
        exchange: "e",
        key: "k",
        mandatory: true,
        persistent: true,
    };
    let mut letters = Letters::new(&address, 10_000, 4096, 40_000);
    assert_eq!(letters.count(), 3, "as many as fit");
    let all = letters.sent_at(9, 9).to_vec();
    let out = letters.sent_at(2, 0x0102_0304_0506_0708);
    let len = all.len() / 3;
    assert_eq!(out.len(), 2 * len);
    assert_eq!(out[..len], out[len..], "the time is in each");
    assert_ne!(out[..len], all[..len]);
    let (mut rest, mut body, mut kinds) = (&out[..len], Vec::new(), Vec::new());
    while let Some(frame) = decode_frame(rest, 4096).unwrap() {
        rest = &rest[frame.wire.len()..];
        kinds.push(frame.kind);
        match frame.kind {
            FrameKind::Method => {
                let publish = decode_publish(frame.payload).unwrap().unwrap();
                assert!(publish.mandatory);
            }
            FrameKind::Header => {
                let header = decode_content_header(frame.payload).unwrap();
                assert!(header.is_persistent() && header.body_size == 10_000);
            }
            _ => body.extend_from_slice(frame.payload),
        }
    }
    assert_eq!(kinds.len(), 5, "three frames of body");
    assert!(rest.is_empty() && body.len() == 10_000);
    assert_eq!(body[..9], [1, 2, 3, 4, 5, 6, 7, 8, b'x']);
}

#[test]
fn a_window_knows_what_is_not_confirmed() {
    let mut window = Window::default();
    window.add(1, 10, 100);
    window.add(11, 20, 200);
    let mut heard = Vec::new();
    assert_eq!(window.confirm(4, true, |n, at| heard.push((n, at))), 4);
    assert_eq!(window.confirm(12, false, |n, at| heard.push((n, at))), 1);
    assert_eq!(window.confirm(10, true, |n, at| heard.push((n, at))), 6);
    assert_eq!(
        (window.outstanding(), heard),
        (9, vec![(4, 100), (1, 200), (6, 100)])
    );
    assert_eq!(window.confirm(20, true, |_, _| ()), 9);
    assert_eq!(
        window.confirm(20, true, |_, _| ()) + window.confirm(21, false, |_, _| ()),
        0
    );
    assert_eq!(window.outstanding(), 0);
}

#[test]
fn a_pace_makes_up_for_what_it_missed() {
    let start = clock::now();
    let mut pace = Pace::new(start, 100);
    assert_eq!(pace.due(start), 0);
    assert_eq!(pace.due(start + Duration::from_millis(55)), 5);
    pace.did(5);
    assert_eq!(pace.next(), start + Duration::from_millis(60));
    assert_eq!(pace.due(start + Duration::from_secs(1)), 95);
}

#[test]
fn large_numbers_are_grouped() {
    assert_eq!(
        ["0", "999", "1,000", "1,234,567"],
        [0, 999, 1000, 1_234_567].map(grouped)[..]
    );
}
