//! The exchange types of RabbitMQ's plugins.

mod deduplication;
mod delayed;
mod hash;
mod random;
mod recent_history;

use tests::{
    Wire,
    wire::{Properties, Table, basic, exchange},
};

/// Declares an exchange that must be refused with this text.
#[track_caller]
fn refused(w: &mut Wire, name: &str, kind: &str, arguments: &Table, text: &str) {
    w.send(1, &exchange::declare(name, kind, 0, arguments));
    w.expect_channel_close(1, 406, &format!("PRECONDITION_FAILED - {text}"));
}

fn publish(w: &mut Wire, exchange: &str, key: &str, headers: Table, body: &str) {
    let properties = Properties {
        delivery_mode: Some(2),
        ..Properties::headers(headers)
    };
    w.publish(1, &basic::publish(exchange, key, 0), &properties, body);
}
