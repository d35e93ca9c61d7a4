//! The marker survives whatever happens to one write of it.

use super::sim::{Operation, Sim, Unsynced, Verdict};
use crate::marker::Marker;

use std::path::Path;

const FATES: [Unsynced; 4] = [
    Unsynced::Lost,
    Unsynced::Kept,
    Unsynced::Torn,
    Unsynced::Reordered,
];

fn open(sim: &Sim) -> (Marker, u64) {
    Marker::open(sim, Path::new("log")).unwrap()
}

/// Does `verdict` to every sync from now on.
fn syncs(sim: &Sim, verdict: Verdict) {
    sim.on_operation(move |_, operation| match operation {
        Operation::Sync => verdict,
        _ => Verdict::Go,
    });
}

/// What is found after a power cut that leaves `kept` bytes of what was not synced, or any of it.
fn after_power_loss(sim: &Sim, fate: Unsynced, kept: usize) -> u64 {
    let mut random = |below: usize| kept % below.max(1);
    open(&sim.after_power_loss(fate, &mut random)).1
}

#[test]
fn a_torn_write_leaves_the_generation_before_it() {
    // Not every checkpoint is marked: the numbers have gaps of any size.
    for generations in [[1, 2, 3], [1, 3, 5], [2, 4, 8], [1, 4, 6]] {
        let [first, second, torn] = generations;
        for reopened in [false, true] {
            let sim = Sim::new();
            let (mut marker, _) = open(&sim);
            marker.write(first).unwrap();
            marker.write(second).unwrap();
            if reopened {
                marker = open(&sim).0;
            }
            syncs(&sim, Verdict::PowerOff);
            marker.write(torn).unwrap_err();
            for fate in FATES {
                for kept in 0..48 {
                    let found = after_power_loss(&sim, fate, kept);
                    assert!(found == second || found == torn, "{generations:?}: {found}");
                }
            }
        }
    }
}

#[test]
fn a_generation_that_was_found_is_durable_before_the_one_before_it_goes() {
    for fate in FATES {
        for kept in 0..48 {
            let sim = Sim::new();
            let (marker, _) = open(&sim);
            marker.write(1).unwrap();
            marker.write(2).unwrap();
            // The process ends between write and sync, but the power stays on.
            syncs(&sim, Verdict::Fail);
            marker.write(3).unwrap_err();
            syncs(&sim, Verdict::Go);
            let (marker, found) = open(&sim);
            assert_eq!(found, 3);
            syncs(&sim, Verdict::PowerOff);
            marker.write(4).unwrap_err();
            let found = after_power_loss(&sim, fate, kept);
            assert!(found == 3 || found == 4, "{found}");
        }
    }
}
