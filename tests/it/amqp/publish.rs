//! basic.publish: mandatory and returns, CC and BCC, what is checked.

use tests::{
    shared,
    wire::{Properties, Returned, Table, basic, exchange, queue},
};

#[test]
fn a_mandatory_message_without_a_queue_comes_back_whole() {
    let mut w = shared().open();
    let properties = Properties {
        message_id: Some("m-1".into()),
        headers: Some(Table::new().str("a", "b")),
        ..Properties::persistent()
    };
    let publish = basic::publish("amq.topic", "no.where", basic::MANDATORY);
    w.publish(1, &publish, &properties, "body");
    let expected = Returned {
        code: 312,
        text: "NO_ROUTE".into(),
        exchange: "amq.topic".into(),
        key: "no.where".into(),
        properties,
        body: b"body".to_vec(),
    };
    assert_eq!(w.returned(), expected);
}

#[test]
fn a_mandatory_message_with_a_queue_does_not_come_back() {
    let mut w = shared().open();
    w.declare("p-routed", queue::EXCLUSIVE);
    w.publish(
        1,
        &basic::publish("", "p-routed", basic::MANDATORY),
        &Properties::new(),
        "x",
    );
    w.expect_silence();
    assert_eq!(w.drain("p-routed"), ["x"]);
}

#[test]
fn an_optional_message_without_a_queue_is_dropped() {
    let mut w = shared().open();
    w.publish(
        1,
        &basic::publish("amq.direct", "nowhere", 0),
        &Properties::new(),
        "x",
    );
    w.expect_silence();
}

#[test]
fn mandatory_is_judged_by_the_queues_bound_now() {
    let mut w = shared().open();
    w.declare("p-now", queue::EXCLUSIVE);
    let publish = basic::publish("amq.direct", "p-now-key", basic::MANDATORY);
    for _ in 0..3 {
        w.publish(1, &publish, &Properties::new(), "x");
        w.returned();
        w.bind("p-now", "amq.direct", "p-now-key");
        w.publish(1, &publish, &Properties::new(), "x");
        w.expect_silence();
        let unbind = queue::unbind("p-now", "amq.direct", "p-now-key", &Table::new());
        w.call(1, &unbind, queue::UNBIND_OK);
    }
    assert_eq!(w.drain("p-now").len(), 3);
}

#[test]
fn ones_own_user_id_is_allowed() {
    let mut w = shared().open();
    w.declare("p-user", queue::EXCLUSIVE);
    let properties = Properties {
        user_id: Some("guest".into()),
        ..Properties::new()
    };
    w.publish(1, &basic::publish("", "p-user", 0), &properties, "x");
    assert_eq!(w.get("p-user", true).unwrap().properties, properties);
}

#[test]
fn cc_and_bcc_add_routing_keys_and_bcc_is_hidden() {
    let mut w = shared().open();
    for name in ["p-to", "p-cc1", "p-cc2", "p-bcc"] {
        w.declare(name, queue::EXCLUSIVE);
    }
    let headers = Table::new()
        .strs("BCC", &["p-bcc"])
        .strs("CC", &["p-cc1", "p-cc2"]);
    w.publish(
        1,
        &basic::publish("", "p-to", 0),
        &Properties::headers(headers),
        "x",
    );
    for name in ["p-to", "p-cc1", "p-cc2", "p-bcc"] {
        let got = w
            .get(name, true)
            .unwrap_or_else(|| panic!("nothing in {name}"));
        assert_eq!(got.key, "p-to");
        let headers = got.properties.header_entries();
        let keys: Vec<&str> = headers.iter().map(|(key, _)| key.as_str()).collect();
        assert_eq!(keys, ["CC"], "in {name}");
    }
}

#[test]
fn cc_to_the_same_queue_gives_one_copy() {
    let mut w = shared().open();
    w.declare("p-once", queue::EXCLUSIVE);
    let headers = Table::new().strs("CC", &["p-once", "p-once"]);
    w.publish(
        1,
        &basic::publish("", "p-once", 0),
        &Properties::headers(headers),
        "x",
    );
    assert_eq!(w.drain("p-once"), ["x"]);
}

#[test]
fn cc_alone_makes_a_message_routable() {
    let mut w = shared().open();
    w.declare("p-cc-only", queue::EXCLUSIVE);
    let headers = Properties::headers(Table::new().strs("CC", &["p-cc-only"]));
    w.publish(
        1,
        &basic::publish("", "nowhere", basic::MANDATORY),
        &headers,
        "x",
    );
    w.expect_silence();
    assert_eq!(w.drain("p-cc-only"), ["x"]);
}

#[test]
fn a_deleted_exchange_is_noticed_by_a_publisher_that_used_it() {
    let mut w = shared().open();
    let mut other = shared().open();
    w.declare("p-cached", queue::EXCLUSIVE);
    w.declare_exchange("p-cached-x", "fanout", 0, &Table::new());
    w.bind("p-cached", "p-cached-x", "");
    let publish = basic::publish("p-cached-x", "", 0);
    w.publish(1, &publish, &Properties::new(), "x");
    w.expect_silence();
    other.call(1, &exchange::delete("p-cached-x", 0), exchange::DELETE_OK);
    w.publish(1, &publish, &Properties::new(), "x");
    w.expect_channel_close(1, 404, "NOT_FOUND - no exchange 'p-cached-x' in vhost '/'");
}

#[test]
fn a_valid_expiration_is_kept_on_the_message() {
    let mut w = shared().open();
    w.declare("p-exp", queue::EXCLUSIVE);
    let properties = Properties {
        expiration: Some("600000".into()),
        ..Properties::new()
    };
    w.publish(1, &basic::publish("", "p-exp", 0), &properties, "x");
    assert_eq!(w.get("p-exp", true).unwrap().properties, properties);
}
