//! Lists as the client asked for them: sorted, filtered, cut to a page, with chosen columns.

use std::cmp::Ordering;
use std::ops::Range;

use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use regex::{Regex, RegexBuilder};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::error::ApiError;
use crate::openapi::{Answer, Field, Kind, Parameters, optional};
use crate::query::Windows;

/// Items on a page when the client does not say. RabbitMQ's figure.
pub(crate) const PAGE_SIZE_DEFAULT: usize = 100;

/// Items on a page at most. RabbitMQ's figure.
pub(crate) const PAGE_SIZE_MAX: usize = 500;

/// Characters of a regular expression to filter by. RabbitMQ's figure.
pub(crate) const REGEX_CHARS_MAX: usize = 1024;

/// Bytes that a compiled filter may take.
const REGEX_COMPILED_BYTES_MAX: usize = 1024 * 1024;

/// Query parameters of lists and objects.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ListQuery {
    page: Option<String>,
    page_size: Option<String>,
    name: Option<String>,
    use_regex: Option<String>,
    search_in: Option<String>,
    sort: Option<String>,
    sort_reverse: Option<String>,
    columns: Option<String>,
    pub(crate) disable_stats: Option<String>,
    pub(crate) enable_queue_totals: Option<String>,
}

const OF_OBJECTS: &[Field] = &[
    optional(
        "columns",
        Kind::Text,
        "Only these fields; separated by commas, with dots inside.",
    ),
    optional("disable_stats", Kind::Boolean, "Nothing that is measured."),
    optional(
        "enable_queue_totals",
        Kind::Boolean,
        "But the numbers of messages.",
    ),
];

const OF_LISTS: &[Field] = &[
    SEARCH_IN,
    optional(
        "sort",
        Kind::Text,
        "The field to sort by; with dots inside.",
    ),
    optional("sort_reverse", Kind::Boolean, "The other way round."),
];

/// RabbitMQ gives some lists whole, whatever the client asks for. Who sends this knows better.
const SEARCH_IN: Field = optional(
    "search_in",
    Kind::Text,
    "Where name is looked for: fields, separated by commas, with dots inside. With it, page, \
     page_size, name and use_regex work for every list. Leveret's own.",
);

const OF_PAGES: &[Field] = &[
    optional("page", Kind::Integer, "This page; the first is 1."),
    optional(
        "page_size",
        Kind::Integer,
        "Items on a page; 100 unless told, at most 500.",
    ),
    optional(
        "name",
        Kind::Text,
        "Only what has this in its name. Needs page.",
    ),
    optional(
        "use_regex",
        Kind::Boolean,
        "The name is a regular expression.",
    ),
];

impl Parameters for ListQuery {
    const FIELDS: &'static [Field] = OF_OBJECTS;

    fn of(answer: Answer) -> Vec<&'static Field> {
        let (lists, pages): (&[Field], &[Field]) = match answer {
            Answer::Page => (OF_LISTS, OF_PAGES),
            Answer::List => (OF_LISTS, &[]),
            _ => (&[], &[]),
        };
        OF_OBJECTS.iter().chain(lists).chain(pages).collect()
    }
}

/// A parameter that is on when it says `true`.
pub(crate) fn is_true(parameter: Option<&String>) -> bool {
    parameter.is_some_and(|value| value == "true")
}

/// Whether a list can be had in pages; RabbitMQ pages some and ignores the wish for others.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Paging {
    Offered,
    Ignored,
}

/// One page and what it is a page of.
#[derive(Serialize)]
struct Page {
    total_count: usize,
    item_count: usize,
    filtered_count: usize,
    page: usize,
    page_size: usize,
    page_count: usize,
    items: Vec<Value>,
}

#[derive(Clone, Copy, Debug)]
struct Cut {
    page: usize,
    size: usize,
}

/// A list as JSON text. Rows become text one by one: a tree of fifty thousand of them would take
/// ten times the memory.
#[derive(Debug)]
pub(crate) struct Listed(Vec<u8>);

impl IntoResponse for Listed {
    fn into_response(self) -> Response {
        ([(CONTENT_TYPE, "application/json")], self.0).into_response()
    }
}

/// What a row is sorted by.
pub(crate) type Key<'a, T> = &'a dyn Fn(&T) -> Value;

impl ListQuery {
    /// Turns rows into the answer. `rows` come in their default order; `name` is what the name
    /// filter looks at; `view` makes the JSON of one row, for as few rows as will do.
    pub(crate) fn list<T>(
        &self,
        rows: Vec<T>,
        paging: Paging,
        name: impl Fn(&T) -> &str,
        view: impl Fn(&T) -> Value,
    ) -> Result<Listed, ApiError> {
        let view = |row: &T, _: &Windows| view(row);
        self.list_with_past((rows, paging), &Windows::default(), name, view)
    }

    /// The same for rows that may show samples of the past, which nobody needs for sorting.
    pub(crate) fn list_with_past<T>(
        &self,
        rows: (Vec<T>, Paging),
        windows: &Windows,
        name: impl Fn(&T) -> &str,
        view: impl Fn(&T, &Windows) -> Value,
    ) -> Result<Listed, ApiError> {
        self.list_by_key(rows, windows, name, view, None)
    }

    /// The field to sort by, with dots inside.
    pub(crate) fn sort(&self) -> Option<&str> {
        self.sort.as_deref().filter(|path| !path.is_empty())
    }

    /// The same for rows whose field to sort by can be had without making their JSON: `key` is
    /// what `view` would show of it.
    pub(crate) fn list_by_key<T>(
        &self,
        (mut rows, paging): (Vec<T>, Paging),
        windows: &Windows,
        name: impl Fn(&T) -> &str,
        view: impl Fn(&T, &Windows) -> Value,
        key: Option<Key<'_, T>>,
    ) -> Result<Listed, ApiError> {
        let cut = match paging {
            Paging::Ignored if self.search_in.is_none() => None,
            _ => self.cut()?,
        };
        let total_count = rows.len();
        if cut.is_some() {
            let filter = self.filter()?;
            match self.search_in.as_deref() {
                Some(_) if matches!(filter, Filter::All) => {}
                Some(fields) => {
                    let shown = |row: &T| view(row, &Windows::default());
                    rows.retain(|row| filter.matches_in(&shown(row), fields));
                }
                None => rows.retain(|row| filter.matches(name(row))),
            }
        }
        let filtered_count = rows.len();
        let order = if is_true(self.sort_reverse.as_ref()) {
            Order::Descending
        } else {
            Order::Ascending
        };
        let shown = match cut {
            Some(cut) => cut.range(filtered_count)?,
            None => 0..filtered_count,
        };
        match self.sort() {
            Some("name") if paging == Paging::Offered => {
                rows.sort_by(|a, b| order.of(name(a).cmp(name(b))));
            }
            Some(path) => {
                let in_view = |row: &T| field(&view(row, &Windows::default()), path);
                rows = match key {
                    Some(key) => sorted(rows, shown.end, order, key),
                    None => sorted(rows, shown.end, order, in_view),
                };
            }
            None if order == Order::Descending => rows.reverse(),
            None => {}
        }
        let shown = rows.iter().take(shown.end).skip(shown.start);
        let shown = shown.map(|row| self.chosen(view(row, windows)));
        let Some(cut) = cut else {
            return Ok(Listed(array(shown)));
        };
        let items: Vec<Value> = shown.collect();
        let page = Page {
            total_count,
            item_count: items.len(),
            filtered_count,
            page: cut.page,
            page_size: cut.size,
            page_count: filtered_count.div_ceil(cut.size),
            items,
        };
        Ok(Listed(text(&page)))
    }

    /// One object with the columns that the client chose.
    pub(crate) fn chosen(&self, value: Value) -> Value {
        match self.columns.as_deref() {
            Some(columns) if !columns.is_empty() => {
                let mut kept = Map::new();
                for path in columns.split(',') {
                    copy_path(&value, path.trim(), &mut kept);
                }
                Value::Object(kept)
            }
            _ => value,
        }
    }

    fn cut(&self) -> Result<Option<Cut>, ApiError> {
        if self.page.is_none() {
            return Ok(None);
        }
        let page = whole_number("page", self.page.as_deref(), 1, usize::MAX)?;
        let size = self.page_size.as_deref();
        let size = whole_number("page_size", size, PAGE_SIZE_DEFAULT, PAGE_SIZE_MAX)?;
        Ok(Some(Cut { page, size }))
    }

    fn filter(&self) -> Result<Filter, ApiError> {
        let Some(wanted) = self.name.as_deref().filter(|name| !name.is_empty()) else {
            return Ok(Filter::All);
        };
        if !is_true(self.use_regex.as_ref()) {
            return Ok(Filter::Contains(wanted.to_lowercase()));
        }
        name_regex(wanted).map(Filter::Matches)
    }
}

/// A pattern that names are to match somewhere, in either case.
pub(crate) fn name_regex(pattern: &str) -> Result<Regex, ApiError> {
    if pattern.chars().count() > REGEX_CHARS_MAX {
        return Err(ApiError::bad_request("the regular expression is too long"));
    }
    RegexBuilder::new(pattern)
        .case_insensitive(true)
        .size_limit(REGEX_COMPILED_BYTES_MAX)
        .build()
        .map_err(|error| ApiError::bad_request(format!("invalid regular expression: {error}")))
}

impl Cut {
    /// The rows on the page. One page after the last is empty, further ones are an error.
    fn range(self, filtered_count: usize) -> Result<Range<usize>, ApiError> {
        let offset = (self.page - 1).saturating_mul(self.size);
        if offset > filtered_count {
            return Err(ApiError::Refused {
                error: "page_out_of_range",
                reason: format!(
                    "Page out of range, page: {} page size: {}, len: {filtered_count}",
                    self.page, self.size
                ),
            });
        }
        Ok(offset..filtered_count.min(offset + self.size))
    }
}

enum Filter {
    All,
    Contains(String),
    Matches(Regex),
}

impl Filter {
    fn matches(&self, name: &str) -> bool {
        match self {
            Self::All => true,
            Self::Contains(wanted) => name.to_lowercase().contains(wanted),
            Self::Matches(regex) => regex.is_match(name),
        }
    }

    /// Whether one of the fields, as text, matches.
    fn matches_in(&self, row: &Value, fields: &str) -> bool {
        let found = |path: &str| match at_path(row, path.trim())? {
            Value::Null => None,
            Value::String(text) => Some(self.matches(text)),
            // Arguments and definitions, by key and by value.
            other => Some(self.matches(&other.to_string())),
        };
        fields.split(',').any(|path| found(path) == Some(true))
    }
}

fn whole_number(
    parameter: &str,
    text: Option<&str>,
    default: usize,
    max: usize,
) -> Result<usize, ApiError> {
    let Some(text) = text else { return Ok(default) };
    match text.parse() {
        Ok(number) if (1..=max).contains(&number) => Ok(number),
        _ => Err(ApiError::bad_request(format!(
            "Invalid pagination parameter {parameter}: {text:?} is not a number from 1 to {max}"
        ))),
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Order {
    Ascending,
    Descending,
}

impl Order {
    fn of(self, ordering: Ordering) -> Ordering {
        match self {
            Self::Ascending => ordering,
            Self::Descending => ordering.reverse(),
        }
    }
}

/// Sorts as many rows as will be shown, from the first on; the order of those behind is not
/// known. Stable both ways, so that equal rows stay in the default order.
fn sorted<T>(rows: Vec<T>, count: usize, order: Order, key: impl Fn(&T) -> Value) -> Vec<T> {
    let keyed = rows.into_iter().enumerate();
    let mut keyed: Vec<_> = keyed.map(|(place, row)| (key(&row), place, row)).collect();
    let by_key = |a: &(Value, usize, T), b: &(Value, usize, T)| {
        order.of(compare(&a.0, &b.0)).then(a.1.cmp(&b.1))
    };
    if count < keyed.len() {
        keyed.select_nth_unstable_by(count, by_key);
        keyed.truncate(count);
    }
    keyed.sort_unstable_by(by_key);
    keyed.into_iter().map(|(.., row)| row).collect()
}

/// What a row's JSON has at a path.
pub(crate) fn field(view: &Value, path: &str) -> Value {
    at_path(view, path).cloned().unwrap_or(Value::Null)
}

/// The value at a dotted path. A key may itself contain dots: the longest key wins.
fn at_path<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    let object = value.as_object()?;
    if let Some(found) = object.get(path) {
        return Some(found);
    }
    path.match_indices('.')
        .find_map(|(dot, _)| at_path(object.get(&path[..dot])?, &path[dot + 1..]))
}

fn copy_path(from: &Value, path: &str, into: &mut Map<String, Value>) {
    let Some(object) = from.as_object() else {
        return;
    };
    if let Some(found) = object.get(path) {
        into.insert(path.to_owned(), found.clone());
        return;
    }
    for (dot, _) in path.match_indices('.') {
        let Some(inner) = object.get(&path[..dot]) else {
            continue;
        };
        let kept = into
            .entry(path[..dot].to_owned())
            .or_insert_with(|| Value::Object(Map::new()));
        if let Value::Object(kept) = kept {
            copy_path(inner, &path[dot + 1..], kept);
        }
        return;
    }
}

/// Nothing, then numbers, then words: what a column of one type needs, and total for mixed ones.
fn compare(a: &Value, b: &Value) -> Ordering {
    fn rank(value: &Value) -> u8 {
        match value {
            Value::Null => 0,
            Value::Bool(_) => 1,
            Value::Number(_) => 2,
            Value::String(_) => 3,
            Value::Array(_) | Value::Object(_) => 4,
        }
    }
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => {
            let (a, b) = (a.as_f64().unwrap_or(0.0), b.as_f64().unwrap_or(0.0));
            a.total_cmp(&b)
        }
        (Value::String(a), Value::String(b)) => a.cmp(b),
        (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
        _ => rank(a).cmp(&rank(b)),
    }
}

/// JSON text of a view or of rows. Views hold nothing that JSON cannot.
fn text(view: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(view).unwrap_or_else(|error| {
        tracing::error!(%error, "a list does not serialize");
        b"null".to_vec()
    })
}

fn array(rows: impl Iterator<Item = Value>) -> Vec<u8> {
    let mut list = vec![b'['];
    for (index, row) in rows.enumerate() {
        if index > 0 {
            list.push(b',');
        }
        list.extend(text(&row));
    }
    list.push(b']');
    list
}

/// A view as a JSON value. Views hold nothing that JSON cannot.
pub(crate) fn to_value(view: &impl Serialize) -> Value {
    serde_json::to_value(view).unwrap_or_else(|error| {
        tracing::error!(%error, "a view does not serialize");
        Value::Null
    })
}

#[cfg(test)]
mod tests;
