//! The only mapping of errors to reply codes and texts.
//!
//! Clients' own test suites compare these words, so all of this crate's are here and are
//! RabbitMQ's. The broker's errors bring theirs along, because HTTP says the same.

use std::fmt;

use broker::Error;
use codec::{
    AMQPClass, ContentError, FrameError, MethodError, ReplyCode, Scope, ShortString, channel,
    connection,
};

use crate::limits::REPLY_TEXT_BYTES_MAX;

/// Why a request can't be granted.
#[derive(Debug)]
pub(crate) enum Fault {
    /// A rule of the broker.
    Broker(Error),
    /// A rule of the protocol.
    Violation(Violation),
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Broker(error)
    }
}

impl From<Violation> for Fault {
    fn from(violation: Violation) -> Self {
        Self::Violation(violation)
    }
}

impl From<FrameError> for Fault {
    fn from(error: FrameError) -> Self {
        Self::Violation(Violation::Frame(error))
    }
}

impl From<ContentError> for Fault {
    fn from(error: ContentError) -> Self {
        Self::Violation(Violation::Header(error))
    }
}

impl From<MethodError> for Fault {
    fn from(error: MethodError) -> Self {
        Self::Violation(Violation::Method(error))
    }
}

/// What a client did that the protocol, or RabbitMQ's reading of it, forbids.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Violation {
    // Frames and content.
    Frame(FrameError),
    Method(MethodError),
    Header(ContentError),
    HeartbeatOnChannel,
    HeartbeatWithPayload,
    ContentOnConnection,
    NotOpenYet,
    ExpectedMethod,
    ExpectedHeader,
    WrongClass(u16),
    WrongWeight(u16),
    ExpectedBody,
    BodyAnnouncedTooLarge {
        size: u64,
        max: u64,
    },
    BodyTooLong,
    // Connection.
    WrongState(&'static str),
    ServerMethod,
    UnknownMechanism(String),
    MechanismNotOffered(String),
    MalformedSaslResponse(String),
    LoginRefused {
        mechanism: String,
    },
    TuneTooHigh {
        field: &'static str,
        value: u32,
        max: u32,
    },
    TuneTooLow {
        field: &'static str,
        value: u32,
        min: u32,
    },
    Forced(String),
    // Channels.
    ChannelNotOpen,
    SecondChannelOpen,
    ConnectionMethodOnChannel,
    TooManyChannels {
        open: usize,
        max: u16,
    },
    FlowInactive,
    // Publishing.
    Immediate,
    MessageTooLarge {
        size: u64,
        max: u64,
    },
    InvalidExpiration {
        given: String,
        reason: String,
    },
    WrongUserId {
        given: String,
        user: String,
    },
    UnacceptableHeader {
        name: &'static str,
        given: &'static str,
    },
    // Consuming.
    PrefetchSize(u32),
    RecoverWithoutRequeue,
    UnknownDeliveryTag(u64),
    DeliveryOverdue {
        channel: u16,
        timeout_ms: u64,
    },
    ConsumerTagReused(String),
    TooManyConsumers(usize),
    NoQueueDeclared,
    ForeignArgument {
        arg: &'static str,
        queue: String,
        kind: &'static str,
    },
    GetWithSingleActive(String),
    ReplyConsumerMissing,
    ReplyConsumerAcknowledges,
    ReplyConsumerSet,
    TooManyReplyConsumers,
    // Modes.
    ConfirmToTx,
    TxToConfirm,
    NotTransactional,
    PartialTx,
    TxTooLarge,
    /// Bodies begun on many channels and ended on none.
    TooMuchInPieces,
}

impl Violation {
    pub(crate) fn code(&self) -> ReplyCode {
        match self {
            Self::Method(MethodError::Unknown { .. }) | Self::ServerMethod => {
                ReplyCode::CommandInvalid
            }
            Self::Frame(_)
            | Self::Method(_)
            | Self::Header(_)
            | Self::HeartbeatWithPayload
            | Self::BodyAnnouncedTooLarge { .. }
            | Self::BodyTooLong => ReplyCode::FrameError,
            Self::HeartbeatOnChannel
            | Self::ContentOnConnection
            | Self::NotOpenYet
            | Self::ExpectedMethod
            | Self::ExpectedHeader
            | Self::WrongClass(_)
            | Self::WrongWeight(_)
            | Self::ExpectedBody => ReplyCode::UnexpectedFrame,
            Self::UnknownMechanism(_) | Self::MechanismNotOffered(_) => ReplyCode::CommandInvalid,
            Self::MalformedSaslResponse(_) => ReplyCode::SyntaxError,
            Self::LoginRefused { .. } => ReplyCode::AccessRefused,
            Self::WrongState(_)
            | Self::ChannelNotOpen
            | Self::SecondChannelOpen
            | Self::ConnectionMethodOnChannel => ReplyCode::ChannelError,
            Self::TuneTooHigh { .. }
            | Self::TuneTooLow { .. }
            | Self::TooManyChannels { .. }
            | Self::ConsumerTagReused(_)
            | Self::TooManyConsumers(_) => ReplyCode::NotAllowed,
            Self::Forced(_) => ReplyCode::ConnectionForced,
            Self::FlowInactive
            | Self::Immediate
            | Self::PrefetchSize(_)
            | Self::RecoverWithoutRequeue => ReplyCode::NotImplemented,
            Self::NoQueueDeclared => ReplyCode::NotFound,
            Self::GetWithSingleActive(_) => ReplyCode::ResourceLocked,
            Self::MessageTooLarge { .. }
            | Self::InvalidExpiration { .. }
            | Self::WrongUserId { .. }
            | Self::UnacceptableHeader { .. }
            | Self::UnknownDeliveryTag(_)
            | Self::DeliveryOverdue { .. }
            | Self::ForeignArgument { .. }
            | Self::ReplyConsumerMissing
            | Self::ReplyConsumerAcknowledges
            | Self::ReplyConsumerSet
            | Self::ConfirmToTx
            | Self::TxToConfirm
            | Self::NotTransactional
            | Self::PartialTx => ReplyCode::PreconditionFailed,
            Self::TooManyReplyConsumers | Self::TxTooLarge | Self::TooMuchInPieces => {
                ReplyCode::ResourceError
            }
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Frame(error) => error.fmt(f),
            Self::Method(MethodError::Unknown { .. }) | Self::ServerMethod => {
                f.write_str("unimplemented method")
            }
            Self::Method(error) => error.fmt(f),
            Self::Header(error) => error.fmt(f),
            Self::HeartbeatOnChannel => f.write_str("heartbeat frame on a channel other than 0"),
            Self::HeartbeatWithPayload => f.write_str("heartbeat frame with a payload"),
            Self::ContentOnConnection => f.write_str("content frame on channel 0"),
            Self::NotOpenYet => f.write_str("frame on a channel before connection.open"),
            Self::ExpectedMethod => {
                f.write_str("expected method frame, got non method frame instead")
            }
            Self::ExpectedHeader => f.write_str(
                "expected content header for class 60, got non content header frame instead",
            ),
            Self::WrongClass(class) => {
                write!(
                    f,
                    "expected content header for class 60, got one for class {class} instead"
                )
            }
            Self::WrongWeight(weight) => write!(
                f,
                "expected content header with weight 0, got {weight} instead"
            ),
            Self::ExpectedBody => {
                f.write_str("expected content body, got non content body frame instead")
            }
            Self::BodyAnnouncedTooLarge { size, max } => {
                write!(
                    f,
                    "content body size {size} exceeds maximum allowed size {max}"
                )
            }
            Self::BodyTooLong => f.write_str("content body frame exceeds remaining content size"),
            _ => self.fmt_handshake(f),
        }
    }
}

impl Violation {
    /// The texts of the handshake.
    fn fmt_handshake(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WrongState(state) => write!(f, "unexpected method in connection state {state}"),
            Self::UnknownMechanism(name) => write!(f, "unknown authentication mechanism '{name}'"),
            Self::MechanismNotOffered(name) => {
                write!(f, "invalid authentication mechanism '{name}'")
            }
            Self::MalformedSaslResponse(name) => {
                write!(f, "response of authentication mechanism {name} invalid")
            }
            Self::LoginRefused { mechanism } => write!(
                f,
                "Login was refused using authentication mechanism {mechanism}. For details see the broker logfile."
            ),
            Self::TuneTooHigh {
                field,
                value: 0,
                max,
            } => write!(
                f,
                "negotiated {field} = 0 (no limit) is higher than the maximum allowed value ({max})"
            ),
            Self::TuneTooHigh { field, value, max } => {
                write!(
                    f,
                    "negotiated {field} = {value} is higher than the maximum allowed value ({max})"
                )
            }
            Self::TuneTooLow { field, value, min } => {
                write!(
                    f,
                    "negotiated {field} = {value} is lower than the minimum allowed value ({min})"
                )
            }
            _ => self.fmt_request(f),
        }
    }

    /// The texts of channels and publishing.
    fn fmt_request(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Forced(reason) => f.write_str(reason),
            Self::ChannelNotOpen => f.write_str("expected 'channel.open'"),
            Self::SecondChannelOpen => f.write_str("second 'channel.open' seen"),
            Self::ConnectionMethodOnChannel => {
                f.write_str("unexpected connection method on a channel")
            }
            Self::TooManyChannels { open, max } => {
                write!(
                    f,
                    "number of channels opened ({open}) has reached the negotiated channel_max ({max})"
                )
            }
            Self::FlowInactive => f.write_str("active=false"),
            Self::Immediate => f.write_str("immediate=true"),
            Self::PrefetchSize(bytes) => write!(f, "prefetch_size!=0 ({bytes})"),
            Self::RecoverWithoutRequeue => f.write_str("requeue=false"),
            Self::MessageTooLarge { size, max } => {
                write!(
                    f,
                    "message size {size} is larger than configured max size {max}"
                )
            }
            Self::InvalidExpiration { given, reason } => {
                write!(f, "invalid expiration '{given}': {reason}")
            }
            Self::WrongUserId { given, user } => {
                write!(
                    f,
                    "user_id property set to '{given}' but authenticated user was '{user}'"
                )
            }
            Self::UnacceptableHeader { name, given } => {
                write!(
                    f,
                    "invalid message: {{unacceptable_type_in_header,\"{name}\",{given}}}"
                )
            }
            _ => self.fmt_consuming(f),
        }
    }

    /// The texts of consuming and of modes.
    fn fmt_consuming(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownDeliveryTag(tag) => write!(f, "unknown delivery tag {tag}"),
            Self::DeliveryOverdue {
                channel,
                timeout_ms,
            } => write!(
                f,
                "delivery acknowledgement on channel {channel} timed out. Timeout value used: {timeout_ms} ms. This timeout value can be configured, see consumers doc guide to learn more"
            ),
            Self::ConsumerTagReused(tag) => write!(f, "attempt to reuse consumer tag '{tag}'"),
            Self::TooManyConsumers(max) => {
                write!(f, "reached maximum ({max}) of consumers per channel")
            }
            Self::NoQueueDeclared => f.write_str("no previously declared queue"),
            Self::ForeignArgument { arg, queue, kind } => {
                write!(f, "invalid arg '{arg}' for {queue} of queue type {kind}")
            }
            Self::GetWithSingleActive(queue) => write!(
                f,
                "cannot obtain access to locked {queue}. basic.get operations are not supported by quorum queues with single active consumer"
            ),
            Self::ReplyConsumerMissing => f.write_str("fast reply consumer does not exist"),
            Self::ReplyConsumerAcknowledges => f.write_str("reply consumer cannot acknowledge"),
            Self::ReplyConsumerSet => f.write_str("reply consumer already set"),
            Self::TooManyReplyConsumers => f.write_str("too many direct reply-to consumers"),
            Self::ConfirmToTx => f.write_str("cannot switch from confirm to tx mode"),
            Self::TxToConfirm => f.write_str("cannot switch from tx to confirm mode"),
            Self::NotTransactional => f.write_str("channel is not transactional"),
            Self::PartialTx => f.write_str("partial tx completion"),
            Self::TxTooLarge => f.write_str("transaction too large"),
            Self::TooMuchInPieces => f.write_str("too many bytes of unfinished messages"),
            _ => f.write_str("protocol violation"),
        }
    }
}

/// What is said to the client when something ends.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Close {
    pub(crate) code: ReplyCode,
    /// `NAME - explanation`, short enough for a short string.
    pub(crate) text: String,
    /// Class and method that failed; zeros if it was none.
    pub(crate) method: (u16, u16),
    /// The input can't be trusted to be frames any more.
    pub(crate) garbled: bool,
}

impl Close {
    /// The close that answers `fault` of the method with these ids.
    pub(crate) fn new(fault: &Fault, method: (u16, u16)) -> Self {
        let (code, explanation) = match fault {
            Fault::Broker(error) => (error.reply_code(), error.to_string()),
            Fault::Violation(violation) => (violation.code(), violation.to_string()),
        };
        let garbled = matches!(fault, Fault::Violation(Violation::Frame(_)));
        let text = shorten(format!("{} - {explanation}", code.name()));
        // A login's refusal is nobody's method: the client sees zeros (RabbitMQ).
        let refused = matches!(
            fault,
            Fault::Violation(Violation::LoginRefused { .. } | Violation::Forced(_))
        );
        let method = if refused { (0, 0) } else { method };
        Self {
            code,
            text,
            method,
            garbled,
        }
    }

    pub(crate) fn scope(&self) -> Scope {
        self.code.scope()
    }

    pub(crate) fn of_channel(&self) -> AMQPClass {
        let (class_id, method_id) = self.method;
        AMQPClass::Channel(channel::AMQPMethod::Close(channel::Close {
            reply_code: self.code.code(),
            reply_text: short(&self.text),
            class_id,
            method_id,
        }))
    }

    pub(crate) fn of_connection(&self) -> AMQPClass {
        let (class_id, method_id) = self.method;
        AMQPClass::Connection(connection::AMQPMethod::Close(connection::Close {
            reply_code: self.code.code(),
            reply_text: short(&self.text),
            class_id,
            method_id,
        }))
    }
}

/// A short string of at most the bytes that one can have.
pub(crate) fn short(text: &str) -> ShortString {
    ShortString::try_new(&text[..text.floor_char_boundary(REPLY_TEXT_BYTES_MAX)])
        .unwrap_or_default()
}

fn shorten(mut text: String) -> String {
    const ELLIPSIS: &str = "...";
    if text.len() > REPLY_TEXT_BYTES_MAX {
        text.truncate(text.floor_char_boundary(REPLY_TEXT_BYTES_MAX - ELLIPSIS.len()));
        text.push_str(ELLIPSIS);
    }
    text
}
