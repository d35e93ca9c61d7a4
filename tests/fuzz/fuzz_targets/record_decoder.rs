//! What the store does with whatever a disk gives back as a log record.
//!
//! `cargo +nightly fuzz run --fuzz-dir tests/fuzz record_decoder -- -max_total_time=60`

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let mut rest = input;
    let mut offset = 0;
    while let Some(len) = store::record_len(rest, 1, offset) {
        offset += len as u64;
        rest = rest.get(len..).unwrap_or_default();
    }
});
