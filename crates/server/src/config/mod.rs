//! Settings: defaults, then the files, the environment, the flags; the later one wins.

mod check;
mod environment;
mod file;
mod listen;
mod options;
mod settings;
mod source;
#[cfg(test)]
mod tests;
mod value;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use broker::{Clock, Settings};

pub(crate) use self::check::{check, show};
pub(crate) use self::environment::Environment;
pub(crate) use self::listen::Listen;
pub(crate) use self::options::{
    AlternativeKind, AlternativeName, HttpOptions, LogFormat, LogOptions, LoginFrom, Rotation,
    TlsOptions, TlsVersion,
};
use self::settings::{Unsupported, Wrong, unsupported};
pub(crate) use self::source::{Origin, Problem, Written};
pub(crate) use self::value::{Amount, level};
use crate::clock;

/// The settings as `--help` lists them: key, meaning, unit, default.
pub(crate) fn documented() -> impl Iterator<Item = [&'static str; 4]> {
    settings::all().map(|s| [s.key, s.doc, s.unit, s.default])
}

/// Every setting, resolved and checked.
#[derive(Clone)]
pub(crate) struct Config {
    /// What the broker acts on.
    pub(crate) broker: Settings,
    /// Where everything that survives a restart is kept.
    pub(crate) data_dir: PathBuf,
    /// Name of the node; `None` is `rabbit@HOST`.
    pub(crate) node: Option<String>,
    /// Name shown to clients; `None` is the node's.
    pub(crate) cluster_name: Option<String>,
    /// AMQP listeners with their names, in the order given.
    pub(crate) amqp: Vec<(String, Listen)>,
    /// AMQP listeners with TLS.
    pub(crate) amqps: Vec<(String, Listen)>,
    /// Their certificates.
    pub(crate) tls: TlsOptions,
    /// The user name in a client's certificate.
    pub(crate) login_from: LoginFrom,
    /// Which alternative name that is, if it is one.
    login_name: AlternativeName,
    /// AMQP clients come with a PROXY header.
    pub(crate) proxy_protocol: bool,
    /// From accept to the end of the TLS handshake.
    pub(crate) ssl_handshake_timeout: Duration,
    /// The management API.
    pub(crate) management: HttpOptions,
    /// The metrics.
    pub(crate) prometheus: HttpOptions,
    /// Memory above which publishers are held back.
    pub(crate) memory: Amount,
    /// Free disk below which publishers are held back.
    pub(crate) disk: Amount,
    /// What is logged, and where.
    pub(crate) log: LogOptions,
    /// What stood for `$n` in `default_limits.vhosts.$n`, in order.
    vhost_limit_names: Vec<String>,
    /// What is in effect, and where it is from.
    pub(crate) effective: Vec<Written>,
    /// What has no effect, and why.
    pub(crate) ignored: Vec<Problem>,
    /// The files that were read.
    pub(crate) files: Vec<PathBuf>,
}

/// Where settings come from, from the lowest layer up.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sources {
    /// A file or a directory, named by a flag.
    pub(crate) file: Option<PathBuf>,
    /// Environment variables.
    pub(crate) environment: Environment,
    /// What flags say.
    pub(crate) flags: Vec<Written>,
}

impl Sources {
    /// Those of a process that is given no flags but the name of the file.
    pub(crate) fn without_flags(file: Option<PathBuf>) -> Self {
        Self {
            file,
            environment: Environment::of_process(),
            flags: Vec::new(),
        }
    }

    /// All of it resolved.
    ///
    /// # Errors
    ///
    /// Everything that is wrong, in the order of the layers: files that cannot be read, lines
    /// that are no settings, unknown keys, bad values.
    pub(crate) fn load(&self) -> Result<Config, Vec<Problem>> {
        let mut problems = Vec::new();
        let mut config = Config::with_defaults();
        let file = self.file.clone().or_else(|| self.environment.config_file());
        if let Some(path) = file {
            let read = source::read(&path);
            config.files = read.files;
            config.ignored.extend(read.ignored);
            problems.extend(read.problems);
            config.apply(read.written, &mut problems);
        }
        match self.environment.written() {
            Ok(written) => config.apply(written, &mut problems),
            Err(problem) => problems.push(problem),
        }
        config.apply(self.flags.clone(), &mut problems);
        config.resolve(&mut problems);
        if problems.is_empty() {
            Ok(config)
        } else {
            Err(problems)
        }
    }
}

impl Config {
    /// The declared defaults, as if they stood in a file.
    fn with_defaults() -> Self {
        let mut config = Self {
            broker: Settings {
                clock: Clock::new(clock::unix_us),
                ..Settings::new(clock::now(), clock::unix_ms())
            },
            data_dir: PathBuf::new(),
            node: None,
            cluster_name: None,
            amqp: Vec::new(),
            amqps: Vec::new(),
            tls: TlsOptions::default(),
            login_from: LoginFrom::default(),
            login_name: AlternativeName::default(),
            proxy_protocol: false,
            ssl_handshake_timeout: Duration::ZERO,
            management: HttpOptions::default(),
            prometheus: HttpOptions::default(),
            memory: Amount::Relative(0.6),
            disk: Amount::Absolute(50_000_000),
            log: LogOptions::default(),
            vhost_limit_names: Vec::new(),
            effective: Vec::new(),
            ignored: Vec::new(),
            files: Vec::new(),
        };
        let declared = settings::all().filter(|setting| !setting.default.is_empty());
        let written = declared.map(|setting| Written {
            key: default_key(setting.key),
            value: setting.default.to_owned(),
            origin: Origin::Default,
        });
        let mut problems = Vec::new();
        config.apply(written.collect(), &mut problems);
        // A test makes sure that there is none.
        debug_assert!(problems.is_empty(), "defaults: {problems:?}");
        config
    }

    /// Takes one source over what sources below have said.
    fn apply(&mut self, mut layer: Vec<Written>, problems: &mut Vec<Problem>) {
        // An amount wins over a part wherever either stands: as in RabbitMQ.
        layer.sort_by_key(|written| written.key.ends_with(".absolute"));
        let mut begun = BTreeSet::new();
        for written in layer {
            let Some((setting, name)) = settings::find(&written.key) else {
                self.unknown(&written, problems);
                continue;
            };
            if let Some(clear) = setting.clear
                && begun.insert(setting.group())
            {
                clear(self);
                self.effective
                    .retain(|other| !in_group(&other.key, setting.group()));
            }
            match (setting.read)(self, name, &written.value) {
                Ok(()) => self.note(written),
                Err(Wrong::Value(reason)) => problems.push(written.problem(&reason)),
                Err(Wrong::Ignored(reason)) => {
                    self.ignored
                        .push(written.problem(&format!("ignored: {reason}")));
                }
            }
        }
    }

    fn note(&mut self, written: Written) {
        let rival = written
            .key
            .strip_suffix(".absolute")
            .map(|key| format!("{key}.relative"));
        let rival = rival.or_else(|| {
            let key = written.key.strip_suffix(".relative")?;
            Some(format!("{key}.absolute"))
        });
        self.effective
            .retain(|other| other.key != written.key && Some(&other.key) != rival.as_ref());
        self.effective.push(written);
    }

    fn unknown(&mut self, written: &Written, problems: &mut Vec<Problem>) {
        match unsupported(&written.key) {
            Some(Unsupported::Ignored(reason)) => {
                self.ignored
                    .push(written.problem(&format!("ignored: {reason}")));
            }
            Some(Unsupported::Refused(reason)) => {
                problems.push(written.problem(&format!("not supported: {reason}")));
            }
            None => {
                let hint = settings::nearest(&written.key)
                    .map(|known| format!("; did you mean '{known}'?"))
                    .unwrap_or_default();
                problems.push(Problem {
                    origin: written.origin.clone(),
                    reason: format!("unknown key '{}'{hint}", written.key),
                });
            }
        }
    }

    /// Settles what several keys say together.
    fn resolve(&mut self, problems: &mut Vec<Problem>) {
        settings::resolve(self);
        for (name, tls, wanted) in [
            ("ssl_options", &self.tls, !self.amqps.is_empty()),
            (
                "management.ssl",
                &self.management.tls,
                self.management.ssl_port.is_some(),
            ),
        ] {
            let missing = match tls {
                _ if !wanted => continue,
                TlsOptions { certfile: None, .. } => "certfile",
                TlsOptions { keyfile: None, .. } => "keyfile",
                TlsOptions {
                    verify_peer: true,
                    cacertfile: None,
                    ..
                } => "cacertfile",
                _ => continue,
            };
            problems.push(Problem {
                origin: Origin::Together,
                reason: format!("{name}.{missing} is missing: there is a listener with TLS"),
            });
        }
        let node = self.node.clone().unwrap_or_else(|| {
            let host = source::host_name();
            format!("rabbit@{host}")
        });
        self.broker.cluster_name = self.cluster_name.clone().unwrap_or_else(|| node.clone());
        self.broker.node = node;
    }
}

/// The name under which a default of a list is noted.
fn default_key(key: &str) -> String {
    key.replace("$name", "default").replace("$n", "1")
}

fn in_group(key: &str, group: &str) -> bool {
    key.strip_prefix(group)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}
