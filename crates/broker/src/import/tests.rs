//! Files of RabbitMQ 3 and 4, and what is wrong with others.

use serde_json::json;

use super::*;
use crate::tests::open;
use crate::{Destination, PolicyClass, RABBITMQ_VERSION, Settings};

/// As RabbitMQ 3.8 exports: tags in one text, no metadata, keys of mirrored queues.
fn of_3() -> Value {
    json!({
        "rabbit_version": "3.8.9", "rabbitmq_version": "3.8.9", "product_name": "RabbitMQ",
        "users": [{
            "name": "app", "password_hash": "kI3GCqW5JLMJa4iX1lo7X4D6XbYqlLgxIs30+P6tENUV2POR",
            "hashing_algorithm": "rabbit_password_hashing_sha256", "tags": "administrator,ops"
        }],
        "vhosts": [{"name": "/"}, {"name": "shop"}],
        "permissions": [
            {"user": "app", "vhost": "shop", "configure": ".*", "write": "^o", "read": ""}
        ],
        "topic_permissions": [
            {"user": "app", "vhost": "shop", "exchange": "topics", "write": "^a", "read": ".*"}
        ],
        "parameters": [{
            "vhost": "shop", "component": "operator_policy", "name": "cap",
            "value": {"pattern": "", "definition": {"max-length": 9}, "priority": 0,
                      "apply-to": "queues"}
        }],
        "global_parameters": [
            {"name": "cluster_name", "value": "old"},
            {"name": "internal_cluster_id", "value": "secret"}
        ],
        "policies": [
            {"vhost": "shop", "name": "ha", "pattern": "^(?!amq\\.).*", "apply-to": "all",
             "definition": {"ha-mode": "all", "message-ttl": 5}, "priority": 0},
            {"vhost": "shop", "name": "ha-only", "pattern": "", "apply-to": "all",
             "definition": {"ha-mode": "all"}, "priority": 0}
        ],
        "queues": [
            {"name": "orders", "vhost": "shop", "durable": true, "auto_delete": false,
             "arguments": {"x-max-length": 100}},
            {"name": "amq.gen-x", "vhost": "shop", "durable": true, "auto_delete": false,
             "arguments": {}}
        ],
        "exchanges": [
            {"name": "topics", "vhost": "shop", "type": "topic", "durable": true,
             "auto_delete": false, "internal": false, "arguments": {}},
            {"name": "amq.direct", "vhost": "shop", "type": "direct", "durable": true,
             "auto_delete": false, "internal": false, "arguments": {}}
        ],
        "bindings": [
            {"source": "topics", "vhost": "shop", "destination": "orders",
             "destination_type": "queue", "routing_key": "o.#", "arguments": {}},
            {"source": "amq.fanout", "vhost": "shop", "destination": "topics",
             "destination_type": "exchange", "routing_key": "", "arguments": []}
        ]
    })
}

fn import(broker: &Broker, file: &Value) -> Result<Imported, Error> {
    broker.import(file.to_string().as_bytes(), None)
}

#[test]
fn a_file_of_rabbitmq_3_imports() {
    let dir = tempfile::tempdir().unwrap();
    let broker = open(dir.path());
    let imported = import(&broker, &of_3()).unwrap();
    assert_eq!(imported.created, 4, "two bindings, a queue and an exchange");
    assert!(imported.ticket.is_some());
    let user = broker.users().find("app").unwrap();
    assert_eq!(user.tags, ["administrator", "ops"]);
    assert!(user.password.matches("test12"));
    let vhost = broker.vhost("shop").unwrap();
    let queue = vhost.queue("orders").unwrap();
    assert_eq!(queue.rules().max_length, Some(9));
    assert_eq!(queue.rules().message_ttl_ms, Some(5));
    assert!(vhost.queue("amq.gen-x").is_none());
    assert!(vhost.policy(PolicyClass::User, "ha-only").is_none());
    assert_eq!(broker.cluster_name(), "old");
    assert_ne!(
        broker.global_parameter("internal_cluster_id"),
        Some(json!("secret"))
    );
    let rows = broker.users().permissions();
    let row = rows.iter().find(|row| &*row.user == "app").unwrap();
    assert_eq!(
        (row.permission.write.source(), row.permission.read.source()),
        ("^o", "")
    );
    assert_eq!(broker.users().topic_permissions().len(), 1);
    let bindings = vhost.bindings();
    let to_exchange = Destination::Exchange("topics".to_owned());
    assert!(
        bindings
            .iter()
            .any(|b| b.destination == to_exchange && b.source == "amq.fanout")
    );
    // Again: nothing is new, nothing is an error.
    assert_eq!(import(&broker, &of_3()).unwrap().created, 0);
}

#[test]
fn a_file_of_rabbitmq_4_imports() {
    let dir = tempfile::tempdir().unwrap();
    let broker = open(dir.path());
    let file = json!({
        "rabbitmq_version": "4.1.0", "rabbitmq_definition_format": "cluster",
        "original_cluster_name": "c", "explanation": "…",
        "users": [{"name": "app", "password": "plain", "tags": ["monitoring"],
                   "limits": {"max-connections": 3}}],
        "vhosts": [{
            "name": "v", "limits": {"max-queues": 50},
            "metadata": {"description": "d", "tags": ["t"], "default_queue_type": "quorum",
                         "protected_from_deletion": true}
        }],
        "queues": [{"name": "q", "vhost": "v", "type": "quorum", "durable": true,
                    "auto_delete": false, "arguments": {"x-queue-type": "quorum"}}],
        "parameters": [{"vhost": "v", "component": "vhost-limits", "name": "limits",
                        "value": {"max-queues": 50}}]
    });
    import(&broker, &file).unwrap();
    let user = broker.users().find("app").unwrap();
    assert!(user.password.matches("plain") && user.has_tag("monitoring"));
    assert_eq!(user.limits.max_connections, Some(3));
    let vhost = broker.vhost("v").unwrap();
    let meta = vhost.meta();
    assert_eq!((meta.description.as_str(), meta.protected), ("d", true));
    assert_eq!(meta.default_queue_type.as_deref(), Some("quorum"));
    assert_eq!(meta.limits.max_queues, Some(50));
    assert_eq!(vhost.queue("q").unwrap().kind(), crate::QueueKind::Quorum);
    let limits = vhost.parameter("vhost-limits", "limits").unwrap();
    assert_eq!(limits.value, json!({"max-queues": 50}));
}

/// A list, its first object, and what is wrong with it.
type Wrong = (&'static str, Value, &'static str);

fn wrong_people() -> Vec<Wrong> {
    vec![
        ("users", json!({"tags": ""}), "users[0]: name is missing"),
        (
            "users",
            json!({"name": "u", "password_hash": "!"}),
            "users[0] ('u'): password_hash is not base64",
        ),
        (
            "permissions",
            json!({"user": "nobody", "vhost": "/"}),
            "permissions[0]: no user 'nobody'",
        ),
        (
            "permissions",
            json!({"user": "guest", "vhost": "/", "configure": "["}),
            "permissions[0]: invalid regular expression '[': ",
        ),
    ]
}

fn wrong_things() -> Vec<Wrong> {
    vec![
        (
            "exchanges",
            json!({"vhost": "/", "name": "x", "type": "odd"}),
            "exchanges[0] ('x'): unknown exchange type 'odd'",
        ),
        (
            "queues",
            json!({"vhost": "no", "name": "q"}),
            "queues[0] ('q'): Please create virtual host \"no\" prior to importing definitions.",
        ),
        (
            "queues",
            json!({"name": "q"}),
            "queues[0] ('q'): Virtual host does not exist and is not specified in definitions file.",
        ),
        (
            "queues",
            json!({"vhost": "/", "name": "q", "arguments": {"x-message-ttl": -1}}),
            "queues[0] ('q'): invalid arg 'x-message-ttl' for queue 'q' in vhost '/': \
             {value_negative,-1}",
        ),
        (
            "bindings",
            json!({"vhost": "/", "source": "none", "destination": "fine", "routing_key": "",
                   "destination_type": "queue"}),
            "bindings[0]: no exchange 'none' in vhost '/'",
        ),
        (
            "bindings",
            json!({"vhost": "/", "source": "amq.headers", "destination": "fine",
                   "routing_key": "", "destination_type": "queue",
                   "arguments": {"x-match": "some"}}),
            "bindings[0]: Invalid x-match field value",
        ),
        (
            "policies",
            json!({"vhost": "/", "name": "p", "pattern": "x", "definition": {"foo": 1}}),
            "Validation failed\n\n[{<<\"foo\">>,1}] are not recognised policy settings\n (//p)",
        ),
        (
            "parameters",
            json!({"vhost": "/", "component": "foo", "name": "p", "value": {}}),
            "Validation failed\n\ncomponent foo not found\n (//foo/p)",
        ),
        ("queues", json!("not a list"), "queues is not a list"),
    ]
}

#[test]
fn the_first_error_is_named_and_nothing_is_done() {
    for (list, item, text) in wrong_people().into_iter().chain(wrong_things()) {
        let dir = tempfile::tempdir().unwrap();
        let broker = open(dir.path());
        let mut file = json!({
            "users": [], "vhosts": [{"name": "new"}], "exchanges": [], "parameters": [],
            "queues": [{"vhost": "/", "name": "fine", "durable": true}], "permissions": [],
            "policies": [], "bindings": []
        });
        let wrong = if item.is_object() {
            // The wrong one is the first of its list, and the queue that is fine stays.
            let mut items = vec![item];
            items.extend(file[list].as_array().unwrap().iter().cloned());
            Value::Array(items)
        } else {
            item
        };
        file[list] = wrong;
        let error = import(&broker, &file).unwrap_err().to_string();
        assert!(error.starts_with(text), "{error}");
        assert!(broker.vhost("new").is_none(), "{error}");
        assert!(
            broker.vhost("/").unwrap().queue("fine").is_none(),
            "{error}"
        );
    }
}

#[test]
fn what_is_no_json_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let broker = open(dir.path());
    for bad in ["{", "[]", "1", "nil"] {
        let error = broker.import(bad.as_bytes(), None).unwrap_err();
        assert_eq!(error.to_string(), "failed_to_parse_json");
    }
    for nothing in ["", " ", "{}", "\u{feff}{}"] {
        assert_eq!(
            broker.import(nothing.as_bytes(), None).unwrap(),
            Imported::default()
        );
    }
}

#[test]
fn existing_queues_are_left_as_they_are() {
    let dir = tempfile::tempdir().unwrap();
    let broker = open(dir.path());
    let file = |length: u32| {
        json!({"queues": [{"vhost": "/", "name": "q", "durable": true,
                           "arguments": {"x-max-length": length}}]})
    };
    import(&broker, &file(1)).unwrap();
    import(&broker, &file(2)).unwrap();
    let queue = broker.vhost("/").unwrap().queue("q").unwrap();
    assert_eq!(queue.rules().max_length, Some(1));
}

#[test]
fn what_is_exported_imports_into_an_empty_broker_and_exports_the_same() {
    let dirs = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let first = open(dirs[0].path());
    import(&first, &of_3()).unwrap();
    let file = first.export();
    assert_eq!(file["rabbitmq_version"], RABBITMQ_VERSION);
    assert_eq!(file["rabbitmq_definition_format"], "cluster");
    let names = |list: &str| -> Vec<&str> {
        let list = file[list].as_array().unwrap();
        list.iter()
            .filter_map(|item| item["name"].as_str())
            .collect()
    };
    assert_eq!(names("exchanges"), ["topics"]);
    assert_eq!(names("queues"), ["orders"]);
    assert_eq!(names("policies"), ["ha"]);
    assert_eq!(names("global_parameters"), ["cluster_name"]);
    let second = open(dirs[1].path());
    import(&second, &file).unwrap();
    assert_eq!(second.export(), file);
}

#[test]
fn a_virtual_host_moves_to_another() {
    let dir = tempfile::tempdir().unwrap();
    let broker = open(dir.path());
    import(&broker, &of_3()).unwrap();
    let file = broker.vhost("shop").unwrap().export();
    assert_eq!(file["rabbitmq_definition_format"], "single_virtual_host");
    assert!(file["queues"][0].get("vhost").is_none() && file.get("users").is_none());
    // Without a virtual host nobody knows where it belongs.
    assert!(import(&broker, &file).is_err());
    assert!(matches!(
        broker.import(file.to_string().as_bytes(), Some("none")),
        Err(Error::NoVhost(_))
    ));
    broker.create_vhost("other");
    broker
        .import(file.to_string().as_bytes(), Some("other"))
        .unwrap();
    let other = broker.vhost("other").unwrap();
    assert_eq!(other.queue("orders").unwrap().rules().max_length, Some(9));
    let mut again = other.export();
    for key in [
        "original_vhost_name",
        "explanation",
        "description",
        "metadata",
        "limits",
    ] {
        again[key] = file[key].clone();
    }
    assert_eq!(again, file);
}

#[test]
fn an_import_that_a_crash_interrupted_is_completed() {
    let dir = tempfile::tempdir().unwrap();
    {
        let broker = open(dir.path());
        let record = Record::import(&of_3(), None);
        broker.store().put(&record.key, &record.value);
        broker.close().unwrap();
    }
    for _ in 0..2 {
        let broker = open(dir.path());
        assert!(broker.vhost("shop").unwrap().queue("orders").is_some());
        assert_eq!(broker.cluster_name(), "old");
        broker.close().unwrap();
    }
}

#[test]
#[allow(clippy::disallowed_methods, reason = "a test may ask for the time")]
fn a_broker_that_loads_definitions_has_no_default_user() {
    let dir = tempfile::tempdir().unwrap();
    let mut settings = Settings::new(std::time::Instant::now(), 0);
    settings.load_definitions = Some("definitions.json".into());
    let broker = Broker::open(settings, dir.path()).unwrap();
    assert!(broker.users().find("guest").is_none() && broker.vhosts().is_empty());
    import(&broker, &of_3()).unwrap();
    let names: Vec<_> = broker
        .vhosts()
        .iter()
        .map(|v| v.name().to_string())
        .collect();
    assert_eq!(names, ["/", "shop"]);
}

#[test]
fn the_same_files_have_the_same_hash() {
    let hash = |files: &[&[u8]]| definitions_hash(files.iter().copied());
    assert_eq!(hash(&[b"ab", b"c"]), hash(&[b"ab", b"c"]));
    assert_ne!(hash(&[b"ab", b"c"]), hash(&[b"a", b"bc"]));
    let dir = tempfile::tempdir().unwrap();
    let broker = open(dir.path());
    assert!(!broker.has_imported("x"));
    broker.note_imported("x");
    assert!(broker.has_imported("x") && broker.global_parameters().is_empty());
}

fn queues(vhost: &str, count: usize) -> Value {
    let queue = |n| json!({"name": format!("q{n}"), "vhost": vhost, "durable": true});
    (0..count).map(queue).collect()
}

#[test]
fn a_file_that_a_limit_would_stop_half_way_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let broker = crate::tests::open_with(dir.path(), |settings| {
        settings.vhost_max = Some(3);
        settings.cluster_queue_limit = Some(6);
        settings.cluster_exchange_limit = Some(22);
        settings.default_vhost_limits = vec![crate::DefaultVhostLimits {
            pattern: "^small".to_owned(),
            max_connections: None,
            max_queues: Some(1),
        }];
    });
    import(
        &broker,
        &json!({"vhosts": [{"name": "old", "limits": {"max-queues": 2}}]}),
    )
    .unwrap();
    let exchange = |name: &str| json!({"name": name, "vhost": "/", "type": "fanout"});
    let limits = |vhost: &str, max: i64| {
        json!([{"vhost": vhost, "component": "vhost-limits", "name": "limits",
                "value": {"max-queues": max}}])
    };
    for (file, expected) in [
        (
            json!({"queues": queues("old", 3)}),
            "queue 'q2': queue limit in vhost 'old' (2)",
        ),
        (
            json!({"queues": queues("/", 7)}),
            "queue 'q6': queue limit in cluster (6)",
        ),
        (
            json!({"vhosts": [{"name": "small"}], "queues": queues("small", 2)}),
            "queue 'q1': queue limit in vhost 'small' (1)",
        ),
        (
            json!({"vhosts": [{"name": "n", "limits": {"max-queues": 0}}],
                   "queues": queues("n", 1)}),
            "queue 'q0': queue limit in vhost 'n' (0)",
        ),
        (
            json!({"parameters": limits("/", 1), "queues": queues("/", 2)}),
            "queue 'q1': queue limit in vhost '/' (1)",
        ),
        (
            json!({"vhosts": [{"name": "a"}, {"name": "b"}]}),
            "vhost limit of 3",
        ),
        (
            json!({"vhosts": [{"name": "a"}], "exchanges": [exchange("x"), exchange("y")]}),
            "exchange 'y' in vhost '/': exchange limit of 22",
        ),
    ] {
        let before = broker.export();
        let error = import(&broker, &file).unwrap_err().to_string();
        assert!(error.contains(expected), "{error} for {file}");
        assert_eq!(broker.export(), before, "{file}");
    }
    // What is there already does not count twice, and a file may bring its own room.
    import(&broker, &json!({"queues": queues("old", 2)})).unwrap();
    import(&broker, &json!({"queues": queues("old", 2)})).unwrap();
    let roomy = json!({"parameters": limits("old", 4), "queues": queues("old", 4)});
    assert_eq!(import(&broker, &roomy).unwrap().created, 2);
}
