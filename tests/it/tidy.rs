//! Rules of the source tree that no compiler checks.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// Lines a source file may have at most; a file that long has more than one subject.
const LINES_MAX: usize = 800;
/// Bytes any tracked file may have at most: this is a source tree, not a store.
const FILE_BYTES_MAX: u64 = 256 * 1024;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_owned()
}

/// Every file below the root that git tracks or would track.
fn files() -> Vec<PathBuf> {
    let output = Command::new("git")
        .args([
            "-c",
            "safe.directory=*",
            "ls-files",
            "--cached",
            "--others",
            "--exclude-standard",
        ])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "git ls-files");
    let names = String::from_utf8(output.stdout).unwrap();
    names
        .lines()
        .map(|name| root().join(name))
        .filter(|path| path.is_file())
        .collect()
}

fn rust_files() -> Vec<(PathBuf, String)> {
    let rust = files()
        .into_iter()
        .filter(|path| path.extension().is_some_and(|e| e == "rs"));
    rust.map(|path| (path.clone(), fs::read_to_string(path).unwrap()))
        .collect()
}

fn report(what: &str, offences: &[String]) {
    assert!(offences.is_empty(), "{what}:\n{}", offences.join("\n"));
}

/// Which crates of this workspace each may use.
#[test]
fn crates_depend_only_downwards() {
    let allowed: BTreeMap<&str, &[&str]> = BTreeMap::from([
        ("codec", &[][..]),
        ("routing", &["codec"]),
        ("store", &[]),
        ("broker", &["codec", "routing", "store"]),
        ("session", &["codec", "broker"]),
        ("management", &["broker", "codec"]),
        (
            "server",
            &[
                "codec",
                "routing",
                "store",
                "broker",
                "session",
                "management",
                "ctl",
                "perf",
                "mem",
            ],
        ),
        ("mem", &[]),
        ("ctl", &[]),
        ("perf", &["codec"]),
        ("tests", &["codec"]),
    ]);
    // Outside crates that mark a layer: only these crates may name them.
    let owners: BTreeMap<&str, &[&str]> = BTreeMap::from([
        ("amq-protocol", &["codec"][..]),
        ("nom", &["codec", "server"]),
        ("sled", &["store"]),
        ("axum", &["management"]),
        (
            "serde_json",
            &["broker", "ctl", "management", "perf", "tests"],
        ),
        ("clap", &["ctl", "perf", "server"]),
        ("dashmap", &["broker"]),
        ("lapin", &["tests"]),
    ]);
    let mut offences = Vec::new();
    for (name, dependencies) in dependencies() {
        let Some(inside) = allowed.get(&*name) else {
            offences.push(format!("{name} is not in the plan of crates"));
            continue;
        };
        for dependency in dependencies {
            let known = allowed.contains_key(&*dependency);
            if known && !inside.contains(&&*dependency) {
                offences.push(format!("{name} must not use {dependency}"));
            }
            if owners
                .get(&*dependency)
                .is_some_and(|who| !who.contains(&&*name))
            {
                offences.push(format!("{name} must not use {dependency}"));
            }
        }
    }
    report("layers", &offences);
}

/// Each workspace crate with the names of its normal and development dependencies.
fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let output = Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--no-deps",
            "--format-version",
            "1",
            "--offline",
        ])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    packages
        .iter()
        .map(|package| {
            let dependencies = package["dependencies"].as_array().unwrap();
            (
                text(&package["name"]),
                dependencies.iter().map(|d| text(&d["name"])).collect(),
            )
        })
        .collect()
}

/// What carries the protocol and the broker's state knows no runtime, socket or clock.
#[test]
fn session_and_broker_do_no_io() {
    let mut offences = Vec::new();
    for (path, text) in rust_files() {
        let name = path.strip_prefix(root()).unwrap().display().to_string();
        if !name.starts_with("crates/session/src") && !name.starts_with("crates/broker/src") {
            continue;
        }
        for word in [
            "tokio::net",
            "tokio::time",
            "tokio::runtime",
            "tokio::spawn",
            "std::net::Tcp",
        ] {
            if text.contains(word) {
                offences.push(format!("{name}: {word}"));
            }
        }
    }
    report("input and output", &offences);
}

/// What the compiler can't check has one place.
#[test]
fn unsafe_code_is_in_one_crate() {
    let mut offences = Vec::new();
    for (path, text) in rust_files() {
        let name = path.strip_prefix(root()).unwrap().display().to_string();
        let of = |word: &str| text.contains(&format!("{} {word}", "unsafe"));
        let found = ["{", "fn", "impl", "extern"].into_iter().any(of);
        if found && !name.starts_with("crates/mem/") {
            offences.push(name);
        }
    }
    report("unsafe code", &offences);
}

#[test]
fn files_are_of_readable_length() {
    let mut offences = Vec::new();
    for (path, text) in rust_files() {
        let lines = text.lines().count();
        if lines > LINES_MAX {
            offences.push(format!("{}: {lines} lines", path.display()));
        }
    }
    report("too long", &offences);
}

#[test]
fn no_file_is_large() {
    let mut offences = Vec::new();
    for path in files() {
        let size = fs::metadata(&path).unwrap().len();
        if size > FILE_BYTES_MAX {
            offences.push(format!("{}: {size} bytes", path.display()));
        }
    }
    report("too large", &offences);
}

/// The first thing in a crate is what it is for; the rest of its `lib.rs` is a list of modules.
#[test]
fn every_lib_begins_with_its_documentation() {
    let mut offences = Vec::new();
    for (path, text) in rust_files() {
        if path.ends_with("src/lib.rs") && !text.starts_with("//! ") {
            offences.push(path.display().to_string());
        }
    }
    report("no documentation", &offences);
}

#[test]
fn every_limit_is_documented() {
    let mut offences = Vec::new();
    for (path, text) in rust_files() {
        let lines: Vec<&str> = text.lines().collect();
        for (at, line) in lines.iter().enumerate() {
            let Some(rest) = line.trim_start().strip_prefix("pub const ") else {
                continue;
            };
            let name = rest.split(':').next().unwrap();
            let above = lines[..at]
                .iter()
                .rev()
                .find(|l| !l.trim_start().starts_with("#["));
            let documented = above.is_some_and(|l| l.trim_start().starts_with("///"));
            if name.ends_with("_MAX") && !documented {
                offences.push(format!("{}:{}: {name}", path.display(), at + 1));
            }
        }
    }
    report("limits without a reason", &offences);
}

#[test]
fn what_is_left_to_do_names_its_issue() {
    let mark = concat!("TO", "DO");
    let mut offences = Vec::new();
    for (path, text) in rust_files() {
        for (at, line) in text.lines().enumerate() {
            if line.contains(mark) && !line.contains(&format!("{mark}(#")) {
                offences.push(format!("{}:{}", path.display(), at + 1));
            }
        }
    }
    report("left to do without an issue", &offences);
}

/// Every path in the README's tables and text exists.
#[test]
fn the_readme_names_only_files_that_exist() {
    let readme = fs::read_to_string(root().join("README.md")).expect("a README");
    let mut offences = Vec::new();
    for name in readme.split('`').skip(1).step_by(2) {
        let name = name.trim_end_matches('/');
        let looks_like_a_path = name.contains('/')
            && !name.contains([' ', '*', '<', ':', '(', '{'])
            && [
                "crates/", "tests/", "web-ui/", "docker/", ".ci/", ".config/",
            ]
            .iter()
            .any(|top| name.starts_with(top));
        if looks_like_a_path && !root().join(name).exists() {
            offences.push(name.to_owned());
        }
    }
    report("README names what is not there", &offences);
}

/// One version of what the layers share, or types would not fit together.
#[test]
fn shared_crates_have_one_version() {
    let lock = fs::read_to_string(root().join("Cargo.lock")).unwrap();
    let mut versions: BTreeMap<&str, usize> = BTreeMap::new();
    for line in lock.lines() {
        if let Some(name) = line.strip_prefix("name = \"") {
            *versions.entry(name.trim_end_matches('"')).or_default() += 1;
        }
    }
    let shared = [
        "amq-protocol",
        "axum",
        "bytes",
        "dashmap",
        "nom",
        "sled",
        "tokio",
        "tracing",
    ];
    for name in shared {
        assert!(
            versions.get(name).is_none_or(|n| *n == 1),
            "several versions of {name}"
        );
    }
}
