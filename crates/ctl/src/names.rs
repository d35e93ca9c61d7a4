//! The names of RabbitMQ's own programs.

/// Programs whose verbs this is. Called by one of these names, through a link, `leveret` is it.
const PROGRAMS: [&str; 6] = [
    "rabbitmqctl",
    "rabbitmq-diagnostics",
    "rabbitmq-queues",
    "rabbitmq-plugins",
    "rabbitmq-streams",
    "rabbitmq-upgrade",
];

/// Whether a program called `program` (the first argument, perhaps a path) stands for `leveret
/// ctl`.
#[must_use]
pub fn called_as(program: &str) -> bool {
    let name = program.rsplit('/').next().unwrap_or(program);
    PROGRAMS.contains(&name)
}
