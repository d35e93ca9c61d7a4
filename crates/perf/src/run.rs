//! A run, from the first connection to the summary.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use tokio::signal::ctrl_c;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval_at, sleep};

use crate::failure::Failure;
use crate::link::Link;
use crate::meter::Meter;
use crate::options::Options;
use crate::report::Report;
use crate::uri::Uri;
use crate::{clock, consumer, producer, topology};

/// How long the last messages may take once nothing more is sent and none has come.
const LAST_MESSAGES: Duration = Duration::from_secs(1);

/// How far a run is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Debug)]
enum Phase {
    Going,
    /// Nothing more is to be sent.
    Over,
    /// Whatever is missing then is missing.
    GivenUp,
}

/// How far the run is, as a producer or consumer knows it.
#[derive(Clone)]
pub(crate) struct Stage(watch::Receiver<Phase>);

impl Stage {
    /// Nothing more is to be sent.
    pub(crate) fn is_over(&self) -> bool {
        *self.0.borrow() >= Phase::Over
    }

    /// Waits until nothing more is to be sent.
    pub(crate) async fn over(&mut self) {
        // An error means that the run is gone altogether.
        let _ = self.0.wait_for(|phase| *phase >= Phase::Over).await;
    }

    /// Waits until nobody is to wait for anything any more.
    pub(crate) async fn given_up(&mut self) {
        let _ = self.0.wait_for(|phase| *phase == Phase::GivenUp).await;
    }
}

/// Runs `leveret perf`.
#[must_use]
pub fn run(options: Options) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let ended = match runtime {
        Ok(runtime) => runtime.block_on(load(Arc::new(options))),
        Err(error) => Err(error.into()),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("leveret perf: {failure}");
            ExitCode::FAILURE
        }
    }
}

type Tasks = JoinSet<Result<(), Failure>>;

async fn load(options: Arc<Options>) -> Result<(), Failure> {
    let uri = Uri::parse(&options.uri)?;
    let mut first = Link::open(&uri, &options).await?;
    if !options.predeclared {
        topology::declare(&mut first, &options).await?;
    }
    let meter = Arc::<Meter>::default();
    let (phase, stage) = watch::channel(Phase::Going);
    let stage = Stage(stage);
    let mut consumers = Tasks::new();
    for number in 0..options.consumers {
        let mut link = Link::open(&uri, &options).await?;
        consumer::start(&mut link, number, &options).await?;
        let (options, meter) = (Arc::clone(&options), Arc::clone(&meter));
        consumers.spawn(consumer::run(link, options, meter, stage.clone()));
    }
    let mut links = Vec::new();
    for _ in 0..options.producers {
        links.push(Link::open(&uri, &options).await?);
    }
    let mut report = Report::new(clock::now(), Arc::clone(&meter), &options);
    let mut producers = Tasks::new();
    for (number, link) in links.into_iter().enumerate() {
        let (options, meter) = (Arc::clone(&options), Arc::clone(&meter));
        producers.spawn(producer::run(link, number, options, meter, stage.clone()));
    }
    let watched = watch_over(
        &mut producers,
        &mut consumers,
        &options,
        &phase,
        &mut report,
    )
    .await;
    phase.send_replace(Phase::GivenUp);
    report.summarise(clock::now());
    if !options.predeclared {
        topology::delete(&mut first, &options).await?;
    }
    watched
}

/// Reports until the run is over: its time is up, everybody is done, or Ctrl-C.
async fn watch_over(
    producers: &mut Tasks,
    consumers: &mut Tasks,
    options: &Options,
    phase: &watch::Sender<Phase>,
    report: &mut Report,
) -> Result<(), Failure> {
    let every = Duration::from_secs(options.interval.max(1));
    let mut ticks = interval_at(tokio::time::Instant::now() + every, every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let time_is_up = async {
        match options.time {
            Some(seconds) => sleep(Duration::from_secs(seconds)).await,
            None => std::future::pending().await,
        }
    };
    tokio::pin!(time_is_up);
    let mut quiet = std::pin::pin!(quiet_after(report.meter()));
    let mut up = false;
    loop {
        let sending = !producers.is_empty();
        let consuming = !consumers.is_empty();
        if !sending && (up || !consuming) {
            return Ok(());
        }
        tokio::select! {
            _ = ticks.tick() => report.line(clock::now()),
            Some(done) = producers.join_next(), if sending => failure_of(done)?,
            Some(done) = consumers.join_next(), if consuming => failure_of(done)?,
            () = &mut time_is_up, if !up => {
                up = true;
                phase.send_replace(Phase::Over);
            }
            () = &mut quiet, if !sending && options.producers > 0 && options.cmessages.is_none() => {
                return Ok(());
            }
            _ = ctrl_c() => {
                up = true;
                phase.send_replace(Phase::Over);
            }
        }
    }
}

/// Waits until no message has come for a while.
async fn quiet_after(meter: Arc<Meter>) {
    let mut before = None;
    loop {
        let received = meter.counts().received;
        if before.replace(received) == Some(received) {
            return;
        }
        sleep(LAST_MESSAGES).await;
    }
}

fn failure_of(done: Result<Result<(), Failure>, tokio::task::JoinError>) -> Result<(), Failure> {
    match done {
        Ok(done) => done,
        Err(error) => Err(std::io::Error::other(error).into()),
    }
}
