//! Field tables (spec 4.2.5.5) as bytes: checked and searched without being built.
//!
//! Type letters are RabbitMQ's, which differ from the spec's: `s` is a 16-bit integer, `l` and `L`
//! are both signed 64-bit, `x` is a byte array.

use amq_protocol::types::generation::gen_field_table;
use amq_protocol::types::parsing::{parse_short_string, parse_value};
use thiserror::Error;

use crate::FieldTable;
use crate::method::generated;
use crate::parse::{long_bytes, short_bytes, text};

/// How deep tables and arrays may nest. amq-protocol decodes by recursion, and so do comparing and
/// dropping its values: the bound keeps that within a small part of a thread's stack. `x-death`, the
/// deepest table in common use, needs 3.
pub const TABLE_DEPTH_MAX: usize = 64;

/// Why bytes are not a table.
#[derive(Error, Clone, Copy, PartialEq, Eq, Debug)]
pub enum TableError {
    /// A length leads past the end of the table or array around it.
    #[error("truncated field table")]
    Truncated,
    /// A letter that is no type.
    #[error("unknown field type {0}")]
    UnknownType(u8),
    /// A name that is not UTF-8.
    #[error("Malformed UTF-8 in shortstr")]
    KeyNotUtf8,
    /// More than [`TABLE_DEPTH_MAX`] tables and arrays inside each other.
    #[error("field table nested too deep")]
    TooDeep,
}

/// A table or array that the walk is inside of.
#[derive(Clone, Copy)]
struct Level {
    /// Offset of its end.
    end: usize,
    /// Tables name their values, arrays do not.
    named: bool,
}

/// Checks the contents of a table (without the length before it): bounds, type letters, names,
/// depth. Linear in the length, no recursion, no allocation.
pub fn validate_table(bytes: &[u8]) -> Result<(), TableError> {
    let mut levels = [Level {
        end: bytes.len(),
        named: true,
    }; TABLE_DEPTH_MAX];
    let mut depth = 0;
    let mut at = 0;
    loop {
        let Level { end, named } = levels[depth];
        if at == end {
            match depth {
                0 => return Ok(()),
                _ => depth -= 1,
            }
            continue;
        }
        let mut rest = &bytes[at..end];
        if named {
            let (after, name) = short_bytes(rest).map_err(|_| TableError::Truncated)?;
            text(name).ok_or(TableError::KeyNotUtf8)?;
            rest = after;
        }
        let (letter, value, after) = split_value(rest)?;
        let value_end = end - after.len();
        if matches!(letter, b'F' | b'A') {
            depth += 1;
            let level = levels.get_mut(depth).ok_or(TableError::TooDeep)?;
            *level = Level {
                end: value_end,
                named: letter == b'F',
            };
            at = value_end - value.len();
        } else {
            at = value_end;
        }
    }
}

/// A type letter, its value's bytes (without the length in front, for types that have one), and
/// what follows.
fn split_value(input: &[u8]) -> Result<(u8, &[u8], &[u8]), TableError> {
    let (&letter, rest) = input.split_first().ok_or(TableError::Truncated)?;
    let width = match letter {
        b'V' => 0,
        b't' | b'b' | b'B' => 1,
        b's' | b'u' => 2,
        b'I' | b'i' | b'f' => 4,
        b'D' => 5,
        b'l' | b'L' | b'd' | b'T' => 8,
        b'S' | b'x' | b'A' | b'F' => {
            let (after, value) = long_bytes(rest).map_err(|_| TableError::Truncated)?;
            return Ok((letter, value, after));
        }
        other => return Err(TableError::UnknownType(other)),
    };
    let (value, after) = rest.split_at_checked(width).ok_or(TableError::Truncated)?;
    Ok((letter, value, after))
}

/// Looks a name up among a table's own fields, not those of tables inside it: the type letter and
/// the value's bytes, without the length that `S`, `x`, `A` and `F` have in front. `None` also when
/// the bytes before it are no table. No allocation.
pub fn find_raw<'a>(table: &'a [u8], key: &str) -> Option<(u8, &'a [u8])> {
    let mut rest = table;
    while !rest.is_empty() {
        let (after, name) = short_bytes(rest).ok()?;
        let (letter, value, after) = split_value(after).ok()?;
        if name == key.as_bytes() {
            return Some((letter, value));
        }
        rest = after;
    }
    None
}

/// Builds a table from its contents (without the length before it). Of a name that occurs twice
/// the first counts, as with [`find_raw`].
pub fn decode_table(bytes: &[u8]) -> Result<FieldTable, TableError> {
    validate_table(bytes)?;
    let mut table = FieldTable::default();
    let mut rest = bytes;
    while !rest.is_empty() {
        let (after, key) = parse_short_string(rest).map_err(|_| TableError::Truncated)?;
        let (after, value) = parse_value(after).map_err(|_| TableError::Truncated)?;
        if !table.contains_key(key.as_str()) {
            table.insert(key, value);
        }
        rest = after;
    }
    Ok(table)
}

/// The contents of a table as on the wire, without the length before it, sorted by name.
pub fn encode_table(table: &FieldTable) -> Vec<u8> {
    let mut bytes = generated(gen_field_table(table));
    bytes.drain(..bytes.len().min(4));
    bytes
}

#[cfg(test)]
mod tests;
