//! The task of one connection: bytes and time in, bytes out.
//!
//! One future polled by hand instead of a loop over `select!`: every source is asked in one fixed
//! order, what a read produces leaves in the same poll, and an idle connection holds no buffers.
//! That is one `recv` and one `send` for a message that arrives alone, and no third system call.
//!
//! **Invariant:** the task waits only after a round in which nothing happened. Such a round has
//! asked every source that may wake it, so nothing can be missed in between.

#[cfg(test)]
mod tests;

use std::future::Future;
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use broker::{Batch, Broker, Outbox};
use bytes::Buf;
use codec::OutBuf;
use session::{Connection, Peer, Turn};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::alarm::Alarm;
use crate::clock;
use crate::connections::{Seat, Stage};
use crate::gather::Gather;
use crate::hang_up::{HangUp, Lookout};
use crate::inbound::{Inbound, poll_discard};

/// Rounds of one poll before others get a turn. Reads of 128 KiB each, they fill half of an outbox:
/// with 16 a publisher filled it twice over before its consumer was asked, and what came then had to
/// wait in the queue, which costs twice as much as passing it on.
const IO_ROUNDS_MAX: usize = 4;

/// Pieces of one vectored write; large bodies are pieces of their own.
const WRITE_SLICES_MAX: usize = 64;

/// How long the last bytes to a client may take after its connection has ended.
const FLUSH_TIME_MAX: Duration = Duration::from_secs(3);

/// How long we wait for the client to hang up after the last byte. Closing a socket with unread
/// input resets it, and the reset can overtake the reply that says why.
const LINGER_TIME_MAX: Duration = Duration::from_secs(1);

/// Bytes thrown away meanwhile.
const LINGER_BYTES_MAX: usize = 1024 * 1024;

/// Drives one connection from accept to close.
pub(crate) struct Driver<S> {
    stream: S,
    peer: SocketAddr,
    seat: Seat,
    broker: Arc<Broker>,
    /// Our name among those who wait for commits.
    commit_key: u64,
    phase: Phase,
    inbound: Inbound,
    out: OutBuf,
    /// The stream has taken bytes that may still be in it: TLS has a buffer of its own.
    unflushed: bool,
    alarm: Alarm,
    gather: Gather,
}

enum Phase {
    /// The protocol is spoken.
    Open(Box<Open>),
    /// It is over; what is left in the output buffer goes out.
    Flushing { until: Instant, hung_up: bool },
    /// All is out; the client may read it before the socket closes.
    Lingering { until: Instant, bytes_left: usize },
}

struct Open {
    session: Connection,
    outbox: Arc<Outbox>,
    batch: Batch,
    told_to_close: bool,
    lookout: Lookout,
}

/// What one round came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Round {
    /// Something happened; something else may have become possible.
    Progress,
    /// Nothing happened, and every source will wake the task.
    Waiting,
    /// The connection is over.
    Ended,
}

/// What became of the session in a round.
enum Fate {
    Lives,
    /// Finished by its own protocol.
    Finished,
    /// The client hung up, or its socket failed.
    HungUp,
}

impl<S: AsyncRead + AsyncWrite + HangUp + Unpin> Driver<S> {
    /// A driver for `stream`, whose next byte is the first one of AMQP. `address` is the client's,
    /// for the log.
    pub(crate) fn new(
        stream: S,
        address: SocketAddr,
        peer: Peer,
        seat: Seat,
        broker: Arc<Broker>,
    ) -> Self {
        let session = Connection::new(Arc::clone(&broker), peer, clock::now());
        let outbox = Arc::clone(session.outbox());
        Self {
            stream,
            peer: address,
            seat,
            commit_key: broker.next_connection_id().0,
            broker,
            phase: Phase::Open(Box::new(Open {
                session,
                outbox,
                batch: Batch::default(),
                told_to_close: false,
                lookout: Lookout::default(),
            })),
            inbound: Inbound::default(),
            out: OutBuf::new(),
            unflushed: false,
            alarm: Alarm::default(),
            gather: Gather::default(),
        }
    }

    fn is_busy(&self) -> bool {
        matches!(&self.phase, Phase::Open(open) if open.session.is_busy())
    }

    /// Others shall have their turn first: they may have more for this client.
    fn gathers(&mut self, now: Instant) -> bool {
        match &self.phase {
            Phase::Open(open) if self.out.is_empty() => self.gather.waits(open.outbox.bytes(), now),
            _ => false,
        }
    }

    fn round(&mut self, cx: &mut Context<'_>, now: Instant) -> Round {
        let stage = self.seat.stage(cx);
        if stage == Stage::Aborting {
            return Round::Ended;
        }
        match self.phase {
            Phase::Open(_) => self.talk(cx, now, stage),
            Phase::Flushing { until, hung_up } => {
                self.flush(cx, now, until, hung_up || stage == Stage::Closing)
            }
            Phase::Lingering { until, bytes_left } => self.linger(cx, now, until, bytes_left),
        }
    }

    /// One turn of the session, then one write.
    fn talk(&mut self, cx: &mut Context<'_>, now: Instant, stage: Stage) -> Round {
        let Phase::Open(open) = &mut self.phase else {
            return Round::Ended;
        };
        let has_room = self.out.has_room();
        let rested = open.session.poll_rested(cx).is_ready();
        let reads = rested && open.session.wants_input(&self.out);
        let mut turn = Turn::new(now, &mut self.out);
        let mut progress = false;
        if stage == Stage::Closing && !open.told_to_close {
            open.told_to_close = true;
            open.session.close_for_shutdown(&mut turn);
            progress = true;
        }
        let look = open.lookout.watch(open.session.is_blocked(), now);
        let deadline = [open.session.deadline(), look].into_iter().flatten().min();
        if self.alarm.poll_due(cx, deadline, now) {
            open.session.tick(&mut turn);
            progress = true;
        }
        if has_room && open.outbox.poll_take(cx, &mut open.batch).is_ready() {
            open.session.deliver(&mut open.batch, &mut turn);
            open.batch.release();
            progress = true;
        }
        if let Some(after) = open.session.awaits_commit()
            && let Poll::Ready(upto) =
                self.broker
                    .commits()
                    .poll_committed(cx, self.commit_key, after)
        {
            open.session.committed(upto, &mut turn);
            progress = true;
        }
        let mut fate = Fate::Lives;
        if open.lookout.is_due(now) && self.stream.has_hung_up(cx) {
            // What it sent and we did not read goes with it: no confirm was promised for that.
            tracing::debug!(peer = %self.peer, "socket closed while the client was blocked");
            open.session.peer_closed(&mut turn);
            fate = Fate::HungUp;
        } else if reads {
            match open.read(&mut self.inbound, &mut self.stream, cx, &mut turn) {
                Poll::Ready(Ok(())) => progress = true,
                Poll::Ready(Err(error)) => {
                    tracing::debug!(peer = %self.peer, "socket closed: {error}");
                    open.session.peer_closed(&mut turn);
                    fate = Fate::HungUp;
                }
                Poll::Pending => {}
            }
        }
        open.session.finish(turn);
        if matches!(fate, Fate::Lives) && open.session.is_finished() {
            fate = Fate::Finished;
        }
        match fate {
            Fate::Lives => self.write(cx, now, progress),
            Fate::Finished => self.leave(now, false),
            Fate::HungUp => self.leave(now, true),
        }
    }

    /// Writes what the turn has produced.
    fn write(&mut self, cx: &mut Context<'_>, now: Instant, progress: bool) -> Round {
        if self.out.is_empty() && !self.unflushed {
            return if progress {
                Round::Progress
            } else {
                Round::Waiting
            };
        }
        match self.poll_write(cx) {
            Poll::Ready(Ok(())) => Round::Progress,
            Poll::Pending if progress => Round::Progress,
            Poll::Pending => Round::Waiting,
            Poll::Ready(Err(error)) => {
                tracing::debug!(peer = %self.peer, "socket closed: {error}");
                if let Phase::Open(open) = &mut self.phase {
                    let mut turn = Turn::new(now, &mut self.out);
                    open.session.peer_closed(&mut turn);
                    open.session.finish(turn);
                }
                Round::Ended
            }
        }
    }

    /// Ends the session, before its last bytes go out: a client that has read close-ok finds its
    /// exclusive queues gone and its messages back in their queues.
    fn leave(&mut self, now: Instant, hung_up: bool) -> Round {
        self.phase = Phase::Flushing {
            until: now + FLUSH_TIME_MAX,
            hung_up,
        };
        self.inbound = Inbound::default();
        Round::Progress
    }

    fn flush(
        &mut self,
        cx: &mut Context<'_>,
        now: Instant,
        until: Instant,
        hung_up: bool,
    ) -> Round {
        if self.alarm.poll_due(cx, Some(until), now) {
            return Round::Ended;
        }
        if !self.out.is_empty() {
            return match self.poll_write(cx) {
                Poll::Ready(Ok(())) => Round::Progress,
                Poll::Ready(Err(_)) => Round::Ended,
                Poll::Pending => Round::Waiting,
            };
        }
        match Pin::new(&mut self.stream).poll_shutdown(cx) {
            Poll::Ready(Ok(())) if !hung_up => {
                self.phase = Phase::Lingering {
                    until: now + LINGER_TIME_MAX,
                    bytes_left: LINGER_BYTES_MAX,
                };
                Round::Progress
            }
            Poll::Ready(_) => Round::Ended,
            Poll::Pending => Round::Waiting,
        }
    }

    fn linger(
        &mut self,
        cx: &mut Context<'_>,
        now: Instant,
        until: Instant,
        bytes_left: usize,
    ) -> Round {
        if self.alarm.poll_due(cx, Some(until), now) {
            return Round::Ended;
        }
        match poll_discard(&mut self.stream, cx) {
            Poll::Pending => Round::Waiting,
            Poll::Ready(Ok(read)) if read > 0 && read < bytes_left => {
                self.phase = Phase::Lingering {
                    until,
                    bytes_left: bytes_left - read,
                };
                Round::Progress
            }
            Poll::Ready(_) => Round::Ended,
        }
    }

    /// Writes once, and flushes behind the last byte. A socket has nothing to flush, and that
    /// costs nothing.
    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.out.is_empty() {
            ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
            self.unflushed = false;
            return Poll::Ready(Ok(()));
        }
        let mut slices = [IoSlice::new(&[]); WRITE_SLICES_MAX];
        let count = self.out.chunks_vectored(&mut slices);
        let stream = Pin::new(&mut self.stream);
        let written = ready!(match &slices[..count] {
            // One buffer, as nearly always: the kernel has less to do.
            [bytes] => stream.poll_write(cx, bytes),
            several => stream.poll_write_vectored(cx, several),
        })?;
        if written == 0 {
            return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
        }
        self.out.advance(written);
        self.unflushed = true;
        if self.out.is_empty()
            && let Poll::Ready(flushed) = Pin::new(&mut self.stream).poll_flush(cx)
        {
            flushed?;
            self.unflushed = false;
        }
        Poll::Ready(Ok(()))
    }
}

impl Open {
    /// Parses what a turn out of budget has left, or else reads once. An end of the stream is the
    /// error `UnexpectedEof`.
    fn read<S: AsyncRead + Unpin>(
        &mut self,
        inbound: &mut Inbound,
        stream: &mut S,
        cx: &mut Context<'_>,
        turn: &mut Turn<'_>,
    ) -> Poll<io::Result<()>> {
        if self.session.has_input_left() {
            let parsed = inbound.parse_again(|input| self.session.receive(input, turn));
            // A method can be so much work that it takes turns without being done.
            if parsed > 0 || self.session.has_input_left() {
                return Poll::Ready(Ok(()));
            }
        }
        match ready!(inbound.poll_read(stream, cx, |input| self.session.receive(input, turn)))? {
            0 => Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into())),
            _ => Poll::Ready(Ok(())),
        }
    }
}

impl<S: AsyncRead + AsyncWrite + HangUp + Unpin> Future for Driver<S> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let now = clock::now();
        if self.gathers(now) {
            let _pending = pin!(tokio::task::yield_now()).poll(cx);
            return Poll::Pending;
        }
        for _ in 0..IO_ROUNDS_MAX {
            match self.round(cx, now) {
                Round::Progress if self.is_busy() => {
                    // Behind the sockets of the others, not only behind those that are awake.
                    let _pending = pin!(tokio::task::yield_now()).poll(cx);
                    return Poll::Pending;
                }
                Round::Progress => {}
                Round::Waiting => {
                    self.out.shrink_if_empty();
                    return Poll::Pending;
                }
                Round::Ended => return Poll::Ready(()),
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl<S> Drop for Driver<S> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            tracing::error!(peer = %self.peer, "connection ended by a fault of the broker");
        }
        self.broker.commits().forget(self.commit_key);
    }
}
