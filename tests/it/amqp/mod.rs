//! AMQP 0-9-1 as RabbitMQ speaks it, over raw sockets.

mod smoke;
