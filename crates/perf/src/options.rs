//! What can be asked for. The letters are PerfTest's.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// Load an AMQP 0-9-1 broker, and say what it took.
#[derive(Args, Clone, Debug)]
pub struct Options {
    /// The broker: amqp:// or amqps://USER:PASSWORD@HOST:PORT/VHOST
    #[arg(
        long,
        value_name = "URI",
        env = "LEVERET_PERF_URI",
        default_value = "amqp://guest:guest@localhost:5672/%2f"
    )]
    pub(crate) uri: String,
    /// Certificates to trust, as a PEM file
    #[arg(long, value_name = "FILE")]
    pub(crate) cacert: Option<PathBuf>,
    /// Trust whatever certificate the broker shows
    #[arg(long, conflicts_with = "cacert")]
    pub(crate) insecure: bool,

    /// Producers, each with a connection of its own
    #[arg(short = 'x', long, value_name = "N", default_value_t = 1)]
    pub(crate) producers: usize,
    /// Consumers, each with a connection of its own
    #[arg(short = 'y', long, value_name = "N", default_value_t = 1)]
    pub(crate) consumers: usize,
    /// Bytes of a message; from 8 on, latency is measured
    #[arg(short, long, value_name = "BYTES", default_value_t = 16)]
    pub(crate) size: usize,
    /// Messages a second that each producer sends at most
    #[arg(short, long, value_name = "N")]
    pub(crate) rate: Option<u64>,
    /// Messages a second that each consumer takes at most
    #[arg(short = 'R', long, value_name = "N")]
    pub(crate) consumer_rate: Option<u64>,
    /// Publisher confirms, with so many messages outstanding at most
    #[arg(short, long, value_name = "N")]
    pub(crate) confirm: Option<u64>,
    /// Prefetch: unacknowledged messages that a consumer holds at most
    #[arg(short, long, value_name = "N", default_value_t = 0)]
    pub(crate) qos: u16,
    /// Acknowledge once for so many messages
    #[arg(short = 'A', long, value_name = "N", default_value_t = 1)]
    pub(crate) multi_ack_every: u64,
    /// Consume without acknowledgements
    #[arg(short, long)]
    pub(crate) autoack: bool,
    /// What messages are; repeatable
    #[arg(short, long, value_name = "FLAG")]
    pub(crate) flag: Vec<Flag>,

    /// The queue, or what the names of several begin with
    #[arg(short = 'u', long, value_name = "NAME", default_value = "leveret-perf")]
    pub(crate) queue: String,
    /// Queues that producers and consumers are spread over
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) queues: usize,
    /// Arguments of the queues, as KEY=VALUE,KEY=VALUE
    #[arg(long, value_name = "ARGS", value_delimiter = ',', value_parser = pair)]
    pub(crate) queue_args: Vec<(String, String)>,
    /// Take quorum queues
    #[arg(long)]
    pub(crate) quorum_queue: bool,
    /// Publish to this exchange, which is made if it is not there; else to the queues themselves
    #[arg(short, long, value_name = "NAME")]
    pub(crate) exchange: Option<String>,
    /// The exchange's type
    #[arg(
        short = 't',
        long = "type",
        value_name = "TYPE",
        default_value = "direct"
    )]
    pub(crate) exchange_type: String,
    /// The routing key, else the queue's name
    #[arg(short = 'k', long, value_name = "KEY")]
    pub(crate) routing_key: Option<String>,
    /// Declare and delete nothing
    #[arg(short = 'p', long)]
    pub(crate) predeclared: bool,

    /// Seconds to run; without a limit, until Ctrl-C
    #[arg(short = 'z', long, value_name = "S")]
    pub(crate) time: Option<u64>,
    /// Messages that each producer sends
    #[arg(short = 'C', long, value_name = "N")]
    pub(crate) pmessages: Option<u64>,
    /// Messages that each consumer takes
    #[arg(short = 'D', long, value_name = "N")]
    pub(crate) cmessages: Option<u64>,
    /// Seconds between two lines
    #[arg(short, long, value_name = "S", default_value_t = 1)]
    pub(crate) interval: u64,
    /// Nothing but the summary, as one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

/// What a message is.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Flag {
    /// It survives a restart, in a durable queue.
    Persistent,
    /// It comes back if no queue takes it.
    Mandatory,
}

impl Options {
    pub(crate) fn has(&self, flag: Flag) -> bool {
        self.flag.contains(&flag)
    }

    /// The queue of the producer or consumer of this number.
    pub(crate) fn queue_of(&self, number: usize) -> String {
        match self.queues {
            0 | 1 => self.queue.clone(),
            n => format!("{}-{}", self.queue, number % n + 1),
        }
    }

    /// The key that reaches a queue.
    pub(crate) fn key_of(&self, queue: &str) -> String {
        self.routing_key.clone().unwrap_or_else(|| queue.to_owned())
    }
}

fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) => Ok((key.to_owned(), value.to_owned())),
        None => Err("an argument looks like KEY=VALUE".to_owned()),
    }
}
