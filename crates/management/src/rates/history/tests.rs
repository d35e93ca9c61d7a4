use super::*;

const LAYOUT: &[Ring] = &[
    Ring {
        step_ms: 0,
        keep: 8,
    },
    Ring {
        step_ms: 5000,
        keep: 64,
    },
];
const START: u64 = 1_000_000_000;

fn ticks(history: &mut History<1>, from_s: u64, values: impl IntoIterator<Item = u64>) {
    for (second, value) in (from_s..).zip(values) {
        history.record(START + second * 1000, [value]);
    }
}

#[test]
fn a_steady_counter_has_its_rate() {
    let mut history = History::new(LAYOUT, START, [0]);
    ticks(&mut history, 1, (1..60).map(|second| second * 100));
    assert_eq!(history.rate(0), 100.0);
}

#[test]
fn a_rate_is_right_while_the_past_is_shorter_than_its_span() {
    let mut history = History::new(LAYOUT, START, [0]);
    ticks(&mut history, 1, [100, 200]);
    assert_eq!(history.rate(0), 100.0);
}

#[test]
fn a_quiet_counter_comes_to_rest() {
    let mut history = History::new(LAYOUT, START, [0]);
    ticks(&mut history, 1, [100; 20]);
    assert_eq!(history.rate(0), 0.0);
    assert_eq!(history.changed_ms(), START + 1000);
}

#[test]
fn a_burst_after_silence_is_spread_over_the_span_only() {
    let mut history = History::new(LAYOUT, START, [0]);
    ticks(&mut history, 1, std::iter::repeat_n(0, 100).chain([500]));
    assert_eq!(history.rate(0), 100.0);
}

#[test]
fn a_shrinking_gauge_has_a_negative_rate() {
    let mut history = History::new(LAYOUT, START, [1000]);
    ticks(&mut history, 1, [900, 800, 700, 600, 500]);
    assert_eq!(history.rate(0), -100.0);
}

#[test]
fn timer_jitter_does_not_show_in_the_rate() {
    let mut history = History::new(LAYOUT, START, [0]);
    for tick in 1..50u64 {
        let at = START + tick * 1000 + if tick % 2 == 0 { 40 } else { 0 };
        history.record(at, [(at - START) * 7]);
    }
    assert_eq!(history.rate(0), 7000.0);
}

#[test]
fn the_past_is_known_at_any_time() {
    let mut history = History::new(LAYOUT, START, [0]);
    ticks(&mut history, 1, (1..=200).map(|second| second * 10));
    assert_eq!(history.at(0, START + 200_000), Some(2000));
    assert_eq!(history.at(0, START + 199_500), Some(1995));
    // Older than the fine ring: steps of five seconds, each exact at its end.
    assert_eq!(history.at(0, START + 105_000), Some(1050));
    assert_eq!(history.at(0, START + 102_500), Some(1025));
    assert_eq!(history.at(0, START - 1), None);
}

#[test]
fn a_value_stands_still_until_it_moves() {
    let mut history = History::new(LAYOUT, START, [0]);
    ticks(&mut history, 1, std::iter::repeat_n(0, 100).chain([500]));
    assert_eq!(history.at(0, START + 99_000), Some(0));
    assert_eq!(history.at(0, START + 101_000), Some(500));
}

#[test]
fn memory_is_bounded() {
    let mut history = History::new(LAYOUT, START, [0]);
    ticks(&mut history, 1, 1..100_000);
    assert!(
        history
            .rings
            .iter()
            .zip(LAYOUT)
            .all(|(ring, layout)| ring.len() == layout.keep)
    );
}

#[test]
fn an_unchanged_value_costs_nothing_and_is_known_for_ever() {
    let mut history = History::new(LAYOUT, START, [42]);
    ticks(&mut history, 1, [42; 10_000]);
    assert_eq!(history.rings[0].len(), 1);
    assert_eq!(history.at(0, START + 9_999_000), Some(42));
}

#[test]
fn a_coarser_ring_knows_what_the_finer_one_forgets() {
    let mut history = History::new(LAYOUT, START, [0]);
    ticks(&mut history, 1, 1..=7);
    assert_eq!(history.rings.len(), 1);
    ticks(&mut history, 8, 8..=100);
    assert_eq!(history.rings.len(), 2);
    for second in [0, 5, 50, 95] {
        assert_eq!(history.at(0, START + second * 1000), Some(second));
    }
}
