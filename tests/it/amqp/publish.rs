//! basic.publish: mandatory and returns, CC and BCC, what is checked.

use tests::{
    shared,
    wire::{Properties, Returned, Table, Wire, basic, connection, exchange, queue},
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

/// Everything that can be wrong with a message, in the order in which it is looked at.
#[test]
fn the_first_thing_wrong_with_a_message_is_what_is_told() {
    type Spoil = fn(&mut Properties);
    let spoilers: [(Spoil, &str); 4] = [
        (
            |p| p.reply_to = Some("amq.rabbitmq.reply-to".into()),
            "PRECONDITION_FAILED - fast reply consumer does not exist",
        ),
        (
            |p| p.expiration = Some("soon".into()),
            "PRECONDITION_FAILED - invalid expiration 'soon': no_integer",
        ),
        (
            |p| p.headers = Some(Table::new().str("CC", "one")),
            "PRECONDITION_FAILED - invalid message: {unacceptable_type_in_header,\"CC\",longstr}",
        ),
        (
            |p| p.user_id = Some("nobody".into()),
            "PRECONDITION_FAILED - user_id property set to 'nobody' but authenticated user was 'guest'",
        ),
    ];
    let mut w = shared().open();
    let mut wrong = Properties::new();
    for (spoil, text) in spoilers.iter().rev() {
        spoil(&mut wrong);
        w.publish(1, &basic::publish("amq.topic", "k", 0), &wrong, "x");
        w.expect_channel_close(1, 406, text);
    }
    w.publish(1, &basic::publish("gone", "k", 0), &wrong, "x");
    w.expect_channel_close(1, 404, "NOT_FOUND - no exchange 'gone' in vhost '/'");
    w.publish(
        1,
        &basic::publish("amq.rabbitmq.trace", "k", 0),
        &wrong,
        "x",
    );
    w.expect_channel_close(
        1,
        403,
        "ACCESS_REFUSED - cannot publish to internal exchange 'amq.rabbitmq.trace' in vhost '/'",
    );
    let publish = basic::publish("gone", "k", 0);
    let size = 16 * 1024 * 1024 + 1;
    w.publish(1, &publish, &wrong, vec![0; size]);
    w.expect_channel_close(
        1,
        406,
        "PRECONDITION_FAILED - message size 16777217 is larger than configured max size 16777216",
    );
    let immediate = basic::publish("gone", "k", basic::IMMEDIATE);
    w.publish(1, &immediate, &wrong, "x");
    w.expect_connection_close(540, "NOT_IMPLEMENTED - immediate=true");
}

#[test]
fn bcc_is_hidden_in_transactions_and_in_what_comes_back() {
    let mut w = shared().open();
    w.declare("p-tx-bcc", queue::EXCLUSIVE);
    let headers = || Table::new().strs("BCC", &["p-tx-bcc"]).str("mine", "kept");
    w.open_channel(2);
    w.call(2, &tests::wire::tx::select(), tests::wire::tx::SELECT_OK);
    let publish = basic::publish("", "nowhere", basic::MANDATORY);
    w.publish(2, &publish, &Properties::headers(headers()), "x");
    w.call(2, &tests::wire::tx::commit(), tests::wire::tx::COMMIT_OK);
    let kept = [("mine".to_owned(), "kept".into())];
    let got = w.get("p-tx-bcc", true).unwrap();
    assert_eq!(got.properties.header_entries(), kept);
    let nobody = Table::new().strs("BCC", &["p-nobody"]).str("mine", "kept");
    w.publish(1, &publish, &Properties::headers(nobody), "x");
    assert_eq!(w.returned().properties.header_entries(), kept);
}

#[test]
fn elements_of_cc_that_are_no_strings_are_skipped() {
    let mut w = shared().open();
    w.declare("p-cc-mixed", queue::EXCLUSIVE);
    // An array of the integer 1 and the string.
    let mut items = vec![b'I', 0, 0, 0, 1, b'S'];
    items.extend(tests::wire::value::longstr(b"p-cc-mixed"));
    let cc = tests::wire::value::longstr(&items);
    let headers = Table::new().raw("CC", b'A', &cc);
    let publish = basic::publish("", "nowhere", 0);
    w.publish(1, &publish, &Properties::headers(headers), "x");
    assert_eq!(w.drain("p-cc-mixed"), ["x"]);
}

#[test]
fn messages_published_over_http_reach_cc_and_bcc_too() {
    let mut w = shared().open();
    for name in ["p-http-cc", "p-http-bcc"] {
        w.declare(name, queue::EXCLUSIVE);
    }
    let message = serde_json::json!({
        "routing_key": "nowhere",
        "payload": "x",
        "payload_encoding": "string",
        "properties": { "headers": { "CC": ["p-http-cc"], "BCC": ["p-http-bcc"] } },
    });
    let answer = shared()
        .http()
        .post("/exchanges/%2F/amq.default/publish", &message);
    assert_eq!(answer.ok(200).json()["routed"], true);
    for name in ["p-http-cc", "p-http-bcc"] {
        let entries = w.get(name, true).unwrap().properties.header_entries();
        let names: Vec<_> = entries.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["CC"]);
    }
}

/// A connection of this user, with channel 1 open.
fn client(user: &str) -> Wire {
    let (mut w, _) = Wire::login(shared().amqp(), user, "secret");
    w.send(0, &connection::tune_ok(2047, 131_072, 0));
    w.call(0, &connection::open("/"), connection::OPEN_OK);
    w.open_channel(1);
    w
}

#[test]
fn an_impersonator_may_publish_in_others_names() {
    let http = shared().http();
    let row = serde_json::json!({ "configure": ".*", "write": ".*", "read": ".*" });
    for (name, tags) in [
        ("p-impersonator", "impersonator"),
        ("p-ordinary", "management"),
    ] {
        let user = serde_json::json!({ "password": "secret", "tags": tags });
        http.put(&format!("/users/{name}"), &user).ok(201);
        http.put(&format!("/permissions/%2F/{name}"), &row).ok(201);
    }
    let properties = Properties {
        user_id: Some("somebody".into()),
        ..Properties::new()
    };
    let publish = basic::publish("", "p-nowhere", basic::MANDATORY);
    let mut w = client("p-impersonator");
    w.publish(1, &publish, &properties, "x");
    assert_eq!(w.returned().properties, properties);
    let mut w = client("p-ordinary");
    w.publish(1, &publish, &properties, "x");
    w.expect_channel_close(
        1,
        406,
        "PRECONDITION_FAILED - user_id property set to 'somebody' but authenticated user was 'p-ordinary'",
    );
}
