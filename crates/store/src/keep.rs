//! How long a message is kept.

/// Whether a message survives a restart.
#[derive(Copy, Clone, Eq, PartialEq, Hash, Debug, Default)]
pub(crate) enum Keep {
    /// Until it is settled.
    #[default]
    Always,
    /// It was only moved out of memory: until it is settled or the store is closed.
    UntilRestart,
}
