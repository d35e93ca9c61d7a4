//! What one more connection, queue, binding or waiting message costs, when there are few of them
//! and when there are many. What grows from line to line is not flat.
//!
//! ```text
//! cargo run --release -p tests --bin scale -- --broker target/release/leveret [PART…]
//! ```
//!
//! Each line is a step up from the one above it, and its costs are those of what was added. Parts
//! are `connections`, `queues`, `bindings` and `backlog`; all of them need five minutes, 4 GB of
//! disk and 10,300 file descriptors.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "it runs on the real clock, and a panic is how it fails"
)]

mod backlog;
mod bindings;
mod connections;
mod link;
mod queues;
mod sample;

use std::{env, path::PathBuf};

use tests::{Broker, Launch};

/// Descriptors for the most connections, with some to spare.
const DESCRIPTORS: u64 = 10_300;

/// Measures one kind of thing, with a broker of its own.
type Part = fn(&mut Broker);

/// The parts by name.
const PARTS: [(&str, Part); 4] = [
    ("connections", connections::measure),
    ("queues", queues::measure),
    ("bindings", bindings::measure),
    ("backlog", backlog::measure),
];

fn main() {
    let mut broker = PathBuf::from("target/release/leveret");
    let mut chosen = Vec::new();
    let mut arguments = env::args().skip(1);
    while let Some(argument) = arguments.next() {
        if argument == "--broker" {
            broker = arguments.next().expect("--broker PATH").into();
        } else {
            let known = PARTS.iter().find(|(name, _)| *name == argument);
            chosen.push(known.expect("connections, queues, bindings or backlog").0);
        }
    }
    // The broker inherits it.
    rlimit::increase_nofile_limit(DESCRIPTORS).unwrap();
    let broker = broker
        .canonicalize()
        .unwrap_or_else(|error| panic!("--broker {}: {error}", broker.display()));
    for (name, measure) in PARTS {
        if chosen.is_empty() || chosen.contains(&name) {
            measure(&mut Launch::default().program(&broker).start());
        }
    }
}
