//! What of a message besides its keys can decide where it goes.

use codec::FieldTable;

/// Headers and hashable properties of the message that is routed. Properties that the caller
/// does not know count as missing.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The headers table; empty for a message without one.
    pub headers: &'a FieldTable,
    /// `message-id`.
    pub message_id: Option<&'a [u8]>,
    /// `correlation-id`.
    pub correlation_id: Option<&'a [u8]>,
    /// `timestamp`, in seconds.
    pub timestamp: Option<u64>,
}

impl<'a> From<&'a FieldTable> for Subject<'a> {
    fn from(headers: &'a FieldTable) -> Self {
        Self {
            headers,
            message_id: None,
            correlation_id: None,
            timestamp: None,
        }
    }
}
