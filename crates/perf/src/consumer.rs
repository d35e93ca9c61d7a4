//! Takes messages.

use std::sync::Arc;

use codec::Ack;
use codec::{
    AMQPClass, FieldTable, Frame, FrameKind, OutBuf, ShortString, basic, decode_method, encode_ack,
};
use tokio::time::sleep_until;

use crate::clock;
use crate::failure::Failure;
use crate::letter::{STAMP_BYTES, bytes_of};
use crate::link::{Link, unless_closed};
use crate::meter::Meter;
use crate::options::Options;
use crate::pace::Pace;
use crate::run::Stage;

const DELIVER: [u8; 4] = [0, 60, 0, 60];

/// What has come and is not acknowledged.
#[derive(Default)]
struct Taken {
    /// Messages, whole or not.
    messages: u64,
    /// The delivery tag of the last one.
    tag: u64,
    unacked: u64,
    /// The next body frame is the first of its message.
    fresh: bool,
    /// How long those of this read were under way.
    times_ns: Vec<u64>,
}

/// Starts to consume; the messages come in [`run`].
pub(crate) async fn start(
    link: &mut Link,
    number: usize,
    options: &Options,
) -> Result<(), Failure> {
    if options.qos > 0 {
        let qos = basic::Qos {
            prefetch_count: options.qos,
            global: false,
        };
        link.ask(&AMQPClass::Basic(basic::AMQPMethod::Qos(qos)))
            .await?;
    }
    let consume = basic::Consume {
        queue: ShortString::from(options.queue_of(number)),
        consumer_tag: ShortString::from(format!("perf-{number}")),
        no_local: false,
        no_ack: options.autoack,
        exclusive: false,
        nowait: false,
        arguments: FieldTable::default(),
    };
    match link
        .ask(&AMQPClass::Basic(basic::AMQPMethod::Consume(consume)))
        .await?
    {
        AMQPClass::Basic(basic::AMQPMethod::ConsumeOk(_)) => Ok(()),
        _ => Err(Failure::Unexpected("basic.consume-ok")),
    }
}

/// Takes messages until the options or the stage say that it is enough.
pub(crate) async fn run(
    link: Link,
    options: Arc<Options>,
    meter: Arc<Meter>,
    mut stage: Stage,
) -> Result<(), Failure> {
    tokio::select! {
        biased;
        done = consume(link, &options, &meter) => done,
        () = stage.given_up() => Ok(()),
    }
}

async fn consume(mut link: Link, options: &Options, meter: &Meter) -> Result<(), Failure> {
    let times = meter.new_latency();
    let mut pace = options
        .consumer_rate
        .map(|rate| Pace::new(clock::now(), rate));
    let mut taken = Taken::default();
    loop {
        let before = taken.messages;
        let now_ns = clock::unix_ns();
        link.reader.frames(|frame| taken.take(frame, now_ns))?;
        let n = taken.messages - before;
        Meter::add(&meter.received, n);
        times.record_all(&taken.times_ns);
        taken.times_ns.clear();
        if let Some(pace) = &mut pace {
            pace.did(n);
            if pace.due(clock::now()) == 0 {
                sleep_until(pace.next().into()).await;
            }
        }
        let enough = options.cmessages.is_some_and(|all| taken.messages >= all);
        if !options.autoack {
            taken.ack(&mut link, options, enough);
        }
        link.writer.flush().await?;
        if enough {
            return link.close().await;
        }
        link.reader.fill().await?;
    }
}

impl Taken {
    #[inline]
    fn take(&mut self, frame: Frame<'_>, now_ns: u64) -> Result<(), Failure> {
        match frame.kind {
            FrameKind::Method if frame.payload.starts_with(&DELIVER) => {
                // After the ids: the consumer's tag with its length, then the delivery tag.
                let tag = frame.payload.get(4).and_then(|len| {
                    frame
                        .payload
                        .get(5 + usize::from(*len)..)?
                        .first_chunk::<8>()
                });
                self.tag = tag.map_or(self.tag, |tag| u64::from_be_bytes(*tag));
                self.messages += 1;
                self.unacked += 1;
                self.fresh = true;
            }
            FrameKind::Method => {
                let method = unless_closed(decode_method(frame.payload)?)?;
                if let AMQPClass::Basic(basic::AMQPMethod::Cancel(_)) = method {
                    return Err(Failure::Unexpected("messages: the queue is gone"));
                }
            }
            FrameKind::Body if std::mem::take(&mut self.fresh) => {
                if let Some(sent) = frame.payload.first_chunk::<STAMP_BYTES>() {
                    let sent_ns = u64::from_be_bytes(*sent);
                    self.times_ns.push(now_ns.saturating_sub(sent_ns));
                }
            }
            FrameKind::Header | FrameKind::Body | FrameKind::Heartbeat => {}
        }
        Ok(())
    }

    /// Acknowledges as often as asked for, and everything at the end.
    fn ack(&mut self, link: &mut Link, options: &Options, all: bool) {
        let every = options.multi_ack_every.max(1);
        if self.unacked == 0 || (self.unacked < every && !all) {
            return;
        }
        let mut out = OutBuf::new();
        if every == 1 {
            // Each by itself, as a client does that acknowledges what it has handled.
            for delivery_tag in self.tag + 1 - self.unacked..=self.tag {
                let ack = Ack {
                    delivery_tag,
                    multiple: false,
                };
                encode_ack(&mut out, 1, ack);
            }
            self.unacked = 0;
        } else {
            let kept = if all { 0 } else { self.unacked % every };
            let ack = Ack {
                delivery_tag: self.tag - kept,
                multiple: true,
            };
            encode_ack(&mut out, 1, ack);
            self.unacked = kept;
        }
        link.writer.out.extend(bytes_of(&mut out));
    }
}
