//! Categories of log lines, by the part of the program that they are from.

/// All of them. `default` is what belongs to no other.
pub(crate) const CATEGORIES: [&str; 7] = [
    "connection",
    "channel",
    "queue",
    "access",
    "management",
    "store",
    "default",
];

/// The beginning of a target, and the place of its category; the first that fits counts.
const TARGETS: [(&str, usize); 15] = [
    ("session::channel", 1),
    ("session::connection::channels", 1),
    ("session", 0),
    ("leveret::connection", 0),
    ("leveret::listener", 0),
    ("leveret::arrival", 0),
    ("leveret::proxy", 0),
    ("leveret::tls", 0),
    ("broker::queue", 2),
    ("broker::auth", 3),
    ("management::auth", 3),
    ("management", 4),
    ("broker::damage", 5),
    ("broker::recover", 5),
    ("store", 5),
];

/// The place of a target's category.
pub(super) fn of(target: &str) -> usize {
    TARGETS
        .iter()
        .find(|(start, _)| target.starts_with(start))
        .map_or(CATEGORIES.len() - 1, |(_, category)| *category)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_belong_to_the_part_that_writes_them() {
        for (target, category) in [
            ("session::connection", "connection"),
            ("session::channel::publish", "channel"),
            ("leveret::listener", "connection"),
            ("broker::queue::refill", "queue"),
            ("management::auth", "access"),
            ("management::serve", "management"),
            ("leveret::serve", "default"),
            ("broker::alarms", "default"),
        ] {
            assert_eq!(CATEGORIES[of(target)], category, "{target}");
        }
    }
}
