//! Content headers (spec 2.3.5.2): class, body size, property flags, and the properties as bytes.

use nom::Parser;
use nom::number::complete::{be_u16, be_u64};

use crate::ContentError;
use crate::parse::short_bytes;
use crate::properties::{Properties, property};

/// A content header, borrowed from its frame's payload.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ContentHeader<'a> {
    /// Class of the content; 60 (basic) is the only one in use.
    pub class_id: u16,
    /// Always 0 from a peer that keeps to the spec.
    pub weight: u16,
    /// Bytes of body that follow, over all body frames.
    pub body_size: u64,
    /// Which properties are present; see [`property`].
    pub flags: u16,
    /// The present properties' values.
    pub properties: &'a [u8],
}

/// Reads a header frame's payload. The properties are not looked at yet.
#[inline]
pub fn decode_content_header(payload: &[u8]) -> Result<ContentHeader<'_>, ContentError> {
    let fields: Result<_, nom::Err<()>> = (be_u16, be_u16, be_u64, be_u16).parse(payload);
    let (properties, (class_id, weight, body_size, flags)) =
        fields.map_err(|_| ContentError::Truncated)?;
    Ok(ContentHeader {
        class_id,
        weight,
        body_size,
        flags,
        properties,
    })
}

impl<'a> ContentHeader<'a> {
    /// All properties, checked.
    #[inline]
    pub fn properties(&self) -> Result<Properties<'a>, ContentError> {
        Properties::parse(self.flags, self.properties)
    }

    /// Whether there is no property at all, or a delivery-mode alone: then the header is sound as it
    /// is, and [`Self::properties`], dear in comparison, would tell nothing that
    /// [`Self::is_persistent`] does not.
    #[inline]
    pub fn is_plain(&self) -> bool {
        matches!(
            (self.flags, self.properties),
            (0, []) | (property::DELIVERY_MODE, [_])
        )
    }

    /// The delivery-mode alone, skipping what stands before it without checking it. `None` if there
    /// is none, or the bytes end early.
    #[inline]
    pub fn delivery_mode(&self) -> Option<u8> {
        if self.flags & property::DELIVERY_MODE == 0 {
            return None;
        }
        let mut rest = self.properties;
        for string in [property::CONTENT_TYPE, property::CONTENT_ENCODING] {
            if self.flags & string != 0 {
                rest = short_bytes(rest).ok()?.0;
            }
        }
        if self.flags & property::HEADERS != 0 {
            rest = crate::parse::long_bytes(rest).ok()?.0;
        }
        rest.first().copied()
    }

    /// The message asks to survive a restart: delivery-mode 2.
    #[inline]
    pub fn is_persistent(&self) -> bool {
        self.delivery_mode() == Some(2)
    }
}
