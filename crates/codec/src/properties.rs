//! The 14 basic properties (spec 1.8): as borrowed views, and by way of amq-protocol's struct.

use amq_protocol::protocol::basic::gen_properties;
use nom::Parser;
use nom::number::complete::be_u64;

use crate::amqp::{BasicProperties, ShortString};
use crate::content::ContentError;
use crate::content_header::ContentHeader;
use crate::method::generated;
use crate::parse::{long_bytes, short_bytes};
use crate::table::{decode_table, validate_table};

/// The bits of the property flags.
pub mod property {
    /// Flag of `content-type`.
    pub const CONTENT_TYPE: u16 = 1 << 15;
    /// Flag of `content-encoding`.
    pub const CONTENT_ENCODING: u16 = 1 << 14;
    /// Flag of `headers`.
    pub const HEADERS: u16 = 1 << 13;
    /// Flag of `delivery-mode`.
    pub const DELIVERY_MODE: u16 = 1 << 12;
    /// Flag of `priority`.
    pub const PRIORITY: u16 = 1 << 11;
    /// Flag of `correlation-id`.
    pub const CORRELATION_ID: u16 = 1 << 10;
    /// Flag of `reply-to`.
    pub const REPLY_TO: u16 = 1 << 9;
    /// Flag of `expiration`.
    pub const EXPIRATION: u16 = 1 << 8;
    /// Flag of `message-id`.
    pub const MESSAGE_ID: u16 = 1 << 7;
    /// Flag of `timestamp`.
    pub const TIMESTAMP: u16 = 1 << 6;
    /// Flag of `type`.
    pub const KIND: u16 = 1 << 5;
    /// Flag of `user-id`.
    pub const USER_ID: u16 = 1 << 4;
    /// Flag of `app-id`.
    pub const APP_ID: u16 = 1 << 3;
    /// Flag of `cluster-id`.
    pub const CLUSTER_ID: u16 = 1 << 2;

    /// Bits that stand for no property. Bit 0 announces more flags in the spec, which nobody sends.
    pub const UNKNOWN: u16 = 0b11;
}

/// The basic properties of one message, borrowed from its header.
///
/// Strings are bytes: RabbitMQ asks for UTF-8 in the arguments of methods only, and clients do put
/// binary ids into `correlation-id`. They pass through as they came.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Properties<'a> {
    /// MIME type of the body.
    pub content_type: Option<&'a [u8]>,
    /// MIME encoding of the body.
    pub content_encoding: Option<&'a [u8]>,
    /// Contents of the headers table, without the length before it; a sound table.
    pub headers: Option<&'a [u8]>,
    /// 2 is persistent.
    pub delivery_mode: Option<u8>,
    /// 0 to 9 by the spec, 0 to 255 in RabbitMQ.
    pub priority: Option<u8>,
    /// Which request a reply is for.
    pub correlation_id: Option<&'a [u8]>,
    /// Where replies go.
    pub reply_to: Option<&'a [u8]>,
    /// Time to live in milliseconds, as decimal digits; not checked here.
    pub expiration: Option<&'a [u8]>,
    /// The application's id of the message.
    pub message_id: Option<&'a [u8]>,
    /// Seconds since 1970.
    pub timestamp: Option<u64>,
    /// The property that the spec calls `type`.
    pub kind: Option<&'a [u8]>,
    /// Must be the publisher's own name.
    pub user_id: Option<&'a [u8]>,
    /// The publishing application.
    pub app_id: Option<&'a [u8]>,
    /// Deprecated.
    pub cluster_id: Option<&'a [u8]>,
}

/// The properties that come first: in groups, because most messages have few.
const LEADING: u16 = property::CONTENT_TYPE | property::CONTENT_ENCODING | property::HEADERS;

/// Those after the two octets.
const TRAILING: u16 = !(LEADING | property::DELIVERY_MODE | property::PRIORITY | property::UNKNOWN);

impl<'a> Properties<'a> {
    /// One pass: lengths and the structure of the headers table are checked, so
    /// the bytes may be passed on to consumers as they are.
    #[inline]
    pub(crate) fn parse(flags: u16, bytes: &'a [u8]) -> Result<Self, ContentError> {
        let mut properties = Self::default();
        let mut fields = Fields { flags, rest: bytes };
        if flags & LEADING != 0 {
            properties.read_leading(&mut fields)?;
        }
        properties.delivery_mode = fields.octet(property::DELIVERY_MODE)?;
        properties.priority = fields.octet(property::PRIORITY)?;
        if flags & TRAILING != 0 {
            properties.read_trailing(&mut fields)?;
        }
        // A peer that sets unknown bits may send values for them; RabbitMQ does not mind.
        if !fields.rest.is_empty() && flags & property::UNKNOWN == 0 {
            return Err(ContentError::Trailing);
        }
        Ok(properties)
    }

    fn read_leading(&mut self, fields: &mut Fields<'a>) -> Result<(), ContentError> {
        self.content_type = fields.string(property::CONTENT_TYPE)?;
        self.content_encoding = fields.string(property::CONTENT_ENCODING)?;
        self.headers = fields.table(property::HEADERS)?;
        Ok(())
    }

    fn read_trailing(&mut self, fields: &mut Fields<'a>) -> Result<(), ContentError> {
        self.correlation_id = fields.string(property::CORRELATION_ID)?;
        self.reply_to = fields.string(property::REPLY_TO)?;
        self.expiration = fields.string(property::EXPIRATION)?;
        self.message_id = fields.string(property::MESSAGE_ID)?;
        self.timestamp = fields.timestamp(property::TIMESTAMP)?;
        self.kind = fields.string(property::KIND)?;
        self.user_id = fields.string(property::USER_ID)?;
        self.app_id = fields.string(property::APP_ID)?;
        self.cluster_id = fields.string(property::CLUSTER_ID)?;
        Ok(())
    }
}

/// Property values still to be read.
struct Fields<'a> {
    flags: u16,
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    #[inline]
    fn string(&mut self, bit: u16) -> Result<Option<&'a [u8]>, ContentError> {
        if self.flags & bit == 0 {
            return Ok(None);
        }
        let (rest, bytes) = short_bytes(self.rest).map_err(|_| ContentError::Truncated)?;
        self.rest = rest;
        Ok(Some(bytes))
    }

    #[inline]
    fn table(&mut self, bit: u16) -> Result<Option<&'a [u8]>, ContentError> {
        if self.flags & bit == 0 {
            return Ok(None);
        }
        let (rest, table) = long_bytes(self.rest).map_err(|_| ContentError::Truncated)?;
        self.rest = rest;
        validate_table(table)?;
        Ok(Some(table))
    }

    #[inline]
    fn octet(&mut self, bit: u16) -> Result<Option<u8>, ContentError> {
        if self.flags & bit == 0 {
            return Ok(None);
        }
        let (value, rest) = self.rest.split_first().ok_or(ContentError::Truncated)?;
        self.rest = rest;
        Ok(Some(*value))
    }

    #[inline]
    fn timestamp(&mut self, bit: u16) -> Result<Option<u64>, ContentError> {
        if self.flags & bit == 0 {
            return Ok(None);
        }
        let read: Result<_, nom::Err<()>> = be_u64.parse(self.rest);
        let (rest, value) = read.map_err(|_| ContentError::Truncated)?;
        self.rest = rest;
        Ok(Some(value))
    }
}

/// The flags and the values behind them. Off the hot path: it builds nothing in place, and headers
/// come out sorted by name.
pub fn encode_basic_properties(properties: &BasicProperties) -> (u16, Vec<u8>) {
    let mut bytes = generated(gen_properties(properties));
    let flags = bytes
        .first_chunk::<2>()
        .map_or(0, |flags| u16::from_be_bytes(*flags));
    bytes.drain(..bytes.len().min(2));
    (flags, bytes)
}

/// Builds amq-protocol's struct, for those who show properties: what is not UTF-8 in a string is
/// replaced. To change properties without loss see [`rewrite_properties`].
pub fn to_basic_properties(header: &ContentHeader<'_>) -> Result<BasicProperties, ContentError> {
    let from = header.properties()?;
    let mut to = BasicProperties::default();
    type Setter = fn(BasicProperties, ShortString) -> BasicProperties;
    let strings: [(Option<&[u8]>, Setter); 10] = [
        (from.content_type, BasicProperties::with_content_type),
        (
            from.content_encoding,
            BasicProperties::with_content_encoding,
        ),
        (from.correlation_id, BasicProperties::with_correlation_id),
        (from.reply_to, BasicProperties::with_reply_to),
        (from.expiration, BasicProperties::with_expiration),
        (from.message_id, BasicProperties::with_message_id),
        (from.kind, BasicProperties::with_type),
        (from.user_id, BasicProperties::with_user_id),
        (from.app_id, BasicProperties::with_app_id),
        (from.cluster_id, BasicProperties::with_cluster_id),
    ];
    for (value, set) in strings {
        if let Some(value) = value {
            to = set(to, readable(value));
        }
    }
    if let Some(headers) = from.headers {
        to = to.with_headers(decode_table(headers)?);
    }
    if let Some(mode) = from.delivery_mode {
        to = to.with_delivery_mode(mode);
    }
    if let Some(priority) = from.priority {
        to = to.with_priority(priority);
    }
    if let Some(timestamp) = from.timestamp {
        to = to.with_timestamp(timestamp);
    }
    Ok(to)
}

/// A string to show. Replacing bad bytes can make it longer than a short string may be; then it
/// is cut.
fn readable(bytes: &[u8]) -> ShortString {
    let text = String::from_utf8_lossy(bytes);
    let end = text.floor_char_boundary(255);
    ShortString::try_new(&text[..end]).unwrap_or_default()
}

/// New values for some of a message's properties; `None` leaves one as it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Rewrite<'a> {
    /// At most 255 bytes.
    pub reply_to: Option<&'a str>,
    /// Contents of a headers table, without the length before it.
    pub headers: Option<&'a [u8]>,
    /// What becomes of the expiration.
    pub expiration: Expiration,
}

/// What becomes of an expiration when properties are rewritten.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Expiration {
    /// It stays.
    #[default]
    Kept,
    /// It goes, as that of a message that has died goes.
    Removed,
}

/// The flags and values of a header with some of them replaced and all others byte for byte as
/// they came. Unknown property bits are dropped.
pub fn rewrite_properties(from: &Properties<'_>, with: &Rewrite<'_>) -> (u16, Vec<u8>) {
    let mut to = Written {
        flags: 0,
        bytes: Vec::with_capacity(WRITTEN_BYTES),
    };
    to.string(property::CONTENT_TYPE, from.content_type);
    to.string(property::CONTENT_ENCODING, from.content_encoding);
    if let Some(table) = with.headers.or(from.headers) {
        to.flags |= property::HEADERS;
        to.bytes.extend((table.len() as u32).to_be_bytes());
        to.bytes.extend(table);
    }
    to.octet(property::DELIVERY_MODE, from.delivery_mode);
    to.octet(property::PRIORITY, from.priority);
    to.string(property::CORRELATION_ID, from.correlation_id);
    to.string(
        property::REPLY_TO,
        with.reply_to.map(str::as_bytes).or(from.reply_to),
    );
    if with.expiration == Expiration::Kept {
        to.string(property::EXPIRATION, from.expiration);
    }
    to.string(property::MESSAGE_ID, from.message_id);
    if let Some(timestamp) = from.timestamp {
        to.flags |= property::TIMESTAMP;
        to.bytes.extend(timestamp.to_be_bytes());
    }
    to.string(property::KIND, from.kind);
    to.string(property::USER_ID, from.user_id);
    to.string(property::APP_ID, from.app_id);
    to.string(property::CLUSTER_ID, from.cluster_id);
    (to.flags, to.bytes)
}

/// Room for the properties of most messages, in bytes.
const WRITTEN_BYTES: usize = 128;

/// Properties being written.
struct Written {
    flags: u16,
    bytes: Vec<u8>,
}

impl Written {
    fn string(&mut self, bit: u16, value: Option<&[u8]>) {
        if let Some(value) = value {
            self.flags |= bit;
            let len = value.len().min(255);
            self.bytes.push(len as u8);
            self.bytes.extend(&value[..len]);
        }
    }

    fn octet(&mut self, bit: u16, value: Option<u8>) {
        if let Some(value) = value {
            self.flags |= bit;
            self.bytes.push(value);
        }
    }
}

#[cfg(test)]
mod tests;
