//! What can be wrong with a request, and RabbitMQ's words for it.
//!
//! `Display` is the explanation: what stands behind `NAME - ` in a reply text. AMQP and
//! HTTP clients read the same words, and clients' own test suites compare them.

use std::fmt;

use codec::ReplyCode;
use routing::BindError;

use crate::auth::Right;

/// A queue or an exchange, as it is named in reply texts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Resource {
    /// A queue of a virtual host.
    Queue {
        /// Its name.
        name: String,
        /// Its virtual host.
        vhost: String,
    },
    /// An exchange of a virtual host.
    Exchange {
        /// Its name.
        name: String,
        /// Its virtual host.
        vhost: String,
    },
}

impl Resource {
    /// `queue 'name' in vhost 'vhost'`
    #[must_use]
    pub fn queue(name: &str, vhost: &str) -> Self {
        Self::Queue {
            name: name.to_owned(),
            vhost: vhost.to_owned(),
        }
    }

    /// `exchange 'name' in vhost 'vhost'`
    #[must_use]
    pub fn exchange(name: &str, vhost: &str) -> Self {
        Self::Exchange {
            name: name.to_owned(),
            vhost: vhost.to_owned(),
        }
    }

    const fn kind(&self) -> &'static str {
        match self {
            Self::Queue { .. } => "queue",
            Self::Exchange { .. } => "exchange",
        }
    }

    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Queue { name, .. } | Self::Exchange { name, .. } => name,
        }
    }
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Queue { name, vhost } | Self::Exchange { name, vhost }) = self;
        write!(f, "{} '{name}' in vhost '{vhost}'", self.kind())
    }
}

/// Why a request is refused.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Error {
    /// 404: there is none of this name.
    NotFound(Resource),
    /// 404: there is no virtual host of this name.
    NoVhost(String),
    /// 404: there is no user of this name.
    NoUser(String),
    /// 403: the user may not do this with it.
    AccessRefused {
        /// What would have been needed.
        right: Right,
        /// With what.
        resource: Resource,
        /// Who.
        user: String,
    },
    /// 403: the user may not use this routing key.
    TopicRefused {
        /// To publish or to bind.
        right: Right,
        /// The routing key.
        key: String,
        /// The topic exchange.
        exchange: Resource,
        /// Who.
        user: String,
    },
    /// 530: a connection or channel that is not let in.
    NotAllowed(String),
    /// 406: there are as many as there may be, or it is protected.
    Refused(String),
    /// 406: the virtual host is protected from deletion. HTTP clients get 412.
    Protected(String),
    /// 406: not a regular expression, or not one that can be searched for in linear time.
    InvalidPattern {
        /// As it was given.
        pattern: String,
        /// What is wrong with it.
        reason: String,
    },
    /// 405: exclusive to another connection, or declared so.
    Locked(Resource),
    /// 403: an exclusive consumer stands in the way.
    ExclusiveUse(Resource),
    /// 403: the name begins with `amq.`.
    ReservedName(Resource),
    /// 403: the default exchange can't be declared, deleted or bound.
    DefaultExchange,
    /// 403: a predeclared exchange can't be deleted.
    SystemExchange(Resource),
    /// 403: clients can't publish to an internal exchange.
    InternalExchange(Resource),
    /// 403: a direct reply-to pseudo queue can't be bound.
    ReplyQueueBinding,
    /// 406: declared before with another value.
    Inequivalent {
        /// The property or argument.
        arg: String,
        /// What was declared.
        resource: Resource,
        /// `received …` to the end of the sentence.
        difference: String,
    },
    /// 406: an argument has a value that it can't have.
    InvalidArgument {
        /// The argument.
        arg: String,
        /// What was declared.
        resource: Resource,
        /// The reason.
        reason: String,
    },
    /// 406: an argument that this type of queue does not take.
    ArgumentNotTaken {
        /// The argument.
        arg: &'static str,
        /// The queue.
        resource: Resource,
        /// RabbitMQ's name of the type's module.
        queue_type: &'static str,
    },
    /// 406: a queue of this type (RabbitMQ's name of its module) needs a name.
    ServerNamed(&'static str),
    /// 406: an argument of the wrong type on an exchange.
    InvalidArgumentType {
        /// The argument.
        arg: String,
        /// What was declared.
        resource: Resource,
        /// RabbitMQ's name of the type given.
        given: &'static str,
    },
    /// 406: a property that this kind of queue can't have.
    InvalidProperty {
        /// The property.
        property: &'static str,
        /// The queue.
        resource: Resource,
    },
    /// 406: no exchange type of this name.
    UnknownExchangeType(String),
    /// 406: an exchange's arguments do not suit its type. Holds the whole text.
    InvalidExchange(String),
    /// 406: delete if unused, and it is used.
    InUse(Resource),
    /// 406: delete if empty, and it is not.
    NotEmpty(Resource),
    /// 406: the binding's arguments are wrong.
    BadBinding(String),
    /// 406: a parameter, a policy or a definitions file is wrong; the text says why.
    InvalidParameter(String),
    /// 540: RabbitMQ has it, this build does not.
    NotImplemented(String),
    /// 541: the store has failed.
    Store(String),
}

impl From<BindError> for Error {
    fn from(error: BindError) -> Self {
        Self::BadBinding(error.to_string())
    }
}

impl Error {
    /// A queue that would be one too many in its virtual host.
    pub(crate) fn queue_limit(queue: &str, vhost: &str, limit: i64) -> Self {
        Self::Refused(format!(
            "cannot declare queue '{queue}': queue limit in vhost '{vhost}' ({limit}) is reached"
        ))
    }

    /// The reply code; its level (channel or connection) follows from it.
    #[must_use]
    pub const fn reply_code(&self) -> ReplyCode {
        match self {
            Self::NotFound(_) | Self::NoVhost(_) | Self::NoUser(_) => ReplyCode::NotFound,
            Self::Locked(_) => ReplyCode::ResourceLocked,
            Self::AccessRefused { .. }
            | Self::TopicRefused { .. }
            | Self::ExclusiveUse(_)
            | Self::ReservedName(_)
            | Self::DefaultExchange
            | Self::SystemExchange(_)
            | Self::InternalExchange(_)
            | Self::ReplyQueueBinding => ReplyCode::AccessRefused,
            Self::NotAllowed(_) => ReplyCode::NotAllowed,
            Self::Inequivalent { .. }
            | Self::Refused(_)
            | Self::Protected(_)
            | Self::InvalidPattern { .. }
            | Self::InvalidArgument { .. }
            | Self::ArgumentNotTaken { .. }
            | Self::ServerNamed(_)
            | Self::InvalidArgumentType { .. }
            | Self::InvalidProperty { .. }
            | Self::UnknownExchangeType(_)
            | Self::InvalidExchange(_)
            | Self::InUse(_)
            | Self::NotEmpty(_)
            | Self::BadBinding(_)
            | Self::InvalidParameter(_) => ReplyCode::PreconditionFailed,
            Self::NotImplemented(_) => ReplyCode::NotImplemented,
            Self::Store(_) => ReplyCode::InternalError,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound(what) => write!(f, "no {what}"),
            Self::NoVhost(name) => write!(f, "no vhost '{name}'"),
            Self::Locked(what) => write!(
                f,
                "cannot obtain exclusive access to locked {what}. It could be originally declared on \
                 another connection or the exclusive property value does not match that of the original \
                 declaration."
            ),
            Self::ExclusiveUse(what) => write!(f, "{what} in exclusive use"),
            Self::DefaultExchange => f.write_str("operation not permitted on the default exchange"),
            Self::SystemExchange(what) => write!(f, "deletion of system {what} not allowed"),
            Self::InternalExchange(what) => write!(f, "cannot publish to internal {what}"),
            Self::ReplyQueueBinding => {
                f.write_str("cannot bind or unbind to a volatile (direct reply-to) queue")
            }
            Self::Inequivalent {
                arg,
                resource,
                difference,
            } => {
                write!(f, "inequivalent arg '{arg}' for {resource}: {difference}")
            }
            Self::InvalidArgument {
                arg,
                resource,
                reason,
            } => {
                write!(f, "invalid arg '{arg}' for {resource}: {reason}")
            }
            Self::ArgumentNotTaken {
                arg,
                resource,
                queue_type,
            } => {
                write!(
                    f,
                    "invalid arg '{arg}' for {resource} of queue type {queue_type}"
                )
            }
            Self::ServerNamed(queue_type) => {
                write!(
                    f,
                    "Cannot declare a server-named queue for type {queue_type}"
                )
            }
            Self::InvalidArgumentType {
                arg,
                resource,
                given,
            } => {
                write!(f, "invalid type '{given}' for arg '{arg}' in {resource}")
            }
            Self::InvalidProperty { property, resource } => {
                write!(f, "invalid property '{property}' for {resource}")
            }
            Self::UnknownExchangeType(kind) => write!(f, "unknown exchange type '{kind}'"),
            Self::InUse(what) => write!(f, "{what} in use"),
            Self::NotEmpty(what) => write!(f, "{what} not empty"),
            Self::BadBinding(reason)
            | Self::InvalidExchange(reason)
            | Self::NotImplemented(reason)
            | Self::NotAllowed(reason)
            | Self::Refused(reason)
            | Self::InvalidParameter(reason) => f.write_str(reason),
            Self::Store(reason) => write!(f, "the message store has failed: {reason}"),
            _ => self.fmt_access(f),
        }
    }
}

impl Error {
    /// The texts about users, and about what nobody or not everybody may do.
    fn fmt_access(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoUser(name) => write!(f, "no user '{name}'"),
            Self::AccessRefused {
                right,
                resource,
                user,
            } => {
                write!(f, "{right} access to {resource} refused for user '{user}'")
            }
            Self::TopicRefused {
                right,
                key,
                exchange,
                user,
            } => write!(
                f,
                "{right} access to topic '{key}' in {exchange} refused for user '{user}'"
            ),
            Self::Protected(name) => write!(
                f,
                "Refusing to delete virtual host '{name}' because it is protected from deletion"
            ),
            Self::InvalidPattern { pattern, reason } => {
                write!(f, "invalid regular expression '{pattern}': {reason}")
            }
            Self::ReservedName(what) => {
                write!(
                    f,
                    "{} name '{}' contains reserved prefix 'amq.*'",
                    what.kind(),
                    what.name()
                )
            }
            _ => f.write_str("refused"),
        }
    }
}

impl std::error::Error for Error {}
