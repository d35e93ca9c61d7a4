use super::*;

fn text(s: &str) -> AMQPValue {
    AMQPValue::LongString(s.as_bytes().into())
}

fn int(n: i64) -> AMQPValue {
    AMQPValue::LongLongInt(n)
}

fn table(arguments: &[(&str, AMQPValue)]) -> FieldTable {
    let mut table = FieldTable::default();
    for (key, value) in arguments {
        table.insert((*key).into(), value.clone());
    }
    table
}

fn declare(arguments: &[(&str, AMQPValue)]) -> QueueDeclare {
    QueueDeclare {
        name: "q".to_owned(),
        durable: true,
        exclusive: false,
        auto_delete: false,
        arguments: table(arguments),
        server_named: false,
    }
}

/// What is wrong with these arguments; empty for nothing.
fn verdict(arguments: &[(&str, AMQPValue)]) -> String {
    match check_arguments(&declare(arguments), "/") {
        Ok(()) => String::new(),
        Err(error) => error.to_string(),
    }
}

fn of_type(kind: &str, arg: &str, value: AMQPValue) -> String {
    let mut arguments = vec![("x-queue-type", text(kind)), (arg, value)];
    if arg == "x-dead-letter-routing-key" {
        arguments.push(("x-dead-letter-exchange", text("")));
    }
    verdict(&arguments)
}

/// A good value for every known argument.
fn good(arg: &str) -> AMQPValue {
    match arg {
        "x-dead-letter-exchange" | "x-dead-letter-routing-key" => text("dlx"),
        "x-dead-letter-strategy" => text("at-least-once"),
        "x-overflow" => text("reject-publish-dlx"),
        "x-queue-mode" => text("lazy"),
        "x-queue-version" => int(2),
        "x-single-active-consumer" => AMQPValue::Boolean(true),
        "x-delivery-limit" => int(-1),
        "x-max-age" => text("7D"),
        "x-stream-filter-size-bytes" => int(16),
        "x-queue-leader-locator" => text("balanced"),
        "x-queue-master-locator" => text("min-masters"),
        _ => int(1),
    }
}

#[test]
fn every_type_takes_its_arguments_and_refuses_those_of_others() {
    for (kind, module) in [
        ("classic", "rabbit_classic_queue"),
        ("quorum", "rabbit_quorum_queue"),
        ("stream", "rabbit_stream_queue"),
    ] {
        for (arg, types, _) in &KNOWN {
            let expected = match (types.take(kind), kind) {
                (true, "stream") => "stream queues are not supported yet".to_owned(),
                (true, _) => String::new(),
                (false, _) => {
                    format!("invalid arg '{arg}' for queue 'q' in vhost '/' of queue type {module}")
                }
            };
            let got = of_type(kind, arg, good(arg));
            // The key's companion is refused before it.
            if arg != &"x-dead-letter-routing-key" || types.take(kind) {
                assert_eq!(got, expected, "{arg} on {kind}");
            }
        }
    }
}

#[test]
fn values_out_of_range_are_refused_with_rabbitmqs_terms() {
    for (kind, arg, value, reason) in [
        ("classic", "x-message-ttl", int(-1), "{value_negative,-1}"),
        (
            "classic",
            "x-message-ttl",
            int(315_360_000_001),
            "{value_too_large,315360000001}",
        ),
        ("classic", "x-expires", int(0), "{value_zero,0}"),
        ("classic", "x-expires", int(-5), "{value_negative,-5}"),
        ("classic", "x-max-length", int(-1), "{value_negative,-1}"),
        (
            "classic",
            "x-max-length-bytes",
            int(-1),
            "{value_negative,-1}",
        ),
        (
            "classic",
            "x-max-priority",
            int(256),
            "{max_value_exceeded,256}",
        ),
        ("classic", "x-max-priority", int(-1), "{value_negative,-1}"),
        ("classic", "x-overflow", text("spill"), "invalid_overflow"),
        (
            "quorum",
            "x-dead-letter-strategy",
            text("never"),
            "invalid_dlx_strategy",
        ),
        ("stream", "x-max-age", text("7x"), "invalid_max_age"),
        ("stream", "x-max-age", text("0D"), "invalid_max_age"),
        ("stream", "x-initial-cluster-size", int(0), "{value_zero,0}"),
        (
            "quorum",
            "x-quorum-initial-group-size",
            int(0),
            "{value_zero,0}",
        ),
        (
            "classic",
            "x-queue-leader-locator",
            text("moon"),
            "invalid_queue_locator_arg",
        ),
        (
            "classic",
            "x-queue-mode",
            text("eager"),
            "\"unsupported queue mode 'eager'\"",
        ),
        (
            "classic",
            "x-queue-version",
            int(3),
            "\"unsupported queue version 3\"",
        ),
    ] {
        let expected = format!("invalid arg '{arg}' for queue 'q' in vhost '/': {reason}");
        assert_eq!(of_type(kind, arg, value), expected);
    }
}

#[test]
fn values_of_the_wrong_type_are_refused() {
    for (arg, value, reason) in [
        (
            "x-message-ttl",
            text("1"),
            "\"expected integer, got longstr\"",
        ),
        (
            "x-max-length",
            AMQPValue::Boolean(true),
            "\"expected integer, got bool\"",
        ),
        (
            "x-max-priority",
            AMQPValue::Double(1.0),
            "\"expected integer, got double\"",
        ),
        (
            "x-single-active-consumer",
            int(1),
            "{unacceptable_type,long}",
        ),
        (
            "x-overflow",
            AMQPValue::LongInt(1),
            "{unacceptable_type,signedint}",
        ),
        ("x-queue-mode", int(1), "{unacceptable_type,long}"),
    ] {
        let expected = format!("invalid arg '{arg}' for queue 'q' in vhost '/': {reason}");
        assert_eq!(of_type("classic", arg, value), expected);
    }
    let wrong_type = verdict(&[("x-queue-type", int(1))]);
    assert_eq!(
        wrong_type,
        "invalid arg 'x-queue-type' for queue 'q' in vhost '/': {unacceptable_type,long}"
    );
    let dlx = verdict(&[("x-dead-letter-exchange", AMQPValue::LongInt(1))]);
    assert_eq!(
        dlx,
        "invalid type 'signedint' for arg 'x-dead-letter-exchange' in queue 'q' in vhost '/'"
    );
}

#[test]
fn every_integer_type_is_taken() {
    for value in [
        AMQPValue::ShortShortInt(1),
        AMQPValue::ShortShortUInt(1),
        AMQPValue::ShortInt(1),
        AMQPValue::ShortUInt(1),
        AMQPValue::LongInt(1),
        AMQPValue::LongUInt(1),
        AMQPValue::LongLongInt(1),
    ] {
        assert_eq!(verdict(&[("x-max-length", value)]), "");
    }
}

#[test]
fn unknown_arguments_are_ignored() {
    let odd = [
        ("x-foo", int(1)),
        ("ha-mode", text("all")),
        ("x-consumer-timeout", text("soon")),
    ];
    assert_eq!(verdict(&odd), "");
}

#[test]
fn an_unknown_type_of_queue_is_refused() {
    assert_eq!(
        verdict(&[("x-queue-type", text("foo"))]),
        "invalid arg 'x-queue-type' for queue 'q' in vhost '/': \"unsupported queue type 'foo'\""
    );
    for absent in ["", "undefined", "classic"] {
        assert_eq!(verdict(&[("x-queue-type", text(absent))]), "");
    }
}

#[test]
fn a_dead_letter_key_needs_an_exchange() {
    assert_eq!(
        verdict(&[("x-dead-letter-routing-key", text("k"))]),
        "invalid arg 'x-dead-letter-routing-key' for queue 'q' in vhost '/': \
         routing_key_but_no_dlx_defined"
    );
}

#[test]
fn quorum_queues_and_streams_are_durable_shared_and_kept() {
    for kind in ["quorum", "stream"] {
        let arguments = [("x-queue-type", text(kind))];
        for (property, change) in [
            (
                "auto-delete",
                (|d| d.auto_delete = true) as fn(&mut QueueDeclare),
            ),
            ("exclusive-owner", |d| d.exclusive = true),
            ("non-durable", |d| d.durable = false),
        ] {
            let mut declare = declare(&arguments);
            change(&mut declare);
            let error = check_arguments(&declare, "/").unwrap_err();
            let expected = format!("invalid property '{property}' for queue 'q' in vhost '/'");
            assert_eq!(error.to_string(), expected);
        }
        let mut unnamed = declare(&arguments);
        unnamed.server_named = true;
        let error = check_server_named(&unnamed).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("Cannot declare a server-named queue for type rabbit_{kind}_queue")
        );
    }
}
