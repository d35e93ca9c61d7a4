//! A log file that is put aside when it is large or the day is over.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use parking_lot::Mutex;

use crate::clock;
use crate::config::Rotation;

const HOUR_MS: u64 = 60 * 60 * 1000;

/// A file that lines are added to.
pub(super) struct LogFile {
    path: PathBuf,
    rotation: Rotation,
    current: Mutex<Current>,
}

struct Current {
    file: File,
    bytes: u64,
    /// The day that it is for, counted from the hour of rotation.
    day: u64,
    /// It has been said that writing fails.
    fails: bool,
}

impl LogFile {
    /// Opens it to add to what is there.
    ///
    /// # Errors
    ///
    /// It or its directory cannot be made or written.
    pub(super) fn open(path: &Path, rotation: Rotation) -> io::Result<Self> {
        if let Some(dir) = path.parent() {
            fs::create_dir_all(dir)?;
        }
        let (file, bytes) = append(path)?;
        Ok(Self {
            path: path.to_owned(),
            rotation,
            current: Mutex::new(Current {
                file,
                bytes,
                day: day(rotation, clock::unix_ms()),
                fails: false,
            }),
        })
    }

    /// Adds a line written at `now_ms`, in a file of its own if it is time for one. What cannot be
    /// written is lost; the first time, standard error says so.
    pub(super) fn write(&self, line: &str, now_ms: u64) {
        let mut current = self.current.lock();
        let today = day(self.rotation, now_ms);
        let full = self.rotation.bytes > 0
            && current.bytes > 0
            && current.bytes + line.len() as u64 > self.rotation.bytes;
        let outcome = if full || today > current.day {
            self.put_aside(&mut current, today)
        } else {
            Ok(())
        };
        let outcome = outcome.and_then(|()| current.file.write_all(line.as_bytes()));
        match outcome {
            Ok(()) => {
                current.bytes += line.len() as u64;
                current.fails = false;
            }
            Err(error) if !current.fails => {
                current.fails = true;
                eprintln!("leveret: cannot log to {}: {error}", self.path.display());
            }
            Err(_) => {}
        }
    }

    /// Opens it by its name again.
    pub(super) fn reopen(&self) {
        if let Ok((file, bytes)) = append(&self.path) {
            let mut current = self.current.lock();
            current.file = file;
            current.bytes = bytes;
        }
    }

    /// `x.log` becomes `x.log.0`, that becomes `x.log.1`, and so on; the last one goes.
    fn put_aside(&self, current: &mut Current, today: u64) -> io::Result<()> {
        let count = self.rotation.count;
        match count.checked_sub(1) {
            None => fs::remove_file(&self.path)?,
            Some(last) => {
                for n in (0..last).rev() {
                    let (from, to) = (self.aside(n), self.aside(n + 1));
                    if from.exists() {
                        fs::rename(from, to)?;
                    }
                }
                fs::rename(&self.path, self.aside(0))?;
            }
        }
        (current.file, current.bytes) = append(&self.path)?;
        current.day = today;
        Ok(())
    }

    fn aside(&self, n: u32) -> PathBuf {
        let mut name = self.path.as_os_str().to_owned();
        name.push(format!(".{n}"));
        PathBuf::from(name)
    }
}

fn append(path: &Path) -> io::Result<(File, u64)> {
    let file = OpenOptions::new().create(true).append(true).open(path)?;
    let bytes = file.metadata()?.len();
    Ok((file, bytes))
}

/// Counts the days at the hour of rotation; always 0 without one.
fn day(rotation: Rotation, now_ms: u64) -> u64 {
    rotation.daily_at.map_or(0, |hour| {
        now_ms.saturating_sub(u64::from(hour) * HOUR_MS) / (24 * HOUR_MS)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contents(dir: &Path) -> Vec<(String, String)> {
        let mut all: Vec<_> = fs::read_dir(dir)
            .unwrap()
            .map(|entry| {
                let path = entry.unwrap().path();
                let name = path.file_name().unwrap().to_str().unwrap().to_owned();
                (name, fs::read_to_string(path).unwrap())
            })
            .collect();
        all.sort();
        all
    }

    fn files(expected: &[(&str, &str)]) -> Vec<(String, String)> {
        let owned = |(name, text): &(&str, &str)| ((*name).to_owned(), (*text).to_owned());
        expected.iter().map(owned).collect()
    }

    #[test]
    fn a_full_file_is_put_aside_and_a_few_are_kept() {
        let dir = tempfile::tempdir().unwrap();
        let rotation = Rotation {
            bytes: 6,
            count: 2,
            ..Rotation::default()
        };
        let log = LogFile::open(&dir.path().join("x.log"), rotation).unwrap();
        for line in ["aa\n", "bb\n", "cc\n", "dd\n", "long line\n", "e\n"] {
            log.write(line, 0);
        }
        assert_eq!(
            contents(dir.path()),
            files(&[
                ("x.log", "e\n"),
                ("x.log.0", "long line\n"),
                ("x.log.1", "cc\ndd\n"),
            ])
        );
    }

    #[test]
    fn a_file_is_put_aside_when_its_day_is_over() {
        let dir = tempfile::tempdir().unwrap();
        let rotation = Rotation {
            daily_at: Some(3),
            ..Rotation::default()
        };
        let log = LogFile::open(&dir.path().join("x.log"), rotation).unwrap();
        let today = clock::unix_ms();
        log.write("a\n", today);
        log.write("b\n", today + 24 * HOUR_MS);
        log.write("c\n", today + 24 * HOUR_MS);
        assert_eq!(
            contents(dir.path()),
            files(&[("x.log", "b\nc\n"), ("x.log.0", "a\n")])
        );
    }

    #[test]
    fn a_file_that_was_moved_away_is_made_again_on_request() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("sub/x.log");
        let log = LogFile::open(&path, Rotation::default()).unwrap();
        log.write("a\n", 0);
        fs::rename(&path, dir.path().join("moved")).unwrap();
        log.reopen();
        log.write("b\n", 0);
        assert_eq!(fs::read_to_string(&path).unwrap(), "b\n");
    }
}
