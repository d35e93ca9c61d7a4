//! AMQP 0-9-1 as RabbitMQ speaks it, over raw sockets.

mod channels;
mod confirms;
mod consume;
mod content;
mod errors;
mod events;
mod exchanges;
mod firehose;
mod frames;
mod handshake;
mod heartbeats;
mod interplay;
mod nacks;
mod notices;
mod pipelining;
mod publish;
mod qos;
mod queues;
mod reply_to;
mod restrictions;
mod routing;
mod settle;
mod transactions;
