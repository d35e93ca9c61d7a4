//! An open connection: frames to channels.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use broker::{ConnectionState, Facts, Ticket};
use bytes::Buf;
use codec::{
    AMQPClass, Ack, Frame, FrameKind, HEARTBEAT_FRAME, OutBuf, connection, decode_ack,
    decode_frame, decode_method, publish_names,
};

use crate::channel::Channel;
use crate::channel::parked::may_overtake;
use crate::channel::publish::{Body, Following, Incoming};
use crate::channel::settle::{Extent, Outcome};
use crate::client::Client;
use crate::close::{Fault, Violation};
use crate::connection::slots::{Slot, Slots};
use crate::connection::template::Template;
use crate::connection::throttle::{Rest, Stall, Throttle};
use crate::handshake::{ids, update_secret_ok};
use crate::heartbeat::{Beat, Heartbeat};
use crate::limits::{ASSEMBLING_MESSAGES_MAX, SETTLED_PER_TURN_MAX, TURN_INPUT_BYTES_MAX};
use crate::turn::Turn;

/// Class and method id of basic.publish, whose content carries no ids of its own.
const PUBLISH: (u16, u16) = (60, 40);

/// Class and method id of basic.qos, and where its prefetch-size is: amq-protocol leaves
/// that field out.
const QOS: [u8; 4] = [0, 60, 0, 10];

/// An open connection.
pub(crate) struct Running {
    pub(super) client: Client,
    pub(super) channels: Slots,
    /// Channels with something to do at the end of the turn.
    pub(super) touched: Vec<u16>,
    /// Channels on which something waits for a commit.
    pub(super) waiting: Vec<u16>,
    /// The lowest ticket that they wait for.
    pub(super) awaits: Option<Ticket>,
    /// The store can't keep up with what the client publishes: wait for this before reading.
    pub(super) congested: Option<Ticket>,
    /// The client has filled a consumer's outbox: let that be taken before reading.
    pub(super) rest: Option<Rest>,
    pub(super) throttle: Throttle,
    pub(super) stall: Option<Stall>,
    /// The last input ended in the middle of settling a great many deliveries.
    pub(super) is_settling: bool,
    /// When to look for deliveries that have been held for too long.
    pub(super) ages_due: Option<Instant>,
    /// The state that others see.
    pub(super) shown: ConnectionState,
    pub(super) heartbeat: Option<Heartbeat>,
    /// Somebody wants the connection closed, for this reason.
    pub(crate) forced: Option<String>,
    /// The client wants it closed, once what it asked for before is done.
    close_wanted: bool,
    pub(super) template: Template,
}

/// What was done with some input.
pub(crate) struct Received {
    pub(crate) used: usize,
    /// It stopped with whole frames left.
    pub(crate) left: bool,
    pub(crate) ended: Option<Ended>,
}

/// Why the connection doesn't go on.
#[derive(Debug)]
pub(crate) enum Ended {
    /// The client sent connection.close.
    ByClient,
    /// The client went wrong in the method with these ids.
    ByFault(Fault, (u16, u16)),
}

impl Running {
    pub(crate) fn new(client: Client, now: Instant) -> Self {
        client
            .broker
            .churn()
            .connection_created
            .fetch_add(1, Ordering::Relaxed);
        let (info, settings) = (&client.info, client.broker.settings());
        let facts = || Facts::of_connection(info, &settings.node);
        client.broker.events().emit("connection.created", facts);
        let heartbeat = Heartbeat::new(client.info.heartbeat_s, now);
        Self {
            client,
            channels: Slots::default(),
            touched: Vec::new(),
            waiting: Vec::new(),
            awaits: None,
            congested: None,
            rest: None,
            throttle: Throttle::default(),
            stall: None,
            is_settling: false,
            ages_due: None,
            shown: ConnectionState::Running,
            heartbeat,
            forced: None,
            close_wanted: false,
            template: Template::default(),
        }
    }

    pub(crate) fn user(&self) -> &str {
        &self.client.info.user
    }

    pub(crate) fn vhost(&self) -> &str {
        &self.client.info.vhost
    }

    pub(crate) fn frame_max(&self) -> u32 {
        self.client.frame_max
    }

    pub(crate) fn heartbeat_interval(&self) -> Option<Duration> {
        self.heartbeat.as_ref().map(Heartbeat::interval)
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        let heartbeat = self.heartbeat.as_ref().map(Heartbeat::deadline);
        let stall = self.stall.as_ref().map(Stall::deadline);
        let rest = self.rest.as_ref().map(Rest::deadline);
        heartbeat
            .into_iter()
            .chain(stall)
            .chain(self.ages_due)
            .chain(rest)
            .min()
    }

    pub(crate) fn awaits_commit(&self) -> Option<Ticket> {
        match (self.awaits, self.congested) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        }
    }

    /// No more input is taken: too much waits for commits, or an alarm blocks the client.
    pub(crate) fn is_held_up(&self) -> bool {
        self.is_blocked() || self.client.is_held_up()
    }

    pub(crate) fn wants_input(&self, out: &OutBuf) -> bool {
        self.congested.is_none() && !self.is_held_up() && !out.over_hard_limit()
    }

    pub(crate) fn tick(&mut self, turn: &mut Turn<'_>) -> Beat {
        self.end_rest(turn.now);
        let reads = self.wants_input(turn.out);
        let Some(heartbeat) = &mut self.heartbeat else {
            return Beat::Rest;
        };
        if !reads {
            // What isn't read can't be missed.
            heartbeat.received();
        }
        let beat = heartbeat.tick(turn.now);
        // Output that waits for the client will show that we live.
        if beat == Beat::Send && turn.out.is_empty() {
            turn.out.put_slice(&HEARTBEAT_FRAME);
        }
        beat
    }

    pub(crate) fn receive(&mut self, input: &[u8], turn: &mut Turn<'_>) -> Received {
        if let Some(heartbeat) = &mut self.heartbeat {
            heartbeat.received();
        }
        self.heed_alarms(turn);
        self.client.traced = self.client.vhost.is_traced();
        self.client
            .expect_input(input.len().min(TURN_INPUT_BYTES_MAX));
        self.client.settles_left = SETTLED_PER_TURN_MAX;
        self.is_settling = false;
        let mut received = Received {
            used: 0,
            left: false,
            ended: None,
        };
        loop {
            let rest = &input[received.used..];
            let spent = received.used >= TURN_INPUT_BYTES_MAX
                || self.client.settles_left == 0
                || self.is_held_up();
            if !spent
                && self.throttle == Throttle::Running
                && let Some(len) = self.repeat(rest)
            {
                received.used += len;
                continue;
            }
            let frame = match decode_frame(rest, self.client.frame_max) {
                Ok(Some(frame)) => frame,
                Ok(None) => break,
                Err(error) => {
                    received.ended = Some(Ended::ByFault(error.into(), (0, 0)));
                    break;
                }
            };
            if spent {
                received.left = true;
                break;
            }
            let len = frame.wire.len();
            match self.frame(&frame, &rest[len..], turn) {
                Ok(_) if std::mem::take(&mut self.client.unfinished) => {
                    // The same frame again, after others have had their turn.
                    self.is_settling = true;
                    received.left = true;
                    break;
                }
                Ok(more) => received.used += len + more,
                Err(ended) => {
                    received.used += len;
                    received.ended = Some(ended);
                    break;
                }
            }
        }
        let traffic = &self.client.info.traffic;
        traffic
            .recv_oct
            .fetch_add(received.used as u64, Ordering::Relaxed);
        traffic.recv_cnt.fetch_add(1, Ordering::Relaxed);
        received
    }

    /// Takes one frame, and what belongs to it of the input behind it: says how much.
    #[inline]
    fn frame(
        &mut self,
        frame: &Frame<'_>,
        after: &[u8],
        turn: &mut Turn<'_>,
    ) -> Result<usize, Ended> {
        if frame.kind == FrameKind::Method
            && let Some(Slot::Open(channel)) = self.channels.get_mut(frame.channel)
            && channel.takes_methods()
        {
            if let Some((names, flags)) = publish_names(frame.payload) {
                if let Some(content) = Following::find(after, frame.channel, self.client.frame_max)
                {
                    let more = content.len();
                    let Following {
                        header,
                        header_frame,
                        body_frame,
                    } = content;
                    let body = Body::Frame(body_frame);
                    let incoming = Incoming {
                        names,
                        flags,
                        header,
                        header_frame,
                        body,
                    };
                    channel.touch(&mut self.touched);
                    return match channel.publish(incoming, &mut self.client, turn) {
                        Ok(()) => {
                            let marks = channel.knows(&header);
                            self.template
                                .learn(names, frame, &content, marks, &mut self.client);
                            self.content_arrived(turn);
                            Ok(more)
                        }
                        Err(fault) => self
                            .fault(frame.channel, fault, PUBLISH, turn)
                            .map(|()| more),
                    };
                }
            } else if let Some(Ack {
                delivery_tag,
                multiple,
            }) = decode_ack(frame.payload)
            {
                channel.touch(&mut self.touched);
                let (extent, outcome) = (Extent::of(multiple), Outcome::Acked);
                return match channel.settle(delivery_tag, extent, outcome, &mut self.client, turn) {
                    Ok(()) => Ok(0),
                    Err(fault) => self
                        .fault(frame.channel, fault, ids(frame.payload), turn)
                        .map(|()| 0),
                };
            }
        }
        self.other_frame(frame, turn).map(|()| 0)
    }

    /// Everything but publishes and acks that are whole and in place.
    fn other_frame(&mut self, frame: &Frame<'_>, turn: &mut Turn<'_>) -> Result<(), Ended> {
        let number = frame.channel;
        if number == 0 {
            return self.connection_frame(frame, turn);
        }
        if frame.kind == FrameKind::Heartbeat {
            return self.fault(number, Violation::HeartbeatOnChannel.into(), (0, 0), turn);
        }
        let channel = match self.channels.get_mut(number) {
            None => return self.open_channel(frame, turn),
            Some(Slot::Closing(_)) => {
                self.closing_channel(frame, turn);
                return Ok(());
            }
            Some(Slot::Open(channel)) => channel,
        };
        channel.touch(&mut self.touched);
        if channel.parked.is_stalled() {
            self.client.stall(channel, frame);
            return Ok(());
        }
        if frame.kind == FrameKind::Method && channel.assembly.is_idle() {
            return self.method(frame, turn);
        }
        let before = channel.assembly.held_bytes();
        let assembled = channel.assembly.push(frame, self.client.message_bytes_max);
        self.client.assembling -= before;
        self.client.assembling += channel.assembly.held_bytes();
        let most = self.client.message_bytes_max;
        if self.client.assembling > most.saturating_mul(ASSEMBLING_MESSAGES_MAX) {
            return self.fault(number, Violation::TooMuchInPieces.into(), PUBLISH, turn);
        }
        let published = match assembled {
            Ok(None) => Ok(()),
            Ok(Some(assembled)) => channel.publish_assembled(assembled, &mut self.client, turn),
            Err(fault) => Err(fault),
        };
        if let Err(fault) = published {
            return self.fault(number, fault, PUBLISH, turn);
        }
        self.content_arrived(turn);
        Ok(())
    }

    fn method(&mut self, frame: &Frame<'_>, turn: &mut Turn<'_>) -> Result<(), Ended> {
        let (number, method_ids) = (frame.channel, ids(frame.payload));
        let Some(Slot::Open(channel)) = self.channels.get_mut(number) else {
            return Ok(());
        };
        let method = match decode_method(frame.payload) {
            Ok(method) => method,
            Err(error) => return self.fault(number, error.into(), method_ids, turn),
        };
        if !channel.parked.is_empty() && !may_overtake(&method) {
            self.client.stall(channel, frame);
            return Ok(());
        }
        if method_ids != PUBLISH {
            // What was published or settled before this method must not come after it.
            self.client.hand_over(&mut turn.wakes);
            self.client.refresh_access();
        }
        let step = match prefetch_size(frame.payload) {
            0 => channel.on_method(method, &mut self.client, turn),
            bytes => Err(Violation::PrefetchSize(bytes).into()),
        };
        match step {
            Ok(step) => self.step(number, step, turn),
            Err(fault) => self.fault(number, fault, method_ids, turn),
        }
    }

    fn connection_frame(&mut self, frame: &Frame<'_>, turn: &mut Turn<'_>) -> Result<(), Ended> {
        let fault = match frame.kind {
            FrameKind::Heartbeat if frame.payload.is_empty() => return Ok(()),
            FrameKind::Heartbeat => Violation::HeartbeatWithPayload.into(),
            FrameKind::Header | FrameKind::Body => Violation::ContentOnConnection.into(),
            FrameKind::Method => match decode_method(frame.payload) {
                Ok(AMQPClass::Connection(method)) => {
                    return self.connection_method(&method, frame, turn);
                }
                Ok(_) => Violation::WrongState("running").into(),
                Err(error) => Fault::from(error),
            },
        };
        self.fault(0, fault, ids(frame.payload), turn)
    }

    fn connection_method(
        &mut self,
        method: &connection::AMQPMethod,
        frame: &Frame<'_>,
        turn: &mut Turn<'_>,
    ) -> Result<(), Ended> {
        use connection::AMQPMethod as M;
        let violation = match method {
            M::Close(_) => {
                self.client.hand_over(&mut turn.wakes);
                self.close_wanted = true;
                return self.close_if_done();
            }
            M::UpdateSecret(_) => {
                update_secret_ok(turn.out);
                return Ok(());
            }
            M::StartOk(_) | M::SecureOk(_) | M::TuneOk(_) | M::Open(_) | M::CloseOk(_) => {
                Violation::WrongState("running")
            }
            M::Start(_)
            | M::Secure(_)
            | M::Tune(_)
            | M::OpenOk(_)
            | M::Blocked(_)
            | M::Unblocked(_)
            | M::UpdateSecretOk(_) => Violation::ServerMethod,
        };
        self.fault(0, violation.into(), ids(frame.payload), turn)
    }

    /// Everything up to `upto` is on the disk.
    pub(crate) fn committed(&mut self, upto: Ticket, turn: &mut Turn<'_>) -> Result<(), Ended> {
        for number in std::mem::take(&mut self.waiting) {
            let replay = match self.channels.get_mut(number) {
                None => None,
                Some(Slot::Closing(parked)) => {
                    self.client.parked -= parked.release(number, upto, turn.out);
                    if !parked.is_empty() {
                        self.waiting.push(number);
                    }
                    None
                }
                Some(Slot::Open(channel)) => {
                    channel.waiting = false;
                    channel.touch(&mut self.touched);
                    if let Some(confirms) = &mut channel.confirms {
                        confirms.committed(upto);
                    }
                    self.client.parked -= channel.parked.release(number, upto, turn.out);
                    channel.parked.replay()
                }
            };
            if let Some(frames) = replay {
                self.client.stalled_bytes -= frames.remaining();
                self.replay(frames.as_ref(), turn)?;
            }
        }
        self.close_if_done()
    }

    /// Ends the connection if the client asked for it and nothing it sent before is held back.
    fn close_if_done(&self) -> Result<(), Ended> {
        if self.close_wanted && self.client.parked == 0 && self.client.stalled_bytes == 0 {
            return Err(Ended::ByClient);
        }
        Ok(())
    }

    /// Takes frames that were held back. They may be held back again.
    fn replay(&mut self, mut frames: &[u8], turn: &mut Turn<'_>) -> Result<(), Ended> {
        while let Ok(Some(frame)) = decode_frame(frames, self.client.frame_max) {
            let after = &frames[frame.wire.len()..];
            let more = self.frame(&frame, after, turn)?;
            self.client.settles_left = SETTLED_PER_TURN_MAX;
            if !std::mem::take(&mut self.client.unfinished) {
                frames = &after[more..];
            }
        }
        Ok(())
    }
}

impl Channel {
    /// A method is next, and nothing holds it back.
    #[inline]
    pub(crate) fn takes_methods(&self) -> bool {
        self.assembly.is_idle() && !self.parked.is_stalled()
    }

    /// Notes that it has something to do at the end of the turn.
    #[inline]
    pub(crate) fn touch(&mut self, touched: &mut Vec<u16>) {
        if !self.touched {
            self.touched = true;
            touched.push(self.number);
        }
    }
}

impl Client {
    /// Holds a frame back until the replies before it are out.
    fn stall(&mut self, channel: &mut Channel, frame: &Frame<'_>) {
        channel.parked.stall(frame.wire);
        self.stalled_bytes += frame.wire.len();
    }
}

/// The prefetch-size of a basic.qos; 0 for other methods.
fn prefetch_size(payload: &[u8]) -> u32 {
    match payload.split_first_chunk() {
        Some((&QOS, arguments)) => arguments
            .first_chunk()
            .map_or(0, |bytes| u32::from_be_bytes(*bytes)),
        _ => 0,
    }
}
