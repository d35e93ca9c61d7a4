//! Exchanges.

use std::sync::Arc;

use broker::Exchange;
use serde::Serialize;
use serde_json::Value;

use super::pair::Pairs;
use super::policy::user_policy;
use crate::page::to_value;
use crate::query::Windows;
use crate::rates::{EXCHANGE, Sampled, Stats};
use crate::table;

#[derive(Serialize, Debug)]
struct ExchangeView<'a> {
    name: &'a str,
    vhost: &'a str,
    r#type: &'a str,
    durable: bool,
    auto_delete: bool,
    internal: bool,
    arguments: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    policy: Option<String>,
    user_who_performed_action: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_stats: Option<Stats>,
    #[serde(skip_serializing_if = "Option::is_none")]
    messages_delayed: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    duplicates_dropped: Option<u64>,
    #[serde(flatten)]
    traffic: Option<Traffic>,
}

/// Per publisher and per destination.
#[derive(Serialize, Debug)]
struct Traffic {
    incoming: Vec<Value>,
    outgoing: Vec<Value>,
}

/// An exchange as JSON; with `pairs` when it is shown by itself.
pub(crate) fn show(
    sampled: &Sampled,
    exchange: &Exchange,
    pairs: Option<Pairs>,
    windows: &Windows,
) -> Value {
    let key = (Arc::clone(&exchange.vhost), Arc::clone(&exchange.name));
    let row = [exchange.publish_in(), exchange.publish_out()];
    let mut stats = Stats::default();
    stats.add(
        &EXCHANGE,
        &row,
        sampled.exchanges.get(&key),
        0,
        windows.msg_rates,
    );
    to_value(&ExchangeView {
        name: &exchange.name,
        vhost: &exchange.vhost,
        r#type: exchange.kind.as_str(),
        durable: exchange.durable,
        auto_delete: exchange.auto_delete,
        internal: exchange.internal,
        arguments: table::to_json(&exchange.arguments),
        policy: user_policy(&exchange.policies()),
        user_who_performed_action: "rmq-internal",
        message_stats: stats.unless_zero(),
        messages_delayed: exchange.messages_delayed(),
        duplicates_dropped: exchange.duplicates_dropped(),
        traffic: pairs.map(|Pairs { before, after }| Traffic {
            incoming: before,
            outgoing: after,
        }),
    })
}
