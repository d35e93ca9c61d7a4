//! What a queue does, step by step, without sessions, disk and clock.
//!
//! `cargo bench -p broker --bench queue -- STEP MESSAGES` takes so many messages as far as that step
//! and says nothing: it is run by `tests/instructions`, which counts what happens in `Bench::run…`,
//! the step itself.

#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    reason = "a benchmark that can't begin has nothing to say"
)]

use std::sync::Arc;
use std::time::Instant;

use broker::{
    AckMode, Actor, Batch, Broker, ConnectionId, ConsumerId, ConsumerSpec, Message, Outbox, Queue,
    QueueDeclare, Returned, Returns, Settings, Settled, Wakes,
};
use codec::FieldTable;

/// Messages of a run.
const RUN: u64 = 100;

fn main() {
    let mut words = std::env::args().skip(1).filter(|word| word != "--bench");
    let step = words.next().unwrap_or_default();
    let messages: u64 = words.next().and_then(|n| n.parse().ok()).unwrap_or(1);
    let bench = Bench::open();
    for _ in 0..messages.div_ceil(RUN) {
        match &*step {
            "publish" => bench.publish(),
            "hand-out" => bench.hand_out(),
            "dispatch" => bench.dispatch(),
            "ack" => bench.ack(),
            "requeue" => bench.requeue(),
            other => eprintln!("no step {other}"),
        }
        bench.queue.purge();
    }
    bench.close();
}

struct Bench {
    broker: Arc<Broker>,
    queue: Arc<Queue>,
    outbox: Arc<Outbox>,
    run: Vec<Message>,
    _dir: tempfile::TempDir,
}

impl Bench {
    fn open() -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let settings = Settings::new(Instant::now(), 1_700_000_000_000);
        let broker = Broker::open(settings, dir.path()).expect("a broker");
        let declare = QueueDeclare {
            name: "q".to_owned(),
            durable: false,
            exclusive: false,
            auto_delete: false,
            arguments: FieldTable::default(),
            server_named: false,
        };
        let vhost = broker.vhost("/").expect("the default one");
        let declared = vhost.declare_queue(declare, &Actor::internal());
        let message = Message::build("", "q", &codec::BasicProperties::default(), &[b'x'; 16]);
        Self {
            queue: declared.expect("a queue").queue,
            broker,
            outbox: Outbox::new(),
            run: vec![message.expect("a message"); RUN as usize],
            _dir: dir,
        }
    }

    fn close(self) {
        let _ = self.broker.close();
    }

    fn spec(&self) -> ConsumerSpec {
        ConsumerSpec {
            id: self.broker.next_consumer_id(),
            tag: "tag".into(),
            connection: ConnectionId(1),
            connection_name: "c".into(),
            channel: 1,
            outbox: Arc::clone(&self.outbox),
            ack: AckMode::Manual,
            prefetch: 0,
            priority: 0,
            exclusive: false,
            arguments: FieldTable::default(),
            credit: Arc::default(),
        }
    }

    /// Nobody waits for it.
    fn publish(&self) {
        self.run_publish(&mut self.run.clone());
    }

    /// Somebody waits for it.
    fn hand_out(&self) {
        let spec = self.spec();
        let id = spec.id;
        self.add(spec);
        let batch = self.run_hand_out(&mut self.run.clone());
        self.queue.ack(&settled(&batch, id), &mut Wakes::new());
        self.queue.remove_consumer(id, &mut Wakes::new());
    }

    /// Somebody comes who wants what is there.
    fn dispatch(&self) {
        self.send(&mut self.run.clone());
        let spec = self.spec();
        let id = spec.id;
        let batch = self.run_dispatch(spec);
        self.queue.ack(&settled(&batch, id), &mut Wakes::new());
        self.queue.remove_consumer(id, &mut Wakes::new());
    }

    fn ack(&self) {
        let (batch, id) = self.delivered();
        self.run_ack(&settled(&batch, id));
        self.queue.remove_consumer(id, &mut Wakes::new());
    }

    fn requeue(&self) {
        let (batch, id) = self.delivered();
        self.queue.detach_consumer(id);
        self.run_requeue(batch, id);
    }

    #[inline(never)]
    fn run_publish(&self, run: &mut Vec<Message>) {
        self.send(run);
    }

    #[inline(never)]
    fn run_hand_out(&self, run: &mut Vec<Message>) -> Batch {
        self.send(run);
        self.take()
    }

    #[inline(never)]
    fn run_dispatch(&self, spec: ConsumerSpec) -> Batch {
        self.add(spec);
        self.take()
    }

    #[inline(never)]
    fn run_ack(&self, settled: &[Settled]) {
        self.queue.ack(settled, &mut Wakes::new());
    }

    #[inline(never)]
    fn run_requeue(&self, batch: Batch, id: ConsumerId) {
        let mut returns = Returns::default();
        for delivery in batch.deliveries {
            returns.add(Returned {
                entry: delivery.entry,
                consumer: Some(id),
                ack: AckMode::Manual,
            });
        }
        self.queue.requeue(returns, &mut Wakes::new());
    }

    /// What a consumer has and has not settled.
    fn delivered(&self) -> (Batch, ConsumerId) {
        self.send(&mut self.run.clone());
        let spec = self.spec();
        let id = spec.id;
        self.add(spec);
        (self.take(), id)
    }

    fn send(&self, run: &mut Vec<Message>) {
        self.queue.publish(run, &mut Wakes::new());
    }

    fn add(&self, spec: ConsumerSpec) {
        let added = self.queue.add_consumer(spec, &mut Wakes::new());
        added.expect("a consumer");
    }

    fn take(&self) -> Batch {
        let mut batch = Batch::default();
        self.outbox.take(&mut batch);
        assert_eq!(batch.deliveries.len() as u64, RUN, "all of the run");
        batch
    }
}

fn settled(batch: &Batch, id: ConsumerId) -> Vec<Settled> {
    let entries = batch.deliveries.iter();
    entries
        .map(|delivery| Settled::of(&delivery.entry, Some(id)))
        .collect()
}
