//! Memory and disk, from the operating system. Zero where it says nothing.

use std::fs;
use std::io;
use std::path::Path;

/// Memory that one page of `/proc/self/statm` stands for. Linux on x86-64 and almost every arm64.
const PAGE_BYTES: u64 = 4096;

/// Resident memory in bytes. Not what the control group counts, which includes the page cache of
/// the log: the kernel takes that back whenever somebody needs memory.
pub(crate) fn memory_used() -> u64 {
    let statm = fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = statm.split_whitespace().nth(1);
    pages.and_then(|n| n.parse::<u64>().ok()).unwrap_or(0) * PAGE_BYTES
}

/// Memory that the process may use, in bytes: the machine's, or less if its control group or one
/// above has a limit.
pub(crate) fn memory_total() -> u64 {
    let meminfo = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let machine = machine_total(&meminfo);
    let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let limits = limit_files(&groups).into_iter().filter_map(|file| {
        // "max" is no number and no limit.
        fs::read_to_string(file).ok()?.trim().parse::<u64>().ok()
    });
    limits.fold(machine, u64::min)
}

/// Bytes that can still be written to the file system of `directory`.
///
/// # Errors
///
/// The file system does not say.
pub(crate) fn disk_free(directory: &Path) -> io::Result<u64> {
    fs2::available_space(directory)
}

fn machine_total(meminfo: &str) -> u64 {
    let line = meminfo
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"));
    let kib = line.and_then(|rest| rest.split_whitespace().next());
    kib.and_then(|n| n.parse::<u64>().ok()).unwrap_or(0) * 1024
}

/// Where the limits of the process's control group and of those above it stand, in both versions
/// of the file system. In a container the group's own path may not be visible, the root is.
fn limit_files(groups: &str) -> Vec<String> {
    let mut files = Vec::new();
    for line in groups.lines() {
        let mut fields = line.splitn(3, ':');
        let (Some(_), Some(controllers), Some(path)) =
            (fields.next(), fields.next(), fields.next())
        else {
            continue;
        };
        let (root, name) = match controllers {
            "" => ("/sys/fs/cgroup", "memory.max"),
            _ if controllers.split(',').any(|c| c == "memory") => {
                ("/sys/fs/cgroup/memory", "memory.limit_in_bytes")
            }
            _ => continue,
        };
        let above = Path::new(path).ancestors();
        files.extend(above.map(|group| {
            let group = group.display().to_string();
            format!("{root}{}/{name}", group.trim_end_matches('/'))
        }));
    }
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_uses_something_of_everything() {
        assert!(memory_used() > 100_000);
        assert!(memory_total() > memory_used());
        assert!(disk_free(Path::new("/")).unwrap() > 0);
        assert!(disk_free(Path::new("/nonexistent")).is_err());
    }

    #[test]
    fn the_machines_memory_is_found() {
        assert_eq!(machine_total("MemTotal:  2 kB\nMemFree: 1 kB\n"), 2048);
        assert_eq!(machine_total(""), 0);
    }

    #[test]
    fn limits_of_groups_above_count_too() {
        assert_eq!(
            limit_files("0::/system.slice/leveret.service\n"),
            [
                "/sys/fs/cgroup/system.slice/leveret.service/memory.max",
                "/sys/fs/cgroup/system.slice/memory.max",
                "/sys/fs/cgroup/memory.max",
            ]
        );
        assert_eq!(
            limit_files("4:cpu,cpuacct:/a\n3:memory:/\nbroken\n"),
            ["/sys/fs/cgroup/memory/memory.limit_in_bytes"]
        );
    }
}
