//! What queues do beyond the protocol: RabbitMQ's arguments, seen from the wire.

mod active;
mod dead_letters;
mod full;
mod kept;
mod masses;
mod priorities;
mod quorum;
mod time;

use tests::wire::{Properties, Table, Value, Wire, basic, lookup, queue};

/// Declares a durable queue that the test deletes by ending its broker.
#[track_caller]
fn declare(w: &mut Wire, name: &str, arguments: &Table) {
    w.declare_with(name, queue::DURABLE, arguments);
}

/// Publishes persistent messages straight into a queue, each confirmed before this returns.
/// For a channel in confirm mode; `published` counts the publishes on it so far.
#[track_caller]
fn put(w: &mut Wire, published: &mut u64, queue: &str, bodies: &[&str]) {
    for body in bodies {
        let publish = basic::publish("", queue, 0);
        w.publish(1, &publish, &Properties::persistent(), body);
    }
    *published += bodies.len() as u64;
    // Confirms come in the order of their publishes.
    while w.expect(1, basic::ACK).read().longlong() < *published {}
}

/// Waits until `probe` holds.
#[track_caller]
fn until(what: &str, mut probe: impl FnMut() -> bool) {
    tests::eventually(what, || probe().then_some(()));
}

fn header(properties: &Properties, name: &str) -> Option<Value> {
    lookup(&properties.header_entries(), name).cloned()
}

/// The entries of `x-death`, each as its table.
#[track_caller]
fn deaths(properties: &Properties) -> Vec<Vec<(String, Value)>> {
    let Some(Value::Array(list)) = header(properties, "x-death") else {
        panic!("no x-death in {properties:?}");
    };
    list.into_iter()
        .map(|death| match death {
            Value::Table(entries) => entries,
            other => panic!("{other:?}"),
        })
        .collect()
}

/// Queue, reason and count of each death.
#[track_caller]
fn summary(properties: &Properties) -> Vec<(String, String, i64)> {
    let of = |death: &[(String, Value)]| {
        let text = |key| match lookup(death, key) {
            Some(Value::Str(text)) => text.clone(),
            other => panic!("{key}: {other:?}"),
        };
        let Some(Value::Int(count)) = lookup(death, "count") else {
            panic!("{death:?}");
        };
        (text("queue"), text("reason"), *count)
    };
    deaths(properties).iter().map(|death| of(death)).collect()
}

/// Dead letters go to the queue of this name.
fn dead_to(queue: &str) -> Table {
    Table::new()
        .str("x-dead-letter-exchange", "")
        .str("x-dead-letter-routing-key", queue)
}
