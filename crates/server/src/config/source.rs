//! Where settings are written: files, with line numbers, and the rest.

use std::fmt;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use super::file;

/// Files of a `conf.d` directory that are read; more are a mistake.
const CONFIG_FILES_MAX: usize = 256;

/// Where a setting is from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// Declared with the setting.
    Default,
    /// A line of a file.
    File(PathBuf, usize),
    /// A file as a whole.
    WholeFile(PathBuf),
    /// An environment variable.
    Environment(&'static str),
    /// A flag of the command line.
    Flag(&'static str),
    /// What several settings say together.
    Together,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(file, line) => write!(f, "{}, line {line}", file.display()),
            Self::WholeFile(file) => write!(f, "{}", file.display()),
            Self::Environment(name) => write!(f, "environment, {name}"),
            Self::Flag(flag) => write!(f, "flag {flag}"),
            Self::Together => f.write_str("settings"),
        }
    }
}

/// A setting as written somewhere.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Written {
    /// Its key.
    pub(crate) key: String,
    /// Its value.
    pub(crate) value: String,
    /// Where.
    pub(crate) origin: Origin,
}

/// Keys whose values nobody may see.
const SECRETS: [&str; 3] = ["pass", "password", "secret"];

impl Written {
    /// The value, or stars if it is a secret.
    pub(crate) fn shown(&self) -> &str {
        let secret = self
            .key
            .split(['.', '_'])
            .any(|word| SECRETS.contains(&word));
        // The name of a hash function is none.
        if secret && self.key != "password_hashing_module" {
            "********"
        } else {
            &self.value
        }
    }

    /// What is wrong with it.
    pub(crate) fn problem(&self, reason: &str) -> Problem {
        Problem {
            origin: self.origin.clone(),
            reason: format!("{}: {reason}", self.key),
        }
    }
}

impl fmt::Debug for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} = {} ({})", self.key, self.shown(), self.origin)
    }
}

/// What is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    /// Where.
    pub(crate) origin: Origin,
    /// What.
    pub(crate) reason: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.origin, self.reason)
    }
}

/// What files say.
#[derive(Debug, Default)]
pub(crate) struct FileLayer {
    /// Their settings, in order.
    pub(crate) written: Vec<Written>,
    /// What is wrong with them.
    pub(crate) problems: Vec<Problem>,
    /// What is there and not read.
    pub(crate) ignored: Vec<Problem>,
    /// Which they are.
    pub(crate) files: Vec<PathBuf>,
}

/// Reads a file and the `conf.d/*.conf` beside it, or, of a directory, `rabbitmq.conf` and
/// `conf.d/*.conf`, or all `*.conf` if it has neither. Later files win.
pub(crate) fn read(path: &Path) -> FileLayer {
    let mut layer = FileLayer::default();
    let main = if path.is_dir() {
        let main = path.join("rabbitmq.conf");
        let parts = parts(&path.join("conf.d"));
        match (main.is_file(), parts.is_empty()) {
            (false, true) => layer.files = self::parts(path),
            (true, _) => layer.files = [vec![main.clone()], parts].concat(),
            (false, false) => layer.files = parts,
        }
        main
    } else {
        let main = with_extension(path);
        let beside = main.with_file_name("conf.d");
        layer.files = [vec![main.clone()], parts(&beside)].concat();
        main
    };
    let advanced = main.with_file_name("advanced.config");
    if advanced.is_file() {
        layer.ignored.push(Problem {
            origin: Origin::WholeFile(advanced),
            reason: "ignored: it configures the Erlang applications of RabbitMQ".to_owned(),
        });
    }
    for file in layer.files.clone() {
        layer.read_one(&file);
    }
    layer
}

/// RabbitMQ's variable may name its file without `.conf`.
fn with_extension(path: &Path) -> PathBuf {
    let mut longer = path.as_os_str().to_owned();
    longer.push(".conf");
    let longer = PathBuf::from(longer);
    if !path.exists() && longer.is_file() {
        longer
    } else {
        path.to_owned()
    }
}

/// The `*.conf` files of a directory, by name.
fn parts(dir: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(dir) else {
        return Vec::new();
    };
    let mut files: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|file| file.extension().is_some_and(|e| e == "conf") && file.is_file())
        .collect();
    files.sort();
    files.truncate(CONFIG_FILES_MAX);
    files
}

impl FileLayer {
    fn read_one(&mut self, path: &Path) {
        let text = match contents(path) {
            Ok(text) => text,
            Err(reason) => {
                self.problems.push(Problem {
                    origin: Origin::WholeFile(path.to_owned()),
                    reason: format!("cannot read it: {reason}"),
                });
                return;
            }
        };
        let (entries, wrong) = file::parse(&text);
        self.problems.extend(wrong.into_iter().map(|line| Problem {
            origin: Origin::File(path.to_owned(), line),
            reason: "expected 'key = value'".to_owned(),
        }));
        self.written
            .extend(entries.into_iter().map(|entry| Written {
                key: entry.key.to_owned(),
                value: entry.value.to_owned(),
                origin: Origin::File(path.to_owned(), entry.line),
            }));
    }
}

fn contents(path: &Path) -> Result<String, String> {
    let mut text = String::new();
    File::open(path)
        .and_then(|file| {
            file.take(file::CONFIG_FILE_BYTES_MAX + 1)
                .read_to_string(&mut text)
        })
        .map_err(|error| error.to_string())?;
    if text.len() as u64 > file::CONFIG_FILE_BYTES_MAX {
        return Err("larger than 1 MiB".to_owned());
    }
    Ok(text)
}

/// The name before the first dot, as RabbitMQ's short node names have it.
pub(super) fn host_name() -> String {
    let whole = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    match whole.trim().split('.').next() {
        Some(short) if !short.is_empty() => short.to_owned(),
        _ => "localhost".to_owned(),
    }
}
