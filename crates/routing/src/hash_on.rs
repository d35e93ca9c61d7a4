//! What a consistent-hash exchange hashes: the arguments `hash-header` and `hash-property`.

use crate::error::DeclareError;
use crate::hash;
use crate::subject::Subject;
use codec::{AMQPValue, FieldTable, ShortString, as_str};

/// The value of a message that chooses its destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HashOn {
    /// The routing key.
    RoutingKey,
    /// A header (`hash-header`).
    Header(ShortString),
    /// `message-id` (`hash-property`).
    MessageId,
    /// `correlation-id` (`hash-property`).
    CorrelationId,
    /// `timestamp` (`hash-property`).
    Timestamp,
}

impl HashOn {
    /// Reads an exchange's arguments.
    ///
    /// # Errors
    /// Both arguments, an unknown property, a value that is no string.
    pub fn parse(arguments: &FieldTable) -> Result<Self, DeclareError> {
        let header = string(arguments, "hash-header")?;
        let property = string(arguments, "hash-property")?;
        match (header, property) {
            (None, None) => Ok(Self::RoutingKey),
            (Some(_), Some(_)) => Err(DeclareError::TwoHashSources),
            (Some(name), None) => ShortString::try_new(name)
                .map(Self::Header)
                .map_err(|_| DeclareError::NotAString("hash-header")),
            (None, Some("message_id")) => Ok(Self::MessageId),
            (None, Some("correlation_id")) => Ok(Self::CorrelationId),
            (None, Some("timestamp")) => Ok(Self::Timestamp),
            (None, Some(other)) => Err(DeclareError::UnsupportedProperty(other.to_owned())),
        }
    }

    /// The hash of the chosen value; one constant for a message that lacks it, so that all
    /// such messages go to the same place.
    pub(crate) fn hash(&self, key: &str, subject: &Subject<'_>) -> u64 {
        match self {
            Self::RoutingKey => hash::of_bytes(key.as_bytes()),
            Self::Header(name) => {
                let value = subject.headers.inner().get(name);
                value.map_or(0, |value| hash_value(name, value))
            }
            Self::MessageId => subject.message_id.map_or(0, hash::of_bytes),
            Self::CorrelationId => subject.correlation_id.map_or(0, hash::of_bytes),
            Self::Timestamp => subject
                .timestamp
                .map_or(0, |at| hash::of_bytes(&at.to_be_bytes())),
        }
    }
}

/// Strings by their bytes, which is what nearly every such header is; others as they are encoded.
fn hash_value(name: &ShortString, value: &AMQPValue) -> u64 {
    if let Some(text) = as_str(value) {
        return hash::of_bytes(text.as_bytes());
    }
    let mut table = FieldTable::default();
    table.insert(name.clone(), value.clone());
    hash::of_bytes(&codec::encode_table(&table))
}

fn string<'a>(
    arguments: &'a FieldTable,
    name: &'static str,
) -> Result<Option<&'a str>, DeclareError> {
    arguments
        .inner()
        .get(name)
        .map(|value| as_str(value).ok_or(DeclareError::NotAString(name)))
        .transpose()
}
