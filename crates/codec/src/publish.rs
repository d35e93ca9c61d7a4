//! basic.publish (60, 40) read in place: no strings are made of its names.

use crate::method::{BAD_UTF8, MethodError, TRAILING, TRUNCATED};
use crate::parse::text;

/// A basic.publish, borrowed from its method payload.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Publish<'a> {
    /// Where to publish; empty for the default exchange.
    pub exchange: &'a str,
    /// What bindings are matched with.
    pub routing_key: &'a str,
    /// Return the message if it reaches no queue.
    pub mandatory: bool,
    /// Return it if it reaches no consumer; RabbitMQ refuses this with 540.
    pub immediate: bool,
    /// The exchange's short string followed by the routing key's, as on the wire.
    pub names: &'a [u8],
}

const PUBLISH_ID: [u8; 4] = [0, 60, 0, 40];
const CLASS: u16 = 60;
const METHOD: u16 = 40;

/// Class, method, and two reserved octets.
const NAMES_AT: usize = 6;

/// The two names as on the wire, and the flags octet (bit 0 mandatory, bit 1 immediate), if this is
/// a well-formed basic.publish. Names are not checked to be UTF-8: this is for comparing with the
/// publish before, which was.
#[inline]
pub fn publish_names(payload: &[u8]) -> Option<(&[u8], u8)> {
    if payload.first_chunk() != Some(&PUBLISH_ID) {
        return None;
    }
    let key_at = NAMES_AT + 1 + usize::from(*payload.get(NAMES_AT)?);
    let end = key_at + 1 + usize::from(*payload.get(key_at)?);
    if payload.len() != end + 1 {
        return None;
    }
    Some((&payload[NAMES_AT..end], payload[end]))
}

/// Reads a basic.publish; `None` when the payload is another method. A malformed one is a 501.
#[inline]
pub fn decode_publish(payload: &[u8]) -> Option<Result<Publish<'_>, MethodError>> {
    if payload.first_chunk() != Some(&PUBLISH_ID) {
        return None;
    }
    let Some((names, flags)) = publish_names(payload) else {
        return Some(Err(misshapen(payload)));
    };
    let (exchange, key) = split_names(names);
    let (Some(exchange), Some(routing_key)) = (text(exchange), text(key)) else {
        return Some(Err(malformed(BAD_UTF8)));
    };
    let (mandatory, immediate) = (flags & 1 != 0, flags & 2 != 0);
    Some(Ok(Publish {
        exchange,
        routing_key,
        mandatory,
        immediate,
        names,
    }))
}

/// The contents of two short strings that follow each other. Empty where they do not.
#[inline]
pub(crate) fn split_names(names: &[u8]) -> (&[u8], &[u8]) {
    let exchange_len = names.first().map_or(0, |n| usize::from(*n));
    let exchange = names.get(1..=exchange_len).unwrap_or_default();
    let key = names.get(exchange_len + 2..).unwrap_or_default();
    (exchange, key)
}

fn misshapen(payload: &[u8]) -> MethodError {
    let whole = payload
        .get(NAMES_AT)
        .map(|n| NAMES_AT + 1 + usize::from(*n))
        .and_then(|key_at| Some(key_at + 1 + usize::from(*payload.get(key_at)?)));
    match whole {
        Some(end) if payload.len() > end + 1 => malformed(TRAILING),
        _ => malformed(TRUNCATED),
    }
}

fn malformed(reason: &'static str) -> MethodError {
    MethodError::Malformed {
        class: CLASS,
        method: METHOD,
        reason,
    }
}

#[cfg(test)]
mod tests;
