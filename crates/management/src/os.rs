//! What the operating system says of this process. Zero where it says nothing.

use std::fs;
use std::path::Path;

/// Memory that one page of `/proc/self/statm` stands for. Linux on x86-64 and almost every arm64.
const PAGE_BYTES: u64 = 4096;

/// Resident memory in bytes.
pub(crate) fn memory_used() -> u64 {
    let statm = fs::read_to_string("/proc/self/statm").unwrap_or_default();
    statm
        .split_whitespace()
        .nth(1)
        .and_then(|n| n.parse::<u64>().ok())
        .unwrap_or(0)
        * PAGE_BYTES
}

/// Memory that the process may use, in bytes: the machine's, or its control group's if less.
pub(crate) fn memory_limit() -> u64 {
    let meminfo = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let machine = field(&meminfo, "MemTotal:").unwrap_or(0) * 1024;
    let group = [
        "/sys/fs/cgroup/memory.max",
        "/sys/fs/cgroup/memory/memory.limit_in_bytes",
    ]
    .iter()
    .filter_map(|path| fs::read_to_string(path).ok()?.trim().parse::<u64>().ok())
    .min();
    group.map_or(machine, |limit| limit.min(machine))
}

/// Open file descriptors.
pub(crate) fn descriptors_used() -> u64 {
    // The directory itself is open while it is read.
    fs::read_dir("/proc/self/fd").map_or(0, |fds| (fds.count() as u64).saturating_sub(1))
}

/// File descriptors that may be open.
pub(crate) fn descriptors_limit() -> u64 {
    let limits = fs::read_to_string("/proc/self/limits").unwrap_or_default();
    field(&limits, "Max open files").unwrap_or(0)
}

/// Threads of the process.
pub(crate) fn threads() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    field(&status, "Threads:").unwrap_or(0)
}

/// Context switches of the process's main thread, of both kinds.
pub(crate) fn context_switches() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    field(&status, "voluntary_ctxt_switches:").unwrap_or(0)
        + field(&status, "nonvoluntary_ctxt_switches:").unwrap_or(0)
}

/// Bytes that can still be written to the file system of `directory`.
pub(crate) fn disk_free(directory: &Path) -> u64 {
    fs2::available_space(directory).unwrap_or(0)
}

/// Cores that the process may use.
pub(crate) fn processors() -> u64 {
    std::thread::available_parallelism().map_or(1, |n| n.get() as u64)
}

/// The first number behind a name at the beginning of a line.
fn field(text: &str, name: &str) -> Option<u64> {
    let rest = text.lines().find_map(|line| line.strip_prefix(name))?;
    rest.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_uses_something_of_everything() {
        assert!(memory_used() > 100_000);
        assert!(memory_limit() > memory_used());
        assert!(descriptors_used() >= 3);
        assert!(descriptors_limit() > descriptors_used());
        assert!(threads() >= 1);
        assert!(processors() >= 1);
        assert!(disk_free(Path::new("/")) > 0);
    }

    #[test]
    fn fields_are_found_by_their_name() {
        let text = "Name:\tx\nMax open files            1024   4096  files\nThreads:\t7\n";
        assert_eq!(field(text, "Threads:"), Some(7));
        assert_eq!(field(text, "Max open files"), Some(1024));
        assert_eq!(field(text, "Name:"), None);
        assert_eq!(field(text, "none"), None);
    }
}
