use super::*;
use proptest::prelude::*;

const PATTERNS: [&str; 12] = [
    "", "#", "*", "a", "a.b", "a.*", "a.#", "#.b", "*.*", "a.#.b", "#.#", "a..b",
];

/// The patterns of [`PATTERNS`] that match a key, in that order.
fn matching(key: &str) -> Vec<&'static str> {
    let mut topic = Topic::new();
    for (id, pattern) in PATTERNS.iter().enumerate() {
        topic.insert(id, pattern);
    }
    let mut found: Vec<_> = reached(&topic, key);
    found.sort_unstable();
    found.into_iter().map(|id| PATTERNS[id]).collect()
}

fn reached<D: Destination>(topic: &Topic<D>, key: &str) -> Vec<D> {
    let mut routes = Routes::new();
    topic.route_into(key, &mut routes);
    routes.iter().collect()
}

/// The rule as the specification states it, exponential but obviously right.
fn matches(pattern: &[&str], key: &[&str]) -> bool {
    match (pattern, key) {
        ([], []) => true,
        (["#", rest @ ..], _) => {
            matches(rest, key) || (!key.is_empty() && matches(pattern, &key[1..]))
        }
        (["*", rest @ ..], [_, key @ ..]) => matches(rest, key),
        ([word, rest @ ..], [first, key @ ..]) => word == first && matches(rest, key),
        _ => false,
    }
}

fn split(key: &str) -> Vec<&str> {
    if key.is_empty() {
        Vec::new()
    } else {
        key.split('.').collect()
    }
}

#[test]
fn the_empty_routing_key_has_no_words() {
    assert_eq!(matching(""), ["", "#", "#.#"]);
}

#[test]
fn a_star_is_exactly_one_word_and_a_hash_zero_or_more() {
    assert_eq!(matching("a"), ["#", "*", "a", "a.#", "#.#"]);
    assert_eq!(
        matching("a.b"),
        ["#", "a.b", "a.*", "a.#", "#.b", "*.*", "a.#.b", "#.#"]
    );
    assert_eq!(matching("a.x.y.b"), ["#", "a.#", "#.b", "a.#.b", "#.#"]);
}

#[test]
fn an_empty_word_is_a_word() {
    assert_eq!(matching("."), ["#", "*.*", "#.#"]);
    assert_eq!(matching("a."), ["#", "a.*", "a.#", "*.*", "#.#"]);
    assert_eq!(matching(".b"), ["#", "#.b", "*.*", "#.#"]);
    assert_eq!(
        matching("a..b"),
        ["#", "a.#", "#.b", "a.#.b", "#.#", "a..b"]
    );
}

#[test]
fn words_are_case_sensitive_and_compared_whole() {
    assert_eq!(matching("A"), ["#", "*", "#.#"]);
    assert_eq!(matching("ab"), ["#", "*", "#.#"]);
}

#[test]
fn wildcards_in_a_routing_key_are_ordinary_words() {
    assert_eq!(matching("#"), ["#", "*", "#.#"]);
    assert_eq!(matching("a.*"), ["#", "a.*", "a.#", "*.*", "#.#"]);
}

#[test]
fn a_wildcard_inside_a_word_is_literal() {
    let mut topic = Topic::new();
    topic.insert(1, "a*.#b");
    assert_eq!(reached(&topic, "a*.#b"), [1]);
    assert!(reached(&topic, "ax.yb").is_empty());
}

#[test]
fn a_destination_with_several_matching_patterns_is_reached_once() {
    let mut topic = Topic::new();
    for pattern in ["#", "a.*", "a.b", "*.b"] {
        topic.insert(7, pattern);
    }
    assert_eq!(reached(&topic, "a.b"), [7]);
}

#[test]
fn the_longest_key_against_nothing_but_hashes_is_answered_at_once() {
    // 127 `#` and 128 words: a backtracking matcher would not return.
    let mut topic = Topic::new();
    let hashes = vec!["#"; 127].join(".");
    topic.insert(1, &hashes);
    topic.insert(2, &vec!["#.a"; 63].join("."));
    topic.insert(3, &format!("{}.b", &hashes[..250]));
    topic.insert(4, &vec!["*.#"; 63].join("."));
    let mut found = reached(&topic, &vec!["a"; 128].join("."));
    found.sort_unstable();
    assert_eq!(found, [1, 2, 4]);
}

#[test]
fn removing_every_binding_leaves_only_the_root() {
    let mut topic = Topic::new();
    for pattern in PATTERNS {
        topic.insert(1, pattern);
        topic.insert(2, pattern);
    }
    assert!(topic.node_count() > 1);
    for pattern in PATTERNS {
        topic.remove(1, pattern);
        topic.remove(3, pattern);
    }
    assert_eq!(reached(&topic, "a.b"), [2]);
    for pattern in PATTERNS.iter().rev() {
        topic.remove(2, pattern);
    }
    assert_eq!(topic.node_count(), 1);
    assert_eq!(topic.nodes.len(), 1);
}

#[test]
fn emptying_the_trie_keeps_a_binding_with_the_empty_key() {
    let mut topic = Topic::new();
    topic.insert(1, "");
    topic.insert(2, "a.b");
    topic.remove(2, "a.b");
    assert_eq!(topic.node_count(), 1);
    assert_eq!(reached(&topic, ""), [1]);
}

#[test]
fn removing_a_prefix_or_an_extension_leaves_the_rest() {
    let mut topic = Topic::new();
    for (id, pattern) in ["a", "a.b", "a.b.c"].into_iter().enumerate() {
        topic.insert(id, pattern);
    }
    topic.remove(1, "a.b");
    assert_eq!(reached(&topic, "a.b.c"), [2]);
    topic.remove(2, "a.b.c");
    assert_eq!(topic.node_count(), 2);
    assert_eq!(reached(&topic, "a"), [0]);
}

fn key(words: &'static [&'static str]) -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(words), 0..6).prop_map(|words| words.join("."))
}

fn pattern() -> impl Strategy<Value = String> {
    key(&["a", "b", "", "*", "#", "#"])
}

proptest! {
    #[test]
    fn agrees_with_the_naive_matcher(
        patterns in prop::collection::vec(pattern(), 0..20),
        removed in prop::collection::vec(any::<bool>(), 20),
        keys in prop::collection::vec(key(&["a", "b", "", "c", "*", "#"]), 1..10),
    ) {
        let mut topic = Topic::new();
        for (id, pattern) in patterns.iter().enumerate() {
            topic.insert(id, pattern);
        }
        for (id, pattern) in patterns.iter().enumerate().filter(|(id, _)| removed[*id]) {
            topic.remove(id, pattern);
        }
        let left = || patterns.iter().enumerate().filter(|(id, _)| !removed[*id]);
        for key in keys {
            let mut found = reached(&topic, &key);
            found.sort_unstable();
            let expected: Vec<_> = left()
                .filter(|(_, pattern)| matches(&split(pattern), &split(&key)))
                .map(|(id, _)| id)
                .collect();
            prop_assert_eq!(found, expected, "key {:?} of {:?}", key, &patterns);
        }
        for (id, pattern) in left() {
            topic.remove(id, pattern);
        }
        prop_assert_eq!(topic.nodes.len(), 1);
    }
}
