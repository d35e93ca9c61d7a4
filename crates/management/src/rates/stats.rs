//! Sampled numbers as RabbitMQ shows them: `X` beside `X_details: {rate, samples, avg, avg_rate}`.

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::columns::Column;
use super::history::{History, slope};

/// A stretch of the past that a client asked for: `*_age` and `*_incr`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Window {
    pub(crate) age_ms: u64,
    pub(crate) step_ms: u64,
    /// The present, milliseconds of the wall clock.
    pub(crate) now_ms: u64,
}

/// The details object of one number.
#[derive(Serialize, PartialEq, Debug)]
pub(crate) struct Details {
    rate: f64,
    #[serde(flatten)]
    past: Option<Past>,
}

#[derive(Serialize, PartialEq, Debug)]
struct Past {
    samples: Vec<Point>,
    avg_rate: f64,
    avg: f64,
}

#[derive(Clone, Copy, Serialize, PartialEq, Debug)]
struct Point {
    sample: u64,
    timestamp: u64,
}

/// Numbers with their details, flattened into the object that they belong to.
#[derive(Default, Debug)]
pub(crate) struct Stats(Vec<(Column, u64, Details)>);

impl Stats {
    /// Adds the numbers of some columns. `first` is where they begin in the history's row.
    pub(crate) fn add<const N: usize>(
        &mut self,
        columns: &[Column],
        values: &[u64],
        past: Option<&History<N>>,
        first: usize,
        window: Option<Window>,
    ) {
        for (index, (column, value)) in columns.iter().zip(values).enumerate() {
            let details = details(*column, past, first + index, window);
            self.0.push((*column, *value, details));
        }
    }

    /// Adds a number whose rate is known from elsewhere.
    pub(crate) fn add_rate(&mut self, column: Column, value: u64, rate: f64) {
        self.0.push((column, value, Details { rate, past: None }));
    }

    /// The same, without columns that some object does not have.
    pub(crate) fn without(mut self, names: &[&str]) -> Self {
        self.0.retain(|(column, ..)| !names.contains(&column.name));
        self
    }

    /// `None` when every number is zero: RabbitMQ leaves `message_stats` out until something
    /// happened.
    pub(crate) fn unless_zero(self) -> Option<Self> {
        self.0
            .iter()
            .any(|(_, value, _)| *value != 0)
            .then_some(self)
    }
}

impl Serialize for Stats {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len() * 2))?;
        for (column, value, details) in &self.0 {
            map.serialize_entry(column.name, value)?;
            map.serialize_entry(column.details, details)?;
        }
        map.end()
    }
}

/// The rate of one number of a history's row.
pub(crate) fn rate<const N: usize>(column: Column, past: &History<N>, index: usize) -> f64 {
    let rate = past.rate(index);
    if column.gauge { rate } else { rate.max(0.0) }
}

fn details<const N: usize>(
    column: Column,
    past: Option<&History<N>>,
    index: usize,
    window: Option<Window>,
) -> Details {
    let Some(history) = past else {
        return Details {
            rate: 0.0,
            past: window.map(Past::flat),
        };
    };
    Details {
        rate: rate(column, history, index),
        past: window.map(|window| Past::of(history, index, window)),
    }
}

impl Window {
    /// The times of its samples, newest first, on multiples of the step as RabbitMQ has them.
    fn times(self) -> impl Iterator<Item = u64> {
        let newest_ms = self.now_ms / self.step_ms * self.step_ms;
        (0..=self.age_ms / self.step_ms).map_while(move |i| newest_ms.checked_sub(i * self.step_ms))
    }
}

impl Past {
    fn of<const N: usize>(history: &History<N>, index: usize, window: Window) -> Self {
        // Up to the last look and not beyond: what comes after it is not known yet.
        let window = Window {
            now_ms: window.now_ms.min(history.seen_ms()),
            ..window
        };
        let samples = window
            .times()
            .map_while(|timestamp| {
                history
                    .at(index, timestamp)
                    .map(|sample| Point { sample, timestamp })
            })
            .collect();
        Self::new(samples)
    }

    /// Of something that never happened.
    fn flat(window: Window) -> Self {
        Self::new(
            window
                .times()
                .map(|timestamp| Point {
                    sample: 0,
                    timestamp,
                })
                .collect(),
        )
    }

    fn new(samples: Vec<Point>) -> Self {
        let sum: u64 = samples.iter().map(|point| point.sample).sum();
        let avg = if samples.is_empty() {
            0.0
        } else {
            sum as f64 / samples.len() as f64
        };
        let avg_rate = match (samples.first(), samples.last()) {
            (Some(new), Some(old)) => slope(old.sample, new.sample, new.timestamp - old.timestamp),
            _ => 0.0,
        };
        Self {
            samples,
            avg_rate,
            avg,
        }
    }
}

#[cfg(test)]
mod tests;
