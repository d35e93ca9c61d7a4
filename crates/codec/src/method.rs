//! Methods off the hot path, by way of amq-protocol's structs.

use amq_protocol::frame::{SerializeFn, WriteContext};
use amq_protocol::protocol::{gen_class, parse_class};
use nom::multi::length_data;
use nom::number::complete::be_u8;
use nom::{Parser, bytes::complete::take, combinator::recognize, multi::count};
use thiserror::Error;

use crate::frame::{FRAME_END, METHOD, frame_head};
use crate::parse::{Parsed, long_bytes};
use crate::table::{TableError, validate_table};
use crate::{AMQPClass, OutBuf};

pub(crate) const BAD_UTF8: &str = "Malformed UTF-8 in shortstr";
pub(crate) const TRUNCATED: &str = "truncated arguments";
pub(crate) const TRAILING: &str = "trailing bytes after the arguments";

/// Why a method payload cannot be read.
#[derive(Error, Clone, Copy, PartialEq, Eq, Debug)]
pub enum MethodError {
    /// No such class, or no such method in it.
    #[error("unknown method {method} of class {class}")]
    Unknown {
        /// Class id.
        class: u16,
        /// Method id.
        method: u16,
    },
    /// A known method whose arguments are not well formed: 501.
    #[error("{reason} in method {method} of class {class}")]
    Malformed {
        /// Class id; 0 if the payload is too short to have one.
        class: u16,
        /// Method id; 0 if the payload is too short to have one.
        method: u16,
        /// What is wrong, in words that may be sent to the peer.
        reason: &'static str,
    },
}

/// Reads a method frame's payload. All of it must be used up.
pub fn decode_method(payload: &[u8]) -> Result<AMQPClass, MethodError> {
    let Some((&[c1, c0, m1, m0], arguments)) = payload.split_first_chunk::<4>() else {
        return Err(MethodError::Malformed {
            class: 0,
            method: 0,
            reason: TRUNCATED,
        });
    };
    let (class, method) = (u16::from_be_bytes([c1, c0]), u16::from_be_bytes([m1, m0]));
    if !is_known(class, method) {
        return Err(MethodError::Unknown { class, method });
    }
    let malformed = |reason| MethodError::Malformed {
        class,
        method,
        reason,
    };
    // Before amq-protocol sees it: its parser recurses as deep as the peer nests tables.
    if let Some((_, table)) =
        argument_table(class, method, arguments).map_err(|_| malformed(TRUNCATED))?
    {
        validate_table(table).map_err(|error| malformed(table_reason(error)))?;
    }
    match parse_class(payload) {
        Ok(([], class)) => Ok(class),
        Ok(_) => Err(malformed(TRAILING)),
        Err(nom::Err::Incomplete(_)) => Err(malformed(TRUNCATED)),
        // The id is known and tables are sound, so what is left is a name that is not UTF-8.
        Err(_) => Err(malformed(BAD_UTF8)),
    }
}

/// Writes a method frame.
pub fn encode_method(channel: u16, method: &AMQPClass, out: &mut OutBuf) {
    let payload = generated(gen_class(method));
    out.put_slice(&frame_head(METHOD, channel, payload.len() as u32));
    out.put_slice(&payload);
    out.put_u8(FRAME_END);
}

/// Class id and method id.
pub fn method_id(method: &AMQPClass) -> (u16, u16) {
    (method.get_amqp_class_id(), method.get_amqp_method_id())
}

/// The prefetch-size of a basic.qos (60, 10), in bytes, which amq-protocol's struct leaves out;
/// RabbitMQ refuses any but 0 with 540. `None` if the payload is another method or too short.
pub fn prefetch_size(payload: &[u8]) -> Option<u32> {
    let size = payload.strip_prefix(&[0, 60, 0, 10])?.first_chunk::<4>()?;
    Some(u32::from_be_bytes(*size))
}

/// What an amq-protocol generator writes. Writing to a `Vec` cannot fail, and names within its
/// values cannot be too long, so there is no error to report.
pub(crate) fn generated(write: impl SerializeFn<Vec<u8>>) -> Vec<u8> {
    let written = write(WriteContext::from(Vec::new()));
    debug_assert!(written.is_ok(), "generators do not fail");
    written.map_or_else(|_| Vec::new(), |context| context.into_inner().0)
}

fn is_known(class: u16, method: u16) -> bool {
    match class {
        10 => matches!(
            method,
            10 | 11 | 20 | 21 | 30 | 31 | 40 | 41 | 50 | 51 | 60 | 61 | 70 | 71
        ),
        20 => matches!(method, 10 | 11 | 20 | 21 | 40 | 41),
        30 => matches!(method, 10 | 11),
        40 => matches!(method, 10 | 11 | 20 | 21 | 30 | 31 | 40 | 51),
        50 => matches!(method, 10 | 11 | 20 | 21 | 30 | 31 | 40 | 41 | 50 | 51),
        60 => matches!(
            method,
            10 | 11
                | 20
                | 21
                | 30
                | 31
                | 40
                | 50
                | 60
                | 70
                | 71
                | 72
                | 80
                | 90
                | 100
                | 110
                | 111
                | 120
        ),
        85 => matches!(method, 10 | 11),
        90 => matches!(method, 10 | 11 | 20 | 21 | 30 | 31),
        _ => false,
    }
}

/// The contents of the field table among a method's arguments, for the methods that have one.
type ArgumentTable<'a> = Option<(&'a [u8], &'a [u8])>;

fn argument_table(
    class: u16,
    method: u16,
    arguments: &[u8],
) -> Result<ArgumentTable<'_>, nom::Err<()>> {
    // What stands before the table: plain octets, short strings, plain octets.
    let (before, strings, between) = match (class, method) {
        (10, 10) => (2, 0, 0),      // connection.start
        (10, 11) => (0, 0, 0),      // connection.start-ok
        (40, 10) => (2, 2, 1),      // exchange.declare
        (40, 30 | 40) => (2, 3, 1), // exchange.bind, unbind
        (50, 10) => (2, 1, 1),      // queue.declare
        (50, 20) => (2, 3, 1),      // queue.bind
        (50, 50) => (2, 3, 0),      // queue.unbind
        (60, 20) => (2, 2, 1),      // basic.consume
        _ => return Ok(None),
    };
    let (rest, _) = skip(before, strings, between, arguments)?;
    long_bytes(rest).map(Some)
}

fn skip(before: usize, strings: usize, between: usize, input: &[u8]) -> Parsed<'_, &[u8]> {
    recognize((
        take(before),
        count(length_data(be_u8), strings),
        take(between),
    ))
    .parse(input)
}

fn table_reason(error: TableError) -> &'static str {
    match error {
        TableError::Truncated => "truncated field table",
        TableError::UnknownType(_) => "unknown type in field table",
        TableError::KeyNotUtf8 => BAD_UTF8,
        TableError::TooDeep => "field table nested too deep",
    }
}

#[cfg(test)]
mod tests;
