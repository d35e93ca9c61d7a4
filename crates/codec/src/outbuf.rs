//! Bytes waiting to be written to one connection.

use std::collections::VecDeque;
use std::io::IoSlice;

use bytes::{Buf, Bytes};

/// Bytes above which a connection should stop encoding deliveries until some are written. Enough to
/// keep a fast peer's socket full between two turns.
pub const OUTPUT_SOFT_MAX: usize = 256 * 1024;

/// Bytes above which a connection has to be given up: replies and returns are encoded regardless of
/// [`OUTPUT_SOFT_MAX`], and a peer that asks without reading must not cost memory without bound.
pub const OUTPUT_HARD_MAX: usize = 8 * 1024 * 1024;

/// Pieces of at least this many bytes are shared, smaller ones copied: one more entry in a vectored
/// write costs about as much as copying this.
pub const OUTPUT_SHARE_MIN: usize = 4 * 1024;

/// Bytes of capacity that an idle connection may keep. A small message or reply fits, so that those
/// do not allocate each time; for what is larger that is little beside the copying, while there are
/// thousands of idle connections.
pub const OUTPUT_IDLE_MAX: usize = 256;

/// Written bytes at the front of the copied ones that are worth moving the others for.
const COMPACT_MIN: usize = 32 * 1024;

/// A queue of bytes, copied or shared. Read it as [`bytes::Buf`].
///
/// All copied bytes are in one buffer; a shared piece remembers which of them it goes in front of.
#[derive(Debug, Default)]
pub struct OutBuf {
    copied: Vec<u8>,
    /// How many of `copied` are written already.
    written: usize,
    shared: VecDeque<Shared>,
    /// Bytes of all of `shared`.
    shared_len: usize,
}

#[derive(Debug)]
struct Shared {
    /// Offset in `copied` of the byte that comes after this piece.
    before: usize,
    bytes: Bytes,
}

impl OutBuf {
    /// Holds no memory until something is put.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends a copy.
    #[inline]
    pub fn put_slice(&mut self, bytes: &[u8]) {
        self.tail_mut().extend_from_slice(bytes);
    }

    /// Appends an octet.
    #[inline]
    pub fn put_u8(&mut self, value: u8) {
        self.tail_mut().push(value);
    }

    /// Appends a short integer in network order.
    #[inline]
    pub fn put_u16(&mut self, value: u16) {
        self.put_slice(&value.to_be_bytes());
    }

    /// Appends a long integer in network order.
    #[inline]
    pub fn put_u32(&mut self, value: u32) {
        self.put_slice(&value.to_be_bytes());
    }

    /// Appends a long long integer in network order.
    #[inline]
    pub fn put_u64(&mut self, value: u64) {
        self.put_slice(&value.to_be_bytes());
    }

    /// Appends bytes without copying them, if they are [`OUTPUT_SHARE_MIN`] or more.
    pub fn put_shared(&mut self, bytes: Bytes) {
        if bytes.len() < OUTPUT_SHARE_MIN {
            return self.put_slice(&bytes);
        }
        self.shared_len += bytes.len();
        self.shared.push_back(Shared {
            before: self.copied.len(),
            bytes,
        });
    }

    /// Bytes waiting.
    #[inline]
    pub fn len(&self) -> usize {
        self.copied.len() - self.written + self.shared_len
    }

    /// Nothing waits.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Deliveries may be encoded: less than [`OUTPUT_SOFT_MAX`] waits.
    #[inline]
    pub fn has_room(&self) -> bool {
        self.len() < OUTPUT_SOFT_MAX
    }

    /// The peer has let more than [`OUTPUT_HARD_MAX`] pile up.
    #[inline]
    pub fn over_hard_limit(&self) -> bool {
        self.len() > OUTPUT_HARD_MAX
    }

    /// Makes room for so many bytes at once, at most [`OUTPUT_SOFT_MAX`]: to grow step by step is
    /// to copy what is there each time.
    pub fn expect(&mut self, bytes: usize) {
        self.copied.reserve(bytes.min(OUTPUT_SOFT_MAX));
    }

    /// Gives memory back if nothing waits, but for [`OUTPUT_IDLE_MAX`] bytes. For a connection that
    /// goes quiet.
    pub fn shrink_if_empty(&mut self) {
        if !self.is_empty() {
            return;
        }
        if self.copied.capacity() > OUTPUT_IDLE_MAX {
            self.copied = Vec::new();
            self.written = 0;
        }
        if self.shared.capacity() > 0 {
            self.shared = VecDeque::new();
        }
    }

    /// The copied bytes, to be appended to, or changed where just appended.
    #[inline]
    pub(crate) fn tail_mut(&mut self) -> &mut Vec<u8> {
        if self.written >= COMPACT_MIN {
            self.compact();
        }
        &mut self.copied
    }

    /// Drops written bytes once they are more than those that wait, which makes moving the latter
    /// cheap in the long run.
    fn compact(&mut self) {
        let written = self.written;
        if written < self.copied.len() - written {
            return;
        }
        self.copied.drain(..written);
        self.written = 0;
        for piece in &mut self.shared {
            piece.before -= written;
        }
    }

    /// The copied bytes up to the next shared piece.
    #[inline]
    fn run(&self) -> &[u8] {
        let end = self
            .shared
            .front()
            .map_or(self.copied.len(), |piece| piece.before);
        &self.copied[self.written..end]
    }
}

impl Buf for OutBuf {
    #[inline]
    fn remaining(&self) -> usize {
        self.len()
    }

    #[inline]
    fn chunk(&self) -> &[u8] {
        let run = self.run();
        match self.shared.front() {
            Some(piece) if run.is_empty() => &piece.bytes,
            _ => run,
        }
    }

    fn chunks_vectored<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        let mut filled = 0;
        let mut at = self.written;
        for piece in &self.shared {
            filled += put(&mut slices[filled..], &self.copied[at..piece.before]);
            filled += put(&mut slices[filled..], &piece.bytes);
            if filled == slices.len() {
                return filled;
            }
            at = piece.before;
        }
        filled + put(&mut slices[filled..], &self.copied[at..])
    }

    fn advance(&mut self, mut count: usize) {
        assert!(count <= self.len(), "advanced past the end");
        while count > 0 {
            let run = self.run().len();
            if run > 0 {
                let step = count.min(run);
                self.written += step;
                count -= step;
                continue;
            }
            let Some(piece) = self.shared.front_mut() else {
                break;
            };
            let step = count.min(piece.bytes.len());
            piece.bytes.advance(step);
            self.shared_len -= step;
            count -= step;
            if piece.bytes.is_empty() {
                self.shared.pop_front();
            }
        }
        if self.is_empty() {
            self.copied.clear();
            self.written = 0;
        }
    }
}

/// Puts `bytes` into the first slot, unless there are none of either; how many slots that took.
fn put<'a>(slots: &mut [IoSlice<'a>], bytes: &'a [u8]) -> usize {
    match slots.first_mut() {
        Some(slot) if !bytes.is_empty() => {
            *slot = IoSlice::new(bytes);
            1
        }
        _ => 0,
    }
}

#[cfg(test)]
mod tests;
