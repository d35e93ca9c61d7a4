//! Numbers that name things for the life of the process.

/// One AMQP connection. Never reused while the process lives.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ConnectionId(pub u64);

/// One consumer (`basic.consume`). Never reused while the process lives, so that a
/// delivery still on its way to a cancelled consumer can't reach a new one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ConsumerId(pub u64);

/// One exchange, as routing knows it. Not stored: given anew at every start.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) struct ExchangeId(pub(crate) u32);
