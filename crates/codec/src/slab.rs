//! Many small messages in one allocation.
//!
//! A message that is its own heap object is allocated on one core and freed on another; that alone
//! costs more than routing and delivering it. So the messages of one read are copied behind each
//! other into one buffer, which they then share.

use std::sync::Arc;

use bytes::Bytes;

use crate::content::{CONTENT_INLINE_MAX, Content, Layout, put_body_frame};
use crate::frame::{FRAME_END, FRAME_HEAD, FRAME_OVERHEAD};
use crate::marks::Marks;
use crate::pack::{Pack, Piece, Place, Totals};

/// Largest slab in bytes, a single message that is larger aside. One waiting small message keeps
/// its whole slab in memory, so this bounds the waste; 4 KiB was slower, 64 KiB no faster.
pub const SLAB_MAX: usize = 16 * 1024;

/// Bytes allocated at first when nothing is known about what comes.
const SLAB_FIRST: usize = 256;

/// Entries of the list of pending messages that an idle slab may keep, so that one message per read
/// does not allocate it anew each time.
const IDLE_ENTRIES_MAX: usize = 4;

/// What basic.publish has on the wire that a message does not keep: frame head, ids, the reserved
/// field, flags. For estimates only.
const PUBLISH_EXTRA: usize = 14;

/// Collects the messages of one read.
#[derive(Debug, Default)]
pub struct Slab {
    buffer: Vec<u8>,
    /// The messages in `buffer`.
    places: Vec<Place>,
    /// Slabs that are full already.
    full: Vec<Piece>,
    /// All of it, counted.
    totals: Totals,
    /// Bytes the messages still to come will need at most; 0 if not known.
    expected: usize,
}

impl Slab {
    /// Holds no memory until something is pushed.
    pub fn new() -> Self {
        Self::default()
    }

    /// Says how many bytes of input are about to be read into this slab, so that it can be allocated
    /// in the right size at once. Call it once per read; without it slabs grow by doubling.
    #[inline]
    pub fn expect(&mut self, input_len: usize) {
        self.expected = input_len;
    }

    /// Appends a message: its two names as in [`crate::Publish::names`], its whole header frame, and its
    /// whole only body frame or nothing, all as on the wire and checked by the decoders.
    /// `marks` are those of the header.
    #[inline]
    pub fn push(&mut self, names: &[u8], header_frame: &[u8], body_frame: &[u8], marks: Marks) {
        if body_frame.len() >= CONTENT_INLINE_MAX + FRAME_OVERHEAD {
            let body = &body_frame[FRAME_HEAD..body_frame.len() - 1];
            return self.push_large(names, header_frame, Bytes::copy_from_slice(body), marks);
        }
        // A zero-length body frame is legal, but a message without body has none.
        let body_frame = if body_frame.len() > FRAME_OVERHEAD {
            body_frame
        } else {
            &[]
        };
        let header_end = names.len() + 1 + header_frame.len();
        let len = header_end + body_frame.len();
        self.make_room(len);
        self.put_head(names, header_frame);
        self.buffer.extend_from_slice(body_frame);
        let layout = layout(names, header_end, marks);
        self.totals.add(len, marks);
        self.places.push(Place {
            len: len as u32,
            layout,
            body: None,
        });
    }

    /// Appends a message whose body was assembled from several frames, or read apart because it is
    /// large. The body is shared if it is [`CONTENT_INLINE_MAX`] or longer, else copied.
    pub fn push_large(&mut self, names: &[u8], header_frame: &[u8], body: Bytes, marks: Marks) {
        let header_end = names.len() + 1 + header_frame.len();
        let layout = layout(names, header_end, marks);
        let large = body.len() >= CONTENT_INLINE_MAX;
        self.make_room(
            header_end
                + if large {
                    0
                } else {
                    body.len() + FRAME_OVERHEAD
                },
        );
        let start = self.buffer.len();
        self.put_head(names, header_frame);
        if !large {
            put_body_frame(&mut self.buffer, &body);
        }
        let len = (self.buffer.len() - start) as u32;
        let apart = if large { body.len() } else { 0 };
        self.totals.add(len as usize + apart, marks);
        self.places.push(Place {
            len,
            layout,
            body: large.then(|| Arc::new(body)),
        });
    }

    /// Messages waiting to be drained.
    #[inline]
    pub fn len(&self) -> usize {
        self.totals.len
    }

    /// Nothing waits.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.totals.len == 0
    }

    /// Moves all messages to the end of `out`, in order. Afterwards the slab holds next to nothing.
    pub fn drain_into(&mut self, out: &mut Vec<Content>) {
        out.reserve(self.len());
        for piece in self.full.drain(..) {
            piece.take_apart(&mut Vec::new(), out);
        }
        if let Some(bytes) = freeze(&mut self.buffer) {
            let places = std::mem::take(&mut self.places);
            Piece { bytes, places }.take_apart(&mut self.places, out);
        }
        self.rest();
    }

    /// Takes all messages together, as they are. Afterwards the slab holds next to nothing.
    pub fn take_pack(&mut self) -> Pack {
        let mut pieces = std::mem::take(&mut self.full);
        if let Some(bytes) = freeze(&mut self.buffer) {
            let places = std::mem::take(&mut self.places);
            pieces.push(Piece { bytes, places });
        }
        let totals = self.totals;
        self.rest();
        Pack::new(pieces, totals)
    }

    /// Keeps what one message at a time needs again, and no more.
    fn rest(&mut self) {
        self.full = Vec::new();
        self.totals = Totals::default();
        if self.places.capacity() > IDLE_ENTRIES_MAX {
            self.places = Vec::new();
        }
        self.expected = 0;
    }

    #[inline]
    fn put_head(&mut self, names: &[u8], header_frame: &[u8]) {
        self.buffer.extend_from_slice(names);
        self.buffer.push(FRAME_END);
        self.buffer.extend_from_slice(header_frame);
    }

    #[inline]
    fn make_room(&mut self, len: usize) {
        if self.buffer.capacity() - self.buffer.len() < len {
            self.grow(len);
        }
        self.expected = self.expected.saturating_sub(len + PUBLISH_EXTRA);
    }

    #[cold]
    fn grow(&mut self, len: usize) {
        if !self.buffer.is_empty() && self.buffer.len() + len > SLAB_MAX {
            let places = std::mem::take(&mut self.places);
            if let Some(bytes) = freeze(&mut self.buffer) {
                self.full.push(Piece { bytes, places });
            }
        }
        let wanted = match self.expected {
            0 => (2 * self.buffer.capacity()).max(SLAB_FIRST),
            expected => self.buffer.len() + expected.saturating_sub(PUBLISH_EXTRA),
        };
        let wanted = wanted.min(SLAB_MAX).max(self.buffer.len() + len);
        self.buffer.reserve_exact(wanted - self.buffer.len());
    }
}

fn layout(names: &[u8], header_end: usize, marks: Marks) -> Layout {
    Layout {
        names_len: names.len() as u16,
        header_end: header_end as u32,
        marks,
    }
}

/// Makes a buffer with messages one that can be shared.
fn freeze(buffer: &mut Vec<u8>) -> Option<Bytes> {
    let mut buffer = std::mem::take(buffer);
    // What these messages pin should be what they need, more or less.
    if buffer.capacity() - buffer.len() > buffer.len() / 4 {
        buffer.shrink_to_fit();
    }
    (!buffer.is_empty()).then(|| Bytes::from(buffer))
}

#[cfg(test)]
mod tests;
