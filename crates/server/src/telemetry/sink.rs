//! From an event to lines.

use std::fmt::{self, Write as _};
use std::io::{self, IsTerminal as _, Write as _};
use std::sync::Arc;

use management::{LogEvent, LogRing, Severity};
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::subscriber::Interest;
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

use super::category::{self, CATEGORIES};
use super::file::LogFile;
use super::levels::{Levels, Outputs};
use crate::clock;
use crate::config::{LogFormat, LogOptions};

/// Writes every event as one line to wherever it belongs.
pub(super) struct Sink {
    levels: Arc<Levels>,
    ring: Arc<LogRing>,
    file: Option<Arc<LogFile>>,
    console_format: LogFormat,
    file_format: LogFormat,
    colours: bool,
}

impl Sink {
    pub(super) fn new(
        options: &LogOptions,
        levels: Arc<Levels>,
        ring: Arc<LogRing>,
        file: Option<Arc<LogFile>>,
    ) -> Self {
        Self {
            levels,
            ring,
            file,
            console_format: options.console_format,
            file_format: options.file_format,
            colours: io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none(),
        }
    }

    fn write(&self, event: LogEvent, outputs: Outputs) {
        if outputs.console {
            let mut line = line(&event, self.console_format);
            if self.colours && self.console_format == LogFormat::Text {
                line = coloured(&line, event.level);
            }
            line.push('\n');
            // A console that is gone is no reason to stop.
            let _ = io::stderr().lock().write_all(line.as_bytes());
        }
        if outputs.file
            && let Some(file) = &self.file
        {
            let mut line = line(&event, self.file_format);
            line.push('\n');
            file.write(&line, event.at_ms);
        }
        self.ring.push(event);
    }
}

fn line(event: &LogEvent, format: LogFormat) -> String {
    match format {
        LogFormat::Text => event.to_text(),
        LogFormat::Json => event.to_json(),
    }
}

fn coloured(line: &str, severity: Severity) -> String {
    let colour = match severity {
        Severity::Error => "31",
        Severity::Warning => "33",
        Severity::Info => return line.to_owned(),
        Severity::Debug => "2",
    };
    format!("\x1b[{colour}m{line}\x1b[0m")
}

impl<S: Subscriber> Layer<S> for Sink {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        // Remembered until the levels change.
        if self.wants(metadata) {
            Interest::always()
        } else {
            Interest::never()
        }
    }

    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        self.wants(metadata)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.levels.highest())
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let metadata = event.metadata();
        let outputs = self.levels.outputs(*metadata.level(), metadata.target());
        let mut text = Text::default();
        event.record(&mut text);
        let event = LogEvent {
            id: 0,
            at_ms: clock::unix_ms(),
            level: match *metadata.level() {
                Level::ERROR => Severity::Error,
                Level::WARN => Severity::Warning,
                Level::INFO => Severity::Info,
                Level::DEBUG | Level::TRACE => Severity::Debug,
            },
            category: CATEGORIES[category::of(metadata.target())],
            text: text.join(),
        };
        self.write(event, outputs);
    }
}

impl Sink {
    fn wants(&self, metadata: &Metadata<'_>) -> bool {
        let outputs = self.levels.outputs(*metadata.level(), metadata.target());
        metadata.is_event() && (outputs.console || outputs.file)
    }
}

/// The message of an event, and its fields behind it.
#[derive(Default)]
struct Text {
    message: String,
    fields: String,
}

impl Text {
    fn join(mut self) -> String {
        self.message.push_str(&self.fields);
        self.message
    }
}

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        // Writing to a String cannot fail.
        let _ = match field.name() {
            "message" => write!(self.message, "{value:?}"),
            name => write!(self.fields, " {name}={value:?}"),
        };
    }
}
