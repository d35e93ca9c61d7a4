//! `leveret store inspect DIR`: what is in a data directory, and whether it is sound.

use std::collections::{HashMap, HashSet};
use std::fs::{self, DirBuilder};
use std::io::{self, Write};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use broker::{QueueId, QueueName, printable, queue_names};
use store::{Error, Inspection, QueueCounts, SegmentUse};

/// Temporary directories that inspections of the same process id may have left behind.
const SCRATCH_LEFT_MAX: u32 = 100;

/// Prints what is in `dir`. Fails if it is damaged or cannot be read.
pub(crate) fn run(dir: &Path) -> ExitCode {
    // A database that is beyond reading may panic, which the report says in better words.
    std::panic::set_hook(Box::new(|_| {}));
    let inspection = match inspect(dir) {
        Ok(inspection) => inspection,
        Err(reason) => {
            eprintln!("leveret: cannot inspect {}: {reason}", dir.display());
            return ExitCode::FAILURE;
        }
    };
    let report = Report::new(dir, &inspection);
    let mut stdout = io::stdout().lock();
    // Whoever closes the output early has seen enough; the exit code still counts.
    let _ = report.write(&mut stdout).and_then(|()| stdout.flush());
    if report.damage.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn inspect(dir: &Path) -> Result<Inspection, String> {
    let scratch = Scratch::new()
        .map_err(|error| format!("no temporary directory (TMPDIR names another one): {error}"))?;
    store::inspect(dir, &scratch.0).map_err(|error| match error {
        Error::InUse(_) => "a broker is running on it; stop it first".to_owned(),
        Error::Io { path, source, .. }
            if path == dir.join("LOCK") && source.kind() == io::ErrorKind::NotFound =>
        {
            "it is not a data directory".to_owned()
        }
        error => error.to_string(),
    })
}

/// A directory for the copy of the database, removed when dropped.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> io::Result<Self> {
        let process = std::process::id();
        let path = |n| std::env::temp_dir().join(format!("leveret-inspect-{process}-{n}"));
        // One that was killed may have left its own, and in a container ids are soon used again.
        let free = (0..SCRATCH_LEFT_MAX).map(path).find(|path| !path.exists());
        let path = free.ok_or(io::ErrorKind::AlreadyExists)?;
        // Ours alone: the database names queues, and the directory above belongs to everybody.
        DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What is left of it is the temporary directory's own business.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// An inspection in words.
struct Report<'a> {
    dir: &'a Path,
    inspection: &'a Inspection,
    names: HashMap<QueueId, QueueName>,
    damage: Vec<String>,
}

impl<'a> Report<'a> {
    fn new(dir: &'a Path, inspection: &'a Inspection) -> Self {
        let mut report = Self {
            dir,
            inspection,
            names: queue_names(&inspection.entries),
            damage: Vec::new(),
        };
        report.damage = report.damage();
        report
    }

    fn damage(&self) -> Vec<String> {
        let mut damage = Vec::new();
        if let Some(why) = &self.inspection.database {
            damage.push(format!(
                "meta: the database is of no use ({why}); the next start makes it anew from the log"
            ));
        }
        for place in &self.inspection.damaged {
            let file = self.relative(&place.path);
            damage.push(match place.bytes {
                0 => format!("{file} is missing"),
                bytes => format!("{file} at {}: {bytes} bytes hold no record", place.offset),
            });
        }
        for queue in self.inspection.queues.iter().filter(|q| q.unreadable > 0) {
            let name = self.names.get(&queue.id);
            let name = name.map_or_else(
                || format!("queue number {}", queue.id.0),
                ToString::to_string,
            );
            damage.push(format!("{name}: lost messages: {}", queue.unreadable));
        }
        damage
    }

    fn relative(&self, path: &Path) -> String {
        path.strip_prefix(self.dir)
            .unwrap_or(path)
            .display()
            .to_string()
    }

    fn write(&self, out: &mut impl Write) -> io::Result<()> {
        writeln!(out, "{}", self.dir.display())?;
        match self.inspection.checkpoint {
            Some((segment, offset)) => {
                writeln!(out, "checkpoint: segment {segment} at {offset}")?;
            }
            None => writeln!(out, "checkpoint: none")?,
        }
        let entries = self.inspection.entries.len();
        writeln!(out, "entries: {entries}\n")?;
        self.write_segments(out)?;
        self.write_queues(out)?;
        if self.damage.is_empty() {
            let records: u64 = self.inspection.segments.iter().map(|s| s.records).sum();
            return writeln!(out, "sound: {records} records verified");
        }
        writeln!(out, "damaged:")?;
        let mut lines = self.damage.iter();
        lines.try_for_each(|line| writeln!(out, "  {line}"))
    }

    fn write_segments(&self, out: &mut impl Write) -> io::Result<()> {
        let heads = ["SEGMENT", "BYTES", "RECORDS", "LIVE", "LIVE BYTES", "STATE"];
        let row = |segment: &SegmentUse| {
            let state = if segment.sealed { "sealed" } else { "open" };
            [
                self.relative(&segment.path),
                segment.bytes.to_string(),
                segment.records.to_string(),
                segment.live.to_string(),
                segment.live_bytes.to_string(),
                state.to_owned(),
            ]
        };
        write_table(out, heads, self.inspection.segments.iter().map(row))
    }

    fn write_queues(&self, out: &mut impl Write) -> io::Result<()> {
        let heads = ["QUEUE", "VHOST", "LIVE", "LIVE BYTES", "NEXT"];
        let row = |queue: &QueueCounts| {
            let (name, vhost) = match self.names.get(&queue.id) {
                Some(name) => (printable(&name.name), printable(&name.vhost)),
                // Deleted, or never declared to the disk: the next start drops its messages.
                None => (format!("(number {})", queue.id.0), "-".to_owned()),
            };
            [
                name,
                vhost,
                queue.live.to_string(),
                queue.live_bytes.to_string(),
                queue.next_seq.to_string(),
            ]
        };
        let mut queues = self.inspection.queues.clone();
        let known: HashSet<QueueId> = queues.iter().map(|queue| queue.id).collect();
        let unused = self.names.keys().filter(|id| !known.contains(id));
        queues.extend(unused.map(|&id| QueueCounts {
            id,
            live: 0,
            live_bytes: 0,
            next_seq: 1,
            unreadable: 0,
        }));
        queues.sort_by_key(|queue| queue.id.0);
        write_table(out, heads, queues.iter().map(row))
    }
}

/// Columns as wide as need be, and an empty line. Numbers are to the right.
fn write_table<const N: usize>(
    out: &mut impl Write,
    heads: [&str; N],
    rows: impl Iterator<Item = [String; N]>,
) -> io::Result<()> {
    let rows: Vec<[String; N]> = rows.collect();
    let mut widths = heads.map(str::len);
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let heads = heads.map(str::to_owned);
    let is_number = |column: usize| {
        let is_number = |cell: &String| cell.bytes().all(|b| b.is_ascii_digit());
        column > 0
            && rows
                .iter()
                .all(|row| row.get(column).is_some_and(is_number))
    };
    for row in std::iter::once(&heads).chain(&rows) {
        let mut line = String::new();
        for (column, (width, cell)) in widths.iter().zip(row).enumerate() {
            line.push_str(&if is_number(column) {
                format!("{cell:>width$}  ")
            } else {
                format!("{cell:<width$}  ")
            });
        }
        writeln!(out, "{}", line.trim_end())?;
    }
    writeln!(out)
}

#[cfg(test)]
mod tests {
    use store::Damaged;

    use super::*;

    fn written(inspection: &Inspection) -> Vec<String> {
        let mut text = Vec::new();
        let report = Report::new(Path::new("/d"), inspection);
        report.write(&mut text).unwrap();
        let text = String::from_utf8(text).unwrap();
        text.lines().map(str::to_owned).collect()
    }

    fn inspection() -> Inspection {
        let queue = |id, live| QueueCounts {
            id: QueueId(id),
            live,
            live_bytes: live * 100,
            next_seq: 12_345,
            unreadable: 0,
        };
        Inspection {
            segments: vec![SegmentUse {
                path: PathBuf::from("/d/log/q/1.seg"),
                bytes: 4096,
                records: 8,
                live: 3,
                live_bytes: 240,
                sealed: true,
            }],
            queues: vec![queue(1, 7), queue(22, 1000)],
            checkpoint: Some((2, 64)),
            ..Inspection::default()
        }
    }

    #[test]
    fn a_sound_directory_is_a_table_of_segments_and_one_of_queues() {
        assert_eq!(
            written(&inspection()),
            [
                "/d",
                "checkpoint: segment 2 at 64",
                "entries: 0",
                "",
                "SEGMENT      BYTES  RECORDS  LIVE  LIVE BYTES  STATE",
                "log/q/1.seg   4096        8     3         240  sealed",
                "",
                "QUEUE        VHOST  LIVE  LIVE BYTES   NEXT",
                "(number 1)   -         7         700  12345",
                "(number 22)  -      1000      100000  12345",
                "",
                "sound: 8 records verified",
            ]
        );
    }

    #[test]
    fn damage_is_listed_at_the_end() {
        let mut inspection = inspection();
        inspection.queues[0].unreadable = 2;
        inspection.database = Some("no checkpoint".to_owned());
        let damaged = |offset, bytes| Damaged {
            path: PathBuf::from("/d/log/q/1.seg"),
            offset,
            bytes,
        };
        inspection.damaged = vec![damaged(64, 80), damaged(0, 0)];
        let lines = written(&inspection);
        assert_eq!(
            lines[lines.len() - 5..],
            [
                "damaged:",
                "  meta: the database is of no use (no checkpoint); the next start makes it anew \
                 from the log",
                "  log/q/1.seg at 64: 80 bytes hold no record",
                "  log/q/1.seg is missing",
                "  queue number 1: lost messages: 2",
            ]
        );
    }
}
