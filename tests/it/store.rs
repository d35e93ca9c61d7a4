//! The data directory: what is done about damage, and looking into it.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Output,
};

use serde_json::Value;
use tests::{
    Broker, Launch, run,
    wire::{Properties, Table, basic, exchange, queue},
};

/// Publishes one by one: each is confirmed, and so on the disk, before the next one is sent.
fn publish_each(broker: &Broker, name: &str, bodies: &[&str]) {
    let mut w = broker.open();
    w.declare(name, queue::DURABLE);
    w.confirm_select();
    for (tag, body) in (1..).zip(bodies) {
        let publish = basic::publish("", name, 0);
        w.publish(1, &publish, &Properties::persistent(), body);
        assert_eq!(w.expect(1, basic::ACK).read().longlong(), tag);
    }
}

fn fill(broker: &Broker, name: &str, count: u64) {
    let mut w = broker.open();
    w.declare(name, queue::DURABLE);
    w.confirm_select();
    for n in 0..count {
        let publish = basic::publish("", name, 0);
        w.publish(1, &publish, &Properties::persistent(), n.to_string());
    }
    w.await_confirms(count);
}

fn inspect(dir: &Path) -> Output {
    run(&["store", "inspect", dir.to_str().unwrap()])
}

/// The exit code and what was written to standard output and error.
fn said(output: &Output) -> (Option<i32>, String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (
        output.status.code(),
        text(&output.stdout),
        text(&output.stderr),
    )
}

/// The only line of that start's errors.
#[track_caller]
fn refused_start(dir: &Path) -> String {
    let any = "127.0.0.1:0";
    let dir = ["--data-dir", dir.to_str().unwrap()];
    let ports = ["--listen", any, "--management-listen", any];
    let (code, _, errors) = said(&run(&[&dir[..], &ports].concat()));
    assert_eq!(code, Some(1), "{errors}");
    let lines: Vec<&str> = errors.lines().collect();
    assert_eq!(lines.len(), 1, "{errors}");
    lines[0].to_owned()
}

/// What was logged up to the end of the start.
fn start_log(broker: &mut Broker) -> String {
    broker.wait_log("started in ");
    broker.log()
}

/// Every file below `dir`.
fn files(dir: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(self::files(&path));
        } else {
            files.push(path);
        }
    }
    files
}

/// The segment that holds `text`, and where in it.
fn find(dir: &Path, text: &str) -> (PathBuf, usize) {
    let mut found = files(&dir.join("log")).into_iter().filter_map(|path| {
        let bytes = fs::read(&path).unwrap();
        let mut windows = bytes.windows(text.len());
        let at = windows.position(|window| window == text.as_bytes());
        at.map(|at| (path, at))
    });
    found.next().expect("the text in the log")
}

fn flip(path: &Path, at: usize) {
    let mut bytes = fs::read(path).unwrap();
    bytes[at] ^= 0x55;
    fs::write(path, bytes).unwrap();
}

/// Segment number and offset of the checkpoint.
fn checkpoint(dir: &Path) -> (u32, usize) {
    let (_, text, errors) = said(&inspect(dir));
    let line = text.lines().find(|line| line.starts_with("checkpoint: "));
    let line = line.unwrap_or_else(|| panic!("{text}{errors}"));
    let words: Vec<&str> = line.split(' ').collect();
    match words[..] {
        [_, "segment", segment, "at", offset] => {
            (segment.parse().unwrap(), offset.parse().unwrap())
        }
        _ => (0, 0),
    }
}

/// A broker that was killed with the sixth of eleven messages behind its last checkpoint, and
/// where that message lies.
fn killed_before_a_checkpoint() -> (Broker, PathBuf, usize) {
    for _ in 0..10 {
        let mut broker = Broker::start();
        let bodies = [
            "1",
            "2",
            "3",
            "4",
            "5",
            "st-victim",
            "7",
            "8",
            "9",
            "10",
            "11",
        ];
        publish_each(&broker, "st-log", &bodies);
        broker.kill();
        let (path, at) = find(broker.data_dir(), "st-victim");
        let name = path.file_stem().unwrap().to_str().unwrap();
        if checkpoint(broker.data_dir()) < (name.parse().unwrap(), at) {
            return (broker, path, at);
        }
    }
    panic!("a checkpoint came in between ten times");
}

#[test]
fn a_damaged_log_is_refused_with_the_place_and_the_way_out() {
    let (mut broker, path, at) = killed_before_a_checkpoint();
    flip(&path, at);
    let line = refused_start(broker.data_dir());
    assert!(line.starts_with("leveret: cannot open "), "{line}");
    let place = format!("corrupt record in {} at ", path.display());
    let (_, rest) = line.split_once(&place).expect(&line);
    let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap();
    let offset: usize = rest[..digits].parse().unwrap();
    assert!(offset < at && at - offset < 300, "{line}, not {at}");
    assert!(line.contains("--recover salvage"), "{line}");

    let before = files(broker.data_dir());
    let (code, text, _) = said(&inspect(broker.data_dir()));
    assert_eq!(code, Some(1));
    let name = path.strip_prefix(broker.data_dir()).unwrap().display();
    assert!(text.contains(&format!("{name} at {offset}: ")), "{text}");
    assert_eq!(files(broker.data_dir()), before);

    broker.restart_with(&["--recover", "salvage"]);
    let log = start_log(&mut broker);
    let lost = "WARN queue 'st-log' in vhost '/' has lost up to 1 message: number 6";
    assert!(log.contains(lost), "{log}");
    let place = format!("bytes at {offset} in {}", path.display());
    let line = log.lines().find(|line| line.contains(&place)).expect(&log);
    let copies = broker.data_dir().join("log/damaged");
    assert!(line.contains(copies.to_str().unwrap()), "{line}");
    assert_eq!(files(&copies).len(), 1);
    let left = ["1", "2", "3", "4", "5", "7", "8", "9", "10", "11"];
    assert_eq!(broker.open().drain("st-log"), left);
    publish_each(&broker, "st-log", &["12"]);

    broker.kill();
    broker.restart();
    let log = start_log(&mut broker);
    assert!(!log.contains("WARN"), "{log}");
    assert_eq!(broker.open().drain("st-log"), ["12"]);
}

#[test]
fn damage_behind_a_clean_stop_is_found_by_inspecting_and_by_salvaging() {
    let mut broker = Broker::start();
    publish_each(&broker, "st-clean", &["1", "st-clean-victim", "3"]);
    assert!(broker.terminate().success());
    let (path, at) = find(broker.data_dir(), "st-clean-victim");
    flip(&path, at);
    let (code, text, errors) = said(&inspect(broker.data_dir()));
    assert_eq!((code, &*errors), (Some(1), ""));
    let lost = "queue 'st-clean' in vhost '/': lost messages: 1";
    assert!(text.contains(lost), "{text}");
    broker.restart_with(&["--recover=salvage"]);
    broker.wait_log("queue 'st-clean' in vhost '/' has lost up to 1 message: number 2");
    assert_eq!(broker.open().drain("st-clean"), ["1", "3"]);
}

#[test]
fn a_sound_directory_is_listed_and_left_as_it_is() {
    let mut broker = Broker::start();
    fill(&broker, "st-listed", 300);
    let mut w = broker.open();
    w.declare("st-empty", queue::DURABLE);
    for _ in 0..100 {
        w.get("st-listed", true).unwrap();
    }
    drop(w);
    let (code, text, errors) = said(&inspect(broker.data_dir()));
    assert_eq!((code, &*text), (Some(1), ""));
    let line = format!(
        "leveret: cannot inspect {}: a broker is running on it; stop it first\n",
        broker.data_dir().display()
    );
    assert_eq!(errors, line);
    assert!(broker.terminate().success());

    let contents = |dir: &Path| -> Vec<(PathBuf, Vec<u8>)> {
        let read = |path: PathBuf| (path.clone(), fs::read(path).unwrap());
        files(dir).into_iter().map(read).collect()
    };
    let before = contents(broker.data_dir());
    let (code, text, errors) = said(&inspect(broker.data_dir()));
    assert_eq!((code, &*errors), (Some(0), ""), "{text}");
    assert!(
        contents(broker.data_dir()) == before,
        "inspecting changed something"
    );
    let row = |first: &str| -> Vec<String> {
        let line = text.lines().find(|line| line.starts_with(first));
        let words = line.expect(&text).split_whitespace();
        words.map(str::to_owned).collect()
    };
    let listed = row("st-listed");
    assert_eq!(listed[..3], ["st-listed", "/", "200"]);
    assert_eq!(listed[4], "301");
    assert_eq!(row("st-empty")[..], ["st-empty", "/", "0", "0", "1"]);
    let segment = row("log/q/0000000001.seg");
    assert_eq!(segment[3], "200", "{text}");
    assert!(text.contains("records verified"), "{text}");

    broker.restart();
    let left: Vec<String> = (100..300).map(|n| n.to_string()).collect();
    assert_eq!(broker.open().drain("st-listed"), left);
}

#[test]
fn what_is_no_data_directory_is_said_to_be_none() {
    let dir = tests::scratch_dir();
    for path in [dir.clone(), dir.join("missing")] {
        let (code, text, errors) = said(&inspect(&path));
        assert_eq!((code, &*text), (Some(1), ""));
        assert!(errors.contains(path.to_str().unwrap()), "{errors}");
        assert!(errors.contains("is not a data directory"), "{errors}");
        assert_eq!(errors.lines().count(), 1, "{errors}");
    }
    assert!(files(&dir).is_empty());
    fs::remove_dir_all(dir).unwrap();
}

#[test]
fn a_damaged_log_without_a_database_is_refused_and_salvaged() {
    let mut broker = Broker::start();
    publish_each(&broker, "st-both", &["1", "st-both-victim", "3", "4"]);
    broker.kill();
    let (path, at) = find(broker.data_dir(), "st-both-victim");
    flip(&path, at);
    let meta = broker.data_dir().join("meta");
    for file in files(&meta) {
        fs::write(file, "nonsense").unwrap();
    }
    let line = refused_start(broker.data_dir());
    assert!(line.contains(path.to_str().unwrap()), "{line}");
    assert!(line.contains("--recover salvage"), "{line}");
    broker.restart_with(&["--recover", "salvage"]);
    broker.wait_log("queue 'st-both' in vhost '/' has lost up to 1 message: number 2");
    assert_eq!(broker.open().drain("st-both"), ["1", "3", "4"]);
}

#[test]
fn a_missing_segment_is_refused_and_its_messages_are_counted() {
    let mut broker = Broker::start();
    publish_each(&broker, "st-missing", &["1", "2"]);
    broker.kill();
    broker.restart();
    publish_each(&broker, "st-missing", &["3"]);
    assert!(broker.terminate().success());
    // Every start begins a new one.
    let segment = broker.data_dir().join("log/q/0000000001.seg");
    fs::remove_file(&segment).unwrap();
    let line = refused_start(broker.data_dir());
    let missing = format!("{} is missing", segment.display());
    assert!(line.contains(&missing), "{line}");
    assert!(line.contains("--recover salvage"), "{line}");
    let (code, text, _) = said(&inspect(broker.data_dir()));
    assert_eq!(code, Some(1));
    assert!(text.contains("0000000001.seg is missing"), "{text}");
    assert!(text.contains("lost messages: 2"), "{text}");
    broker.restart_with(&["--recover", "salvage"]);
    let log = start_log(&mut broker);
    assert!(log.contains(&missing), "{log}");
    let lost = "queue 'st-missing' in vhost '/' has lost up to 2 messages: numbers 1 to 2";
    assert!(log.contains(lost), "{log}");
    assert_eq!(broker.open().drain("st-missing"), ["3"]);
}

/// All that is declared, in an order of its own.
fn topology(broker: &Broker) -> BTreeSet<String> {
    let http = broker.http();
    let mut all = BTreeSet::new();
    let mut note = |path: &str, fields: &[&str]| {
        for object in http.json(path).as_array().unwrap() {
            let fields: Vec<&Value> = fields.iter().map(|field| &object[field]).collect();
            all.insert(format!("{path} {fields:?}"));
        }
    };
    note("/vhosts", &["name"]);
    note(
        "/exchanges",
        &["vhost", "name", "type", "internal", "arguments"],
    );
    note("/queues", &["vhost", "name", "arguments"]);
    let binding = ["vhost", "source", "destination", "routing_key", "arguments"];
    note("/bindings", &binding);
    all
}

fn declare_much(broker: &Broker) {
    let http = broker.http();
    assert!(http.put("/vhosts/st-other", &Value::Null).status < 300);
    let mut w = broker.open();
    let none = Table::new();
    w.declare_exchange("st-topic", "topic", exchange::DURABLE, &none);
    let alternate = Table::new().str("alternate-exchange", "st-topic");
    w.declare_exchange("st-headers", "headers", exchange::DURABLE, &alternate);
    w.call(
        1,
        &exchange::bind("st-headers", "st-topic", "a.#", &none),
        exchange::BIND_OK,
    );
    w.declare_with(
        "st-bound",
        queue::DURABLE,
        &Table::new().str("x-note", "kept"),
    );
    let red = Table::new().str("color", "red").int("size", 3);
    w.call(
        1,
        &queue::bind("st-bound", "st-headers", "", &red),
        queue::BIND_OK,
    );
    w.bind("st-bound", "st-topic", "b.*");
}

/// Whether the log has to say that the database was made anew.
#[derive(PartialEq)]
enum Noticed {
    Yes,
    Maybe,
}

/// Fills a broker, ends it, lets `destroy` loose on `meta/`, starts again and compares.
fn check_destroyed_meta(name: &str, noticed: Noticed, destroy: impl Fn(&Path)) {
    for orderly in [true, false] {
        let mut broker = Broker::start();
        declare_much(&broker);
        fill(&broker, "st-meta", 2000);
        let mut w = broker.open();
        for _ in 0..500 {
            w.get("st-meta", true).unwrap();
        }
        // An open connection would be waited for at the stop.
        drop(w);
        // Once more: what has a checkpoint is in the database by now.
        assert!(broker.terminate().success());
        broker.restart();
        publish_each(&broker, "st-meta", &["2000", "2001"]);
        let before = topology(&broker);
        if orderly {
            assert!(broker.terminate().success());
        } else {
            broker.kill();
        }
        destroy(&broker.data_dir().join("meta"));
        broker.restart();
        let log = start_log(&mut broker);
        assert_eq!(topology(&broker), before, "{name}: {log}");
        if noticed == Noticed::Yes {
            let aside = broker.data_dir().join("meta.broken-1");
            let line = log.lines().find(|line| line.contains("WARN the metadata"));
            let line = line.unwrap_or_else(|| panic!("{name}: {log}"));
            assert!(line.contains(aside.to_str().unwrap()), "{line}");
            assert!(
                line.contains("acknowledged messages may come back"),
                "{line}"
            );
            assert!(aside.is_dir());
        }
        let left: Vec<u32> = broker
            .open()
            .drain("st-meta")
            .iter()
            .map(|body| body.parse().unwrap())
            .filter(|n| *n >= 500)
            .collect();
        assert!(
            left.iter().copied().eq(500..2002),
            "{name}: {} are left",
            left.len()
        );
    }
}

#[test]
fn a_database_that_was_deleted_is_made_anew() {
    check_destroyed_meta("deleted", Noticed::Maybe, |meta| {
        fs::remove_dir_all(meta).unwrap();
    });
}

#[test]
fn a_database_that_was_cut_short_is_made_anew() {
    for part in [0, 1, 2] {
        let name = format!("cut to {part} thirds");
        check_destroyed_meta(&name, Noticed::Maybe, |meta| {
            let db = meta.join("db");
            let file = fs::File::options().write(true).open(&db).unwrap();
            file.set_len(file.metadata().unwrap().len() / 3 * part)
                .unwrap();
        });
    }
}

#[test]
fn a_database_of_noise_is_made_anew() {
    check_destroyed_meta("noise", Noticed::Yes, |meta| {
        for path in files(meta) {
            let length = fs::metadata(&path).unwrap().len() as usize;
            let noise = (0..length as u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8);
            fs::write(path, noise.collect::<Vec<u8>>()).unwrap();
        }
    });
}

#[test]
fn a_database_with_flipped_bytes_is_made_anew_or_right() {
    for every in [97, 4099] {
        let name = format!("a flip every {every} bytes");
        check_destroyed_meta(&name, Noticed::Maybe, |meta| {
            let db = meta.join("db");
            let mut bytes = fs::read(&db).unwrap();
            bytes.iter_mut().step_by(every).for_each(|b| *b ^= 0x10);
            fs::write(&db, bytes).unwrap();
        });
    }
}

#[test]
fn confirms_that_do_not_wait_for_the_disk_survive_a_kill() {
    let mut broker = Launch::default()
        .config("leveret.power_loss_may_lose_ms = 10000")
        .start();
    let log = start_log(&mut broker);
    let warning = "power loss may lose what was confirmed in the last 10000 ms";
    assert!(log.contains(warning), "{log}");
    for round in 0..3 {
        let name = format!("st-written-{round}");
        fill(&broker, &name, 1000);
        broker.kill();
        broker.restart();
        let wanted: Vec<String> = (0..1000).map(|n| n.to_string()).collect();
        assert_eq!(broker.open().drain(&name), wanted, "round {round}");
    }
}
