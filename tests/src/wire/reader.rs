//! Reading the arguments of a method or a content header, field by field.

use super::value::{Value, entries};

/// A cursor over received bytes; running past the end fails the test.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Whether everything has been read.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The next `n` bytes.
    pub fn take(&mut self, n: usize) -> &'a [u8] {
        let (head, rest) = self.rest.split_at(n);
        self.rest = rest;
        head
    }

    fn array<const N: usize>(&mut self) -> [u8; N] {
        self.take(N).try_into().unwrap()
    }

    /// One byte.
    pub fn octet(&mut self) -> u8 {
        self.take(1)[0]
    }

    /// 16 bits.
    pub fn short(&mut self) -> u16 {
        u16::from_be_bytes(self.array())
    }

    /// 32 bits.
    pub fn long(&mut self) -> u32 {
        u32::from_be_bytes(self.array())
    }

    /// 64 bits.
    pub fn longlong(&mut self) -> u64 {
        u64::from_be_bytes(self.array())
    }

    /// A string behind an 8-bit length.
    pub fn shortstr(&mut self) -> String {
        let len = usize::from(self.octet());
        String::from_utf8(self.take(len).to_vec()).unwrap()
    }

    /// Bytes behind a 32-bit length.
    pub fn longstr(&mut self) -> &'a [u8] {
        let len = usize::try_from(self.long()).unwrap();
        self.take(len)
    }

    /// A field table.
    pub fn table(&mut self) -> Vec<(String, Value)> {
        entries(self.longstr())
    }
}
