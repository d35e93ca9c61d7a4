//! From exchange and key to queues.

use tests::{
    shared,
    wire::{Properties, Table, Wire, basic, exchange, queue},
};

/// Where one message with this key ends up, by queue name.
fn route(w: &mut Wire, exchange: &str, key: &str, headers: Option<Table>) -> Vec<String> {
    let properties = Properties {
        headers,
        ..Properties::new()
    };
    w.publish(1, &basic::publish(exchange, key, 0), &properties, "x");
    w.expect_silence();
    let mut reached = Vec::new();
    for name in ["a", "b", "c", "d"] {
        let queue = format!("{exchange}.{name}");
        w.send(1, &queue::purge(&queue));
        let answer = w.method(1);
        assert_eq!(answer.id, queue::PURGE_OK);
        for _ in 0..answer.read().long() {
            reached.push(name.to_owned());
        }
    }
    reached
}

/// An exchange with four exclusive queues beside it: `NAME.a` to `NAME.d`.
fn stage(name: &str, kind: &str, arguments: &Table) -> Wire {
    let mut w = shared().open();
    w.declare_exchange(name, kind, 0, arguments);
    for suffix in ["a", "b", "c", "d"] {
        w.declare(&format!("{name}.{suffix}"), queue::EXCLUSIVE);
    }
    w
}

fn leave(mut w: Wire, exchanges: &[&str]) {
    for name in exchanges {
        w.call(1, &exchange::delete(name, 0), exchange::DELETE_OK);
    }
}

#[test]
fn direct_matches_the_key_exactly() {
    let mut w = stage("r-direct", "direct", &Table::new());
    w.bind("r-direct.a", "r-direct", "one");
    w.bind("r-direct.b", "r-direct", "one");
    w.bind("r-direct.b", "r-direct", "two");
    w.bind("r-direct.c", "r-direct", "");
    for (key, reached) in [
        ("one", "ab"),
        ("two", "b"),
        ("", "c"),
        ("One", ""),
        ("one ", ""),
        ("on", ""),
    ] {
        assert_eq!(
            route(&mut w, "r-direct", key, None).concat(),
            reached,
            "key {key:?}"
        );
    }
    leave(w, &["r-direct"]);
}

#[test]
fn fanout_ignores_the_key() {
    let mut w = stage("r-fanout", "fanout", &Table::new());
    w.bind("r-fanout.a", "r-fanout", "one");
    w.bind("r-fanout.a", "r-fanout", "two");
    w.bind("r-fanout.b", "r-fanout", "");
    for key in ["", "one", "x.y.z"] {
        assert_eq!(
            route(&mut w, "r-fanout", key, None).concat(),
            "ab",
            "key {key:?}"
        );
    }
    leave(w, &["r-fanout"]);
}

#[test]
fn topic_matches_words() {
    let mut w = stage("r-topic", "topic", &Table::new());
    let cases: &[(&str, &[(&str, bool)])] = &[
        (
            "#",
            &[("", true), ("a", true), ("a.b.c", true), ("..", true)],
        ),
        ("*", &[("", false), ("a", true), ("a.b", false)]),
        (
            "a.*",
            &[("a", false), ("a.b", true), ("a.", true), ("a.b.c", false)],
        ),
        (
            "a.#",
            &[
                ("a", true),
                ("a.b", true),
                ("a.b.c", true),
                ("b", false),
                ("ab", false),
            ],
        ),
        (
            "#.c",
            &[("c", true), ("a.c", true), ("a.b.c", true), ("c.a", false)],
        ),
        ("*.b.#", &[("a.b", true), ("a.b.c.d", true), ("b", false)]),
        (
            "a.#.z",
            &[
                ("a.z", true),
                ("a.b.z", true),
                ("a.b.c.z", true),
                ("a.b", false),
            ],
        ),
        (
            "#.a.#",
            &[("a", true), ("x.a", true), ("a.x", true), ("x.y", false)],
        ),
        (
            "*.*",
            &[(".", true), ("a.b", true), ("a", false), ("a.b.c", false)],
        ),
        ("", &[("", true), ("a", false)]),
        ("a..b", &[("a..b", true), ("a.b", false), ("a.x.b", false)]),
        ("a.*.b", &[("a..b", true), ("a.x.b", true), ("a.b", false)]),
        ("#.*", &[("", false), ("a", true), ("a.b", true)]),
        ("A", &[("a", false), ("A", true)]),
    ];
    for (pattern, keys) in cases {
        w.bind("r-topic.a", "r-topic", pattern);
        for (key, hit) in *keys {
            let reached = route(&mut w, "r-topic", key, None);
            assert_eq!(
                reached.concat(),
                if *hit { "a" } else { "" },
                "{pattern:?} with {key:?}"
            );
        }
        let unbind = queue::unbind("r-topic.a", "r-topic", pattern, &Table::new());
        w.call(1, &unbind, queue::UNBIND_OK);
    }
    leave(w, &["r-topic"]);
}

#[test]
fn topic_gives_one_copy_for_several_matching_patterns() {
    let mut w = stage("r-topic1", "topic", &Table::new());
    for pattern in ["#", "a.*", "*.b", "a.b", "a.#"] {
        w.bind("r-topic1.a", "r-topic1", pattern);
    }
    assert_eq!(route(&mut w, "r-topic1", "a.b", None).concat(), "a");
    // Taking one of them away leaves the others.
    let unbind = queue::unbind("r-topic1.a", "r-topic1", "#", &Table::new());
    w.call(1, &unbind, queue::UNBIND_OK);
    assert_eq!(route(&mut w, "r-topic1", "a.b", None).concat(), "a");
    assert_eq!(route(&mut w, "r-topic1", "x", None).concat(), "");
    leave(w, &["r-topic1"]);
}

#[test]
fn headers_match_all_or_any() {
    let mut w = stage("r-headers", "headers", &Table::new());
    let two = || Table::new().str("color", "red").int("size", 3);
    let binds = [
        ("a", two().str("x-match", "all")),
        ("b", two().str("x-match", "any")),
        ("c", two()),
        ("d", Table::new().void("color")),
    ];
    for (suffix, arguments) in binds {
        let bind = queue::bind(&format!("r-headers.{suffix}"), "r-headers", "", &arguments);
        w.call(1, &bind, queue::BIND_OK);
    }
    let cases = [
        (Some(two()), "abcd"),
        (Some(two().str("more", "yes")), "abcd"),
        (Some(Table::new().str("color", "red")), "bd"),
        (Some(Table::new().long("size", 3)), "b"),
        (Some(Table::new().str("color", "blue").int("size", 4)), "d"),
        (Some(Table::new().str("size", "3")), ""),
        (Some(Table::new()), ""),
        (None, ""),
    ];
    for (headers, reached) in cases {
        let got = route(&mut w, "r-headers", "ignored", headers.clone());
        assert_eq!(got.concat(), reached, "{headers:?}");
    }
    leave(w, &["r-headers"]);
}

#[test]
fn headers_beginning_with_x_count_only_when_asked() {
    let mut w = stage("r-headers-x", "headers", &Table::new());
    let arguments = |mode: &str| {
        Table::new()
            .str("x-match", mode)
            .str("x-kind", "k")
            .str("n", "1")
    };
    for (suffix, mode) in [
        ("a", "all"),
        ("b", "any"),
        ("c", "all-with-x"),
        ("d", "any-with-x"),
    ] {
        let queue = format!("r-headers-x.{suffix}");
        let bind = queue::bind(&queue, "r-headers-x", "", &arguments(mode));
        w.call(1, &bind, queue::BIND_OK);
    }
    let cases = [
        (Table::new().str("n", "1"), "abd"),
        (Table::new().str("x-kind", "k"), "d"),
        (Table::new().str("x-kind", "k").str("n", "1"), "abcd"),
        (Table::new().str("x-kind", "other").str("n", "1"), "abd"),
    ];
    for (headers, reached) in cases {
        let got = route(&mut w, "r-headers-x", "", Some(headers.clone()));
        assert_eq!(got.concat(), reached, "{headers:?}");
    }
    leave(w, &["r-headers-x"]);
}

#[test]
fn headers_without_conditions_match_all_or_none() {
    let mut w = stage("r-headers-0", "headers", &Table::new());
    for (suffix, mode) in [("a", "all"), ("b", "any")] {
        let arguments = Table::new().str("x-match", mode);
        let queue = format!("r-headers-0.{suffix}");
        w.call(
            1,
            &queue::bind(&queue, "r-headers-0", "", &arguments),
            queue::BIND_OK,
        );
    }
    assert_eq!(route(&mut w, "r-headers-0", "", None).concat(), "a");
    leave(w, &["r-headers-0"]);
}

#[test]
fn binding_twice_is_one_binding_and_arguments_make_it_another() {
    let mut w = stage("r-twice", "direct", &Table::new());
    let plain = || queue::bind("r-twice.a", "r-twice", "k", &Table::new());
    let argued = Table::new().str("note", "1");
    w.call(1, &plain(), queue::BIND_OK);
    w.call(1, &plain(), queue::BIND_OK);
    w.call(
        1,
        &queue::bind("r-twice.a", "r-twice", "k", &argued),
        queue::BIND_OK,
    );
    assert_eq!(route(&mut w, "r-twice", "k", None).concat(), "a");
    let unbind = queue::unbind("r-twice.a", "r-twice", "k", &Table::new());
    w.call(1, &unbind, queue::UNBIND_OK);
    assert_eq!(route(&mut w, "r-twice", "k", None).concat(), "a");
    w.call(
        1,
        &queue::unbind("r-twice.a", "r-twice", "k", &argued),
        queue::UNBIND_OK,
    );
    assert_eq!(route(&mut w, "r-twice", "k", None).concat(), "");
    leave(w, &["r-twice"]);
}

#[test]
fn exchanges_bound_to_exchanges_pass_messages_on() {
    let mut w = stage("r-e2e", "topic", &Table::new());
    w.declare_exchange("r-e2e-2", "fanout", 0, &Table::new());
    w.declare_exchange("r-e2e-3", "direct", 0, &Table::new());
    let link = |dst: &str, src: &str, key: &str| exchange::bind(dst, src, key, &Table::new());
    w.call(1, &link("r-e2e-2", "r-e2e", "news.#"), exchange::BIND_OK);
    w.call(1, &link("r-e2e-3", "r-e2e-2", ""), exchange::BIND_OK);
    // A circle: each exchange is visited once.
    w.call(
        1,
        &link("r-e2e", "r-e2e-3", "news.sport"),
        exchange::BIND_OK,
    );
    w.bind("r-e2e.a", "r-e2e-2", "");
    w.bind("r-e2e.b", "r-e2e-3", "news.sport");
    w.bind("r-e2e.b", "r-e2e", "news.sport");
    assert_eq!(route(&mut w, "r-e2e", "news.sport", None).concat(), "ab");
    assert_eq!(route(&mut w, "r-e2e", "news", None).concat(), "a");
    assert_eq!(route(&mut w, "r-e2e", "olds", None).concat(), "");
    let unlink = exchange::unbind("r-e2e-2", "r-e2e", "news.#", &Table::new());
    w.call(1, &unlink, exchange::UNBIND_OK);
    assert_eq!(route(&mut w, "r-e2e", "news.sport", None).concat(), "b");
    leave(w, &["r-e2e", "r-e2e-2", "r-e2e-3"]);
}

#[test]
fn an_alternate_exchange_takes_what_finds_no_queue() {
    let mut w = stage(
        "r-ae",
        "direct",
        &Table::new().str("alternate-exchange", "r-ae-2"),
    );
    w.bind("r-ae.a", "r-ae", "known");
    // The alternate does not exist yet: skipped.
    assert_eq!(route(&mut w, "r-ae", "unknown", None).concat(), "");
    let back = Table::new().str("alternate-exchange", "r-ae");
    w.declare_exchange("r-ae-2", "topic", 0, &back);
    w.bind("r-ae.b", "r-ae-2", "un#.#");
    w.bind("r-ae.c", "r-ae-2", "unknown");
    assert_eq!(route(&mut w, "r-ae", "known", None).concat(), "a");
    assert_eq!(route(&mut w, "r-ae", "unknown", None).concat(), "c");
    // Neither has a queue for it, and each is the other's alternate: it ends, returned.
    let publish = basic::publish("r-ae", "lost", basic::MANDATORY);
    w.publish(1, &publish, &Properties::new(), "x");
    assert_eq!(w.returned().exchange, "r-ae");
    leave(w, &["r-ae", "r-ae-2"]);
}

#[test]
fn mandatory_is_judged_after_the_alternate_exchange() {
    let mut w = stage(
        "r-ae-m",
        "direct",
        &Table::new().str("alternate-exchange", "amq.fanout"),
    );
    w.bind("r-ae-m.a", "amq.fanout", "");
    w.publish(
        1,
        &basic::publish("r-ae-m", "k", basic::MANDATORY),
        &Properties::new(),
        "x",
    );
    w.expect_silence();
    assert!(w.drain("r-ae-m.a").contains(&"x".to_owned()));
    leave(w, &["r-ae-m"]);
}

#[test]
fn the_default_exchange_reaches_every_queue_by_name() {
    let mut w = shared().open();
    let name = "r-default ü / %2F";
    w.declare(name, queue::EXCLUSIVE);
    w.enqueue(name, "x");
    assert_eq!(w.drain(name), ["x"]);
}

#[test]
fn predeclared_exchanges_route() {
    let mut w = shared().open();
    w.declare("r-pre", queue::EXCLUSIVE);
    for (name, key) in [("amq.direct", "r-pre-k"), ("amq.topic", "r-pre.k")] {
        w.bind("r-pre", name, key);
        w.publish(1, &basic::publish(name, key, 0), &Properties::new(), name);
    }
    for name in ["amq.headers", "amq.match"] {
        let arguments = Table::new().str("r-pre", name);
        w.call(
            1,
            &queue::bind("r-pre", name, "", &arguments),
            queue::BIND_OK,
        );
        w.publish(
            1,
            &basic::publish(name, "", 0),
            &Properties::headers(arguments),
            name,
        );
    }
    assert_eq!(
        w.drain("r-pre"),
        ["amq.direct", "amq.topic", "amq.headers", "amq.match"]
    );
}
