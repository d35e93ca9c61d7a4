//! Sends messages.

use std::sync::Arc;
use std::time::Duration;

use codec::{AMQPClass, Frame, FrameKind, basic, confirm, decode_ack, decode_method};
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::sleep_until;

use crate::clock;
use crate::failure::Failure;
use crate::letter::{Address, Letters};
use crate::link::{Link, Reader, Writer, unless_closed};
use crate::meter::{Meter, Times};
use crate::options::{Flag, Options};
use crate::pace::Pace;
use crate::run::Stage;
use crate::window::Window;

/// Bytes of one write, about.
const WRITE_BYTES: usize = 64 * 1024;

/// How long the last confirms may take.
const LAST_CONFIRMS: Duration = Duration::from_secs(10);

/// basic.ack and basic.nack, as the first bytes of their frames.
const ACK: [u8; 4] = [0, 60, 0, 80];
const NACK: [u8; 4] = [0, 60, 0, 120];
const RETURN: [u8; 4] = [0, 60, 0, 50];

/// What the writing and the reading half of a producer share.
#[derive(Default)]
struct Confirms {
    window: Mutex<Window>,
    some_came: Notify,
}

/// Sends until the options or the stage say that it is enough.
pub(crate) async fn run(
    mut link: Link,
    number: usize,
    options: Arc<Options>,
    meter: Arc<Meter>,
    stage: Stage,
) -> Result<(), Failure> {
    if options.confirm.is_some() {
        let select = confirm::Select { nowait: false };
        let select = AMQPClass::Confirm(confirm::AMQPMethod::Select(select));
        link.ask(&select).await?;
    }
    let queue = options.queue_of(number);
    let address = Address {
        exchange: options.exchange.as_deref().unwrap_or_default(),
        key: &options.key_of(&queue),
        mandatory: options.has(Flag::Mandatory),
        persistent: options.has(Flag::Persistent),
    };
    let mut letters = Letters::new(&address, options.size, link.frame_max, WRITE_BYTES);
    let confirms = Arc::<Confirms>::default();
    let times = meter.new_confirm_latency();
    let Link {
        reader, mut writer, ..
    } = link;
    let heard = hear(reader, &confirms, &meter, &times);
    let mut waiting = stage.clone();
    let sent = send(
        &mut writer,
        &mut letters,
        &options,
        &confirms,
        &meter,
        stage,
    );
    tokio::select! {
        // What came may be what sending waits for.
        biased;
        failed = heard => failed,
        done = sent => done,
        () = waiting.given_up() => Ok(()),
    }
}

async fn send(
    writer: &mut Writer,
    letters: &mut Letters,
    options: &Options,
    confirms: &Confirms,
    meter: &Meter,
    mut stage: Stage,
) -> Result<(), Failure> {
    let batch = letters.count() as u64;
    let mut pace = options.rate.map(|rate| Pace::new(clock::now(), rate));
    let mut sent = 0;
    while !stage.is_over() {
        let mut n = options.pmessages.map_or(batch, |all| batch.min(all - sent));
        if n == 0 {
            break;
        }
        if let Some(window) = options.confirm {
            n = n.min(
                window
                    .max(1)
                    .saturating_sub(confirms.window.lock().outstanding()),
            );
            if n == 0 {
                tokio::select! {
                    () = confirms.some_came.notified() => {}
                    () = stage.over() => {}
                }
                continue;
            }
        }
        if let Some(pace) = &mut pace {
            n = n.min(pace.due(clock::now()));
            if n == 0 {
                tokio::select! {
                    () = sleep_until(pace.next().into()) => {}
                    () = stage.over() => {}
                }
                continue;
            }
            pace.did(n);
        }
        let now_ns = clock::unix_ns();
        if options.confirm.is_some() {
            confirms.window.lock().add(sent + 1, sent + n, now_ns);
        }
        sent += n;
        writer.write(letters.sent_at(n as usize, now_ns)).await?;
        Meter::add(&meter.sent, n);
    }
    await_confirms(confirms).await;
    Ok(())
}

async fn await_confirms(confirms: &Confirms) {
    let all = async {
        while confirms.window.lock().outstanding() > 0 {
            confirms.some_came.notified().await;
        }
    };
    // What does not come by then is missing in the summary.
    let _ = tokio::time::timeout(LAST_CONFIRMS, all).await;
}

/// Takes confirms and returns. Ends only with the connection.
async fn hear(
    mut reader: Reader,
    confirms: &Confirms,
    meter: &Meter,
    times: &Times,
) -> Result<(), Failure> {
    loop {
        reader.fill().await?;
        let now_ns = clock::unix_ns();
        let mut window = confirms.window.lock();
        reader.frames(|frame| heed(frame, &mut window, now_ns, meter, times))?;
        drop(window);
        confirms.some_came.notify_one();
    }
}

fn heed(
    frame: Frame<'_>,
    window: &mut Window,
    now_ns: u64,
    meter: &Meter,
    times: &Times,
) -> Result<(), Failure> {
    if frame.kind != FrameKind::Method {
        return Ok(());
    }
    if frame.payload.starts_with(&ACK) {
        if let Some(ack) = decode_ack(frame.payload) {
            let took = |n, sent_ns: u64| times.record(now_ns.saturating_sub(sent_ns), n);
            let n = window.confirm(ack.delivery_tag, ack.multiple, took);
            Meter::add(&meter.confirmed, n);
        }
        return Ok(());
    }
    if frame.payload.starts_with(&NACK) {
        let AMQPClass::Basic(basic::AMQPMethod::Nack(nack)) = decode_method(frame.payload)? else {
            return Ok(());
        };
        let n = window.confirm(nack.delivery_tag, nack.multiple, |_, _| ());
        Meter::add(&meter.nacked, n);
        return Ok(());
    }
    if frame.payload.starts_with(&RETURN) {
        Meter::add(&meter.returned, 1);
        return Ok(());
    }
    // Blocked and unblocked need no answer: a blocked broker does not read.
    unless_closed(decode_method(frame.payload)?).map(drop)
}
