//! The frame envelope (spec 2.3.5): type, channel, size, payload, end octet.

use thiserror::Error;

/// The octet that ends every frame.
pub const FRAME_END: u8 = 0xCE;

/// Bytes a frame has beside its payload: type, channel and size before it, the end octet behind.
pub const FRAME_OVERHEAD: usize = 8;

/// Smallest frame-max that may be negotiated, in bytes. RabbitMQ's since 4.1; also what is accepted
/// before tuning, because login tokens can be long.
pub const FRAME_MIN_SIZE: u32 = 8192;

/// Largest payload accepted when no frame-max was negotiated, in bytes. Without it a peer could
/// announce 4 GiB and have all of it buffered. As large as the largest message RabbitMQ takes.
pub const FRAME_PAYLOAD_MAX: u32 = 512 * 1024 * 1024;

/// RabbitMQ lets a payload be as large as frame-max itself: overhead is not held against the sender.
const FRAME_SIZE_SLACK: u32 = FRAME_OVERHEAD as u32;

/// Bytes before the payload.
pub(crate) const FRAME_HEAD: usize = 7;

pub(crate) const METHOD: u8 = 1;
pub(crate) const HEADER: u8 = 2;
pub(crate) const BODY: u8 = 3;
pub(crate) const HEARTBEAT: u8 = 8;

/// A heartbeat as it goes on the wire (spec 4.2.7): channel 0, no payload.
pub const HEARTBEAT_FRAME: [u8; 8] = [HEARTBEAT, 0, 0, 0, 0, 0, 0, FRAME_END];

/// What a frame carries.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FrameKind {
    /// A method and its arguments.
    Method,
    /// A content header: class, body size, properties.
    Header,
    /// A piece of a content body.
    Body,
    /// Nothing; a sign of life.
    Heartbeat,
}

/// One whole frame, borrowed from the input.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Frame<'a> {
    /// What the payload is.
    pub kind: FrameKind,
    /// The channel it belongs to; 0 is the connection.
    pub channel: u16,
    /// The bytes between head and end octet.
    pub payload: &'a [u8],
    /// The whole frame with its 7-byte head and end octet.
    pub wire: &'a [u8],
}

/// Why input is not a frame. Each is a 501 that ends the connection.
#[derive(Error, Clone, Copy, PartialEq, Eq, Debug)]
pub enum FrameError {
    /// The first octet is none of 1, 2, 3 and 8.
    #[error("unknown frame type {0}")]
    UnknownType(u8),
    /// The payload is larger than what was negotiated.
    #[error("frame too large: payload of {size} bytes, at most {max} allowed")]
    TooLarge {
        /// Announced payload size in bytes.
        size: u32,
        /// Largest payload allowed in bytes.
        max: u32,
    },
    /// The octet behind the payload is not [`FRAME_END`].
    #[error("invalid frame end marker {0}")]
    BadEnd(u8),
}

/// Takes the first frame off `input`; `Ok(None)` while it is not whole. The caller moves on by
/// `frame.wire.len()`. `frame_max` is the negotiated size in bytes, 0 for none negotiated; then
/// [`FRAME_PAYLOAD_MAX`] holds.
///
/// A frame of unknown type or too large is an error as soon as its head is there, so such a payload
/// is never waited for.
#[inline]
pub fn decode_frame(input: &[u8], frame_max: u32) -> Result<Option<Frame<'_>>, FrameError> {
    // Sliced by hand: this runs three times per published message.
    let Some(&[kind, c1, c0, s3, s2, s1, s0]) = input.first_chunk::<FRAME_HEAD>() else {
        return Ok(None);
    };
    let kind = match kind {
        METHOD => FrameKind::Method,
        HEADER => FrameKind::Header,
        BODY => FrameKind::Body,
        HEARTBEAT => FrameKind::Heartbeat,
        other => return Err(FrameError::UnknownType(other)),
    };
    let size = u32::from_be_bytes([s3, s2, s1, s0]);
    let limit = payload_limit(frame_max);
    if size > limit {
        let max = limit.saturating_sub(FRAME_SIZE_SLACK);
        return Err(FrameError::TooLarge { size, max });
    }
    let end = FRAME_HEAD + size as usize;
    let Some(wire) = input.get(..=end) else {
        return Ok(None);
    };
    if wire[end] != FRAME_END {
        return Err(FrameError::BadEnd(wire[end]));
    }
    let channel = u16::from_be_bytes([c1, c0]);
    let payload = &wire[FRAME_HEAD..end];
    Ok(Some(Frame {
        kind,
        channel,
        payload,
        wire,
    }))
}

#[inline]
fn payload_limit(frame_max: u32) -> u32 {
    match frame_max {
        0 => FRAME_PAYLOAD_MAX,
        max => max
            .saturating_sub(FRAME_OVERHEAD as u32)
            .saturating_add(FRAME_SIZE_SLACK)
            .min(FRAME_PAYLOAD_MAX),
    }
}

/// The seven bytes before a payload of `size` bytes.
#[inline]
pub(crate) fn frame_head(kind: u8, channel: u16, size: u32) -> [u8; FRAME_HEAD] {
    let [c1, c0] = channel.to_be_bytes();
    let [s3, s2, s1, s0] = size.to_be_bytes();
    [kind, c1, c0, s3, s2, s1, s0]
}

#[cfg(test)]
mod tests;
