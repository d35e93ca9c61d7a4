//! Why a binding was refused. The texts are the ones RabbitMQ sends with 406.

use std::fmt;

/// A headers binding whose `x-match` argument is not one of the four modes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BindError {
    /// A string, but not a known mode. Holds the string, shortened to what a reply text can show.
    BadXMatchValue(String),
    /// Not a string.
    BadXMatchType {
        /// RabbitMQ's name of the field type that was sent.
        type_name: &'static str,
        /// The value that was sent, in words; nested values are elided.
        value: String,
    },
}

impl fmt::Display for BindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadXMatchValue(value) => write!(
                f,
                "Invalid x-match field value <<\"{value}\">>; \
                 expected all, any, all-with-x, or any-with-x"
            ),
            Self::BadXMatchType { type_name, value } => write!(
                f,
                "Invalid x-match field type {type_name} (value {value}); expected longstr"
            ),
        }
    }
}

impl std::error::Error for BindError {}
