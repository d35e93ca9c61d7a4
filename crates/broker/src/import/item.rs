//! The objects of a definitions file, read with care.

use codec::FieldTable;
use serde_json::{Map, Value};

use crate::error::Error;
use crate::json::table_from_json;
use crate::limits::NAME_BYTES_MAX;

/// One object of a list.
#[derive(Clone, Copy)]
pub(super) struct Item<'a> {
    category: &'static str,
    index: usize,
    fields: &'a Map<String, Value>,
}

/// The objects of the list `category`; none if it is missing. RabbitMQ skips what is no object.
pub(super) fn items<'a>(
    file: &'a Map<String, Value>,
    category: &'static str,
) -> Result<Vec<Item<'a>>, Error> {
    let list = match file.get(category) {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Array(list)) => list,
        Some(_) => {
            return Err(Error::InvalidParameter(format!("{category} is not a list")));
        }
    };
    let objects = list.iter().enumerate().filter_map(|(index, value)| {
        value.as_object().map(|fields| Item {
            category,
            index,
            fields,
        })
    });
    Ok(objects.collect())
}

impl<'a> Item<'a> {
    /// An error about this object.
    pub(super) fn wrong(&self, reason: impl std::fmt::Display) -> Error {
        let Self {
            category, index, ..
        } = self;
        let name = match self.fields.get("name") {
            Some(Value::String(name)) => format!(" ('{name}')"),
            _ => String::new(),
        };
        Error::InvalidParameter(format!("{category}[{index}]{name}: {reason}"))
    }

    pub(super) fn get(&self, key: &str) -> Option<&'a Value> {
        self.fields.get(key).filter(|value| !value.is_null())
    }

    /// A text, if it is there.
    pub(super) fn text(&self, key: &str) -> Result<Option<&'a str>, Error> {
        match self.get(key) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(self.wrong(format!("{key} is not a string"))),
        }
    }

    /// A text that has to be there.
    pub(super) fn required(&self, key: &str) -> Result<&'a str, Error> {
        let text = self.text(key)?;
        text.ok_or_else(|| self.wrong(format!("{key} is missing")))
    }

    /// A text that has to fit a short string.
    pub(super) fn name(&self, key: &str) -> Result<&'a str, Error> {
        let name = self.required(key)?;
        if name.len() > NAME_BYTES_MAX {
            return Err(self.wrong(format!("{key} is longer than {NAME_BYTES_MAX} bytes")));
        }
        Ok(name)
    }

    /// A switch, off when it is missing.
    pub(super) fn flag(&self, key: &str) -> Result<bool, Error> {
        match self.get(key) {
            None => Ok(false),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(_) => Err(self.wrong(format!("{key} is neither true nor false"))),
        }
    }

    /// A table, empty when it is missing. Old files write an empty one as an empty list.
    pub(super) fn table(&self, key: &str) -> Result<FieldTable, Error> {
        match self.get(key) {
            None => Ok(FieldTable::default()),
            Some(Value::Array(list)) if list.is_empty() => Ok(FieldTable::default()),
            Some(Value::Object(object)) => {
                table_from_json(object).map_err(|reason| self.wrong(reason))
            }
            Some(_) => Err(self.wrong(format!("{key} is not an object"))),
        }
    }

    /// An object, if it is there.
    pub(super) fn object(&self, key: &str) -> Option<&'a Map<String, Value>> {
        self.get(key).and_then(Value::as_object)
    }
}

/// A list of words, or the same in one text with commas.
pub(super) fn words(value: &Value) -> Vec<String> {
    let split = |text: &str| -> Vec<String> {
        let words = text.split(',').map(str::trim);
        words
            .filter(|word| !word.is_empty())
            .map(str::to_owned)
            .collect()
    };
    match value {
        Value::String(text) => split(text),
        Value::Array(list) => {
            let words = list.iter().filter_map(Value::as_str);
            words.map(str::to_owned).collect()
        }
        _ => Vec::new(),
    }
}
