//! Reading without a buffer per connection.
//!
//! Bytes are read into a buffer that all connections of a worker thread share, and parsed there.
//! Only what the parser leaves, the beginning of a frame, is kept with the connection. An idle
//! connection therefore holds no buffer at all (2 KB instead of 6 in the whole).

use std::cell::Cell;
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, ReadBuf};

/// Bytes of one read. Between 32 and 256 KiB no difference could be measured; 128 KiB takes one
/// frame of the default `frame_max` whole.
const READ_BYTES_MAX: usize = 128 * 1024;

/// A beginning up to this size is copied in front of the next read. A longer one, part of a large
/// body, stays where it is and is read on to: it would otherwise be copied twice.
const COPIED_BYTES_MAX: usize = 16 * 1024;

thread_local! {
    /// `None` while it is lent out, and before the first read of the thread.
    static SCRATCH: Cell<Option<Box<[u8]>>> = const { Cell::new(None) };
}

/// The unparsed rest of one connection's input.
#[derive(Default)]
pub(crate) struct Inbound {
    rest: BytesMut,
}

impl Inbound {
    /// Reads once and shows `parse` all that has not been parsed yet; it answers with how much of
    /// that it has taken. Ready with the bytes read; 0 is the end of the stream.
    pub(crate) fn poll_read<S: AsyncRead + Unpin>(
        &mut self,
        stream: &mut S,
        cx: &mut Context<'_>,
        parse: impl FnOnce(&[u8]) -> usize,
    ) -> Poll<io::Result<usize>> {
        if self.rest.len() <= COPIED_BYTES_MAX {
            with_scratch(|scratch| self.read_shared(scratch, stream, cx, parse))
        } else {
            self.read_on(stream, cx, parse)
        }
    }

    /// Shows `parse` the rest once more, without reading: it stopped before a whole frame.
    pub(crate) fn parse_again(&mut self, parse: impl FnOnce(&[u8]) -> usize) -> usize {
        let parsed = parse(&self.rest).min(self.rest.len());
        self.take(parsed);
        parsed
    }

    fn read_shared<S: AsyncRead + Unpin>(
        &mut self,
        scratch: &mut [u8],
        stream: &mut S,
        cx: &mut Context<'_>,
        parse: impl FnOnce(&[u8]) -> usize,
    ) -> Poll<io::Result<usize>> {
        let kept = self.rest.len();
        let mut space = ReadBuf::new(&mut scratch[kept..]);
        ready!(Pin::new(stream).poll_read(cx, &mut space))?;
        let read = space.filled().len();
        if read > 0 {
            scratch[..kept].copy_from_slice(&self.rest);
            let input = &scratch[..kept + read];
            let parsed = parse(input).min(input.len());
            self.keep(&input[parsed..]);
        }
        Poll::Ready(Ok(read))
    }

    fn read_on<S: AsyncRead + Unpin>(
        &mut self,
        stream: &mut S,
        cx: &mut Context<'_>,
        parse: impl FnOnce(&[u8]) -> usize,
    ) -> Poll<io::Result<usize>> {
        self.rest.reserve(READ_BYTES_MAX);
        // The future holds nothing between polls, so making it anew each time loses nothing.
        let read = ready!(pin!(stream.read_buf(&mut self.rest)).poll(cx))?;
        if read > 0 {
            self.parse_again(parse);
        }
        Poll::Ready(Ok(read))
    }

    fn keep(&mut self, rest: &[u8]) {
        if rest.is_empty() {
            self.rest = BytesMut::new();
        } else {
            self.rest.clear();
            self.rest.extend_from_slice(rest);
        }
    }

    fn take(&mut self, parsed: usize) {
        if parsed == self.rest.len() {
            self.rest = BytesMut::new();
        } else {
            self.rest.advance(parsed);
        }
    }
}

/// Reads and forgets. Ready with the bytes read; 0 is the end of the stream.
pub(crate) fn poll_discard<S: AsyncRead + Unpin>(
    stream: &mut S,
    cx: &mut Context<'_>,
) -> Poll<io::Result<usize>> {
    with_scratch(|scratch| {
        let mut space = ReadBuf::new(scratch);
        ready!(Pin::new(stream).poll_read(cx, &mut space))?;
        Poll::Ready(Ok(space.filled().len()))
    })
}

/// Lends the thread's buffer. Lent twice at once (it is not), the inner one would be made anew.
fn with_scratch<T>(body: impl FnOnce(&mut [u8]) -> T) -> T {
    SCRATCH.with(|cell| {
        let mut scratch = cell
            .take()
            .unwrap_or_else(|| vec![0; READ_BYTES_MAX].into_boxed_slice());
        let result = body(&mut scratch);
        cell.set(Some(scratch));
        result
    })
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use tokio::io::AsyncWriteExt;

    use super::*;

    /// Frames here are a length in four bytes and as many bytes. Takes whole ones.
    fn parse(input: &[u8], frames: &mut Vec<Vec<u8>>) -> usize {
        let mut taken = 0;
        while let Some((head, rest)) = input[taken..].split_first_chunk::<4>() {
            let size = u32::from_be_bytes(*head) as usize;
            let Some(frame) = rest.get(..size) else { break };
            frames.push(frame.to_vec());
            taken += 4 + size;
        }
        taken
    }

    /// Sends `frames` in pieces of `piece` bytes and returns what was parsed.
    async fn through(frames: &[Vec<u8>], piece: usize) -> (Vec<Vec<u8>>, Inbound) {
        let wire: Vec<u8> = frames
            .iter()
            .flat_map(|frame| {
                [
                    &u32::try_from(frame.len()).unwrap().to_be_bytes()[..],
                    frame,
                ]
                .concat()
            })
            .collect();
        let (mut theirs, mut ours) = tokio::io::duplex(piece);
        let writer = tokio::spawn(async move { theirs.write_all(&wire).await });
        let (mut inbound, mut parsed) = (Inbound::default(), Vec::new());
        while poll_fn(|cx| inbound.poll_read(&mut ours, cx, |input| parse(input, &mut parsed)))
            .await
            .unwrap()
            > 0
        {}
        writer.await.unwrap().unwrap();
        (parsed, inbound)
    }

    fn frames(sizes: &[usize]) -> Vec<Vec<u8>> {
        sizes
            .iter()
            .map(|&size| (0..size).map(|i| (i % 251) as u8).collect())
            .collect()
    }

    #[tokio::test]
    async fn frames_arrive_whole_however_they_are_cut() {
        let small = frames(&[0, 1, 5, 300]);
        for piece in 1..=320 {
            assert_eq!(
                through(&small, piece).await.0,
                small,
                "in pieces of {piece}"
            );
        }
    }

    #[tokio::test]
    async fn frames_larger_than_what_is_copied_and_than_one_read_arrive_whole() {
        let large = frames(&[
            COPIED_BYTES_MAX,
            20_000,
            3,
            READ_BYTES_MAX,
            3 * READ_BYTES_MAX + 1,
            7,
        ]);
        for piece in [1_000, 4_096, 65_536, 10_000_000] {
            assert!(
                through(&large, piece).await.0 == large,
                "in pieces of {piece}"
            );
        }
    }

    #[tokio::test]
    async fn nothing_is_held_once_all_is_parsed() {
        for sizes in [&[5, 70_000][..], &[400_000], &[1, 2, 3]] {
            let (_, inbound) = through(&frames(sizes), 1_000).await;
            assert_eq!(inbound.rest.capacity(), 0);
        }
    }

    #[tokio::test]
    async fn what_a_parser_left_is_offered_again() {
        let (mut theirs, mut ours) = tokio::io::duplex(64);
        theirs.write_all(b"abcdef").await.unwrap();
        let mut inbound = Inbound::default();
        poll_fn(|cx| inbound.poll_read(&mut ours, cx, |_| 2))
            .await
            .unwrap();
        let mut seen = Vec::new();
        assert_eq!(
            inbound.parse_again(|input| {
                seen.extend_from_slice(input);
                3
            }),
            3
        );
        assert_eq!(seen, b"cdef");
        inbound.parse_again(|input| {
            assert_eq!(input, b"f");
            99
        });
        assert_eq!(inbound.rest.capacity(), 0);
    }

    #[tokio::test]
    async fn discarding_reports_the_end() {
        let (mut theirs, mut ours) = tokio::io::duplex(64);
        theirs.write_all(b"abc").await.unwrap();
        drop(theirs);
        assert_eq!(poll_fn(|cx| poll_discard(&mut ours, cx)).await.unwrap(), 3);
        assert_eq!(poll_fn(|cx| poll_discard(&mut ours, cx)).await.unwrap(), 0);
    }
}
