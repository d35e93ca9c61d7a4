use serde_json::json;

use super::super::columns::{LENGTHS, OCTETS};
use super::super::objects::LONG;
use super::*;

fn history() -> History<2> {
    let mut history = History::new(LONG, 0, [0, 0]);
    for second in 1..=60u64 {
        history.record(second * 1000, [second * 10, 0]);
    }
    history
}

#[test]
fn each_number_comes_with_its_rate() {
    let mut stats = Stats::default();
    stats.add(&OCTETS, &[600, 0], Some(&history()), 0, None);
    assert_eq!(
        serde_json::to_value(&stats).unwrap(),
        json!({
            "recv_oct": 600, "recv_oct_details": {"rate": 10.0},
            "send_oct": 0, "send_oct_details": {"rate": 0.0},
        })
    );
}

#[test]
fn samples_are_newest_first_and_on_multiples_of_the_step() {
    let window = Window {
        age_ms: 20_000,
        step_ms: 10_000,
        now_ms: 60_400,
    };
    let details = details(OCTETS[0], Some(&history()), 0, Some(window));
    assert_eq!(
        serde_json::to_value(&details).unwrap(),
        json!({
            "rate": 10.0, "avg": 500.0, "avg_rate": 10.0,
            "samples": [
                {"sample": 600, "timestamp": 60_000},
                {"sample": 500, "timestamp": 50_000},
                {"sample": 400, "timestamp": 40_000},
            ],
        })
    );
}

#[test]
fn a_past_that_is_not_known_is_left_out() {
    let window = Window {
        age_ms: 3_600_000,
        step_ms: 60_000,
        now_ms: 90_000,
    };
    let past = Past::of(&history(), 0, window);
    assert_eq!(
        past.samples,
        [
            Point {
                sample: 600,
                timestamp: 60_000
            },
            Point {
                sample: 0,
                timestamp: 0
            },
        ]
    );
}

#[test]
fn nothing_happened_means_no_stats() {
    let mut stats = Stats::default();
    stats.add::<2>(&LENGTHS, &[0, 0, 0], None, 0, None);
    assert!(stats.unless_zero().is_none());
}

#[test]
fn a_counter_that_restarts_has_no_negative_rate() {
    let mut history = History::new(LONG, 0, [1000]);
    history.record(1000, [10]);
    assert_eq!(details(OCTETS[0], Some(&history), 0, None).rate, 0.0);
    assert_eq!(details(LENGTHS[0], Some(&history), 0, None).rate, -990.0);
}
