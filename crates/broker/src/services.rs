//! What virtual hosts and queues need of the broker around them.

use std::sync::Arc;

use store::Store;

use crate::budget::Budget;
use crate::census::Census;
use crate::clock::Clock;
use crate::events::Events;
use crate::timers::Timers;

/// Shared by everything that holds messages.
#[derive(Clone)]
#[allow(dead_code, reason = "queues with deadlines are the first to use them")]
pub(crate) struct Services {
    pub(crate) store: Store,
    pub(crate) budget: Arc<Budget>,
    pub(crate) clock: Clock,
    pub(crate) timers: Arc<Timers>,
    pub(crate) events: Arc<Events>,
    pub(crate) census: Arc<Census>,
}
