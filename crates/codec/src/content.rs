//! A message in the one form that memory, disk and wire share.
//!
//! ```text
//! exchange shortstr | routing key shortstr | 0xCE | header frame | [ body frame ]
//! ```
//!
//! That is what follows the redelivered bit of a basic.deliver, so a delivery is a prefix and one
//! copy. Channel numbers inside are placeholders, patched on the way out. A body of
//! [`CONTENT_INLINE_MAX`] or more is kept apart and framed on the way out; an empty one has no frame.

use std::sync::Arc;

use bytes::Bytes;
use thiserror::Error;

use crate::BasicProperties;
use crate::content_header::{ContentHeader, decode_content_header};
use crate::frame::{BODY, FRAME_END, FRAME_HEAD, FRAME_OVERHEAD, HEADER, decode_frame, frame_head};
use crate::marks::Marks;
use crate::pack::View;
use crate::parse::{short_bytes, text};
use crate::properties::{Properties, Rewrite, encode_basic_properties, rewrite_properties};
use crate::publish::split_names;
use crate::table::TableError;

/// Bodies shorter than this many bytes are kept beside their header; longer ones are shared with
/// the output instead of being copied into it, which pays from about here (measured).
pub const CONTENT_INLINE_MAX: usize = 16 * 1024;

/// Class id of basic, the only class with content.
const BASIC: u16 = 60;

/// Why bytes are not a header or a message.
#[derive(Error, Clone, Copy, PartialEq, Eq, Debug)]
pub enum ContentError {
    /// The bytes end too early.
    #[error("truncated content header")]
    Truncated,
    /// Bytes are left over.
    #[error("trailing bytes after the properties")]
    Trailing,
    /// A string that is not UTF-8.
    #[error("Malformed UTF-8 in shortstr")]
    BadUtf8,
    /// The headers table is not sound.
    #[error(transparent)]
    Table(#[from] TableError),
    /// An exchange name or routing key of more than 255 bytes.
    #[error("name longer than 255 bytes")]
    NameTooLong,
    /// Stored bytes that are not laid out as a message.
    #[error("not a message: {0}")]
    Layout(&'static str),
}

/// An immutable message. Cheap to clone: it shares its bytes.
#[derive(Clone, Debug)]
pub struct Content {
    bytes: Bytes,
    // Behind an Arc only for size: a queue holds many of these and few have a large body.
    body: Option<Arc<Bytes>>,
    header_end: u32,
    names_len: u16,
    marks: Marks,
}

const _: () = assert!(size_of::<Content>() <= 48);

/// Where the parts of a message are within its bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Layout {
    /// Bytes of the two names.
    pub(crate) names_len: u16,
    /// Offset behind the header frame.
    pub(crate) header_end: u32,
    /// What the header says to the broker.
    pub(crate) marks: Marks,
}

impl Content {
    /// A message from its two stored pieces. Nothing about them is trusted.
    pub fn from_parts(bytes: Bytes, body: Option<Bytes>) -> Result<Self, ContentError> {
        let layout = check_layout(&bytes, body.as_ref())?;
        Ok(Self::from_layout(bytes, body.map(Arc::new), layout))
    }

    /// A message made here and not by a publisher's frames. Off the hot path.
    pub fn build(
        exchange: &str,
        routing_key: &str,
        properties: &BasicProperties,
        body: &[u8],
    ) -> Result<Self, ContentError> {
        let mut bytes = names(exchange, routing_key)?;
        bytes.push(FRAME_END);
        bytes.extend(header_frame(properties, body.len()));
        let header_end = bytes.len();
        let large = (body.len() >= CONTENT_INLINE_MAX).then(|| Bytes::copy_from_slice(body));
        if large.is_none() {
            put_body_frame(&mut bytes, body);
        }
        let layout = Layout {
            names_len: names_len(exchange, routing_key),
            header_end: header_end as u32,
            marks: marks_of(properties),
        };
        Ok(Self::from_layout(bytes.into(), large.map(Arc::new), layout))
    }

    #[inline]
    pub(crate) fn from_layout(bytes: Bytes, body: Option<Arc<Bytes>>, layout: Layout) -> Self {
        let Layout {
            names_len,
            header_end,
            marks,
        } = layout;
        Self {
            bytes,
            body,
            header_end,
            names_len,
            marks,
        }
    }

    /// The same message with other properties.
    pub fn with_properties(&self, properties: &BasicProperties) -> Self {
        let mut bytes = self.names().to_vec();
        bytes.push(FRAME_END);
        bytes.extend(header_frame(properties, self.body_len()));
        let header_end = bytes.len() as u32;
        bytes.extend_from_slice(self.body_frame());
        let layout = Layout {
            names_len: self.names_len,
            header_end,
            marks: marks_of(properties),
        };
        Self::from_layout(bytes.into(), self.body.clone(), layout)
    }

    /// The same message with some of its properties replaced and everything else byte for byte
    /// as it was. Marks that are the broker's own stay.
    pub fn rewritten(&self, with: &Rewrite<'_>) -> Result<Self, ContentError> {
        let (flags, values) = rewrite_properties(&self.header().properties()?, with);
        let mut bytes = self.names().to_vec();
        bytes.push(FRAME_END);
        bytes.extend(header_frame_of(flags, &values, self.body_len()));
        let header_end = bytes.len() as u32;
        bytes.extend_from_slice(self.body_frame());
        let layout = Layout {
            names_len: self.names_len,
            header_end,
            marks: self.marks.with_expiration(flags),
        };
        Ok(Self::from_layout(bytes.into(), self.body.clone(), layout))
    }

    /// The same message as if published elsewhere. Fails if a name has more than 255 bytes.
    pub fn with_names(&self, exchange: &str, routing_key: &str) -> Result<Self, ContentError> {
        let mut bytes = names(exchange, routing_key)?;
        bytes.extend_from_slice(self.bytes.get(self.names_len()..).unwrap_or_default());
        let names_len = names_len(exchange, routing_key);
        let header_end = self.header_end - u32::from(self.names_len) + u32::from(names_len);
        let layout = Layout {
            names_len,
            header_end,
            marks: self.marks,
        };
        Ok(Self::from_layout(bytes.into(), self.body.clone(), layout))
    }

    /// The piece with names, header and inline body.
    #[inline]
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The other piece: the body, if it is kept apart.
    #[inline]
    pub fn large_body(&self) -> Option<&Bytes> {
        self.body.as_deref()
    }

    /// Where it was published to.
    pub fn exchange(&self) -> &str {
        text(split_names(self.names()).0).unwrap_or_default()
    }

    /// What it was published with.
    pub fn routing_key(&self) -> &str {
        text(split_names(self.names()).1).unwrap_or_default()
    }

    /// The content header.
    pub fn header(&self) -> ContentHeader<'_> {
        let start = self.names_len() + 1 + FRAME_HEAD;
        let payload = self.bytes.get(start..self.header_end().saturating_sub(1));
        decode_content_header(payload.unwrap_or_default()).unwrap_or_default()
    }

    /// The body.
    pub fn body(&self) -> &[u8] {
        match &self.body {
            Some(body) => body,
            None => match self.body_frame() {
                [] => &[],
                frame => frame.get(FRAME_HEAD..frame.len() - 1).unwrap_or_default(),
            },
        }
    }

    /// Bytes of body.
    #[inline]
    pub fn body_len(&self) -> usize {
        match &self.body {
            Some(body) => body.len(),
            None => self.body_frame_len().saturating_sub(FRAME_OVERHEAD),
        }
    }

    /// Bytes of both pieces: what the message holds in memory, but for its own size and the rest of
    /// its slab.
    #[inline]
    pub fn wire_len(&self) -> usize {
        self.bytes.len() + self.body.as_ref().map_or(0, |body| body.len())
    }

    /// Delivery-mode 2, looked up once when the message was made.
    #[inline]
    pub fn persistent(&self) -> bool {
        self.marks.persistent()
    }

    /// What the broker has to know of it, looked up once when it was made.
    #[inline]
    pub fn marks(&self) -> Marks {
        self.marks
    }

    /// The same message with other marks.
    #[must_use]
    pub fn with_marks(mut self, marks: Marks) -> Self {
        self.marks = marks;
        self
    }

    /// Its time to live in milliseconds, if its expiration property is a number.
    pub fn expiration_ms(&self) -> Option<u64> {
        let header = self.header();
        let given = header.properties().ok()?.expiration?;
        let digits = given.strip_prefix(b"+").unwrap_or(given);
        text(digits)?.parse().ok()
    }

    /// Where its parts are.
    #[inline]
    pub(crate) fn view(&self) -> View<'_> {
        View {
            bytes: &self.bytes,
            body: self.body.as_deref(),
            names_len: self.names_len(),
            header_end: self.header_end(),
        }
    }

    /// Where the header frame of stored bytes ends.
    pub(crate) fn header_ends_at(bytes: &[u8]) -> Option<usize> {
        let (rest, _) = short_bytes(bytes).ok()?;
        let (rest, _) = short_bytes(rest).ok()?;
        let rest = rest.strip_prefix(&[FRAME_END])?;
        let header = whole_frame(rest, HEADER)?;
        Some(bytes.len() - rest.len() + header.len())
    }

    #[inline]
    pub(crate) fn names_len(&self) -> usize {
        usize::from(self.names_len)
    }

    #[inline]
    pub(crate) fn header_end(&self) -> usize {
        self.header_end as usize
    }

    /// Bytes of the inline body frame; 0 without one.
    #[inline]
    pub(crate) fn body_frame_len(&self) -> usize {
        self.bytes.len().saturating_sub(self.header_end())
    }

    fn body_frame(&self) -> &[u8] {
        self.bytes.get(self.header_end()..).unwrap_or_default()
    }

    fn names(&self) -> &[u8] {
        self.bytes.get(..self.names_len()).unwrap_or_default()
    }
}

/// Appends the one body frame of an inline body; none for an empty one.
pub(crate) fn put_body_frame(bytes: &mut Vec<u8>, body: &[u8]) {
    if body.is_empty() {
        return;
    }
    bytes.extend_from_slice(&frame_head(BODY, 0, body.len() as u32));
    bytes.extend_from_slice(body);
    bytes.push(FRAME_END);
}

fn marks_of(properties: &BasicProperties) -> Marks {
    Marks::of(&Properties {
        delivery_mode: *properties.delivery_mode(),
        priority: *properties.priority(),
        expiration: properties
            .expiration()
            .as_ref()
            .map(|e| e.as_str().as_bytes()),
        ..Properties::default()
    })
}

fn names_len(exchange: &str, routing_key: &str) -> u16 {
    (exchange.len() + routing_key.len() + 2) as u16
}

fn names(exchange: &str, routing_key: &str) -> Result<Vec<u8>, ContentError> {
    let mut bytes = Vec::with_capacity(exchange.len() + routing_key.len() + 64);
    for name in [exchange, routing_key] {
        bytes.push(u8::try_from(name.len()).map_err(|_| ContentError::NameTooLong)?);
        bytes.extend_from_slice(name.as_bytes());
    }
    Ok(bytes)
}

fn header_frame(properties: &BasicProperties, body_len: usize) -> Vec<u8> {
    let (flags, values) = encode_basic_properties(properties);
    header_frame_of(flags, &values, body_len)
}

fn header_frame_of(flags: u16, values: &[u8], body_len: usize) -> Vec<u8> {
    let mut frame = Vec::with_capacity(FRAME_OVERHEAD + 14 + values.len());
    frame.extend(frame_head(HEADER, 0, 14 + values.len() as u32));
    frame.extend(BASIC.to_be_bytes());
    frame.extend([0, 0]);
    frame.extend((body_len as u64).to_be_bytes());
    frame.extend(flags.to_be_bytes());
    frame.extend(values);
    frame.push(FRAME_END);
    frame
}

fn check_layout(bytes: &[u8], body: Option<&Bytes>) -> Result<Layout, ContentError> {
    let (rest, exchange) = short_bytes(bytes).map_err(|_| ContentError::Layout("exchange"))?;
    let (rest, key) = short_bytes(rest).map_err(|_| ContentError::Layout("routing key"))?;
    text(exchange)
        .and_then(|_| text(key))
        .ok_or(ContentError::BadUtf8)?;
    let names_len = bytes.len() - rest.len();
    let rest = rest
        .strip_prefix(&[FRAME_END])
        .ok_or(ContentError::Layout("end of names"))?;
    let header = whole_frame(rest, HEADER).ok_or(ContentError::Layout("header frame"))?;
    let fields = decode_content_header(&header[FRAME_HEAD..header.len() - 1])?;
    if fields.class_id != BASIC {
        return Err(ContentError::Layout("class"));
    }
    let rest = &rest[header.len()..];
    let body_len = match (rest, body) {
        ([], body) => body.map_or(0, Bytes::len),
        (frame, None) => {
            let whole = whole_frame(frame, BODY).filter(|whole| whole.len() == frame.len());
            whole.ok_or(ContentError::Layout("body frame"))?.len() - FRAME_OVERHEAD
        }
        (_, Some(_)) => return Err(ContentError::Layout("two bodies")),
    };
    if fields.body_size != body_len as u64 {
        return Err(ContentError::Layout("body size"));
    }
    let header_end = u32::try_from(bytes.len() - rest.len());
    Ok(Layout {
        names_len: names_len as u16,
        header_end: header_end.map_err(|_| ContentError::Layout("size"))?,
        marks: Marks::of_header(&fields),
    })
}

fn whole_frame(bytes: &[u8], kind: u8) -> Option<&[u8]> {
    let frame = decode_frame(bytes, 0).ok().flatten()?;
    (bytes.first() == Some(&kind)).then_some(frame.wire)
}

#[cfg(test)]
mod tests;
