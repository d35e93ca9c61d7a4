//! Reply codes (spec 1.2 constants) with RabbitMQ's names for them.

/// What an error ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Scope {
    /// The channel it happened on.
    Channel,
    /// The whole connection.
    Connection,
}

/// Codes of close and return methods.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(u16)]
pub enum ReplyCode {
    /// A body larger than allowed.
    ContentTooLarge = 311,
    /// A mandatory message that no queue took.
    NoRoute = 312,
    /// An immediate message that no consumer took.
    NoConsumers = 313,
    /// An operator or a shutdown ended the connection.
    ConnectionForced = 320,
    /// The virtual host is not known.
    InvalidPath = 402,
    /// Not permitted to this user.
    AccessRefused = 403,
    /// No such queue, exchange or the like.
    NotFound = 404,
    /// In use exclusively by another.
    ResourceLocked = 405,
    /// A condition the request relies on does not hold.
    PreconditionFailed = 406,
    /// Bytes that are no frame, or no well-formed one.
    FrameError = 501,
    /// Illegal values in a frame's fields.
    SyntaxError = 502,
    /// A method that has no place here.
    CommandInvalid = 503,
    /// A channel that is not open, or open already.
    ChannelError = 504,
    /// A frame out of order.
    UnexpectedFrame = 505,
    /// The server is out of something.
    ResourceError = 506,
    /// Not allowed by policy or settings.
    NotAllowed = 530,
    /// Not implemented.
    NotImplemented = 540,
    /// A fault of the server.
    InternalError = 541,
}

impl ReplyCode {
    /// The number that goes on the wire.
    pub const fn code(self) -> u16 {
        self as u16
    }

    /// The word RabbitMQ begins reply texts with.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ContentTooLarge => "CONTENT_TOO_LARGE",
            Self::NoRoute => "NO_ROUTE",
            Self::NoConsumers => "NO_CONSUMERS",
            Self::ConnectionForced => "CONNECTION_FORCED",
            Self::InvalidPath => "INVALID_PATH",
            Self::AccessRefused => "ACCESS_REFUSED",
            Self::NotFound => "NOT_FOUND",
            Self::ResourceLocked => "RESOURCE_LOCKED",
            Self::PreconditionFailed => "PRECONDITION_FAILED",
            Self::FrameError => "FRAME_ERROR",
            Self::SyntaxError => "SYNTAX_ERROR",
            Self::CommandInvalid => "COMMAND_INVALID",
            Self::ChannelError => "CHANNEL_ERROR",
            Self::UnexpectedFrame => "UNEXPECTED_FRAME",
            Self::ResourceError => "RESOURCE_ERROR",
            Self::NotAllowed => "NOT_ALLOWED",
            Self::NotImplemented => "NOT_IMPLEMENTED",
            Self::InternalError => "INTERNAL_ERROR",
        }
    }

    /// What an error of this code ends.
    pub const fn scope(self) -> Scope {
        match self {
            Self::ContentTooLarge
            | Self::NoRoute
            | Self::NoConsumers
            | Self::AccessRefused
            | Self::NotFound
            | Self::ResourceLocked
            | Self::PreconditionFailed => Scope::Channel,
            Self::ConnectionForced
            | Self::InvalidPath
            | Self::FrameError
            | Self::SyntaxError
            | Self::CommandInvalid
            | Self::ChannelError
            | Self::UnexpectedFrame
            | Self::ResourceError
            | Self::NotAllowed
            | Self::NotImplemented
            | Self::InternalError => Scope::Connection,
        }
    }
}
