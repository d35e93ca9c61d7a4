//! The environment variables of RabbitMQ and of its container image.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::PathBuf;

use super::source::{Origin, Problem, Written};

/// A variable, and the setting that it stands for.
const VARIABLES: [(&str, &str); 8] = [
    ("RABBITMQ_NODENAME", "leveret.node_name"),
    // The first one there wins: RabbitMQ has the second below the first.
    ("RABBITMQ_DATA_DIR", "leveret.data_dir"),
    ("RABBITMQ_MNESIA_BASE", "leveret.data_dir"),
    ("RABBITMQ_DEFAULT_USER", "default_user"),
    ("RABBITMQ_DEFAULT_PASS", "default_pass"),
    ("RABBITMQ_DEFAULT_VHOST", "default_vhost"),
    ("RABBITMQ_LOG_BASE", "log.dir"),
    ("RABBITMQ_LOG", "log.console.level"),
];

/// Variables that name files with a value in them (container secrets).
const FILES: [(&str, &str); 3] = [
    ("RABBITMQ_DEFAULT_USER_FILE", "default_user"),
    ("RABBITMQ_DEFAULT_PASS_FILE", "default_pass"),
    ("RABBITMQ_DEFAULT_VHOST_FILE", "default_vhost"),
];

const CONFIG_FILE: &str = "RABBITMQ_CONFIG_FILE";
const NODE_PORT: &str = "RABBITMQ_NODE_PORT";
const NODE_IP: &str = "RABBITMQ_NODE_IP_ADDRESS";
const LOGS: &str = "RABBITMQ_LOGS";

/// The variables that mean something here; empty ones say nothing.
#[derive(Clone, Debug, Default)]
pub(crate) struct Environment(BTreeMap<&'static str, String>);

impl Environment {
    /// Those of the process.
    pub(crate) fn of_process() -> Self {
        Self::from(|name| env::var(name).ok())
    }

    /// Those that `look` knows.
    pub(crate) fn from(look: impl Fn(&str) -> Option<String>) -> Self {
        let names = VARIABLES.iter().chain(&FILES).map(|(name, _)| *name);
        let names = names.chain([CONFIG_FILE, NODE_PORT, NODE_IP, LOGS]);
        let set = names.filter_map(|name| Some((name, look(name).filter(|v| !v.is_empty())?)));
        Self(set.collect())
    }

    /// The configuration file, or a directory of them.
    pub(crate) fn config_file(&self) -> Option<PathBuf> {
        self.0.get(CONFIG_FILE).map(PathBuf::from)
    }

    /// What the variables say.
    ///
    /// # Errors
    ///
    /// A file that one names cannot be read.
    pub(crate) fn written(&self) -> Result<Vec<Written>, Problem> {
        let mut all: Vec<Written> = Vec::new();
        let mut write = |key: &str, value: &str, name| {
            if !all.iter().any(|written| written.key == key) {
                all.push(Written {
                    key: key.to_owned(),
                    value: value.to_owned(),
                    origin: Origin::Environment(name),
                });
            }
        };
        for (name, key) in FILES {
            let Some(path) = self.0.get(name) else {
                continue;
            };
            let text = fs::read_to_string(path).map_err(|error| Problem {
                origin: Origin::Environment(name),
                reason: format!("cannot read {path}: {error}"),
            })?;
            write(key, text.trim_end_matches(['\r', '\n']), name);
        }
        for (name, key) in VARIABLES {
            if let Some(value) = self.0.get(name) {
                write(key, value, name);
            }
        }
        let (port, ip) = (self.0.get(NODE_PORT), self.0.get(NODE_IP));
        if port.is_some() || ip.is_some() {
            let port = port.map_or("5672", String::as_str);
            let listener = match ip.map(String::as_str) {
                None | Some("auto" | "::") => port.to_owned(),
                Some(ip) => format!("{ip}:{port}"),
            };
            write("listeners.tcp.default", &listener, NODE_PORT);
        }
        match self.0.get(LOGS).map(String::as_str) {
            None => {}
            Some("-") => write("log.console", "true", LOGS),
            Some(file) => write("log.file", file, LOGS),
        }
        Ok(all)
    }
}
