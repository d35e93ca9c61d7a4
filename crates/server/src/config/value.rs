//! Values of settings: numbers, sizes with units, switches, log levels.

use nom::branch::alt;
use nom::bytes::complete::tag;
use nom::character::complete::{space0, u64 as number};
use nom::combinator::{all_consuming, value};
use nom::{IResult, Parser};
use tracing::level_filters::LevelFilter;

/// A whole number of any width.
///
/// # Errors
///
/// Not a number, or outside the width's range.
pub(crate) fn integer<T: TryFrom<u64>>(text: &str) -> Result<T, String> {
    let parsed: IResult<&str, u64> = all_consuming(number).parse(text);
    let (_, wide) = parsed.map_err(|_| format!("'{text}' is not a whole number"))?;
    T::try_from(wide).map_err(|_| format!("{text} is too large"))
}

/// Bytes, with RabbitMQ's information units: `kB`, `MB`, `GB`, `TB` are decimal; `k`, `kiB`, `M`,
/// `MiB`, `G`, `GiB`, `T`, `TiB` are powers of 1024.
///
/// # Errors
///
/// Not a number, an unknown unit, or more than 2^64 bytes.
pub(crate) fn bytes(text: &str) -> Result<u64, String> {
    let parsed: IResult<&str, (u64, &str, u64)> = all_consuming((number, space0, unit)).parse(text);
    let (_, (count, _, scale)) = parsed.map_err(|_| {
        format!("'{text}' is not a number of bytes (units: kB, MB, GB, TB, kiB, MiB, GiB, TiB)")
    })?;
    count
        .checked_mul(scale)
        .ok_or_else(|| format!("{text} is too large"))
}

/// The longer spellings stand first: `k` would otherwise end the parse of `kB`.
fn unit(input: &str) -> IResult<&str, u64> {
    alt((
        value(1_000, tag("kB")),
        value(1_000, tag("KB")),
        value(1_000_000, tag("MB")),
        value(1_000_000_000, tag("GB")),
        value(1_000_000_000_000, tag("TB")),
        value(1 << 10, alt((tag("kiB"), tag("KiB"), tag("k"), tag("K")))),
        value(1 << 20, alt((tag("MiB"), tag("M")))),
        value(1 << 30, alt((tag("GiB"), tag("G")))),
        value(1 << 40, alt((tag("TiB"), tag("T")))),
        value(1, tag("B")),
        value(1, tag("")),
    ))
    .parse(input)
}

/// A memory or disk limit.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Amount {
    /// Bytes.
    Absolute(u64),
    /// A part of the memory that there is; finite and not negative.
    Relative(f64),
}

impl Amount {
    /// Bytes, where `total` bytes of memory are there.
    pub(crate) fn of(self, total: u64) -> u64 {
        match self {
            Self::Absolute(bytes) => bytes,
            Self::Relative(part) => (total as f64 * part) as u64,
        }
    }
}

/// A part, such as `0.4`, or more than all.
///
/// # Errors
///
/// Not a number, or less than nothing.
pub(crate) fn part(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(part) if part.is_finite() && part >= 0.0 => Ok(part),
        _ => Err(format!("expected a number such as 0.6, got '{text}'")),
    }
}

/// `true` or `false`.
///
/// # Errors
///
/// Anything else.
pub(crate) fn switch(text: &str) -> Result<bool, String> {
    match text {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(format!("expected true or false, got '{text}'")),
    }
}

/// RabbitMQ's level names, mapped to the nearest of tracing's five.
///
/// # Errors
///
/// An unknown level; it names the known ones.
pub(crate) fn level(text: &str) -> Result<LevelFilter, String> {
    match text {
        "debug" => Ok(LevelFilter::DEBUG),
        "info" | "notice" => Ok(LevelFilter::INFO),
        "warning" | "warn" => Ok(LevelFilter::WARN),
        "error" | "critical" => Ok(LevelFilter::ERROR),
        "none" => Ok(LevelFilter::OFF),
        _ => Err(format!(
            "expected debug, info, warning, error or none, got '{text}'"
        )),
    }
}
