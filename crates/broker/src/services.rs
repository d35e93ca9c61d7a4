//! What virtual hosts and queues need of the broker around them.

use std::sync::{Arc, Weak};

use store::Store;

use crate::budget::Budget;
use crate::census::Census;
use crate::clock::Clock;
use crate::events::Events;
use crate::timers::Timers;
use crate::vhost::VHost;

/// Shared by everything in one virtual host that holds messages.
pub(crate) struct Services {
    /// The virtual host.
    pub(crate) vhost: Weak<VHost>,
    pub(crate) vhost_name: Arc<str>,
    pub(crate) store: Store,
    pub(crate) budget: Arc<Budget>,
    pub(crate) clock: Clock,
    pub(crate) timers: Arc<Timers>,
    pub(crate) events: Arc<Events>,
    pub(crate) census: Arc<Census>,
}
