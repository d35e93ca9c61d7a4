//! What the server says of itself in `connection.start`.

use broker::{Broker, RABBITMQ_VERSION, VERSION};
use codec::{AMQPValue, FieldTable};

/// What clients may rely on. They look for these before they use what is behind them.
const CAPABILITIES: [&str; 9] = [
    "publisher_confirms",
    "exchange_exchange_bindings",
    "basic.nack",
    "consumer_cancel_notify",
    "connection.blocked",
    "consumer_priorities",
    "authentication_failure_close",
    "per_consumer_qos",
    "direct_reply_to",
];

/// Product and version are those of the RabbitMQ that is behaved like, because clients branch
/// on them; platform and information tell the truth.
pub(crate) fn server_properties(broker: &Broker) -> FieldTable {
    let mut capabilities = FieldTable::default();
    for name in CAPABILITIES {
        capabilities.insert(name.into(), AMQPValue::Boolean(true));
    }
    let mut properties = FieldTable::default();
    properties.insert("capabilities".into(), AMQPValue::FieldTable(capabilities));
    let texts = [
        ("cluster_name", broker.cluster_name()),
        ("copyright", "Copyright (c) the Leveret authors".to_owned()),
        (
            "information",
            format!("Leveret {VERSION}, licensed under the Apache License 2.0"),
        ),
        ("platform", format!("Leveret {VERSION}")),
        ("product", "RabbitMQ".to_owned()),
        ("version", RABBITMQ_VERSION.to_owned()),
    ];
    for (name, text) in texts {
        properties.insert(name.into(), AMQPValue::LongString(text.into()));
    }
    properties
}
