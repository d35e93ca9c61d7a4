//! Which lines go where.

use std::sync::atomic::{AtomicU8, Ordering};

use tracing::Level;
use tracing::level_filters::LevelFilter;

use super::category::{self, CATEGORIES};
use crate::config::LogOptions;

/// A category without a level of its own.
const UNSET: u8 = u8::MAX;

/// Levels of the outputs, and of the categories that have their own, which win over both.
pub(super) struct Levels {
    console: AtomicU8,
    file: AtomicU8,
    categories: [AtomicU8; CATEGORIES.len()],
}

/// Where a line goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Outputs {
    pub(super) console: bool,
    pub(super) file: bool,
}

impl Levels {
    pub(super) fn new(options: &LogOptions) -> Self {
        let levels = Self {
            console: AtomicU8::new(0),
            file: AtomicU8::new(0),
            categories: [const { AtomicU8::new(UNSET) }; CATEGORIES.len()],
        };
        levels.set(options);
        levels
    }

    pub(super) fn set(&self, options: &LogOptions) {
        let output = |on: bool, level| if on { number(level) } else { 0 };
        let console = output(options.console, options.console_level);
        let file = output(options.file.is_some(), options.file_level);
        self.console.store(console, Ordering::Relaxed);
        self.file.store(file, Ordering::Relaxed);
        for (name, own) in CATEGORIES.iter().zip(&self.categories) {
            let set = options.categories.iter().find(|(other, _)| other == name);
            let level = set.map_or(UNSET, |(_, level)| number(*level));
            own.store(level, Ordering::Relaxed);
        }
    }

    /// Where a line of this level from this part of the program goes.
    pub(super) fn outputs(&self, level: Level, target: &str) -> Outputs {
        let own = self.categories[category::of(target)].load(Ordering::Relaxed);
        let line = number(LevelFilter::from_level(level));
        let wanted = |output: &AtomicU8| {
            // An output that is off stays off.
            match (output.load(Ordering::Relaxed), own) {
                (0, _) => false,
                (level, UNSET) => line <= level,
                (_, own) => line <= own,
            }
        };
        Outputs {
            console: wanted(&self.console),
            file: wanted(&self.file),
        }
    }

    /// The most talkative of all.
    pub(super) fn highest(&self) -> LevelFilter {
        let own = self
            .categories
            .iter()
            .map(|level| level.load(Ordering::Relaxed));
        let own = own.filter(|level| *level != UNSET);
        let outputs = [&self.console, &self.file].map(|level| level.load(Ordering::Relaxed));
        match own.chain(outputs).max().unwrap_or(0) {
            0 => LevelFilter::OFF,
            1 => LevelFilter::ERROR,
            2 => LevelFilter::WARN,
            3 => LevelFilter::INFO,
            4 => LevelFilter::DEBUG,
            _ => LevelFilter::TRACE,
        }
    }
}

/// More is more talkative.
fn number(level: LevelFilter) -> u8 {
    match level.into_level() {
        None => 0,
        Some(Level::ERROR) => 1,
        Some(Level::WARN) => 2,
        Some(Level::INFO) => 3,
        Some(Level::DEBUG) => 4,
        Some(Level::TRACE) => 5,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options() -> LogOptions {
        LogOptions {
            console_level: LevelFilter::WARN,
            file: Some("x".into()),
            file_level: LevelFilter::INFO,
            categories: vec![
                ("queue".to_owned(), LevelFilter::DEBUG),
                ("connection".to_owned(), LevelFilter::OFF),
            ],
            ..LogOptions::default()
        }
    }

    #[test]
    fn outputs_have_levels_and_categories_win_over_them() {
        let levels = Levels::new(&options());
        for (level, target, console, file) in [
            (Level::WARN, "leveret::serve", true, true),
            (Level::INFO, "leveret::serve", false, true),
            (Level::DEBUG, "leveret::serve", false, false),
            (Level::DEBUG, "broker::queue", true, true),
            (Level::ERROR, "session::connection", false, false),
        ] {
            let outputs = Outputs { console, file };
            assert_eq!(levels.outputs(level, target), outputs, "{level} {target}");
        }
        assert_eq!(levels.highest(), LevelFilter::DEBUG);
    }

    #[test]
    fn an_output_that_is_off_stays_off() {
        let levels = Levels::new(&LogOptions {
            console: false,
            file: None,
            ..options()
        });
        let nowhere = Outputs {
            console: false,
            file: false,
        };
        assert_eq!(levels.outputs(Level::ERROR, "broker::queue"), nowhere);
    }
}
