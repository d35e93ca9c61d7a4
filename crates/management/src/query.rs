//! Query parameters that ask for a stretch of the past.

use serde::Deserialize;

use crate::error::ApiError;
use crate::openapi::{Field, Kind, Parameters, optional};
use crate::rates::Window;

/// Samples in one answer per number. RabbitMQ's figure.
pub(crate) const SAMPLES_MAX: u64 = 500;

/// The parameters as they come: `*_age` and `*_incr`, in seconds.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct PastQuery {
    lengths_age: Option<String>,
    lengths_incr: Option<String>,
    msg_rates_age: Option<String>,
    msg_rates_incr: Option<String>,
    data_rates_age: Option<String>,
    data_rates_incr: Option<String>,
    node_stats_age: Option<String>,
    node_stats_incr: Option<String>,
}

impl Parameters for PastQuery {
    const FIELDS: &'static [Field] = &[
        optional(
            "lengths_age",
            Kind::Integer,
            "Samples of queue lengths: so many seconds back.",
        ),
        optional(
            "lengths_incr",
            Kind::Integer,
            "Seconds between two of them. Both are needed.",
        ),
        optional(
            "msg_rates_age",
            Kind::Integer,
            "Samples of message rates: seconds back.",
        ),
        optional(
            "msg_rates_incr",
            Kind::Integer,
            "Seconds between two of them.",
        ),
        optional(
            "data_rates_age",
            Kind::Integer,
            "Samples of bytes sent and received.",
        ),
        optional(
            "data_rates_incr",
            Kind::Integer,
            "Seconds between two of them.",
        ),
        optional(
            "node_stats_age",
            Kind::Integer,
            "Samples of the node's resources.",
        ),
        optional(
            "node_stats_incr",
            Kind::Integer,
            "Seconds between two of them.",
        ),
    ];
}

/// What is asked for, by kind of number.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Windows {
    pub(crate) lengths: Option<Window>,
    pub(crate) msg_rates: Option<Window>,
    pub(crate) data_rates: Option<Window>,
    pub(crate) node_stats: Option<Window>,
}

impl PastQuery {
    /// Reads the parameters; a kind counts when both of its parameters are there.
    pub(crate) fn windows(&self, now_ms: u64) -> Result<Windows, ApiError> {
        let window = |age: &Option<String>, step: &Option<String>| {
            window(age.as_deref(), step.as_deref(), now_ms)
        };
        Ok(Windows {
            lengths: window(&self.lengths_age, &self.lengths_incr)?,
            msg_rates: window(&self.msg_rates_age, &self.msg_rates_incr)?,
            data_rates: window(&self.data_rates_age, &self.data_rates_incr)?,
            node_stats: window(&self.node_stats_age, &self.node_stats_incr)?,
        })
    }
}

fn window(age: Option<&str>, step: Option<&str>, now_ms: u64) -> Result<Option<Window>, ApiError> {
    let (Some(age), Some(step)) = (age, step) else {
        return Ok(None);
    };
    let (age_s, step_s) = (seconds(age)?, seconds(step)?);
    if age_s / step_s > SAMPLES_MAX {
        return Err(ApiError::bad_request(
            "invalid age or increment: too many samples",
        ));
    }
    Ok(Some(Window {
        age_ms: age_s * 1000,
        step_ms: step_s * 1000,
        now_ms,
    }))
}

/// A whole number of seconds, at most a year of them.
fn seconds(text: &str) -> Result<u64, ApiError> {
    const YEAR_S: u64 = 366 * 24 * 60 * 60;
    match text.parse() {
        Ok(number) if (1..=YEAR_S).contains(&number) => Ok(number),
        _ => Err(ApiError::bad_request(format!(
            "not a number of seconds: {text}"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(age: Option<&str>, step: Option<&str>) -> Result<Option<Window>, ApiError> {
        window(age, step, 7)
    }

    #[test]
    fn both_parameters_are_needed() {
        assert!(asked(Some("60"), None).unwrap().is_none());
        assert!(asked(None, Some("5")).unwrap().is_none());
        let expected = Window {
            age_ms: 60_000,
            step_ms: 5000,
            now_ms: 7,
        };
        assert_eq!(asked(Some("60"), Some("5")).unwrap(), Some(expected));
    }

    #[test]
    fn nonsense_is_refused() {
        for (age, step) in [
            ("x", "5"),
            ("60", "0"),
            ("0", "5"),
            ("60", "-1"),
            ("99999999999", "1"),
            ("501", "1"),
        ] {
            assert!(asked(Some(age), Some(step)).is_err(), "{age} {step}");
        }
        assert!(asked(Some("500"), Some("1")).is_ok());
    }
}
