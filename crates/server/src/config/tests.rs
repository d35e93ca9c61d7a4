use broker::Durability;
use tracing::level_filters::LevelFilter;

use super::*;

/// A layer of lines as a file would have them.
fn layer(text: &str, origin: &Origin) -> (Vec<Written>, Vec<Problem>) {
    let (entries, wrong) = file::parse(text);
    let at = |line| match origin {
        Origin::WholeFile(file) => Origin::File(file.clone(), line),
        other => other.clone(),
    };
    let written = entries.into_iter().map(|entry| Written {
        key: entry.key.to_owned(),
        value: entry.value.to_owned(),
        origin: at(entry.line),
    });
    let problems = wrong.into_iter().map(|line| Problem {
        origin: at(line),
        reason: "expected 'key = value'".to_owned(),
    });
    (written.collect(), problems.collect())
}

fn all(text: &str) -> Result<Config, Vec<Problem>> {
    let mut config = Config::with_defaults();
    let (written, mut problems) = layer(text, &Origin::WholeFile("f".into()));
    config.apply(written, &mut problems);
    config.resolve(&mut problems);
    if problems.is_empty() {
        Ok(config)
    } else {
        Err(problems)
    }
}

fn load(text: &str) -> Result<Config, String> {
    all(text).map_err(|problems| problems[0].to_string())
}

fn refused(text: &str, expected: &str) {
    assert_eq!(load(text).err().unwrap(), format!("f, {expected}"));
}

/// What is warned of.
fn ignored(text: &str) -> Vec<String> {
    load(text)
        .unwrap()
        .ignored
        .iter()
        .map(ToString::to_string)
        .collect()
}

fn listens(listeners: &[(String, Listen)]) -> Vec<String> {
    listeners
        .iter()
        .map(|(_, listen)| listen.to_string())
        .collect()
}

#[test]
fn defaults_are_rabbitmqs() {
    let config = Sources::default().load().unwrap();
    assert_eq!(listens(&config.amqp), ["[::]:5672"]);
    assert!(config.amqps.is_empty());
    assert_eq!(config.management.plain(), Some(Listen::Everywhere(15672)));
    assert_eq!(config.management.secure(), None);
    assert_eq!(config.prometheus.plain(), Some(Listen::Everywhere(15692)));
    assert_eq!(config.data_dir, std::path::Path::new("leveret-data"));
    assert_eq!(config.memory, Amount::Relative(0.6));
    assert_eq!(config.disk, Amount::Absolute(50_000_000));
    assert_eq!(config.log, LogOptions::default());
    // What the file declares as a default is what the broker has without a file.
    let own = Settings::new(config.broker.started, config.broker.started_ms);
    let same = Settings {
        node: own.node.clone(),
        cluster_name: own.cluster_name.clone(),
        clock: own.clock.clone(),
        ..config.broker
    };
    assert_eq!(format!("{same:?}"), format!("{own:?}"));
}

#[test]
fn limits_of_memory_and_disk_are_amounts_or_parts_and_amounts_win() {
    for (text, memory, disk) in [
        (
            "vm_memory_high_watermark.relative = 0.25\ndisk_free_limit.relative = 1.5",
            Amount::Relative(0.25),
            Amount::Relative(1.5),
        ),
        (
            "vm_memory_high_watermark.absolute = 2GB\nvm_memory_high_watermark.relative = 0.1\n\
             disk_free_limit.relative = 1\ndisk_free_limit.absolute = 1GiB",
            Amount::Absolute(2_000_000_000),
            Amount::Absolute(1 << 30),
        ),
    ] {
        let config = load(text).unwrap();
        assert_eq!((config.memory, config.disk), (memory, disk), "{text}");
    }
}

#[test]
fn memory_of_messages_is_an_amount_and_the_brokers_own_by_default() {
    let memory = |text| {
        let config = load(text).unwrap();
        (
            config.broker.message_memory_max,
            config.broker.queue_memory_max,
        )
    };
    let own = Settings::new(clock::now(), 0);
    assert_eq!(memory(""), (own.message_memory_max, own.queue_memory_max));
    let text = "leveret.message_memory_max = 1GB\nleveret.queue_memory_max = 65536";
    assert_eq!(memory(text), (1_000_000_000, 65_536));
    refused(
        "leveret.queue_memory_max = lots",
        "line 1: leveret.queue_memory_max: 'lots' is not a number of bytes (units: kB, MB, GB, \
         TB, kiB, MiB, GiB, TiB)",
    );
}

#[test]
fn confirms_wait_for_the_disk_unless_told_what_may_be_lost() {
    let durability = |text| load(text).unwrap().broker.durability;
    assert_eq!(durability(""), Durability::Synced);
    assert_eq!(
        durability("leveret.power_loss_may_lose_ms = 0"),
        Durability::Synced
    );
    let sync_every = Duration::from_millis(200);
    assert_eq!(
        durability("leveret.power_loss_may_lose_ms = 200"),
        Durability::Written { sync_every }
    );
    refused(
        "leveret.power_loss_may_lose_ms = 10001",
        "line 1: leveret.power_loss_may_lose_ms: expected at most 10000, got 10001",
    );
}

#[test]
fn a_file_with_comments_blank_lines_and_quotes_is_read() {
    let config = load(
        "\n## a comment\n   # another\r\nheartbeat=10\r\nframe_max = 64 KiB # in line\n\
         default_pass = 'a #1 = b'\ncluster_name = bob's   \nlog.console.level = warning",
    )
    .unwrap();
    assert_eq!(config.broker.heartbeat_s, 10);
    assert_eq!(config.broker.frame_max, 65_536);
    assert_eq!(config.broker.default_pass, "a #1 = b");
    assert_eq!(config.broker.cluster_name, "bob's");
    assert_eq!(config.log.console_level, LevelFilter::WARN);
}

#[test]
fn listeners_of_a_file_replace_the_default_one_and_names_are_unique() {
    let config = load(
        "listeners.tcp.default = 5673\nlisteners.tcp.local = 127.0.0.1:5674\n\
         listeners.tcp.v6 = ::1:5675\nlisteners.tcp.default = 5676",
    )
    .unwrap();
    assert_eq!(
        listens(&config.amqp),
        ["127.0.0.1:5674", "[::1]:5675", "[::]:5676"]
    );
    assert!(load("listeners.tcp = none").unwrap().amqp.is_empty());
}

#[test]
fn flags_win_over_the_environment_over_the_file_over_defaults() {
    let mut config = Config::with_defaults();
    let mut problems = Vec::new();
    for (text, origin) in [
        (
            "listeners.tcp.a = 1\nlisteners.tcp.b = 2\nheartbeat = 5\ndefault_user = f\nchannel_max = 7",
            Origin::WholeFile("f".into()),
        ),
        ("default_user = e\nheartbeat = 6", Origin::Environment("E")),
        ("listeners.tcp.1 = 3\nheartbeat = 7", Origin::Flag("--x")),
    ] {
        config.apply(layer(text, &origin).0, &mut problems);
    }
    assert_eq!(problems, []);
    assert_eq!(listens(&config.amqp), ["[::]:3"]);
    assert_eq!(config.broker.heartbeat_s, 7);
    assert_eq!(config.broker.default_user, "e");
    assert_eq!(config.broker.channel_max, 7);
    let from = |key: &str| {
        let written = config.effective.iter().find(|written| written.key == key);
        written.map(|written| written.origin.to_string())
    };
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(from("heartbeat"), some("flag --x"));
    assert_eq!(from("default_user"), some("environment, E"));
    assert_eq!(from("channel_max"), some("f, line 5"));
    assert_eq!(from("frame_max"), some("default"));
    assert_eq!(from("listeners.tcp.a"), None);
    assert_eq!(from("listeners.tcp.default"), None);
}

#[test]
fn the_environment_is_that_of_rabbitmqs_image() {
    let dir = tempfile::tempdir().unwrap();
    let secret = dir.path().join("pass");
    std::fs::write(&secret, "from a file\n").unwrap();
    let secret = secret.display().to_string();
    let written = |variables: &[(&str, &str)]| -> Vec<String> {
        let look = |name: &str| {
            let found = variables.iter().find(|(other, _)| *other == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        let written = Environment::from(look).written().unwrap();
        written
            .iter()
            .map(|w| format!("{}={}", w.key, w.value))
            .collect()
    };
    for (variables, expected) in [
        (
            &[("RABBITMQ_DEFAULT_USER", "u")][..],
            &["default_user=u"][..],
        ),
        (
            &[("RABBITMQ_DEFAULT_PASS_FILE", &secret)],
            &["default_pass=from a file"],
        ),
        (
            &[
                ("RABBITMQ_DEFAULT_PASS_FILE", &secret),
                ("RABBITMQ_DEFAULT_PASS", "x"),
            ],
            &["default_pass=from a file"],
        ),
        (&[("RABBITMQ_DEFAULT_VHOST", "v")], &["default_vhost=v"]),
        (&[("RABBITMQ_NODENAME", "a@b")], &["leveret.node_name=a@b"]),
        (&[("RABBITMQ_MNESIA_BASE", "/m")], &["leveret.data_dir=/m"]),
        (
            &[("RABBITMQ_MNESIA_BASE", "/m"), ("RABBITMQ_DATA_DIR", "/d")],
            &["leveret.data_dir=/d"],
        ),
        (&[("RABBITMQ_NODE_PORT", "7")], &["listeners.tcp.default=7"]),
        (
            &[("RABBITMQ_NODE_IP_ADDRESS", "10.0.0.1")],
            &["listeners.tcp.default=10.0.0.1:5672"],
        ),
        (&[("RABBITMQ_LOGS", "-")], &["log.console=true"]),
        (&[("RABBITMQ_DEFAULT_USER", "")], &[]),
    ] {
        assert_eq!(written(variables), expected, "{variables:?}");
    }
    let missing = Environment::from(|name| {
        (name == "RABBITMQ_DEFAULT_USER_FILE").then(|| "/nonexistent".to_owned())
    });
    let problem = missing.written().unwrap_err().to_string();
    assert!(
        problem.starts_with("environment, RABBITMQ_DEFAULT_USER_FILE: cannot read /nonexistent"),
        "{problem}"
    );
}

#[test]
fn a_directory_is_read_in_the_order_of_names_and_the_last_line_wins() {
    let dir = tempfile::tempdir().unwrap();
    let put = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
    std::fs::create_dir(dir.path().join("conf.d")).unwrap();
    put("rabbitmq.conf", "heartbeat = 1\nchannel_max = 9");
    put("conf.d/20-b.conf", "heartbeat = 3");
    put("conf.d/10-a.conf", "heartbeat = 2\ndefault_user = a");
    put("conf.d/30.txt", "heartbeat = nonsense");
    put("advanced.config", "[].");
    for named in [
        dir.path().to_owned(),
        dir.path().join("rabbitmq"),
        dir.path().join("rabbitmq.conf"),
    ] {
        let sources = Sources {
            file: Some(named),
            ..Sources::default()
        };
        let config = sources.load().unwrap();
        assert_eq!(config.broker.heartbeat_s, 3);
        assert_eq!(config.broker.channel_max, 9);
        assert_eq!(config.broker.default_user, "a");
        assert_eq!(config.files.len(), 3);
        assert!(config.ignored[0].to_string().contains("advanced.config"));
    }
}

#[test]
fn tls_needs_a_certificate_where_there_is_a_listener() {
    let missing = |text: &str| load(text).err().unwrap();
    let listener = "listeners.ssl.default = 5671\n";
    assert_eq!(
        missing(listener),
        "settings: ssl_options.certfile is missing: there is a listener with TLS"
    );
    let files = "ssl_options.certfile = /c\nssl_options.keyfile = /k\n";
    let verify = "ssl_options.verify = verify_peer\n";
    assert!(missing(&[listener, files, verify].concat()).contains("ssl_options.cacertfile"));
    let config = load(&[listener, files, "ssl_options.versions.1 = tlsv1.3"].concat()).unwrap();
    assert_eq!(listens(&config.amqps), ["[::]:5671"]);
    assert_eq!(config.tls.versions, [TlsVersion::V13]);
    assert!(missing("management.ssl.port = 1").contains("management.ssl.certfile"));
    assert!(load("ssl_options.verify = verify_peer").is_ok());
}

#[test]
fn the_name_in_a_certificate_is_chosen_whatever_the_order_of_lines() {
    let from = |text: &str| load(text).unwrap().login_from;
    assert_eq!(from(""), LoginFrom::Distinguished);
    assert_eq!(from("ssl_cert_login_from = common_name"), LoginFrom::Common);
    let lines = [
        "ssl_cert_login_from = subject_alternative_name",
        "ssl_cert_login_san_type = email\nssl_cert_login_san_index = 2",
    ];
    let name = LoginFrom::Alternative(AlternativeName {
        kind: AlternativeKind::Email,
        index: 2,
    });
    assert_eq!(from(&lines.join("\n")), name);
    assert_eq!(from(&[lines[1], lines[0]].join("\n")), name);
}

#[test]
fn what_the_broker_acts_on_is_passed_on() {
    let broker = load(
        "default_user_tags.monitoring = true\ndefault_permissions.write = ^a\n\
         connection_max = 10\nchannel_max_per_node = 20\nconsumer_max_per_channel = 30\n\
         vhost_max = 40\ncluster_queue_limit = 50\nconsumer_timeout = 1000\n\
         default_queue_type = quorum\nload_definitions = /d.json\n\
         definitions.skip_if_unchanged = true\nmanagement.rates_mode = none\n\
         anonymous_login_user = none\n\
         auth_mechanisms.1 = PLAIN\npassword_hashing_module = rabbit_password_hashing_sha512\n\
         default_limits.vhosts.1.pattern = ^t\ndefault_limits.vhosts.1.max_queues = 5\n\
         default_limits.vhosts.2.max_connections = 6",
    )
    .unwrap()
    .broker;
    assert_eq!(broker.default_user_tags, ["monitoring"]);
    assert_eq!(broker.default_permissions.write, "^a");
    assert_eq!(broker.default_permissions.read, ".*");
    assert_eq!(
        [
            broker.connection_max,
            broker.channel_max_per_node,
            broker.consumer_max_per_channel,
            broker.vhost_max,
            broker.cluster_queue_limit,
        ],
        [Some(10), Some(20), Some(30), Some(40), Some(50)]
    );
    assert_eq!(broker.consumer_timeout_ms, Some(1000));
    assert_eq!(broker.default_queue_type, "quorum");
    assert_eq!(broker.load_definitions, Some("/d.json".into()));
    assert!(broker.definitions_skip_if_unchanged && !broker.anonymous_login);
    assert_eq!(broker.rates_mode, broker::RatesMode::None);
    assert_eq!(broker.auth_mechanisms, ["PLAIN"]);
    assert_eq!(
        broker.password_hashing_module,
        "rabbit_password_hashing_sha512"
    );
    let [tenants, all] = &broker.default_vhost_limits[..] else {
        panic!("{:?}", broker.default_vhost_limits);
    };
    assert_eq!((&*tenants.pattern, tenants.max_queues), ("^t", Some(5)));
    assert_eq!((&*all.pattern, all.max_connections), (".*", Some(6)));
}

#[test]
fn the_log_has_outputs_levels_and_a_rotation() {
    let log = load(
        "log.console = false\nlog.console.formatter = json\nlog.file = x.log\n\
         log.file.level = debug\nlog.dir = /l\nlog.file.rotation.size = 1kB\n\
         log.file.rotation.date = $D3\nlog.file.rotation.count = 2\n\
         log.connection.level = error\nlog.queue.level = none",
    )
    .unwrap()
    .log;
    assert_eq!(
        log,
        LogOptions {
            console: false,
            console_level: LevelFilter::INFO,
            console_format: LogFormat::Json,
            file: Some("x.log".into()),
            file_level: LevelFilter::DEBUG,
            file_format: LogFormat::Text,
            dir: Some("/l".into()),
            rotation: Rotation {
                bytes: 1000,
                daily_at: Some(3),
                count: 2,
            },
            categories: vec![
                ("connection".to_owned(), LevelFilter::ERROR),
                ("queue".to_owned(), LevelFilter::OFF),
            ],
        }
    );
    assert_eq!(
        ignored("log.file.rotation.date = $W0\nlog.ra.level = debug"),
        [
            "f, line 1: log.file.rotation.date: ignored: files are put aside daily or by size only",
            "f, line 2: log.ra.level: ignored: there is no category 'ra' here, only connection, \
             channel, queue, access, management, store, default",
        ]
    );
}

#[test]
fn keys_that_have_no_effect_are_warned_of_one_by_one_with_the_reason() {
    assert_eq!(
        ignored(
            "cluster_formation.peer_discovery_backend = dns\nnum_acceptors.tcp = 10\n\
             mqtt.listeners.tcp.default = 1883\nssl_options.password = secret"
        ),
        [
            "f, line 1: cluster_formation.peer_discovery_backend: ignored: Leveret runs as one node",
            "f, line 2: num_acceptors.tcp: ignored: sockets are accepted by one task per listener",
            "f, line 3: mqtt.listeners.tcp.default: ignored: the plugin that it belongs to does \
             not exist here",
            "f, line 4: ssl_options.password: ignored: encrypted keys are not supported: store the \
             key without a password, readable by the broker only",
        ]
    );
}

#[test]
fn keys_that_would_be_unsafe_to_ignore_are_refused() {
    for (text, reason) in [
        (
            "auth_backends.1 = ldap",
            "auth_backends.1: only 'internal' exists, got 'ldap'; ignoring it could let in whom \
             it would refuse",
        ),
        (
            "auth_ldap.servers.1 = x",
            "auth_ldap.servers.1: not supported: there are no other users than the broker's own",
        ),
        (
            "prometheus.ssl.port = 1",
            "prometheus.ssl.port: not supported: metrics are served without TLS only",
        ),
    ] {
        refused(text, &format!("line 1: {reason}"));
    }
}

#[test]
fn every_fault_of_a_file_is_found() {
    let problems = all("heartbeat = x\nnonsense\nfoo = 1\nchannel_max = 1\nframe_max = 1")
        .err()
        .unwrap();
    let lines: Vec<String> = problems.iter().map(|p| p.origin.to_string()).collect();
    assert_eq!(lines, ["f, line 2", "f, line 1", "f, line 3", "f, line 5"]);
}

#[test]
fn secrets_are_never_shown() {
    let shown = |key: &str| {
        let written = Written {
            key: key.to_owned(),
            value: "v".to_owned(),
            origin: Origin::Default,
        };
        (written.shown().to_owned(), format!("{written:?}"))
    };
    for key in [
        "default_pass",
        "ssl_options.password",
        "management.ssl.password",
    ] {
        let (value, debug) = shown(key);
        assert_eq!(value, "********");
        assert!(!debug.contains('v') || !debug.contains("= v"), "{debug}");
    }
    assert_eq!(shown("default_user").0, "v");
    assert_eq!(shown("password_hashing_module").0, "v");
}

#[test]
fn management_may_be_bound_to_one_interface() {
    let config = load("management.tcp.ip = 127.0.0.1\nmanagement.tcp.port = 8080").unwrap();
    assert_eq!(
        config.management.plain().unwrap().to_string(),
        "127.0.0.1:8080"
    );
    let config = load("management.tcp.ip = ::\nmanagement.path_prefix = /x/").unwrap();
    assert_eq!(config.management.plain(), Some(Listen::Everywhere(15672)));
    assert_eq!(config.management.path_prefix, "/x");
}

#[test]
fn loopback_users_of_a_file_replace_guest() {
    for (text, users) in [
        ("loopback_users = none", &[][..]),
        ("loopback_users.guest = false", &[]),
        ("loopback_users.guest = true", &["guest"]),
        ("loopback_users.alice = true", &["alice"]),
    ] {
        assert_eq!(load(text).unwrap().broker.loopback_users, users, "{text}");
    }
}

#[test]
fn an_unknown_key_names_its_line_and_the_nearest_known_key() {
    refused(
        "heartbeat = 1\n\ndefault_usr = x",
        "line 3: unknown key 'default_usr'; did you mean 'default_user'?",
    );
    refused(
        "quorum.whatever_else = 1",
        "line 1: unknown key 'quorum.whatever_else'",
    );
}

#[test]
fn a_bad_value_says_what_was_expected() {
    for (text, reason) in [
        (
            "heartbeat = soon",
            "heartbeat: 'soon' is not a whole number",
        ),
        ("heartbeat = 65536", "heartbeat: 65536 is too large"),
        (
            "channel_max = -1",
            "channel_max: '-1' is not a whole number",
        ),
        (
            "frame_max = 4096",
            "frame_max: expected 0 or at least 8192 bytes, got 4096",
        ),
        (
            "max_message_size = 513MiB",
            "max_message_size: expected at most 536870912 bytes, got 513MiB",
        ),
        (
            "default_user = ''",
            "default_user: expected a value, got nothing",
        ),
        (
            "loopback_users.guest = no",
            "loopback_users.guest: expected true or false, got 'no'",
        ),
        (
            "management.tcp.ip = here",
            "management.tcp.ip: expected an IP address, got 'here'",
        ),
        (
            "vm_memory_high_watermark.absolute = 2 gigs",
            "vm_memory_high_watermark.absolute: '2 gigs' is not a number of bytes (units: kB, MB, GB, TB, kiB, MiB, GiB, TiB)",
        ),
        (
            "vm_memory_high_watermark.relative = -0.1",
            "vm_memory_high_watermark.relative: expected a number such as 0.6, got '-0.1'",
        ),
        (
            "disk_free_limit.relative = inf",
            "disk_free_limit.relative: expected a number such as 0.6, got 'inf'",
        ),
        (
            "listeners.tcp.x = a:b",
            "listeners.tcp.x: expected PORT or IP:PORT, got 'a:b'",
        ),
        (
            "log.console.level = loud",
            "log.console.level: expected debug, info, warning, error or none, got 'loud'",
        ),
    ] {
        refused(text, &format!("line 1: {reason}"));
    }
}

#[test]
fn a_line_that_is_no_setting_is_refused_with_its_number() {
    for text in [
        "heartbeat",
        "= 5",
        "heartbeat =",
        "heartbeat = # 5",
        "default_pass = 'open",
        "a b = c",
    ] {
        refused(&format!("\n{text}"), "line 2: expected 'key = value'");
    }
}

#[test]
fn sizes_take_decimal_and_binary_units() {
    for (text, bytes) in [
        ("0", 0),
        ("12", 12),
        ("1kB", 1000),
        ("1k", 1024),
        ("1 MiB", 1 << 20),
        ("2MB", 2_000_000),
        ("1GiB", 1 << 30),
        ("3G", 3 << 30),
        ("2TB", 2_000_000_000_000),
        ("1TiB", 1 << 40),
    ] {
        assert_eq!(value::bytes(text), Ok(bytes), "{text}");
    }
    for text in [
        "",
        "k",
        "1 XB",
        "1kBx",
        "18446744073709551615G",
        "99999999999999999999",
    ] {
        assert!(value::bytes(text).is_err(), "{text}");
    }
}

#[test]
fn parts_are_of_the_memory() {
    assert_eq!(Amount::Relative(0.6).of(10_000), 6_000);
    assert_eq!(Amount::Relative(1.5).of(10_000), 15_000);
    assert_eq!(Amount::Relative(0.0).of(10_000), 0);
    assert_eq!(Amount::Absolute(7).of(10_000), 7);
}

#[test]
fn listen_addresses_are_ports_or_addresses_with_ports() {
    for (text, shown) in [
        ("5672", "[::]:5672"),
        ("127.0.0.1:0", "127.0.0.1:0"),
        ("localhost:1", "127.0.0.1:1"),
        ("[::1]:7", "[::1]:7"),
        ("::1:7", "[::1]:7"),
    ] {
        assert_eq!(Listen::parse(text).unwrap().to_string(), shown);
    }
    for text in ["", "x", "65536", "1.2.3.4", "1.2.3.4:", "host:1"] {
        assert!(Listen::parse(text).is_err(), "{text}");
    }
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let sources = Sources {
        file: Some("/nonexistent/x.conf".into()),
        ..Sources::default()
    };
    let problems = sources.load().err().unwrap();
    let text = problems[0].to_string();
    assert!(
        text.starts_with("/nonexistent/x.conf: cannot read it: "),
        "{text}"
    );
}

#[test]
fn every_declared_setting_is_documented_and_found() {
    for setting in settings::all() {
        assert!(
            !setting.doc.is_empty() && !setting.unit.is_empty(),
            "{}",
            setting.key
        );
        let segments = setting.key.split('.');
        let key: Vec<&str> = segments
            .map(|segment| {
                if segment.starts_with('$') {
                    "anything"
                } else {
                    segment
                }
            })
            .collect();
        assert_eq!(
            settings::find(&key.join(".")).map(|(found, _)| found.key),
            Some(setting.key)
        );
    }
}
