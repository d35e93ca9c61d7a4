//! Printing results as rabbitmqctl does.

use serde_json::{Map, Value};

/// What a verb has to say.
#[derive(Debug, PartialEq)]
pub(crate) enum Output {
    /// Done, in a sentence; nothing with `--quiet`.
    Done(String),
    /// Text that was asked for.
    Text(String),
    /// Rows with named columns.
    Table {
        /// What is listed; nothing with `--quiet`.
        title: String,
        columns: Vec<String>,
        rows: Vec<Vec<Value>>,
    },
    /// A document.
    Json(Value),
}

/// How to print it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Format {
    /// Separated by tabs.
    Table,
    /// In a frame.
    Pretty,
    /// Separated by commas.
    Csv,
    /// An array of objects.
    Json,
}

/// How much to print besides results.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Debug)]
pub(crate) enum Talk {
    /// Everything.
    Full,
    /// Results with their headers.
    Quiet,
    /// Results.
    Silent,
}

impl Output {
    /// The text to print, with its last line feed.
    pub(crate) fn render(&self, format: Format, talk: Talk) -> String {
        match self {
            Self::Done(_) if talk > Talk::Full => String::new(),
            Self::Done(text) | Self::Text(text) if format == Format::Json => {
                format!("{}\n", Value::String(text.clone()))
            }
            Self::Done(text) | Self::Text(text) => format!("{text}\n"),
            Self::Json(value) => format!("{value:#}\n"),
            Self::Table {
                title,
                columns,
                rows,
            } => match format {
                Format::Json => format!("{:#}\n", objects(columns, rows)),
                Format::Csv => separated(columns, rows, talk, ",", csv),
                Format::Pretty => framed(columns, rows),
                Format::Table if talk == Talk::Full && !title.is_empty() => {
                    format!("{title}\n{}", separated(columns, rows, talk, "\t", plain))
                }
                Format::Table => separated(columns, rows, talk, "\t", plain),
            },
        }
    }
}

fn objects(columns: &[String], rows: &[Vec<Value>]) -> Value {
    let object = |row: &Vec<Value>| {
        let pairs = columns.iter().cloned().zip(row.iter().cloned());
        Value::Object(pairs.collect::<Map<_, _>>())
    };
    rows.iter().map(object).collect()
}

fn separated(
    columns: &[String],
    rows: &[Vec<Value>],
    talk: Talk,
    separator: &str,
    cell: fn(&Value) -> String,
) -> String {
    let mut text = String::new();
    if talk < Talk::Silent && !rows.is_empty() {
        text += &columns.join(separator);
        text.push('\n');
    }
    for row in rows {
        let cells: Vec<_> = row.iter().map(cell).collect();
        text += &cells.join(separator);
        text.push('\n');
    }
    text
}

fn framed(columns: &[String], rows: &[Vec<Value>]) -> String {
    let rows: Vec<Vec<String>> = rows
        .iter()
        .map(|row| row.iter().map(plain).collect())
        .collect();
    let width = |at: usize| {
        let cells = rows.iter().filter_map(|row| row.get(at));
        let lengths = cells
            .chain(columns.get(at))
            .map(|cell| cell.chars().count());
        lengths.max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns.len()).map(width).collect();
    let bar = |left: &str, middle: &str, right: &str| {
        let parts: Vec<_> = widths.iter().map(|w| "─".repeat(w + 2)).collect();
        format!("{left}{}{right}\n", parts.join(middle))
    };
    let line = |cells: &[String]| {
        let padded = cells.iter().zip(&widths).map(|(cell, width)| {
            let gap = width.saturating_sub(cell.chars().count());
            format!(" {cell}{} ", " ".repeat(gap))
        });
        format!("│{}│\n", padded.collect::<Vec<_>>().join("│"))
    };
    let between = bar("├", "┼", "┤");
    let body: Vec<_> = rows.iter().map(|row| line(row)).collect();
    let rest = if body.is_empty() {
        String::new()
    } else {
        format!("{between}{}", body.join(&between))
    };
    format!(
        "{}{}{rest}{}",
        bar("┌", "┬", "┐"),
        line(columns),
        bar("└", "┴", "┘")
    )
}

/// A value in a row of tabs.
fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.replace('\t', "\\t").replace('\n', "\\n"),
        Value::Array(items) => {
            let items: Vec<_> = items.iter().map(plain).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Object(fields) => {
            let pair = |(key, value): (&String, &Value)| format!("{{\"{key}\",{}}}", inner(value));
            let pairs: Vec<_> = fields.iter().map(pair).collect();
            format!("[{}]", pairs.join(","))
        }
        other => other.to_string(),
    }
}

fn inner(value: &Value) -> String {
    match value {
        Value::String(text) => format!("\"{text}\""),
        other => plain(other),
    }
}

fn csv(value: &Value) -> String {
    let text = plain(value);
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text
    }
}
