//! What is known about a virtual host besides what is in it.

use codec::{AMQPValue, get_bool, get_int, get_str};

use crate::auth::{put_limit, put_strings, strings, table};
use crate::record::Record;

/// The properties of a virtual host. Replaced as a whole.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct VHostMeta {
    /// For people.
    pub description: String,
    /// For people, too.
    pub tags: Vec<String>,
    /// Of queues that are declared without `x-queue-type`; `None`: the node's default.
    pub default_queue_type: Option<String>,
    /// Deleting it is refused.
    pub protected: bool,
    /// Every message published or delivered is copied to `amq.rabbitmq.trace`.
    pub tracing: bool,
    /// How much there may be in it.
    pub limits: VHostLimits,
}

/// How much there may be in a virtual host at the same time. `None` and negative numbers: any
/// number.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct VHostLimits {
    /// `max-connections`
    pub max_connections: Option<i64>,
    /// `max-queues`
    pub max_queues: Option<i64>,
}

/// What to change of a virtual host; `None` leaves it as it is.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct VHostChange {
    /// For people.
    pub description: Option<String>,
    /// For people, too.
    pub tags: Option<Vec<String>>,
    /// `classic`, `quorum`, or `Some(None)` for the node's default.
    pub default_queue_type: Option<Option<String>>,
    /// Whether deleting it is refused.
    pub protected: Option<bool>,
    /// Whether messages are traced.
    pub tracing: Option<bool>,
    /// How much there may be in it.
    pub limits: Option<VHostLimits>,
}

impl VHostMeta {
    pub(crate) fn apply(&mut self, change: VHostChange) {
        fn set<T>(field: &mut T, value: Option<T>) {
            if let Some(value) = value {
                *field = value;
            }
        }
        set(&mut self.description, change.description);
        set(&mut self.tags, change.tags);
        set(&mut self.default_queue_type, change.default_queue_type);
        set(&mut self.protected, change.protected);
        set(&mut self.tracing, change.tracing);
        set(&mut self.limits, change.limits);
    }

    /// The virtual host's entry in the store.
    pub(crate) fn record(&self, name: &str) -> Record {
        let mut table = table(&[("description", &self.description)]);
        put_strings(&mut table, "tags", &self.tags);
        if let Some(kind) = &self.default_queue_type {
            let kind = AMQPValue::LongString(kind.as_str().into());
            table.insert("default_queue_type".into(), kind);
        }
        for (key, flag) in [("protected", self.protected), ("tracing", self.tracing)] {
            table.insert(key.into(), AMQPValue::Boolean(flag));
        }
        put_limit(&mut table, "max-connections", self.limits.max_connections);
        put_limit(&mut table, "max-queues", self.limits.max_queues);
        Record {
            value: codec::encode_table(&table),
            ..Record::vhost(name)
        }
    }

    /// Reads the value of such an entry. Those of the first versions are empty.
    pub(crate) fn decode(value: &[u8]) -> Option<Self> {
        let table = codec::decode_table(value).ok()?;
        Some(Self {
            description: get_str(&table, "description")
                .unwrap_or_default()
                .to_owned(),
            tags: strings(&table, "tags"),
            default_queue_type: get_str(&table, "default_queue_type").map(str::to_owned),
            protected: get_bool(&table, "protected").unwrap_or_default(),
            tracing: get_bool(&table, "tracing").unwrap_or_default(),
            limits: VHostLimits {
                max_connections: get_int(&table, "max-connections"),
                max_queues: get_int(&table, "max-queues"),
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn meta_comes_back_from_its_entry() {
        let meta = VHostMeta {
            description: "é".to_owned(),
            tags: vec!["a".to_owned(), "b".to_owned()],
            default_queue_type: Some("quorum".to_owned()),
            protected: true,
            tracing: true,
            limits: VHostLimits {
                max_connections: Some(-1),
                max_queues: Some(0),
            },
        };
        for meta in [meta, VHostMeta::default()] {
            let value = meta.record("v").value;
            assert!(!value.is_empty());
            assert_eq!(VHostMeta::decode(&value), Some(meta));
        }
        assert_eq!(VHostMeta::decode(&[]), Some(VHostMeta::default()));
        assert_eq!(VHostMeta::decode(b"nonsense"), None);
    }

    #[test]
    fn change_leaves_alone_what_it_does_not_name() {
        let mut meta = VHostMeta::default();
        meta.apply(VHostChange {
            description: Some("d".to_owned()),
            tracing: Some(true),
            ..VHostChange::default()
        });
        meta.apply(VHostChange {
            protected: Some(true),
            ..VHostChange::default()
        });
        assert!(meta.tracing && meta.protected);
        assert_eq!(meta.description, "d");
    }
}
