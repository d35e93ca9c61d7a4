//! Topology as the store keeps it.
//!
//! | key | value |
//! |---|---|
//! | `v` vhost | its properties as a table ([`VHostMeta`]) |
//! | `x` vhost, exchange | `exchange.declare` |
//! | `q` vhost, queue | queue number (u32, big endian), `queue.declare`; or, for a queue with several numbers, 0xFFFFFFFF, how many (u16), the first (u32), `queue.declare` |
//! | `b` vhost, source, `q` or `x`, destination, key, arguments | `queue.bind` or `exchange.bind` |
//! | `r` vhost, component, name | a runtime parameter, as JSON |
//! | `i` | a definitions file whose import is under way, as JSON |
//! | `g` name | a global parameter, as JSON |
//! | `d` vhost, exchange, level (u8), number (u64) | store queue of a bucket of delayed messages (u32) |
//! | `h` vhost, exchange | store queue of the last messages (u32) |
//! | `u` vhost, exchange, digest (16 bytes) | number and expiry of a value met by deduplication (u64 each) |
//! | `t` queue number | 1: some of its messages may expire |
//! | `n` queue number, message (u64, big endian) | how often it came back (u32, big endian) |
//! | `m` queue number | highest number delivered before a clean stop (u64, big endian) |
//!
//! Strings in a key are preceded by their length (u16, big endian), so that names may hold
//! any byte. Values are method payloads as on the wire: class id, method id, arguments.
//! Users and their permissions are in `auth/stored.rs`.

use bytes::Buf as _;
use codec::{AMQPClass, OutBuf, exchange, queue};
use serde_json::Value;
use store::QueueId;

use crate::auth::{StoredAccess, decode_access};
use crate::binding::{BindingSpec, Destination};
use crate::dedup::Digest;
use crate::exchange::ExchangeDeclare;
use crate::parameters::StoredParameter;
use crate::queue::{QueueDeclare, Span};
use crate::vhost_meta::VHostMeta;

/// One entry of the store.
pub(crate) struct Record {
    pub(crate) key: Vec<u8>,
    pub(crate) value: Vec<u8>,
}

impl Record {
    pub(crate) fn vhost(name: &str) -> Self {
        Self {
            key: key(b'v', &[name.as_bytes()]),
            value: Vec::new(),
        }
    }

    pub(crate) fn exchange_key(vhost: &str, name: &str) -> Vec<u8> {
        key(b'x', &[vhost.as_bytes(), name.as_bytes()])
    }

    pub(crate) fn exchange(vhost: &str, declare: &ExchangeDeclare) -> Self {
        let method = exchange::Declare {
            exchange: declare.name.as_str().into(),
            kind: declare.kind.as_str().into(),
            passive: false,
            durable: declare.durable,
            auto_delete: declare.auto_delete,
            internal: declare.internal,
            nowait: false,
            arguments: declare.arguments.clone(),
        };
        let method = AMQPClass::Exchange(exchange::AMQPMethod::Declare(method));
        Self {
            key: Self::exchange_key(vhost, &declare.name),
            value: payload(&method),
        }
    }

    pub(crate) fn queue_key(vhost: &str, name: &str) -> Vec<u8> {
        key(b'q', &[vhost.as_bytes(), name.as_bytes()])
    }

    pub(crate) fn queue(vhost: &str, declare: &QueueDeclare, span: Span) -> Self {
        let method = queue::Declare {
            queue: declare.name.as_str().into(),
            passive: false,
            durable: declare.durable,
            exclusive: declare.exclusive,
            auto_delete: declare.auto_delete,
            nowait: false,
            arguments: declare.arguments.clone(),
        };
        let method = AMQPClass::Queue(queue::AMQPMethod::Declare(method));
        let id = span.first.0.to_be_bytes();
        let several = [&SEVERAL[..], &span.levels.to_be_bytes()].concat();
        let several = if span.levels > 1 { &several[..] } else { &[] };
        let value = [several, &id, &payload(&method)].concat();
        Self {
            key: Self::queue_key(vhost, &declare.name),
            value,
        }
    }

    pub(crate) fn binding_key(vhost: &str, spec: &BindingSpec) -> Vec<u8> {
        let kind: &[u8] = match spec.destination {
            Destination::Queue(_) => b"q",
            Destination::Exchange(_) => b"x",
        };
        let arguments = codec::encode_table(&spec.arguments);
        key(
            b'b',
            &[
                vhost.as_bytes(),
                spec.source.as_bytes(),
                kind,
                spec.destination.name().as_bytes(),
                spec.routing_key.as_bytes(),
                &arguments,
            ],
        )
    }

    pub(crate) fn binding(vhost: &str, spec: &BindingSpec) -> Self {
        let (source, key) = (
            spec.source.as_str().into(),
            spec.routing_key.as_str().into(),
        );
        let arguments = spec.arguments.clone();
        let method = match &spec.destination {
            Destination::Queue(name) => AMQPClass::Queue(queue::AMQPMethod::Bind(queue::Bind {
                queue: name.as_str().into(),
                exchange: source,
                routing_key: key,
                nowait: false,
                arguments,
            })),
            Destination::Exchange(name) => {
                AMQPClass::Exchange(exchange::AMQPMethod::Bind(exchange::Bind {
                    destination: name.as_str().into(),
                    source,
                    routing_key: key,
                    nowait: false,
                    arguments,
                }))
            }
        };
        Self {
            key: Self::binding_key(vhost, spec),
            value: payload(&method),
        }
    }

    pub(crate) fn parameter_key(vhost: &str, component: &str, name: &str) -> Vec<u8> {
        let parts = [vhost.as_bytes(), component.as_bytes(), name.as_bytes()];
        key(b'r', &parts)
    }

    pub(crate) fn parameter(vhost: &str, component: &str, name: &str, value: &Value) -> Self {
        Self {
            key: Self::parameter_key(vhost, component, name),
            value: StoredParameter::encode(component, name, value),
        }
    }

    pub(crate) fn import_key() -> Vec<u8> {
        b"i".to_vec()
    }

    /// An import that is under way.
    pub(crate) fn import(file: &Value, vhost: Option<&str>) -> Self {
        let value = serde_json::json!({"vhost": vhost, "definitions": file});
        Self {
            key: Self::import_key(),
            value: value.to_string().into_bytes(),
        }
    }

    pub(crate) fn global_key(name: &str) -> Vec<u8> {
        key(b'g', &[name.as_bytes()])
    }

    pub(crate) fn global(name: &str, value: &Value) -> Self {
        Self {
            key: Self::global_key(name),
            value: StoredParameter::encode("", name, value),
        }
    }

    /// A bucket of delayed messages: its level and number.
    pub(crate) fn bucket(
        vhost: &str,
        exchange: &str,
        (level, index): (u8, u64),
        id: QueueId,
    ) -> Self {
        let mut key = key(b'd', &[vhost.as_bytes(), exchange.as_bytes()]);
        key.push(level);
        key.extend(index.to_be_bytes());
        Self {
            key,
            value: id.0.to_be_bytes().to_vec(),
        }
    }

    pub(crate) fn history_key(vhost: &str, exchange: &str) -> Vec<u8> {
        key(b'h', &[vhost.as_bytes(), exchange.as_bytes()])
    }

    pub(crate) fn history(vhost: &str, exchange: &str, id: QueueId) -> Self {
        Self {
            key: Self::history_key(vhost, exchange),
            value: id.0.to_be_bytes().to_vec(),
        }
    }

    /// What the keys of values begin with that an exchange has met.
    pub(crate) fn seen_prefix(vhost: &str, exchange: &str) -> Vec<u8> {
        key(b'u', &[vhost.as_bytes(), exchange.as_bytes()])
    }

    pub(crate) fn timed_key(id: QueueId) -> Vec<u8> {
        [b"t", &id.0.to_be_bytes()[..]].concat()
    }

    pub(crate) fn returns_key(id: QueueId, seq: u64) -> Vec<u8> {
        [b"n", &id.0.to_be_bytes()[..], &seq.to_be_bytes()].concat()
    }

    pub(crate) fn mark_key(id: QueueId) -> Vec<u8> {
        [b"m", &id.0.to_be_bytes()[..]].concat()
    }
}

/// What stands before the numbers of a queue that has several.
const SEVERAL: [u8; 4] = [0xFF; 4];

/// An entry, read back.
pub(crate) enum Stored {
    VHost(String, VHostMeta),
    Access(StoredAccess),
    Exchange(String, ExchangeDeclare),
    Queue(String, QueueDeclare, Span),
    Binding(String, BindingSpec),
    Mark(QueueId, u64),
    Parameter(StoredParameter),
    Import(Vec<u8>),
    /// Virtual host, exchange, level and number.
    Bucket(String, String, (u8, u64), QueueId),
    History(String, String, QueueId),
    /// Virtual host, exchange, number and expiry.
    Seen(String, String, Digest, (u64, u64)),
    Timed(QueueId),
    Returns(QueueId, u64, u32),
}

impl Stored {
    /// The numbers of the queue that the entry declares, if it declares one.
    pub(crate) fn span(&self) -> Option<Span> {
        match self {
            Self::Queue(_, _, span) => Some(*span),
            Self::Bucket(_, _, _, id) | Self::History(_, _, id) => Some(Span::one(*id)),
            _ => None,
        }
    }

    /// Reads an entry; None for one that makes no sense.
    pub(crate) fn decode(key: &[u8], value: &[u8]) -> Option<Self> {
        let (&kind, rest) = key.split_first()?;
        if kind == b'm' {
            let id = u32::from_be_bytes(rest.try_into().ok()?);
            return Some(Self::Mark(
                QueueId(id),
                u64::from_be_bytes(value.try_into().ok()?),
            ));
        }
        if matches!(kind, b'U' | b'A' | b'T') {
            return decode_access(kind, &strings(rest)?, value).map(Self::Access);
        }
        if kind == b't' {
            return Some(Self::Timed(QueueId(u32::from_be_bytes(
                rest.try_into().ok()?,
            ))));
        }
        if kind == b'n' {
            let (id, seq) = rest.split_first_chunk::<4>()?;
            let seq = u64::from_be_bytes(seq.try_into().ok()?);
            let count = u32::from_be_bytes(value.try_into().ok()?);
            return Some(Self::Returns(QueueId(u32::from_be_bytes(*id)), seq, count));
        }
        if kind == b'i' {
            return Some(Self::Import(value.to_vec()));
        }
        let vhost = first_string(rest)?;
        if kind == b'g' {
            return StoredParameter::decode(None, value).map(Self::Parameter);
        }
        match kind {
            b'v' => Some(Self::VHost(vhost, VHostMeta::decode(value)?)),
            b'x' => decode_exchange(value).map(|declare| Self::Exchange(vhost, declare)),
            b'q' => {
                let (span, method) = split_span(value)?;
                decode_queue(method).map(|declare| Self::Queue(vhost, declare, span))
            }
            b'r' => StoredParameter::decode(Some(vhost), value).map(Self::Parameter),
            b'd' => {
                let (exchange, at) = second_string(rest)?;
                let (level, index) = at.split_first()?;
                let place = (*level, u64::from_be_bytes(index.try_into().ok()?));
                Some(Self::Bucket(vhost, exchange, place, number(value)?))
            }
            b'h' => {
                let (exchange, _) = second_string(rest)?;
                Some(Self::History(vhost, exchange, number(value)?))
            }
            b'u' => {
                let (exchange, digest) = second_string(rest)?;
                let (first, expires) = value.split_first_chunk::<8>()?;
                let times = (
                    u64::from_be_bytes(*first),
                    u64::from_be_bytes(expires.try_into().ok()?),
                );
                Some(Self::Seen(vhost, exchange, digest.try_into().ok()?, times))
            }
            b'b' => decode_binding(value).map(|spec| Self::Binding(vhost, spec)),
            _ => None,
        }
    }
}

fn split_span(value: &[u8]) -> Option<(Span, &[u8])> {
    let (levels, rest) = match value.strip_prefix(&SEVERAL) {
        None => (1, value),
        Some(rest) => {
            let (levels, rest) = rest.split_first_chunk::<2>()?;
            (u16::from_be_bytes(*levels), rest)
        }
    };
    let (id, method) = rest.split_first_chunk::<4>()?;
    let first = QueueId(u32::from_be_bytes(*id));
    Some((Span { first, levels }, method))
}

fn decode_exchange(value: &[u8]) -> Option<ExchangeDeclare> {
    let AMQPClass::Exchange(exchange::AMQPMethod::Declare(m)) = codec::decode_method(value).ok()?
    else {
        return None;
    };
    Some(ExchangeDeclare {
        name: m.exchange.to_string(),
        kind: m.kind.to_string(),
        durable: m.durable,
        auto_delete: m.auto_delete,
        internal: m.internal,
        arguments: m.arguments,
    })
}

fn decode_queue(value: &[u8]) -> Option<QueueDeclare> {
    let AMQPClass::Queue(queue::AMQPMethod::Declare(m)) = codec::decode_method(value).ok()? else {
        return None;
    };
    Some(QueueDeclare {
        name: m.queue.to_string(),
        durable: m.durable,
        exclusive: m.exclusive,
        auto_delete: m.auto_delete,
        arguments: m.arguments,
        server_named: true,
    })
}

fn decode_binding(value: &[u8]) -> Option<BindingSpec> {
    match codec::decode_method(value).ok()? {
        AMQPClass::Queue(queue::AMQPMethod::Bind(m)) => Some(BindingSpec {
            source: m.exchange.to_string(),
            destination: Destination::Queue(m.queue.to_string()),
            routing_key: m.routing_key.to_string(),
            arguments: m.arguments,
        }),
        AMQPClass::Exchange(exchange::AMQPMethod::Bind(m)) => Some(BindingSpec {
            source: m.source.to_string(),
            destination: Destination::Exchange(m.destination.to_string()),
            routing_key: m.routing_key.to_string(),
            arguments: m.arguments,
        }),
        _ => None,
    }
}

pub(crate) fn key(kind: u8, parts: &[&[u8]]) -> Vec<u8> {
    let mut key = vec![kind];
    for part in parts {
        let length = u16::try_from(part.len()).unwrap_or(u16::MAX);
        key.extend_from_slice(&length.to_be_bytes());
        key.extend_from_slice(part);
    }
    key
}

/// All strings of a key.
fn strings(mut key: &[u8]) -> Option<Vec<String>> {
    let mut strings = Vec::new();
    while let Some((length, rest)) = key.split_first_chunk::<2>() {
        let (bytes, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
        strings.push(String::from_utf8(bytes.to_vec()).ok()?);
        key = rest;
    }
    key.is_empty().then_some(strings)
}

fn first_string(key: &[u8]) -> Option<String> {
    let (length, rest) = key.split_first_chunk::<2>()?;
    let bytes = rest.get(..usize::from(u16::from_be_bytes(*length)))?;
    String::from_utf8(bytes.to_vec()).ok()
}

/// The string behind the first one of a key, and what follows it.
fn second_string(key: &[u8]) -> Option<(String, &[u8])> {
    let (length, rest) = key.split_first_chunk::<2>()?;
    let rest = rest.get(usize::from(u16::from_be_bytes(*length))..)?;
    let (length, after) = rest.split_first_chunk::<2>()?;
    let after = after.get(usize::from(u16::from_be_bytes(*length))..)?;
    Some((first_string(rest)?, after))
}

fn number(value: &[u8]) -> Option<QueueId> {
    Some(QueueId(u32::from_be_bytes(value.try_into().ok()?)))
}

/// A method without its frame.
fn payload(method: &AMQPClass) -> Vec<u8> {
    let mut frame = OutBuf::new();
    codec::encode_method(0, method, &mut frame);
    let whole = frame.copy_to_bytes(frame.remaining());
    let inner = codec::FRAME_OVERHEAD - 1..whole.len().saturating_sub(1);
    whole.get(inner).unwrap_or_default().to_vec()
}
