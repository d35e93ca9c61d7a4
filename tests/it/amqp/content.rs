//! Bodies and properties at their edges.

use tests::{
    shared,
    wire::{FRAME_MAX, Properties, Table, basic, queue},
};

#[test]
fn bodies_around_every_boundary_come_back_the_same() {
    let mut w = shared().open();
    w.declare("ct-sizes", queue::EXCLUSIVE);
    let payload = usize::try_from(FRAME_MAX).unwrap() - 8;
    let sizes = [
        0,
        1,
        4095,
        4096,
        16_383,
        16_384,
        16_385,
        payload - 1,
        payload,
        payload + 1,
        3 * payload,
        3 * payload + 1,
    ];
    for size in sizes {
        let body: Vec<u8> = (0..size).map(|i| u8::try_from(i % 253).unwrap()).collect();
        w.enqueue("ct-sizes", &body);
        let got = w.get("ct-sizes", true).unwrap();
        assert!(got.body == body, "{size} bytes");
    }
}

#[test]
fn names_of_255_bytes_work() {
    let mut w = shared().open();
    let queue = "q".repeat(255);
    let exchange = "é".repeat(127) + "x";
    let key = "k".repeat(255);
    w.declare(&queue, queue::EXCLUSIVE);
    let flags = tests::wire::exchange::AUTO_DELETE;
    w.declare_exchange(&exchange, "direct", flags, &Table::new());
    w.bind(&queue, &exchange, &key);
    let properties = Properties {
        correlation_id: Some("c".repeat(255)),
        message_id: Some("ü".repeat(127)),
        ..Properties::new()
    };
    w.publish(1, &basic::publish(&exchange, &key, 0), &properties, "x");
    let got = w.get(&queue, true).unwrap();
    assert_eq!((got.exchange, got.key), (exchange, key));
    assert_eq!(got.properties, properties);
}

#[test]
fn a_message_without_properties_gains_none() {
    let mut w = shared().open();
    w.declare("ct-none", queue::EXCLUSIVE);
    w.enqueue("ct-none", "x");
    assert_eq!(
        w.get("ct-none", true).unwrap().properties,
        Properties::new()
    );
}

#[test]
fn an_empty_header_table_stays_a_table() {
    let mut w = shared().open();
    w.declare("ct-empty", queue::EXCLUSIVE);
    let properties = Properties::headers(Table::new());
    w.publish(1, &basic::publish("", "ct-empty", 0), &properties, "x");
    assert_eq!(
        w.get("ct-empty", true).unwrap().properties.header_entries(),
        []
    );
}

#[test]
fn nested_headers_come_back_the_same() {
    let mut w = shared().open();
    w.declare("ct-nested", queue::EXCLUSIVE);
    let inner = Table::new().strs("list", &["a", "b"]).bool("flag", true);
    let headers = Table::new().table("inner", &inner).void("nothing");
    w.publish(
        1,
        &basic::publish("", "ct-nested", 0),
        &Properties::headers(headers.clone()),
        "x",
    );
    let got = w
        .get("ct-nested", true)
        .unwrap()
        .properties
        .header_entries();
    assert_eq!(got, tests::wire::value::entries(&headers.0));
}

#[test]
fn a_large_header_table_works() {
    let mut w = shared().open();
    w.declare("ct-headers", queue::EXCLUSIVE);
    let headers = Table::new().str("big", &"x".repeat(100_000));
    w.publish(
        1,
        &basic::publish("", "ct-headers", 0),
        &Properties::headers(headers.clone()),
        "x",
    );
    assert_eq!(
        w.get("ct-headers", true).unwrap().properties.headers,
        Some(headers)
    );
}

#[test]
fn a_message_of_exactly_the_maximum_is_taken_and_one_byte_more_is_406() {
    let mut w = shared().open();
    w.declare("ct-max", queue::EXCLUSIVE);
    let limit = 16 * 1024 * 1024;
    w.enqueue("ct-max", vec![7; limit]);
    assert_eq!(w.get("ct-max", true).unwrap().body.len(), limit);
    w.enqueue("ct-max", vec![7; limit + 1]);
    w.expect_channel_close(
        1,
        406,
        "PRECONDITION_FAILED - message size 16777217 is larger than configured max size 16777216",
    );
    assert_eq!(w.depth("ct-max"), (0, 0));
}
