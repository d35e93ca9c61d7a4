//! A connection as the driver sees it: bytes, deliveries, commits and time in; frames out.

mod channels;
mod deliver;
mod finish;
mod release;
mod running;
mod slots;
mod template;
mod throttle;

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use broker::{Batch, Broker, ConnectionId, Outbox, Ticket};
use codec::{
    AMQPClass, FRAME_MIN_SIZE, OutBuf, connection, decode_frame, decode_method, encode_method,
};
use tracing::{info, warn};

use crate::client::Client;
use crate::close::{Close, Fault, Violation};
use crate::connection::running::{Ended, Running};
use crate::handshake::{Handshake, Place, Progress, send};
use crate::heartbeat::Beat;
use crate::limits::{CLOSE_TIMEOUT_LONG, CLOSE_TIMEOUT_SHORT, WRITE_STALL_MAX};
use crate::peer::Peer;
use crate::turn::Turn;

/// One AMQP connection without its socket.
///
/// Every call is one event of a [`Turn`], which ends with [`Self::finish`]. Nothing here
/// blocks, and no error comes back: what the client did wrong becomes a close in the output.
///
/// ```text
///   Handshake ---> Running ---> Closing ---> Finished
///        \____________\___________________________/
/// ```
pub struct Connection {
    broker: Arc<Broker>,
    peer: Peer,
    id: ConnectionId,
    outbox: Arc<Outbox>,
    phase: Phase,
    /// Whole frames were left in the input when the turn's budget ended.
    input_left: bool,
    /// When the last turn was.
    now: Instant,
}

enum Phase {
    Handshake(Handshake),
    Running(Box<Running>),
    /// Our close has been sent, or there will be none; the client's answer, or the end of
    /// its patience, is all that is waited for.
    Closing(Closing),
    Finished,
}

struct Closing {
    deadline: Instant,
    /// The input can't be told into frames any more.
    garbled: bool,
    frame_max: u32,
}

/// `connection.close-ok` as a frame, to recognise the end of garbled input.
const CLOSE_OK_FRAME: [u8; 12] = [1, 0, 0, 0, 0, 0, 4, 0, 10, 0, 51, codec::FRAME_END];

impl Connection {
    /// A connection that was accepted at `now`.
    pub fn new(broker: Arc<Broker>, peer: Peer, now: Instant) -> Self {
        let phase = Phase::Handshake(Handshake::new(&broker, now));
        let (id, outbox) = (broker.next_connection_id(), Outbox::new());
        info!(%peer, "connection accepted");
        Self {
            broker,
            peer,
            id,
            outbox,
            phase,
            input_left: false,
            now,
        }
    }

    /// Takes whole frames off `input` and says how many bytes they were. Stops after about
    /// [`TURN_INPUT_BYTES_MAX`](crate::limits::TURN_INPUT_BYTES_MAX); see
    /// [`Self::has_input_left`]. What is left has to be offered again, with more behind it.
    pub fn receive(&mut self, input: &[u8], turn: &mut Turn<'_>) -> usize {
        self.now = turn.now;
        self.input_left = false;
        let mut used = 0;
        while used < input.len() {
            let rest = &input[used..];
            let step = match &mut self.phase {
                Phase::Handshake(_) => self.receive_handshake(rest, turn),
                Phase::Running(running) => {
                    let received = running.receive(rest, turn);
                    self.input_left = received.left;
                    match received.ended {
                        Some(ended) => self.ended(ended, turn),
                        None => {
                            self.check_forced(turn);
                            return used + received.used;
                        }
                    }
                    received.used
                }
                Phase::Closing(_) => self.receive_closing(rest, turn),
                Phase::Finished => rest.len(),
            };
            if step == 0 && !matches!(self.phase, Phase::Finished | Phase::Closing(_)) {
                break;
            }
            if step == 0 && matches!(&self.phase, Phase::Closing(closing) if !closing.garbled) {
                break;
            }
            used += step;
        }
        used
    }

    /// `receive` stopped at its budget, or because too much waited for commits that have
    /// come since: offer it the rest again before waiting for more.
    #[must_use]
    pub fn has_input_left(&self) -> bool {
        self.input_left && !matches!(&self.phase, Phase::Running(running) if running.is_held_up())
    }

    /// So much is to be done that others should have their turn before it goes on.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        matches!(&self.phase, Phase::Running(running) if running.is_settling)
    }

    /// Sends what has arrived in the outbox, and empties `batch`.
    pub fn deliver(&mut self, batch: &mut Batch, turn: &mut Turn<'_>) {
        self.now = turn.now;
        match &mut self.phase {
            Phase::Running(running) => running.deliver(batch, turn),
            // Everything was put back when it stopped running.
            Phase::Handshake(_) | Phase::Closing(_) | Phase::Finished => batch.clear(),
        }
        self.check_forced(turn);
    }

    /// Everything up to `upto` is on the disk: confirms and replies that waited can go.
    pub fn committed(&mut self, upto: Ticket, turn: &mut Turn<'_>) {
        self.now = turn.now;
        let Phase::Running(running) = &mut self.phase else {
            return;
        };
        if let Err(ended) = running.committed(upto, turn) {
            self.ended(ended, turn);
        }
        self.check_forced(turn);
    }

    /// The lowest ticket that something here waits for.
    #[must_use]
    pub fn awaits_commit(&self) -> Option<Ticket> {
        match &self.phase {
            Phase::Running(running) => running.awaits_commit(),
            Phase::Handshake(_) | Phase::Closing(_) | Phase::Finished => None,
        }
    }

    /// Time has passed. To be called at [`Self::deadline`], or whenever it suits.
    pub fn tick(&mut self, turn: &mut Turn<'_>) {
        self.now = turn.now;
        match &mut self.phase {
            Phase::Handshake(handshake) if turn.now >= handshake.deadline => {
                info!(peer = %self.peer, "connection closed: the handshake took too long");
                self.phase = Phase::Finished;
            }
            Phase::Closing(closing) if turn.now >= closing.deadline => self.phase = Phase::Finished,
            Phase::Running(running) if running.is_stalled(turn.now) => {
                let unread = turn.out.len();
                warn!(peer = %self.peer, user = %running.user(), vhost = %running.vhost(), "connection closed: the client has read nothing for {} s while {unread} bytes wait for it", WRITE_STALL_MAX.as_secs());
                self.release(turn);
            }
            Phase::Running(running) => match (running.tick(turn), running.check_ages(turn)) {
                (Beat::Dead, _) => {
                    info!(peer = %self.peer, user = %running.user(), vhost = %running.vhost(), "connection closed: missed heartbeats from client");
                    self.release(turn);
                }
                (_, Err(ended)) => self.ended(ended, turn),
                (Beat::Rest | Beat::Send, Ok(())) => {}
            },
            Phase::Handshake(_) | Phase::Closing(_) | Phase::Finished => {}
        }
    }

    /// When [`Self::tick`] has to be called next.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        match &self.phase {
            Phase::Handshake(handshake) => Some(handshake.deadline),
            Phase::Running(running) => running.deadline(),
            Phase::Closing(closing) => Some(closing.deadline),
            Phase::Finished => None,
        }
    }

    /// The end of the turn: publishes and settlements go to their queues, confirms to the
    /// client, counters to where they are read, and then whoever has got something wakes.
    pub fn finish(&mut self, mut turn: Turn<'_>) {
        if let Phase::Running(running) = &mut self.phase {
            running.finish(&mut turn);
        }
        turn.wakes.flush();
    }

    /// Pending while a consumer's connection has yet to take what this client has published; at
    /// most [`REST_TIME_MAX`](crate::limits::REST_TIME_MAX), then a [`Self::tick`] ends it. The
    /// socket should not be read before.
    pub fn poll_rested(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match &mut self.phase {
            Phase::Running(running) => running.poll_rested(cx),
            Phase::Handshake(_) | Phase::Closing(_) | Phase::Finished => Poll::Ready(()),
        }
    }

    /// Whether the socket should be read. No, while the client doesn't read what it is sent,
    /// while the store can't keep up with what it publishes, while too much of what it asked
    /// for waits for the disk, or while an alarm keeps it from publishing more.
    #[must_use]
    pub fn wants_input(&self, out: &OutBuf) -> bool {
        match &self.phase {
            Phase::Running(running) => running.wants_input(out),
            Phase::Handshake(_) | Phase::Closing(_) => true,
            Phase::Finished => false,
        }
    }

    /// An alarm keeps the client from publishing: what it sends stays in the socket, and so does
    /// the end of it. Look whether it has hung up.
    #[must_use]
    pub fn is_blocked(&self) -> bool {
        matches!(&self.phase, Phase::Running(running) if running.is_blocked())
    }

    /// Nothing more will come: write the rest of the output and close the socket.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        matches!(self.phase, Phase::Finished)
    }

    /// The broker stops: 320 CONNECTION_FORCED.
    pub fn close_for_shutdown(&mut self, turn: &mut Turn<'_>) {
        self.now = turn.now;
        match &self.phase {
            Phase::Running(_) => {
                let reason = "broker forced connection closure with reason 'shutdown'".to_owned();
                self.fail(&Violation::Forced(reason).into(), (0, 0), turn);
            }
            Phase::Handshake(_) => self.phase = Phase::Finished,
            Phase::Closing(_) | Phase::Finished => {}
        }
    }

    /// The client has closed the socket, or it has failed.
    pub fn peer_closed(&mut self, turn: &mut Turn<'_>) {
        self.now = turn.now;
        match &self.phase {
            Phase::Running(running) => {
                info!(peer = %self.peer, user = %running.user(), vhost = %running.vhost(), "connection closed: the client closed the socket without connection.close");
            }
            Phase::Handshake(_) => info!(peer = %self.peer, "connection closed before it was open"),
            Phase::Closing(_) | Phase::Finished => {}
        }
        self.release(turn);
    }

    /// Where others put what is meant for this connection.
    #[must_use]
    pub fn outbox(&self) -> &Arc<Outbox> {
        &self.outbox
    }

    fn receive_handshake(&mut self, input: &[u8], turn: &mut Turn<'_>) -> usize {
        let Phase::Handshake(handshake) = &mut self.phase else {
            return 0;
        };
        let place = Place {
            broker: &self.broker,
            peer: &self.peer,
            id: self.id,
            outbox: &self.outbox,
            now: turn.now,
        };
        match handshake.receive(input, &place, turn.out) {
            Progress::Used(used) => return used,
            Progress::Opened(used, client) => {
                self.opened(*client, turn);
                return used;
            }
            Progress::Hangup => self.phase = Phase::Finished,
            Progress::Closed => {
                info!(peer = %self.peer, "connection closed by the client before it was open");
                self.phase = Phase::Finished;
            }
            Progress::Failed(fault, method) => self.fail(&fault, method, turn),
            Progress::Refused => {
                let deadline = turn.now + CLOSE_TIMEOUT_SHORT;
                self.phase = Phase::Closing(Closing {
                    deadline,
                    garbled: true,
                    frame_max: FRAME_MIN_SIZE,
                });
            }
        }
        input.len()
    }

    fn opened(&mut self, client: Client, turn: &Turn<'_>) {
        let info = &client.info;
        info!(peer = %self.peer, user = %info.user, vhost = %info.vhost, "connection opened");
        self.phase = Phase::Running(Box::new(Running::new(client, turn.now)));
    }

    fn receive_closing(&mut self, input: &[u8], turn: &mut Turn<'_>) -> usize {
        let Phase::Closing(closing) = &mut self.phase else {
            return 0;
        };
        if closing.garbled {
            // A client that understood our close says so last.
            if input.ends_with(&CLOSE_OK_FRAME) {
                self.phase = Phase::Finished;
            }
            return input.len();
        }
        match decode_frame(input, closing.frame_max) {
            Ok(Some(frame)) => {
                use connection::AMQPMethod as M;
                match decode_method(frame.payload) {
                    Ok(AMQPClass::Connection(M::Close(_))) if frame.channel == 0 => {
                        send(M::CloseOk(connection::CloseOk {}), turn.out);
                        self.phase = Phase::Finished;
                    }
                    Ok(AMQPClass::Connection(M::CloseOk(_))) if frame.channel == 0 => {
                        self.phase = Phase::Finished
                    }
                    _ => {}
                }
                frame.wire.len()
            }
            Ok(None) => 0,
            Err(_) => {
                closing.garbled = true;
                input.len()
            }
        }
    }

    /// The connection stopped running.
    fn ended(&mut self, ended: Ended, turn: &mut Turn<'_>) {
        match ended {
            Ended::ByClient => {
                if let Phase::Running(running) = &self.phase {
                    info!(peer = %self.peer, user = %running.user(), vhost = %running.vhost(), "connection closed by the client");
                }
                self.release(turn);
                // Last, so that a client that has seen it finds its exclusive queues gone.
                send(
                    connection::AMQPMethod::CloseOk(connection::CloseOk {}),
                    turn.out,
                );
            }
            Ended::ByFault(fault, method) => self.fail(&fault, method, turn),
        }
    }

    /// Closes the connection if somebody asked for it.
    fn check_forced(&mut self, turn: &mut Turn<'_>) {
        if let Phase::Running(running) = &mut self.phase
            && let Some(reason) = running.forced.take()
        {
            self.fail(&Violation::Forced(reason).into(), (0, 0), turn);
        }
    }

    /// Ends the connection with a close that says why.
    fn fail(&mut self, fault: &Fault, method: (u16, u16), turn: &mut Turn<'_>) {
        let close = Close::new(fault, method);
        match &self.phase {
            Phase::Running(running) => {
                info!(peer = %self.peer, user = %running.user(), vhost = %running.vhost(), reason = close.text, "connection closed");
            }
            _ => info!(peer = %self.peer, reason = close.text, "connection refused"),
        }
        let (timeout, frame_max) = match &self.phase {
            Phase::Running(running) if !close.garbled => (
                running
                    .heartbeat_interval()
                    .map_or(CLOSE_TIMEOUT_LONG, |i| i.min(CLOSE_TIMEOUT_LONG)),
                running.frame_max(),
            ),
            _ => (CLOSE_TIMEOUT_SHORT, FRAME_MIN_SIZE),
        };
        self.release(turn);
        encode_method(0, &close.of_connection(), turn.out);
        let deadline = turn.now + timeout;
        self.phase = Phase::Closing(Closing {
            deadline,
            garbled: close.garbled,
            frame_max,
        });
    }

    /// Gives back everything that the connection holds. Calling it again does nothing.
    fn release(&mut self, turn: &mut Turn<'_>) {
        if let Phase::Running(mut running) = std::mem::replace(&mut self.phase, Phase::Finished) {
            running.release(turn);
        }
    }
}

impl Drop for Connection {
    /// However it ends: messages go back to their queues, consumers and exclusive queues go.
    fn drop(&mut self) {
        if matches!(self.phase, Phase::Running(_)) {
            let mut out = OutBuf::new();
            self.release(&mut Turn::new(self.now, &mut out));
        }
    }
}
