//! Values that an operation takes by name: query parameters and keys of a body.

use serde_json::{Value, json};

/// A query parameter or a key of a body.
#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) required: bool,
    pub(crate) about: &'static str,
}

/// What a value can be.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    Text,
    Boolean,
    /// A whole number.
    Integer,
    /// An object with keys of its own.
    Object,
    /// Any JSON at all.
    Any,
    /// Texts, as a list or separated by commas.
    Words,
    /// One of these texts.
    Of(&'static [&'static str]),
}

/// A value that may be left out.
pub(crate) const fn optional(name: &'static str, kind: Kind, about: &'static str) -> Field {
    Field {
        name,
        kind,
        required: false,
        about,
    }
}

/// A value that has to be there.
pub(crate) const fn required(name: &'static str, kind: Kind, about: &'static str) -> Field {
    Field {
        name,
        kind,
        required: true,
        about,
    }
}

impl Kind {
    /// The schema of such a value.
    pub(super) fn schema(self) -> Value {
        match self {
            Self::Text => json!({"type": "string"}),
            Self::Boolean => json!({"type": "boolean"}),
            Self::Integer => json!({"type": "integer"}),
            Self::Object => json!({"type": "object"}),
            Self::Any => json!({}),
            Self::Words => json!({"oneOf": [
                {"type": "string"},
                {"type": "array", "items": {"type": "string"}},
            ]}),
            Self::Of(words) => json!({"type": "string", "enum": words}),
        }
    }

    /// The same for a reader.
    pub(super) fn words(self) -> String {
        match self {
            Self::Text => "text".to_owned(),
            Self::Boolean => "true or false".to_owned(),
            Self::Integer => "whole number".to_owned(),
            Self::Object => "object".to_owned(),
            Self::Any => "any JSON".to_owned(),
            Self::Words => "list of texts".to_owned(),
            Self::Of(words) => words.join(", "),
        }
    }
}
