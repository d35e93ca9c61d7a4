//! The broker: everything that is true beyond one connection.

use std::path::Path;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::task::{Context as TaskContext, Poll};
use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use dashmap::DashMap;
use parking_lot::Mutex;
use routing::Kind;
use store::{Options, QueueId, Recovered, Store};

use crate::alarms::{Alarms, Resources};
use crate::auth::Users;
use crate::budget::Budget;
use crate::census::Census;
use crate::commits::Commits;
use crate::damage;
use crate::events::{EVENT_EXCHANGE, Events, Facts};
use crate::failure::Failure;
use crate::ids::{ConnectionId, ConsumerId};
use crate::parameters::Globals;
use crate::record::Record;
use crate::recover;
use crate::registry::Registry;
use crate::services::Services;
use crate::settings::Settings;
use crate::sizes::MessageSizes;
use crate::stats::Churn;
use crate::timers::Timers;
use crate::vhost::VHost;
use crate::vhost_meta::VHostMeta;

/// The version that clients are told, because they branch on it: Leveret behaves as this
/// RabbitMQ does.
pub const RABBITMQ_VERSION: &str = "4.2.4";

/// Leveret's own version.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Why the broker can't start or stop as it should.
pub type OpenError = store::Error;

/// A running broker.
pub struct Broker {
    settings: Settings,
    pub(crate) store: Store,
    commits: Arc<Commits>,
    budget: Arc<Budget>,
    failure: Arc<Failure>,
    timers: Arc<Timers>,
    events: Arc<Events>,
    census: Arc<Census>,
    alarms: Alarms,
    segment_bytes: u64,
    pub(crate) vhosts: DashMap<String, Arc<VHost>>,
    /// Held while virtual hosts, users or permissions change.
    pub(crate) changes: Mutex<()>,
    users: Users,
    globals: Globals,
    /// Held while definitions are imported.
    importing: Mutex<()>,
    registry: Registry,
    churn: Arc<Churn>,
    sizes: MessageSizes,
    next_connection: AtomicU64,
    next_consumer: AtomicU64,
    next_queue_id: Arc<AtomicU32>,
}

impl Broker {
    /// How much there is in all virtual hosts together.
    pub(crate) fn census(&self) -> &Census {
        &self.census
    }

    /// Opens the data directory and brings back everything durable.
    ///
    /// # Errors
    /// The directory is in use, not writable, of a newer format, or damaged.
    pub fn open(settings: Settings, data_dir: &Path) -> Result<Arc<Self>, OpenError> {
        let commits = Arc::new(Commits::default());
        let hook = Arc::clone(&commits);
        let failure = Arc::new(Failure::default());
        let failed = Arc::clone(&failure);
        let options = Options {
            on_commit: Box::new(move |ticket| hook.advance(ticket)),
            on_failure: Box::new(move |error| {
                tracing::error!(
                    "the store has failed, nothing is confirmed any more and the broker stops: {error}"
                );
                failed.report(error.to_string());
            }),
            durability: settings.durability,
            recover: settings.recover,
            ..Options::default()
        };
        let segment_bytes = options.segment_bytes;
        let (store, recovered) = Store::open(data_dir, options)?;
        damage::report(&recovered, data_dir);
        let budget = Budget::new(settings.message_memory_max, settings.queue_memory_max);
        let (timers, clock) = (Arc::<Timers>::default(), settings.clock.clone());
        let census = Arc::new(Census::new(&settings));
        let broker = Arc::new(Self {
            settings,
            store,
            commits,
            budget: Arc::new(budget),
            failure,
            census,
            events: Events::new(clock, Arc::clone(&timers)),
            timers,
            alarms: Alarms::default(),
            segment_bytes,
            vhosts: DashMap::new(),
            changes: Mutex::new(()),
            users: Users::default(),
            globals: Globals::default(),
            importing: Mutex::new(()),
            registry: Registry::default(),
            churn: Arc::default(),
            sizes: MessageSizes::default(),
            next_connection: AtomicU64::new(1),
            next_consumer: AtomicU64::new(1),
            next_queue_id: Arc::default(),
        });
        broker.restore(&recovered);
        Ok(broker)
    }

    fn restore(&self, recovered: &Recovered) {
        let queue_ids = recover::highest_queue_id(recovered).saturating_add(1);
        self.next_queue_id.store(queue_ids, Ordering::Relaxed);
        recover::restore(self, recovered);
        if recovered.entries.is_empty() {
            // A new data directory: RabbitMQ makes the default virtual host and user only then,
            // and not if definitions say who there is.
            if self.settings.load_definitions.is_none() {
                self.add_default_vhost();
            }
        } else {
            self.add_users_of_old(recovered);
        }
    }

    pub(crate) fn add_vhost(&self, name: &str, meta: VHostMeta) -> Arc<VHost> {
        let (ids, churn) = (Arc::clone(&self.next_queue_id), Arc::clone(&self.churn));
        let vhost = Arc::new_cyclic(|vhost| {
            let services = Services {
                vhost: Weak::clone(vhost),
                vhost_name: name.into(),
                store: self.store.clone(),
                budget: Arc::clone(&self.budget),
                clock: self.settings.clock.clone(),
                timers: Arc::clone(&self.timers),
                events: Arc::clone(&self.events),
                census: Arc::clone(&self.census),
            };
            VHost::new(meta, Arc::new(services), ids, churn)
        });
        if self.settings.event_exchange && name == self.settings.default_vhost {
            vhost.predeclare(EVENT_EXCHANGE, Kind::Topic, true);
            self.events.settle_in(&vhost);
        }
        self.vhosts.insert(name.to_owned(), Arc::clone(&vhost));
        vhost
    }

    /// What an entry belongs to is gone.
    pub(crate) fn forget_entry(&self, key: &[u8]) {
        self.store.remove(key);
    }

    /// The queue of a delivery mark is gone.
    pub(crate) fn forget_mark(&self, id: QueueId) {
        self.store.remove(&Record::mark_key(id));
    }

    /// Messages of a queue that is not declared any more are dropped.
    pub(crate) fn forget_queue(&self, id: QueueId) {
        self.store.drop_queue(id);
    }

    /// Writes everything down and stops the store. Blocks.
    ///
    /// # Errors
    /// The store has failed, now or earlier.
    pub fn close(&self) -> Result<(), OpenError> {
        for vhost in self.vhosts() {
            for queue in vhost.queues().iter().filter(|q| q.durable()) {
                for (id, mark) in queue.delivered_to() {
                    self.store.put(&Record::mark_key(id), &mark.to_be_bytes());
                }
            }
        }
        self.store.close()
    }

    pub(crate) const fn store(&self) -> &Store {
        &self.store
    }

    pub(crate) const fn importing(&self) -> &Mutex<()> {
        &self.importing
    }

    pub(crate) const fn globals(&self) -> &Globals {
        &self.globals
    }

    #[cfg(test)]
    pub(crate) const fn store_for_tests(&self) -> &Store {
        &self.store
    }

    /// What the operator decided.
    #[must_use]
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The virtual host of this name.
    #[must_use]
    pub fn vhost(&self, name: &str) -> Option<Arc<VHost>> {
        self.vhosts.get(name).map(|v| Arc::clone(v.value()))
    }

    /// All virtual hosts, by name.
    #[must_use]
    pub fn vhosts(&self) -> Vec<Arc<VHost>> {
        let mut all: Vec<_> = self.vhosts.iter().map(|v| Arc::clone(v.value())).collect();
        all.sort_by(|a, b| a.name().cmp(b.name()));
        all
    }

    /// Who may log in.
    #[must_use]
    pub const fn users(&self) -> &Users {
        &self.users
    }

    /// Who is connected.
    #[must_use]
    pub const fn registry(&self) -> &Registry {
        &self.registry
    }

    /// How far the disk is.
    #[must_use]
    pub fn commits(&self) -> &Commits {
        &self.commits
    }

    /// How much of the messages may be in memory.
    #[must_use]
    pub const fn budget(&self) -> &Arc<Budget> {
        &self.budget
    }

    /// Deadlines of queues and exchanges. One thread is to [run](Timers::run) them.
    #[must_use]
    pub const fn timers(&self) -> &Arc<Timers> {
        &self.timers
    }

    /// Tells what happens, for the event exchange.
    #[must_use]
    pub const fn events(&self) -> &Arc<Events> {
        &self.events
    }

    /// Whether publishers are held back.
    #[must_use]
    pub const fn alarms(&self) -> &Alarms {
        &self.alarms
    }

    /// Takes a sample of memory and disk, and tells every connection if an alarm was raised or
    /// cleared by it. For one sampler.
    pub fn observe(&self, seen: &Resources) {
        let before = self.alarms.raised();
        self.alarms.observe(seen, &self.registry);
        let now = self.alarms.raised();
        for (resource, was, is) in [
            ("memory", before.memory(), now.memory()),
            ("disk", before.disk(), now.disk()),
        ] {
            let name = match (was, is) {
                (false, true) => "alarm.set",
                (true, false) => "alarm.cleared",
                _ => continue,
            };
            self.events
                .emit(name, || Facts::new().text("source", resource));
        }
    }

    /// Bytes that the log can write without taking more of the disk: its spare segments.
    #[must_use]
    pub fn spare_log_bytes(&self) -> u64 {
        self.store.stats().free_segments * self.segment_bytes
    }

    /// Why the store stopped, if it did. From then on nothing is committed: no publish is
    /// confirmed and no durable declaration answered, which is all that keeps the promise
    /// to those who were confirmed before. Only a restart, which reads back what really is on
    /// the disk, gives a store that can be trusted again.
    #[must_use]
    pub fn failure(&self) -> Option<&str> {
        self.failure.reason()
    }

    /// Ready once the store has failed, with the reason. For one waiter.
    pub fn poll_failure(&self, cx: &TaskContext<'_>) -> Poll<&str> {
        self.failure.poll(cx)
    }

    /// How large the messages are that clients have published.
    #[must_use]
    pub const fn message_sizes(&self) -> &MessageSizes {
        &self.sizes
    }

    /// The comings and goings so far.
    #[must_use]
    pub fn churn(&self) -> &Churn {
        &self.churn
    }

    /// The store's counters.
    #[must_use]
    pub fn store_stats(&self) -> store::Stats {
        self.store.stats()
    }

    /// The store can't keep up: sockets that publish should not be read for now.
    #[must_use]
    pub fn is_congested(&self) -> bool {
        self.store.is_congested()
    }

    /// A number for a new connection.
    #[must_use]
    pub fn next_connection_id(&self) -> ConnectionId {
        ConnectionId(self.next_connection.fetch_add(1, Ordering::Relaxed))
    }

    /// A number for a new consumer.
    #[must_use]
    pub fn next_consumer_id(&self) -> ConsumerId {
        ConsumerId(self.next_consumer.fetch_add(1, Ordering::Relaxed))
    }

    /// Milliseconds of the epoch at `now`.
    #[must_use]
    pub fn wall_clock_ms(&self, now: Instant) -> u64 {
        let since = now.saturating_duration_since(self.settings.started);
        self.settings.started_ms + u64::try_from(since.as_millis()).unwrap_or(u64::MAX / 2)
    }

    /// `prefix` and 22 characters that nobody can guess, as in `amq.gen-…`.
    #[must_use]
    pub fn random_name(&self, prefix: &str) -> String {
        let mut bytes = [0; 16];
        random(&mut bytes);
        format!("{prefix}{}", URL_SAFE_NO_PAD.encode(bytes))
    }
}

/// Fills `bytes` from the operating system. Without that nothing here is safe, so there is
/// nothing better to do than to stop.
pub(crate) fn random(bytes: &mut [u8]) {
    if let Err(error) = getrandom::fill(bytes) {
        tracing::error!(%error, "the operating system gives no random numbers");
        std::process::abort();
    }
}
