//! What the operating system says of this process. Zero where it says nothing.

use std::fs;

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
        assert!(descriptors_used() >= 3);
        assert!(descriptors_limit() > descriptors_used());
        assert!(threads() >= 1);
        assert!(processors() >= 1);
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
