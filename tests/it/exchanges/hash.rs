//! x-consistent-hash and x-modulus-hash.

use super::{publish, refused};
use tests::{
    Wire, shared, unique,
    wire::{Properties, Table, basic, queue},
};

/// An exchange with exclusive queues bound with these keys.
fn bound(w: &mut Wire, kind: &str, arguments: &Table, keys: &[&str]) -> (String, Vec<String>) {
    let name = unique(kind);
    w.declare_exchange(&name, kind, 0, arguments);
    let mut queues = Vec::new();
    for (n, key) in keys.iter().enumerate() {
        let q = format!("{name}-{n}");
        w.declare(&q, queue::EXCLUSIVE);
        w.bind(&q, &name, key);
        queues.push(q);
    }
    (name, queues)
}

fn depths(w: &mut Wire, queues: &[String]) -> Vec<u32> {
    queues.iter().map(|q| w.depth(q).0).collect()
}

#[test]
fn consistent_hash_gives_each_queue_its_share() {
    let mut w = shared().open();
    let (x, queues) = bound(&mut w, "x-consistent-hash", &Table::new(), &["1", "1", "2"]);
    for n in 0..2_000 {
        publish(&mut w, &x, &n.to_string(), Table::new(), "m");
    }
    let depths = depths(&mut w, &queues);
    assert_eq!(depths.iter().sum::<u32>(), 2_000);
    for (depth, wanted) in depths.iter().zip([500u32, 500, 1_000]) {
        assert!(depth.abs_diff(wanted) < 100, "{depths:?}");
    }
}

#[test]
fn consistent_hash_sends_one_key_to_one_queue() {
    let mut w = shared().open();
    let (x, queues) = bound(&mut w, "x-consistent-hash", &Table::new(), &["5", "5", "5"]);
    for _ in 0..50 {
        publish(&mut w, &x, "the same", Table::new(), "m");
    }
    let mut depths = depths(&mut w, &queues);
    depths.sort_unstable();
    assert_eq!(depths, [0, 0, 50]);
}

#[test]
fn consistent_hash_by_header_ignores_the_key() {
    let mut w = shared().open();
    let by_header = Table::new().str("hash-header", "id");
    let (x, queues) = bound(&mut w, "x-consistent-hash", &by_header, &["1", "1", "1"]);
    for n in 0..60 {
        publish(&mut w, &x, &n.to_string(), Table::new().str("id", "a"), "m");
    }
    let mut one = depths(&mut w, &queues);
    one.sort_unstable();
    assert_eq!(one, [0, 0, 60]);
    for n in 0..300 {
        let id = Table::new().str("id", &n.to_string());
        publish(&mut w, &x, "k", id, "m");
    }
    let all = depths(&mut w, &queues);
    assert!(all.iter().all(|depth| *depth > 50), "{all:?}");
}

#[test]
fn consistent_hash_sends_messages_without_the_header_to_one_place() {
    let mut w = shared().open();
    let by_header = Table::new().str("hash-header", "id");
    let (x, queues) = bound(&mut w, "x-consistent-hash", &by_header, &["1", "1", "1"]);
    for n in 0..30 {
        publish(&mut w, &x, &n.to_string(), Table::new(), "m");
    }
    let mut depths = depths(&mut w, &queues);
    depths.sort_unstable();
    assert_eq!(depths, [0, 0, 30]);
}

#[test]
fn consistent_hash_by_property() {
    for property in ["message_id", "correlation_id", "timestamp"] {
        let mut w = shared().open();
        let by = Table::new().str("hash-property", property);
        let (x, queues) = bound(&mut w, "x-consistent-hash", &by, &["1", "1"]);
        let send = |w: &mut Wire, value: u64| {
            let properties = match property {
                "message_id" => Properties {
                    message_id: Some(value.to_string()),
                    ..Properties::new()
                },
                "correlation_id" => Properties {
                    correlation_id: Some(value.to_string()),
                    ..Properties::new()
                },
                _ => Properties {
                    timestamp: Some(value),
                    ..Properties::new()
                },
            };
            w.publish(1, &basic::publish(&x, "k", 0), &properties, "m");
        };
        for _ in 0..40 {
            send(&mut w, 7);
        }
        let mut one = depths(&mut w, &queues);
        one.sort_unstable();
        assert_eq!(one, [0, 40], "{property}");
        for value in 0..200 {
            send(&mut w, value);
        }
        let all = depths(&mut w, &queues);
        assert!(all.iter().all(|n| *n > 40), "{property}: {all:?}");
    }
}

#[test]
fn consistent_hash_refuses_bad_arguments() {
    let mut w = shared().open();
    let kind = "x-consistent-hash";
    let unknown = Table::new().str("hash-property", "app_id");
    refused(
        &mut w,
        "h-bad",
        kind,
        &unknown,
        "Unsupported property: app_id",
    );
    let both = Table::new()
        .str("hash-header", "h")
        .str("hash-property", "message_id");
    let text = "hash-header and hash-property are mutually exclusive";
    refused(&mut w, "h-bad", kind, &both, text);
}

#[test]
fn consistent_hash_refuses_keys_that_are_no_weights() {
    let mut w = shared().open();
    let (x, queues) = bound(&mut w, "x-consistent-hash", &Table::new(), &["1"]);
    for (key, text) in [
        ("abc", "The binding key must be an integer: <<\"abc\">>"),
        ("", "The binding key must be an integer: <<\"\">>"),
        ("0", "The binding key must be greater than 0"),
        ("-3", "The binding key must be greater than 0"),
        ("10001", "The binding key must not exceed 10000"),
    ] {
        w.send(1, &queue::bind(&queues[0], &x, key, &Table::new()));
        w.expect_channel_close(1, 406, &format!("PRECONDITION_FAILED - {text}"));
    }
}

#[test]
fn consistent_hash_counts_only_the_first_binding_of_a_queue() {
    let mut w = shared().open();
    let (x, queues) = bound(&mut w, "x-consistent-hash", &Table::new(), &["1", "1"]);
    w.bind(&queues[0], &x, "1000");
    for n in 0..400 {
        publish(&mut w, &x, &n.to_string(), Table::new(), "m");
    }
    let depths = depths(&mut w, &queues);
    assert!(depths.iter().all(|n| *n > 130), "{depths:?}");
}

#[test]
fn an_unbound_queue_gives_its_share_to_the_others() {
    let mut w = shared().open();
    let (x, queues) = bound(&mut w, "x-consistent-hash", &Table::new(), &["1", "1"]);
    let unbind = queue::unbind(&queues[0], &x, "1", &Table::new());
    w.call(1, &unbind, queue::UNBIND_OK);
    for n in 0..50 {
        publish(&mut w, &x, &n.to_string(), Table::new(), "m");
    }
    assert_eq!(depths(&mut w, &queues), [0, 50]);
}

#[test]
fn modulus_hash_ignores_binding_keys_and_uses_every_queue() {
    let mut w = shared().open();
    let (x, queues) = bound(&mut w, "x-modulus-hash", &Table::new(), &["a", "b", ""]);
    for n in 0..600 {
        publish(&mut w, &x, &n.to_string(), Table::new(), "m");
    }
    let spread = depths(&mut w, &queues);
    assert_eq!(spread.iter().sum::<u32>(), 600);
    assert!(spread.iter().all(|n| *n > 130), "{spread:?}");
    for _ in 0..50 {
        publish(&mut w, &x, "one", Table::new(), "m");
    }
    let after = depths(&mut w, &queues);
    let grown: Vec<_> = after.iter().zip(&spread).filter(|(a, b)| a != b).collect();
    assert_eq!(grown.len(), 1, "one key goes to one queue");
}
