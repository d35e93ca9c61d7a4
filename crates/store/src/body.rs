//! One message as the store sees it: opaque bytes in two pieces.

use bytes::Bytes;

/// The largest message, head and tail together, in bytes (1 GiB). Lengths are 32 bits wide on
/// disk; a larger body stops the store with [`Error::TooLarge`](crate::Error::TooLarge), because
/// dropping it would be a silent loss. The broker's own limit on message size is far below.
pub const BODY_BYTES_MAX: usize = 1 << 30;

/// Opaque bytes of one message. The pieces are stored next to each other and come back split the
/// same way, as two slices of one allocation. Cloning shares the bytes.
#[derive(Clone, Eq, PartialEq, Debug, Default)]
pub struct Body {
    /// First piece: whatever the caller wants back apart from the payload.
    pub head: Bytes,
    /// Second piece. `None` and `Some(empty)` are kept apart.
    pub tail: Option<Bytes>,
}

impl Body {
    /// Bytes in both pieces.
    #[must_use]
    pub fn len(&self) -> usize {
        self.head.len() + self.tail.as_ref().map_or(0, Bytes::len)
    }

    /// Whether both pieces are empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What identifies the same bytes in memory: pieces at one address with one length are the
    /// same message, as `Bytes` never changes under its owners.
    pub(crate) fn identity(&self) -> (usize, usize, usize, usize) {
        let (tail, tail_len) = self
            .tail
            .as_ref()
            .map_or((usize::MAX, 0), |tail| (tail.as_ptr() as usize, tail.len()));
        (self.head.as_ptr() as usize, self.head.len(), tail, tail_len)
    }
}
