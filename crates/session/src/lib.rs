//! What one client may say: a connection and its channels, without the socket.
//!
//! Sans-IO: bytes, deliveries, commits and the time go in, frames come out, and the crate's
//! dependencies prove that it can't do anything else. One [`Turn`] is one event of the
//! driver's loop, handled synchronously; it is also the unit of batching: publishes and
//! acknowledgements of a turn reach each queue together, and confirms leave at its end.
//!
//! - `handshake`, `sasl`, `heartbeat`: until `connection.open-ok`, and staying alive.
//! - `connection`: frames to channels, the end of a turn, the end of a connection.
//! - `channel`: the methods, a file for each kind of request.
//! - `close`: the only place that knows reply codes and texts.

mod channel;
mod client;
mod close;
mod connection;
mod handshake;
mod heartbeat;
pub mod limits;
mod peer;
mod sasl;
mod server_properties;
#[cfg(test)]
mod tests;
mod turn;

pub use connection::Connection;
pub use peer::Peer;
pub use turn::Turn;
