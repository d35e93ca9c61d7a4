//! A message that arrives in several frames or several reads.
//!
//! ```text
//!         basic.publish            header               body, body, ...
//!   Idle ---------------> Header ----------> Body -----------------------> complete, Idle
//!                                  size 0
//!                                ----------> complete, Idle
//! ```
//!
//! Any other frame in between is a 505. A message whose frames are all there at once never
//! comes here.

use bytes::{Bytes, BytesMut};
use codec::{ContentHeader, Frame, FrameKind, decode_content_header};

use crate::close::{Fault, Violation};
use crate::limits::{BODY_RESERVE_MAX, CONTENT_BODY_BYTES_MAX};

/// The class that has content.
const BASIC: u16 = 60;

/// Where a channel is between two methods.
#[derive(Default)]
pub(crate) enum Assembly {
    /// A method is next.
    #[default]
    Idle,
    /// A content header is next.
    Header(Begun),
    /// Body frames are next.
    Body(Box<(Begun, HeaderFrame, Body)>),
}

/// A basic.publish without its content.
pub(crate) struct Begun {
    /// Exchange and routing key, as on the wire.
    pub(crate) names: Box<[u8]>,
    /// Bit 0 mandatory, bit 1 immediate.
    pub(crate) flags: u8,
}

/// A content header frame, kept as on the wire.
pub(crate) struct HeaderFrame {
    pub(crate) wire: Box<[u8]>,
    pub(crate) body_size: u64,
}

/// The body as far as it has arrived.
pub(crate) struct Body {
    bytes: BytesMut,
    /// Counted rather than kept: the message is too large and will be refused.
    discarded: u64,
    keep: bool,
}

/// A whole message.
pub(crate) struct Assembled {
    pub(crate) begun: Begun,
    pub(crate) header: HeaderFrame,
    /// Empty, whatever was sent, if the message is too large.
    pub(crate) body: Bytes,
}

impl HeaderFrame {
    /// The header in it.
    pub(crate) fn decode(&self) -> Result<ContentHeader<'_>, Fault> {
        let payload = self
            .wire
            .get(7..self.wire.len().saturating_sub(1))
            .unwrap_or_default();
        Ok(decode_content_header(payload)?)
    }
}

impl Assembly {
    pub(crate) fn is_idle(&self) -> bool {
        matches!(self, Self::Idle)
    }

    /// Bytes of body held.
    pub(crate) fn held_bytes(&self) -> u64 {
        match self {
            Self::Body(held) => held.2.bytes.len() as u64,
            Self::Idle | Self::Header(_) => 0,
        }
    }

    /// Takes the next frame, which is not a method that the channel could start anew with.
    /// A message of more than `bytes_max` is not kept but still counted to its end.
    pub(crate) fn push(
        &mut self,
        frame: &Frame<'_>,
        bytes_max: u64,
    ) -> Result<Option<Assembled>, Fault> {
        match (std::mem::take(self), frame.kind) {
            (Self::Idle, _) => Err(Violation::ExpectedMethod.into()),
            (Self::Header(begun), FrameKind::Header) => {
                let size = check_header(frame.payload)?.body_size;
                let header = HeaderFrame {
                    wire: frame.wire.into(),
                    body_size: size,
                };
                if size == 0 {
                    return Ok(Some(Assembled {
                        begun,
                        header,
                        body: Bytes::new(),
                    }));
                }
                let body = Body::new(size, bytes_max);
                *self = Self::Body(Box::new((begun, header, body)));
                Ok(None)
            }
            (Self::Header(_), _) => Err(Violation::ExpectedHeader.into()),
            (Self::Body(mut held), FrameKind::Body) => {
                let (_, header, body) = &mut *held;
                body.push(frame.payload, header.body_size)?;
                if body.len() < header.body_size {
                    *self = Self::Body(held);
                    return Ok(None);
                }
                let (begun, header, body) = *held;
                Ok(Some(Assembled {
                    begun,
                    header,
                    body: body.bytes.freeze(),
                }))
            }
            (Self::Body(..), _) => Err(Violation::ExpectedBody.into()),
        }
    }
}

/// Reads a content header and checks what every one of them must satisfy.
#[inline]
pub(crate) fn check_header(payload: &[u8]) -> Result<ContentHeader<'_>, Fault> {
    let header = decode_content_header(payload)?;
    if header.class_id != BASIC {
        return Err(Violation::WrongClass(header.class_id).into());
    }
    if header.weight != 0 {
        return Err(Violation::WrongWeight(header.weight).into());
    }
    if header.body_size > CONTENT_BODY_BYTES_MAX {
        let max = CONTENT_BODY_BYTES_MAX;
        return Err(Violation::BodyAnnouncedTooLarge {
            size: header.body_size,
            max,
        }
        .into());
    }
    Ok(header)
}

impl Body {
    fn new(size: u64, bytes_max: u64) -> Self {
        let keep = size <= bytes_max;
        // The announced size is a promise of the client's, not a reason to hold memory.
        let reserve = if keep {
            usize::try_from(size)
                .unwrap_or(usize::MAX)
                .min(BODY_RESERVE_MAX)
        } else {
            0
        };
        Self {
            bytes: BytesMut::with_capacity(reserve),
            discarded: 0,
            keep,
        }
    }

    fn len(&self) -> u64 {
        self.bytes.len() as u64 + self.discarded
    }

    fn push(&mut self, piece: &[u8], size: u64) -> Result<(), Fault> {
        if self.len() + piece.len() as u64 > size {
            return Err(Violation::BodyTooLong.into());
        }
        if self.keep {
            self.bytes.extend_from_slice(piece);
        } else {
            self.discarded += piece.len() as u64;
        }
        Ok(())
    }
}
