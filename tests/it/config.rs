//! Settings: where they come from, what is said about them, what changes while the broker runs.

use std::fs;

use tests::{Launch, Wire, run, scratch_dir, wire::connection};

/// Runs `leveret config check` on these lines: exit code and output, the directory left out.
fn check(lines: &str) -> (Option<i32>, String) {
    let dir = scratch_dir();
    let file = dir.join("rabbitmq.conf");
    fs::write(&file, lines).unwrap();
    let output = run(&["config", "check", file.to_str().unwrap()]);
    let text = String::from_utf8(output.stdout).unwrap();
    let text = text.replace(&format!("{}/", dir.display()), "");
    fs::remove_dir_all(dir).unwrap();
    (output.status.code(), text)
}

#[test]
fn check_names_every_fault_with_its_line_and_a_hint() {
    let (code, text) = check(
        "heartbeat = 30\nheartbeet = 30\nframe_max = 12\n\nno setting\n\
         cluster_formation.peer_discovery_backend = k8s\nmqtt.tcp_listeners = 1\n",
    );
    assert_eq!(code, Some(1));
    assert_eq!(
        text,
        "rabbitmq.conf, line 2: error: unknown key 'heartbeet'; did you mean 'heartbeat'?\n\
         rabbitmq.conf, line 3: error: frame_max: expected 0 or at least 8192 bytes, got 12\n\
         rabbitmq.conf, line 5: error: expected 'key = value'\n\
         rabbitmq.conf, line 6: warning: cluster_formation.peer_discovery_backend: ignored: \
         Leveret runs as one node\n\
         rabbitmq.conf, line 7: warning: mqtt.tcp_listeners: ignored: the plugin that it belongs \
         to does not exist here\n\
         3 errors, 2 warnings\n"
    );
}

#[test]
fn check_is_content_with_a_file_of_rabbitmqs() {
    let (code, text) = check(
        "listeners.tcp.default = 5672\nloopback_users.guest = false\nhandshake_timeout = 10000\n\
         num_acceptors.tcp = 10\ndefault_vhost = /\ndefault_user = guest\ndefault_pass = guest\n\
         default_permissions.configure = .*\ndefault_permissions.read = .*\n\
         default_permissions.write = .*\ndefault_user_tags.administrator = true\nheartbeat = 60\n\
         frame_max = 131072\nchannel_max = 128\ntcp_listen_options.backlog = 128\n\
         vm_memory_high_watermark.relative = 0.6\ndisk_free_limit.absolute = 50000\n\
         log.file.level = info\nlog.console = true\nlog.connection.level = info\n\
         management.tcp.port = 15672\nmanagement.load_definitions = /dev/null\n\
         consumer_timeout = 31622400000\n",
    );
    assert_eq!(code, Some(0), "{text}");
    assert!(text.ends_with("0 errors, 2 warnings\n"), "{text}");
}

#[test]
fn check_is_content_with_the_defaults_of_the_image() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap();
    let defaults = root.join("docker/10-defaults.conf");
    let output = run(&["config", "check", defaults.to_str().unwrap()]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(text, "0 errors, 0 warnings\n");
}

#[test]
fn check_finds_files_that_are_not_there() {
    let (code, text) = check("load_definitions = /nonexistent/d.json\n");
    assert_eq!(code, Some(1));
    assert!(
        text.contains("line 1: error: load_definitions: /nonexistent/d.json does not exist"),
        "{text}"
    );
}

#[test]
fn show_says_what_is_in_effect_and_where_it_is_from() {
    let dir = scratch_dir();
    let file = dir.join("rabbitmq.conf");
    fs::write(&file, "# mine\nheartbeat = 30\ndefault_pass = secret\n").unwrap();
    let output = run(&["config", "show", "--config", file.to_str().unwrap()]);
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    let line = |key: &str| {
        let begin = format!("{key} = ");
        let line = text.lines().find(|line| line.starts_with(&begin));
        line.unwrap_or_else(|| panic!("no {key} in {text}"))
            .to_owned()
    };
    assert!(line("heartbeat").starts_with("heartbeat = 30 "));
    assert!(line("heartbeat").ends_with("rabbitmq.conf, line 2"));
    assert!(line("frame_max").ends_with("# default"));
    assert!(line("default_pass").contains("********"));
    assert!(!text.contains("secret"));
    // It is a configuration file itself.
    fs::write(&file, text.replace("********", "x")).unwrap();
    let output = run(&["config", "check", file.to_str().unwrap()]);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stdout)
    );
    fs::remove_dir_all(dir).unwrap();
}

#[test]
fn the_environment_wins_over_the_file() {
    let dir = scratch_dir();
    fs::create_dir(dir.join("conf.d")).unwrap();
    fs::write(
        dir.join("rabbitmq.conf"),
        "default_user = file\ndefault_pass = file\n",
    )
    .unwrap();
    fs::write(dir.join("conf.d/10-more.conf"), "heartbeat = 7\n").unwrap();
    let broker = Launch::default()
        .environment("RABBITMQ_CONFIG_FILE", dir.to_str().unwrap())
        .environment("RABBITMQ_DEFAULT_USER", "env")
        .environment("RABBITMQ_NODENAME", "hare@meadow")
        .start();
    let (_wire, tune) = Wire::login(broker.amqp(), "env", "file");
    let mut tune = tune.read();
    assert_eq!(
        (tune.short(), tune.long(), tune.short()),
        (2047, 131_072, 7)
    );
    // "env:file"
    let http = broker.http().authorized(Some("Basic ZW52OmZpbGU="));
    assert_eq!(http.json("/overview")["node"], "hare@meadow");
    let node = &http.json("/nodes")[0];
    let files = node["config_files"].to_string();
    assert!(
        files.contains("rabbitmq.conf") && files.contains("10-more.conf"),
        "{files}"
    );
    fs::remove_dir_all(dir).unwrap();
}

#[test]
fn a_key_without_effect_is_warned_of_at_the_start() {
    let mut broker = Launch::default()
        .config("cluster_formation.dns.hostname = x\n")
        .start();
    let line = broker.wait_log("cluster_formation.dns.hostname");
    assert!(
        line.contains(" WARN ") && line.contains("one node"),
        "{line}"
    );
}

#[test]
fn a_hangup_takes_over_what_can_change_and_names_the_rest() {
    let mut broker = Launch::default().config("heartbeat = 60\n").start();
    let mut wire = broker.open();
    broker.rewrite_config("heartbeat = 30\nvm_memory_high_watermark.absolute = 1\n");
    broker.signal("HUP");
    broker.wait_log("vm_memory_high_watermark.absolute is 1 now");
    let line = broker.wait_log("heartbeat has changed");
    assert!(line.contains("takes effect after a restart"), "{line}");
    broker.wait_log("memory");
    tests::eventually("the alarm", || {
        (broker.http().json("/nodes")[0]["mem_alarm"] == true).then_some(())
    });
    // Nobody was disturbed, and new clients are told what is in effect.
    wire.declare("cf-undisturbed", 0);
    let (mut other, start) = Wire::greet(broker.amqp());
    assert_eq!(start.id, connection::START);
    other.send(
        0,
        &connection::start_ok(
            &tests::wire::capable(),
            "PLAIN",
            &tests::wire::plain("guest", "guest"),
        ),
    );
    let tune = other.expect(0, connection::TUNE);
    let mut tune = tune.read();
    assert_eq!(
        (tune.short(), tune.long(), tune.short()),
        (2047, 131_072, 60)
    );

    broker.rewrite_config("heartbeat = nonsense\n");
    broker.signal("HUP");
    let line = broker.wait_log("settings are not read again");
    assert!(
        line.contains("line 1") && line.contains("nonsense"),
        "{line}"
    );
}
