//! JSON bodies of requests, read leniently as RabbitMQ reads them.

use axum::body::{Body, to_bytes};
use axum::extract::{FromRequest, Request};
use codec::FieldTable;
use serde_json::{Map, Value};

use crate::error::ApiError;
use crate::table;

/// Bytes of a body at most. RabbitMQ's figure: a definitions file can be large.
pub(crate) const BODY_BYTES_MAX: usize = 20_000_000;

/// The object that came as a body; nothing at all counts as an empty one.
#[derive(Debug, Default)]
pub(crate) struct Fields(Map<String, Value>);

impl<S: Sync> FromRequest<S> for Fields {
    type Rejection = ApiError;

    async fn from_request(request: Request<Body>, _: &S) -> Result<Self, ApiError> {
        let bytes = to_bytes(request.into_body(), BODY_BYTES_MAX)
            .await
            .map_err(|_| ApiError::bad_request("payload_too_large"))?;
        Self::parse(&bytes)
    }
}

impl Fields {
    fn parse(bytes: &[u8]) -> Result<Self, ApiError> {
        // Some clients send the words of their language for "nothing".
        if matches!(bytes.trim_ascii(), b"" | b"\"\"" | b"null" | b"undefined") {
            return Ok(Self::default());
        }
        match serde_json::from_slice(bytes) {
            Ok(Value::Object(object)) => Ok(Self(object)),
            _ => Err(ApiError::bad_request("not_json")),
        }
    }

    /// Whatever is there, unless it is null.
    pub(crate) fn given(&self, key: &str) -> Option<&Value> {
        self.0.get(key).filter(|value| !value.is_null())
    }

    /// Whatever has to be there.
    pub(crate) fn required(&self, key: &'static str) -> Result<&Value, ApiError> {
        self.0.get(key).ok_or(ApiError::KeyMissing(key))
    }

    /// A text, if it is there.
    pub(crate) fn text(&self, key: &str) -> Result<Option<&str>, ApiError> {
        match self.0.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(ApiError::bad_request(format!("{key} is not a string"))),
        }
    }

    /// A text that has to be there.
    pub(crate) fn required_text(&self, key: &'static str) -> Result<&str, ApiError> {
        self.text(key)?.ok_or(ApiError::KeyMissing(key))
    }

    /// A switch, as JSON or as the word; off when it is missing.
    pub(crate) fn flag(&self, key: &str) -> Result<bool, ApiError> {
        match self.0.get(key) {
            None | Some(Value::Null | Value::Bool(false)) => Ok(false),
            Some(Value::Bool(true)) => Ok(true),
            Some(Value::String(word)) if word == "true" => Ok(true),
            Some(Value::String(word)) if word == "false" => Ok(false),
            Some(_) => Err(ApiError::bad_request(format!(
                "{key} is neither true nor false"
            ))),
        }
    }

    /// A whole number, as JSON or in digits, if it is there.
    pub(crate) fn count(&self, key: &str) -> Result<Option<usize>, ApiError> {
        let number = match self.0.get(key) {
            None | Some(Value::Null) => return Ok(None),
            Some(Value::Number(number)) => number.as_u64(),
            Some(Value::String(digits)) => digits.parse().ok(),
            Some(_) => None,
        };
        number
            .and_then(|number| usize::try_from(number).ok())
            .map(Some)
            .ok_or_else(|| ApiError::bad_request(format!("{key} is not a number")))
    }

    /// A table, empty when it is missing.
    pub(crate) fn table(&self, key: &str) -> Result<FieldTable, ApiError> {
        self.object(key)?
            .map_or_else(|| Ok(FieldTable::default()), table::from_json)
    }

    /// An object, if it is there. Some clients write an empty one as an empty list.
    pub(crate) fn object(&self, key: &str) -> Result<Option<&Map<String, Value>>, ApiError> {
        match self.0.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Array(list)) if list.is_empty() => Ok(None),
            Some(Value::Object(object)) => Ok(Some(object)),
            Some(_) => Err(ApiError::bad_request(format!("{key} is not an object"))),
        }
    }

    /// The value of a key as it is.
    pub(crate) fn value(&self, key: &str) -> Option<&Value> {
        self.0.get(key)
    }

    /// Words, as a list or separated by commas, if they are there.
    pub(crate) fn words(&self, key: &str) -> Result<Option<Vec<String>>, ApiError> {
        let wrong = || ApiError::bad_request(format!("{key} is neither a list nor a string"));
        let words: Vec<&str> = match self.0.get(key) {
            None | Some(Value::Null) => return Ok(None),
            Some(Value::String(words)) => words.split(',').collect(),
            Some(Value::Array(list)) => {
                let words = list.iter().map(|word| word.as_str().ok_or_else(wrong));
                words.collect::<Result<_, _>>()?
            }
            Some(_) => return Err(wrong()),
        };
        let words = words.iter().map(|word| word.trim());
        let words = words.filter(|word| !word.is_empty());
        Ok(Some(words.map(str::to_owned).collect()))
    }

    /// [`Self::words`], not too many of them.
    pub(crate) fn tags(&self, key: &str) -> Result<Option<Vec<String>>, ApiError> {
        let words = self.words(key)?;
        let most = broker::limits::TAGS_MAX;
        if words.as_ref().is_some_and(|words| words.len() > most) {
            return Err(ApiError::bad_request(format!("{key}: more than {most}")));
        }
        Ok(words)
    }

    /// Whether the key is there at all.
    pub(crate) fn contains(&self, key: &str) -> bool {
        self.0.contains_key(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(body: &str) -> Fields {
        Fields::parse(body.as_bytes()).unwrap()
    }

    #[test]
    fn nothing_is_an_empty_object() {
        for body in ["", " ", "{}", "null", "\"\"", "undefined"] {
            assert!(fields(body).0.is_empty(), "{body}");
        }
    }

    #[test]
    fn what_is_not_an_object_is_refused() {
        for body in ["{", "[]", "1", "nil", "{\"a\":}"] {
            assert!(Fields::parse(body.as_bytes()).is_err(), "{body}");
        }
    }

    #[test]
    fn words_and_digits_count_as_switches_and_numbers() {
        let fields = fields(r#"{"a":true,"b":"true","c":"false","d":1,"n":"5","m":7,"e":null}"#);
        assert!(fields.flag("a").unwrap() && fields.flag("b").unwrap());
        assert!(!fields.flag("c").unwrap() && !fields.flag("none").unwrap());
        assert!(fields.flag("d").is_err());
        assert_eq!(fields.count("n").unwrap(), Some(5));
        assert_eq!(fields.count("m").unwrap(), Some(7));
        assert_eq!(fields.count("e").unwrap(), None);
        assert!(fields.count("a").is_err());
    }

    #[test]
    fn an_empty_list_stands_for_an_empty_table() {
        assert!(
            fields(r#"{"arguments":[]}"#)
                .table("arguments")
                .unwrap()
                .inner()
                .is_empty()
        );
        assert!(fields(r#"{"arguments":[1]}"#).table("arguments").is_err());
    }
}
