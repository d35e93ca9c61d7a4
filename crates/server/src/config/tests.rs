use broker::Settings;

use super::*;
use crate::clock;

fn load(text: &str) -> Result<Config, String> {
    let raw = interpret(text).map_err(|(line, reason)| format!("line {line}: {reason}"))?;
    resolve(raw.over(defaults().unwrap())).map_err(|error| error.to_string())
}

fn refused(text: &str, expected: &str) {
    assert_eq!(load(text).unwrap_err(), expected);
}

#[test]
fn defaults_are_rabbitmqs() {
    let config = Config::load(RawConfig::default(), None).unwrap();
    assert_eq!(config.amqp, [Listen::Everywhere(5672)]);
    assert_eq!(config.management, Listen::Everywhere(15672));
    assert_eq!(
        (config.heartbeat, config.frame_max, config.channel_max),
        (60, 131_072, 2047)
    );
    assert_eq!(config.max_message_size, 16 * 1024 * 1024);
    assert_eq!(config.handshake_timeout, Duration::from_secs(10));
    assert_eq!(config.loopback_users, ["guest"]);
    assert_eq!(config.data_dir, Path::new("leveret-data"));
    assert_eq!(config.memory, Amount::Relative(0.6));
    assert_eq!(config.disk, Amount::Absolute(50_000_000));
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
        (config.message_memory_max, config.queue_memory_max)
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
    let durability = |text| load(text).unwrap().durability;
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
    assert_eq!(config.heartbeat, 10);
    assert_eq!(config.frame_max, 65_536);
    assert_eq!(config.default_pass, "a #1 = b");
    assert_eq!(config.cluster_name.as_deref(), Some("bob's"));
    assert_eq!(config.log_level, LevelFilter::WARN);
}

#[test]
fn listeners_of_a_file_replace_the_default_one_and_names_are_unique() {
    let config = load(
        "listeners.tcp.default = 5673\nlisteners.tcp.local = 127.0.0.1:5674\n\
         listeners.tcp.v6 = ::1:5675\nlisteners.tcp.default = 5676",
    )
    .unwrap();
    let texts: Vec<String> = config.amqp.iter().map(ToString::to_string).collect();
    assert_eq!(texts, ["127.0.0.1:5674", "[::1]:5675", "[::]:5676"]);
    assert_eq!(load("listeners.tcp = none").unwrap().amqp, []);
}

#[test]
fn flags_win_over_the_file() {
    let flags = RawConfig {
        amqp: Some(vec![("0".to_owned(), Listen::Everywhere(1))]),
        management: Some(Listen::Everywhere(2)),
        ..RawConfig::default()
    };
    let file =
        interpret("listeners.tcp.default = 3\nmanagement.tcp.port = 4\nheartbeat = 5").unwrap();
    let config = resolve(flags.over(file).over(defaults().unwrap())).unwrap();
    assert_eq!(config.amqp, [Listen::Everywhere(1)]);
    assert_eq!(config.management, Listen::Everywhere(2));
    assert_eq!(config.heartbeat, 5);
}

#[test]
fn management_may_be_bound_to_one_interface() {
    let config = load("management.tcp.ip = 127.0.0.1\nmanagement.tcp.port = 8080").unwrap();
    assert_eq!(config.management.to_string(), "127.0.0.1:8080");
}

#[test]
fn loopback_users_of_a_file_replace_guest() {
    for (text, users) in [
        ("loopback_users = none", &[][..]),
        ("loopback_users.guest = false", &[]),
        ("loopback_users.guest = true", &["guest"]),
        ("loopback_users.alice = true", &["alice"]),
    ] {
        assert_eq!(load(text).unwrap().loopback_users, users, "{text}");
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
    let error =
        Config::load(RawConfig::default(), Some(Path::new("/nonexistent/x.conf"))).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("cannot read /nonexistent/x.conf: "),
        "{error}"
    );
}

#[test]
fn every_declared_setting_is_documented_and_found() {
    for setting in SETTINGS {
        assert!(
            !setting.doc.is_empty() && !setting.unit.is_empty(),
            "{}",
            setting.key
        );
        let key = setting.key.replace("$name", "anything");
        assert_eq!(
            settings::find(&key).map(|(found, _)| found.key),
            Some(setting.key)
        );
    }
}
