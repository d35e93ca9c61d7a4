//! RabbitMQ's `rabbitmq.conf` format: one `key = value` a line, `#` begins a comment.
//!
//! ```text
//! ## a comment
//! listeners.tcp.default = 5672      # another
//! default_pass = 'with # and spaces'
//! ```

use nom::branch::alt;
use nom::bytes::complete::{is_not, tag, take_till, take_while1};
use nom::character::complete::{char, space0};
use nom::combinator::{all_consuming, map, not, opt};
use nom::sequence::{delimited, preceded, separated_pair};
use nom::{IResult, Parser};

/// Bytes of a configuration file; a larger one is a mistake (a data file, a device), not settings.
pub(crate) const CONFIG_FILE_BYTES_MAX: u64 = 1024 * 1024;

/// One setting as written.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Entry<'a> {
    /// Line in the file, from 1.
    pub(crate) line: usize,
    /// Dotted key.
    pub(crate) key: &'a str,
    /// Value without quotes and surrounding blanks.
    pub(crate) value: &'a str,
}

/// Reads all lines; blank lines and comments give nothing. Second, the numbers (from 1) of the
/// lines that are not `key = value`.
pub(crate) fn parse(text: &str) -> (Vec<Entry<'_>>, Vec<usize>) {
    let (mut entries, mut wrong) = (Vec::new(), Vec::new());
    for (index, text) in text.lines().enumerate() {
        let line = index + 1;
        match line_of(text) {
            Ok((_, setting)) => {
                entries.extend(setting.map(|(key, value)| Entry { line, key, value }));
            }
            Err(_) => wrong.push(line),
        }
    }
    (entries, wrong)
}

type Setting<'a> = Option<(&'a str, &'a str)>;

fn line_of(input: &str) -> IResult<&str, Setting<'_>> {
    all_consuming(delimited(
        space0,
        opt(setting),
        (space0, opt(preceded(char('#'), take_till(|_| false)))),
    ))
    .parse(input)
}

fn setting(input: &str) -> IResult<&str, (&str, &str)> {
    separated_pair(key, (space0, char('='), space0), alt((quoted, bare))).parse(input)
}

fn key(input: &str) -> IResult<&str, &str> {
    take_while1(|c: char| !c.is_whitespace() && !matches!(c, '=' | '#' | '\'')).parse(input)
}

/// In single quotes everything but a quote stands for itself.
fn quoted(input: &str) -> IResult<&str, &str> {
    delimited(
        char('\''),
        map(opt(is_not("'")), Option::unwrap_or_default),
        tag("'"),
    )
    .parse(input)
}

/// Up to a comment or the end, blanks at the end removed. Without quotes a `#` always begins a
/// comment: RabbitMQ reads it that way.
fn bare(input: &str) -> IResult<&str, &str> {
    map(preceded(not(char('\'')), is_not("#")), str::trim_end).parse(input)
}
