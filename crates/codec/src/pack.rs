//! The messages of one run, not yet taken apart.
//!
//! To be a message of its own, one has to share its slab, which is counted, and uncounted again by
//! whoever is done with it. Where a whole run goes the same way at once, that is counted once.

use std::slice;
use std::sync::Arc;

use bytes::Bytes;

use crate::content::{Content, Layout};
use crate::frame::FRAME_HEAD;
use crate::marks::Marks;

/// Messages still together in the slabs that they were copied into.
#[derive(Debug)]
pub struct Pack {
    pieces: Vec<Piece>,
    totals: Totals,
}

/// What all messages of a slab come to.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Totals {
    pub(crate) len: usize,
    wire_len: usize,
    persistent: bool,
    expires: bool,
}

impl Totals {
    /// Counts one of so many bytes.
    #[inline]
    pub(crate) const fn add(&mut self, wire_len: usize, marks: Marks) {
        self.len += 1;
        self.wire_len += wire_len;
        self.persistent |= marks.persistent();
        self.expires |= marks.expires();
    }
}

/// A slab and where the messages are in it, one behind the other.
#[derive(Debug)]
pub(crate) struct Piece {
    pub(crate) bytes: Bytes,
    pub(crate) places: Vec<Place>,
}

/// A message within its slab, behind those before it.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) len: u32,
    pub(crate) layout: Layout,
    pub(crate) body: Option<Arc<Bytes>>,
}

/// A message seen where it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct View<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) body: Option<&'a Bytes>,
    pub(crate) names_len: usize,
    pub(crate) header_end: usize,
}

impl View<'_> {
    /// Bytes of the inline body frame; 0 without one.
    #[inline]
    pub(crate) const fn body_frame_len(&self) -> usize {
        self.bytes.len().saturating_sub(self.header_end)
    }

    /// The inline body.
    pub(crate) fn inline_body(&self) -> &[u8] {
        let frame = self.bytes.get(self.header_end..).unwrap_or_default();
        let end = frame.len().saturating_sub(1);
        frame.get(FRAME_HEAD..end).unwrap_or_default()
    }
}

impl Piece {
    /// Its messages go to `out`, and the list of them, emptied, to `places`.
    pub(crate) fn take_apart(self, places: &mut Vec<Place>, out: &mut Vec<Content>) {
        let Self {
            bytes: mut rest,
            places: mut all,
        } = self;
        for Place { len, layout, body } in all.drain(..) {
            // The last one takes the slab over instead of sharing it.
            let bytes = rest.split_to(len as usize);
            out.push(Content::from_layout(bytes, body, layout));
        }
        *places = all;
    }
}

impl Pack {
    pub(crate) const fn new(pieces: Vec<Piece>, totals: Totals) -> Self {
        Self { pieces, totals }
    }

    /// Messages in it.
    pub const fn len(&self) -> usize {
        self.totals.len
    }

    /// There are none.
    pub const fn is_empty(&self) -> bool {
        self.totals.len == 0
    }

    /// Their bytes, as [`Content::wire_len`] counts them.
    pub const fn wire_len(&self) -> usize {
        self.totals.wire_len
    }

    /// One of them at least has delivery-mode 2.
    pub const fn any_persistent(&self) -> bool {
        self.totals.persistent
    }

    /// One of them at least has an expiration.
    pub const fn any_expires(&self) -> bool {
        self.totals.expires
    }

    /// Each of them as a message of its own, which shares its slab.
    pub fn contents(&self) -> Contents<'_> {
        Contents {
            pieces: self.pieces.iter(),
            places: [].iter(),
            rest: Bytes::new(),
            left: self.totals.len,
        }
    }

    #[inline]
    pub(crate) fn views(&self) -> impl Iterator<Item = View<'_>> {
        self.pieces.iter().flat_map(|piece| {
            piece.places.iter().scan(&*piece.bytes, |rest, place| {
                let (bytes, behind) = rest.split_at_checked(place.len as usize)?;
                *rest = behind;
                Some(View {
                    bytes,
                    body: place.body.as_deref(),
                    names_len: usize::from(place.layout.names_len),
                    header_end: place.layout.header_end as usize,
                })
            })
        })
    }
}

/// The messages of a [`Pack`], one after the other.
#[derive(Debug)]
pub struct Contents<'a> {
    pieces: slice::Iter<'a, Piece>,
    /// Those of the piece before.
    places: slice::Iter<'a, Place>,
    /// Their slab, from the next one on.
    rest: Bytes,
    left: usize,
}

impl Iterator for Contents<'_> {
    type Item = Content;

    #[inline]
    fn next(&mut self) -> Option<Content> {
        loop {
            if let Some(Place { len, layout, body }) = self.places.next() {
                self.left -= 1;
                let bytes = self.rest.split_to(*len as usize);
                return Some(Content::from_layout(bytes, body.clone(), *layout));
            }
            let Piece { bytes, places } = self.pieces.next()?;
            (self.rest, self.places) = (bytes.clone(), places.iter());
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Contents<'_> {}

#[cfg(test)]
mod tests;
