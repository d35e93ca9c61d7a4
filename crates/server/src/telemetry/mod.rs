//! What the process says: log lines on standard error and in a file, the banner on standard
//! output, readiness to the supervisor.

mod banner;
mod category;
mod file;
mod levels;
mod sink;
mod supervisor;

use std::panic::PanicHookInfo;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use management::LogRing;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

pub(crate) use self::banner::Banner;
pub(crate) use self::category::CATEGORIES;
use self::file::LogFile;
use self::levels::Levels;
use self::sink::Sink;
pub(crate) use self::supervisor::notify;
use crate::config::LogOptions;

/// The log, as far as it can be changed and looked at while it is written.
pub(crate) struct Log {
    /// Its last events.
    pub(crate) ring: Arc<LogRing>,
    levels: Arc<Levels>,
    file: Option<Arc<LogFile>>,
}

/// Starts logging.
///
/// # Errors
///
/// The log file cannot be opened.
pub(crate) fn start(options: &LogOptions, data_dir: &Path) -> Result<Log, String> {
    let ring = Arc::new(LogRing::default());
    let levels = Arc::new(Levels::new(options));
    let file = match path(options, data_dir) {
        None => None,
        Some(path) => {
            let opened = LogFile::open(&path, options.rotation);
            let file = opened.map_err(|e| format!("cannot log to {}: {e}", path.display()))?;
            Some(Arc::new(file))
        }
    };
    let sink = Sink::new(
        options,
        Arc::clone(&levels),
        Arc::clone(&ring),
        file.clone(),
    );
    tracing_subscriber::registry().with(sink).init();
    std::panic::set_hook(Box::new(log_panic));
    Ok(Log { ring, levels, file })
}

/// Where the log file is, if there is one.
pub(crate) fn path(options: &LogOptions, data_dir: &Path) -> Option<PathBuf> {
    let name = options.file.as_ref()?;
    let dir = options.dir.clone();
    Some(dir.unwrap_or_else(|| data_dir.join("logs")).join(name))
}

impl Log {
    /// Takes other levels over.
    pub(crate) fn set_levels(&self, options: &LogOptions) {
        self.levels.set(options);
        // What was off may be on now, and was remembered as off.
        tracing::callsite::rebuild_interest_cache();
    }

    /// Opens the file again by its name: somebody may have put it aside.
    pub(crate) fn reopen(&self) {
        if let Some(file) = &self.file {
            file.reopen();
        }
    }
}

/// A panic is a fault of ours and needs a human. The task that had it ends alone.
fn log_panic(panic: &PanicHookInfo<'_>) {
    let place = panic
        .location()
        .map_or_else(|| "unknown place".to_owned(), ToString::to_string);
    tracing::error!(
        "panic at {place}: {}",
        panic.payload_as_str().unwrap_or("no message")
    );
}
