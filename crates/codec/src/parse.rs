//! The small nom parsers that the decoders share. Errors carry nothing: the caller knows what it
//! was reading, and says so.

use nom::{IResult, Parser, multi::length_data, number::complete::be_u8, number::complete::be_u32};

pub(crate) type Parsed<'a, T> = IResult<&'a [u8], T, ()>;

/// A short string's contents: one octet of length, then so many bytes (spec 4.2.5.3).
#[inline]
pub(crate) fn short_bytes(input: &[u8]) -> Parsed<'_, &[u8]> {
    length_data(be_u8).parse(input)
}

/// A long string's or table's contents: four octets of length, then so many bytes.
#[inline]
pub(crate) fn long_bytes(input: &[u8]) -> Parsed<'_, &[u8]> {
    length_data(be_u32).parse(input)
}

/// `bytes` as text, if they are UTF-8. The standard library goes through ASCII by words.
#[inline]
pub(crate) fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok()
}
