//! What the broker has used up to now, and tables of it.

use std::{
    fs,
    io::{self, Write},
    path::Path,
    thread,
    time::{Duration, Instant},
};

use tests::Broker;

/// Clock ticks in a second, in `/proc` of every Linux.
const TICKS: f64 = 100.0;

/// How long the broker is given to write what it has to write, and to return memory.
const SETTLING: Duration = Duration::from_millis(2500);

/// One moment.
pub(crate) struct Sample {
    at: Instant,
    cpu_s: f64,
    resident: f64,
    disk: f64,
}

/// What was used between two moments.
pub(crate) struct Used {
    pub(crate) seconds: f64,
    pub(crate) cpu_s: f64,
    /// Bytes of memory.
    pub(crate) memory: f64,
    /// Bytes of disk.
    pub(crate) disk: f64,
}

impl Sample {
    /// This moment.
    pub(crate) fn of(broker: &Broker) -> Self {
        let stat = fs::read_to_string(format!("/proc/{}/stat", broker.pid())).unwrap();
        let fields = stat.rsplit_once(')').unwrap().1;
        let ticks: f64 = fields
            .split_whitespace()
            .skip(11)
            .take(2)
            .map(|n| n.parse::<f64>().unwrap())
            .sum();
        Self {
            at: Instant::now(),
            cpu_s: ticks / TICKS,
            resident: broker.resident_kib() as f64 * 1024.0,
            disk: disk_bytes(broker.data_dir()) as f64,
        }
    }

    /// The moment after things have calmed down.
    pub(crate) fn settled(broker: &Broker) -> Self {
        thread::sleep(SETTLING);
        Self::of(broker)
    }

    /// CPU seconds since the start of the process.
    pub(crate) fn cpu_s(&self) -> f64 {
        self.cpu_s
    }

    /// From this moment to a later one.
    pub(crate) fn until(&self, later: &Self) -> Used {
        Used {
            seconds: (later.at - self.at).as_secs_f64(),
            cpu_s: later.cpu_s - self.cpu_s,
            memory: later.resident - self.resident,
            disk: later.disk - self.disk,
        }
    }
}

/// Bytes that the files below a directory take on the disk, as far as they don't vanish meanwhile.
fn disk_bytes(directory: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt;
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    entries
        .map(|entry| match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => disk_bytes(&entry.path()),
            Ok(metadata) => metadata.blocks() * 512,
            Err(_) => 0,
        })
        .sum()
}

/// Begins a table.
pub(crate) fn head(title: &str, columns: &[&str]) {
    let mut out = io::stdout().lock();
    writeln!(out, "\n{title}").unwrap();
    for column in columns {
        write!(out, "{column:>16}").unwrap();
    }
    writeln!(out).unwrap();
}

/// Adds a line to it: a number of things, and figures of them.
pub(crate) fn line(count: usize, figures: &[f64]) {
    let mut out = io::stdout().lock();
    write!(out, "{count:>16}").unwrap();
    for figure in figures {
        let places = usize::from(figure.abs() < 1000.0) + usize::from(figure.abs() < 10.0);
        write!(out, "{figure:>16.places$}").unwrap();
    }
    writeln!(out).unwrap();
    out.flush().unwrap();
}
