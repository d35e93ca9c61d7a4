//! One round of the sampler.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use broker::{Broker, ConnectionInfo, MessageCounts, QueueCounts, VHost};

use super::columns::{churn_values, message_values};
use super::history::History;
use super::objects::Tick;
use super::{GLOBAL, GLOBAL_ROW, QUEUE_ROW, Sampled, VHOST_ROW};
use crate::os;

impl Sampled {
    /// Looks at every object once. Returns how many there are.
    pub(super) fn look(&mut self, broker: &Broker, tick: Tick) -> usize {
        let connections = broker.registry().all();
        let mut objects = connections.len();
        for connection in &connections {
            objects += self.look_at_connection(connection, tick);
        }
        let mut total = QueueCounts::default();
        let mut messages = MessageCounts::default();
        let vhosts = broker.vhosts();
        for vhost in &vhosts {
            let (seen, counts) = self.look_at_vhost(vhost, tick);
            objects += seen;
            total.ready += counts.ready;
            total.unacked += counts.unacked;
            messages.add(&vhost.stats().snapshot());
        }
        self.octets
            .retain(|name, _| vhosts.iter().any(|vhost| vhost.name() == name));
        self.forget_unseen(tick);
        let row = global_row(broker, &messages, total);
        record(&mut self.global, tick, row);
        record(&mut self.node, tick, node_values(broker));
        objects
    }

    fn look_at_connection(&mut self, connection: &Arc<ConnectionInfo>, tick: Tick) -> usize {
        let now = octet_values(connection);
        let before = self
            .connections
            .get(&connection.id)
            .map_or([0; 2], History::latest);
        let moved = self
            .octets
            .entry(Arc::clone(&connection.vhost))
            .or_default();
        for ((sum, now), before) in moved.iter_mut().zip(now).zip(before) {
            *sum += now.saturating_sub(before);
        }
        self.connections.observe(connection.id, tick, now);
        let channels = connection.channels();
        for channel in &channels {
            let row = message_values(&channel.stats.snapshot());
            self.channels
                .observe((connection.id, channel.number), tick, row);
        }
        channels.len()
    }

    fn look_at_vhost(&mut self, vhost: &Arc<VHost>, tick: Tick) -> (usize, QueueCounts) {
        let mut total = QueueCounts::default();
        let queues = vhost.queues();
        for queue in &queues {
            let (counts, messages) = queue.tally();
            total.ready += counts.ready;
            total.unacked += counts.unacked;
            let row = queue_values(&messages, counts);
            self.queues.observe(queue.id(), tick, row);
        }
        let exchanges = vhost.exchanges();
        for exchange in &exchanges {
            let key = (Arc::clone(vhost.name()), Arc::clone(&exchange.name));
            let row = [exchange.publish_in(), exchange.publish_out()];
            self.exchanges.observe(key, tick, row);
        }
        let mut row = [0; VHOST_ROW];
        row[..QUEUE_ROW].copy_from_slice(&queue_values(&vhost.stats().snapshot(), total));
        row[QUEUE_ROW..].copy_from_slice(&self.octets(vhost.name()));
        self.vhosts.observe(Arc::clone(vhost.name()), tick, row);
        (queues.len() + exchanges.len(), total)
    }

    fn forget_unseen(&mut self, tick: Tick) {
        self.vhosts.forget_unseen(tick);
        self.queues.forget_unseen(tick);
        self.exchanges.forget_unseen(tick);
        self.connections.forget_unseen(tick);
        self.channels.forget_unseen(tick);
    }
}

fn record<const N: usize>(history: &mut Option<History<N>>, tick: Tick, row: [u64; N]) {
    match history {
        Some(history) => history.record(tick.now_ms, row),
        None => *history = Some(History::new(GLOBAL, tick.now_ms, row)),
    }
}

fn global_row(broker: &Broker, messages: &MessageCounts, counts: QueueCounts) -> [u64; GLOBAL_ROW] {
    let mut row = [0; GLOBAL_ROW];
    let (queue, rest) = row.split_at_mut(QUEUE_ROW);
    queue.copy_from_slice(&queue_values(messages, counts));
    let churn = churn_values(broker.churn());
    let (first, disk) = rest.split_at_mut(churn.len());
    first.copy_from_slice(&churn);
    disk.copy_from_slice(&disk_values(broker));
    row
}

/// A row of what messages did and how many there are.
pub(crate) fn queue_values(messages: &MessageCounts, counts: QueueCounts) -> [u64; QUEUE_ROW] {
    let mut row = [0; QUEUE_ROW];
    let done = message_values(messages);
    row[..done.len()].copy_from_slice(&done);
    row[done.len()..].copy_from_slice(&length_values(counts));
    row
}

/// Total, ready, unacknowledged.
pub(crate) fn length_values(counts: QueueCounts) -> [u64; 3] {
    [counts.ready + counts.unacked, counts.ready, counts.unacked]
}

/// What the process uses, in the order of the node's columns.
pub(crate) fn node_values(broker: &Broker) -> [u64; 5] {
    let resources = broker.alarms().resources();
    [
        resources.memory_used,
        os::descriptors_used(),
        broker.registry().len() as u64,
        os::threads(),
        resources.disk_free,
    ]
}

/// Reads and writes of the message log. The store does not count reads.
pub(crate) fn disk_values(broker: &Broker) -> [u64; 2] {
    [0, broker.store_stats().groups]
}

pub(crate) fn octet_values(connection: &ConnectionInfo) -> [u64; 2] {
    let traffic = &connection.traffic;
    [
        traffic.recv_oct.load(Relaxed),
        traffic.send_oct.load(Relaxed),
    ]
}
