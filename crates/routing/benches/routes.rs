//! Where a message goes, by the kind of the exchange and the number of its bindings.
//!
//! `cargo bench -p routing --bench routes -- SCENARIO MESSAGES` routes so many and says nothing: it
//! is run by `tests/instructions`, which counts what happens in `Bench::run`.

#![allow(
    clippy::expect_used,
    reason = "a benchmark that can't begin has nothing to say"
)]

use std::hint::black_box;

use codec::{AMQPValue, FieldTable};
use routing::{Bindings, Kind, Routes};

/// Bindings where the scenario does not say.
const BINDINGS: u32 = 1000;

/// Keys of messages, of which one follows the other.
const KEYS: u32 = 1000;

fn main() {
    let mut words = std::env::args().skip(1).filter(|word| word != "--bench");
    let scenario = words.next().unwrap_or_default();
    let messages = words.next().and_then(|n| n.parse().ok()).unwrap_or(1);
    let bench = match &*scenario {
        "direct" => Bench::of(Kind::Direct, BINDINGS, key),
        "topic-1" => Bench::topic(1),
        "topic-1000" => Bench::topic(1000),
        "topic-100000" => Bench::topic(100_000),
        "headers" => Bench::headers(),
        "fanout-10" => Bench::of(Kind::Fanout, 10, |_| String::new()),
        other => return eprintln!("no scenario {other}"),
    };
    bench.run(messages);
}

struct Bench {
    bindings: Bindings<u32>,
    /// So many that it does not matter where in a table a key happens to be.
    keys: Vec<String>,
    headers: FieldTable,
}

/// What a message is published with.
fn key(n: u32) -> String {
    format!("some.routing-{n}.key")
}

impl Bench {
    /// Bindings to queues of their own.
    fn of(kind: Kind, count: u32, pattern: impl Fn(u32) -> String) -> Self {
        let mut bindings = Bindings::new(kind);
        for n in 0..count {
            let bound = bindings.bind(n, &pattern(n), &FieldTable::default());
            assert!(bound.expect("a pattern"), "each is another one");
        }
        Self {
            bindings,
            keys: (0..KEYS).map(key).collect(),
            headers: FieldTable::default(),
        }
    }

    /// Bindings of which the first one matches, and only that.
    fn topic(count: u32) -> Self {
        Self::of(Kind::Topic, count, |n| match n % 3 {
            _ if n == 0 => String::from("some.*.key"),
            0 => format!("some.*.{n}"),
            1 => format!("some.{n}.#"),
            _ => format!("*.{n}.key"),
        })
    }

    /// Ten bindings by headers, of which one matches.
    fn headers() -> Self {
        let mut bindings = Bindings::new(Kind::Headers);
        let table = |n: u32| {
            let mut table = FieldTable::default();
            let value = AMQPValue::LongString(format!("value {n}").into());
            table.insert("kind".into(), value);
            table.insert("version".into(), AMQPValue::LongInt(1));
            table
        };
        for n in 0..10 {
            bindings.bind(n, "", &table(n)).expect("a binding");
        }
        Self {
            bindings,
            keys: vec![String::new()],
            headers: table(3),
        }
    }

    #[inline(never)]
    fn run(&self, messages: usize) {
        let mut routes = Routes::new();
        for key in self.keys.iter().cycle().take(messages) {
            routes.clear();
            self.bindings
                .route_into(black_box(key), &self.headers, &mut routes);
            assert!(!black_box(&routes).is_empty(), "something matches");
        }
    }
}
