//! Why a binding or an exchange was refused. The texts are the ones RabbitMQ sends with 406.

use std::fmt;

/// A binding that its exchange's type does not allow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BindError {
    /// An `x-match` that is a string, but not one of the four modes. Holds the string, shortened to what a reply text can show.
    BadXMatchValue(String),
    /// An `x-match` that is not a string.
    BadXMatchType {
        /// RabbitMQ's name of the field type that was sent.
        type_name: &'static str,
        /// The value that was sent, in words; nested values are elided.
        value: String,
    },
    /// The key of a consistent-hash binding is not a number. Holds the key.
    WeightNotInteger(String),
    /// The key of a consistent-hash binding is less than 1.
    WeightTooSmall,
    /// The key of a consistent-hash binding is more than [`WEIGHT_MAX`](crate::WEIGHT_MAX).
    WeightTooLarge,
    /// A key where there must be none. Holds the key.
    KeyNotEmpty(String),
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
            Self::WeightNotInteger(key) => {
                write!(f, "The binding key must be an integer: <<\"{key}\">>")
            }
            Self::WeightTooSmall => f.write_str("The binding key must be greater than 0"),
            Self::WeightTooLarge => write!(
                f,
                "The binding key must not exceed {}",
                crate::consistent::WEIGHT_MAX
            ),
            Self::KeyNotEmpty(key) => write!(f, "Non empty binding '{key}' key not permitted"),
        }
    }
}

impl std::error::Error for BindError {}

/// Arguments with which an exchange can't be declared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeclareError {
    /// `hash-property` names a property that can't be hashed. Holds the name.
    UnsupportedProperty(String),
    /// Both `hash-header` and `hash-property`.
    TwoHashSources,
    /// An argument that must be a string is not. Holds its name.
    NotAString(&'static str),
}

impl fmt::Display for DeclareError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnsupportedProperty(name) => write!(f, "Unsupported property: {name}"),
            Self::TwoHashSources => {
                f.write_str("hash-header and hash-property are mutually exclusive")
            }
            Self::NotAString(argument) => {
                write!(f, "Invalid argument, '{argument}' must be a string")
            }
        }
    }
}

impl std::error::Error for DeclareError {}
