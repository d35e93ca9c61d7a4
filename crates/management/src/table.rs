//! Field tables as JSON and back, with this API's error.

use codec::{FieldTable, ShortString};
use serde_json::{Map, Value};

use crate::error::ApiError;

pub(crate) use broker::table_to_json as to_json;

/// A JSON object as a table. Fails on nesting that is too deep and on keys longer than a short
/// string.
pub(crate) fn from_json(object: &Map<String, Value>) -> Result<FieldTable, ApiError> {
    broker::table_from_json(object).map_err(ApiError::bad_request)
}

/// A name as a short string, at most 255 bytes.
pub(crate) fn short_string(text: &str) -> Result<ShortString, ApiError> {
    ShortString::try_new(text)
        .map_err(|_| ApiError::bad_request("a name or key is longer than 255 bytes"))
}

#[cfg(test)]
mod tests;
