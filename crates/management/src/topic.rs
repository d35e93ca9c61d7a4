//! Topic patterns as filters: one key against one pattern.

/// Whether `key` is what `pattern` says: words with `*` for any one and `#` for any number of
/// them.
pub(crate) fn matches(pattern: &str, key: &str) -> bool {
    let words: Vec<&str> = match key {
        "" => Vec::new(),
        key => key.split('.').collect(),
    };
    // Which numbers of leading words the pattern so far can stand for.
    let mut fits = vec![false; words.len() + 1];
    fits[0] = true;
    for part in pattern.split('.') {
        let mut next = vec![false; words.len() + 1];
        let mut any = false;
        for (at, fit) in fits.iter().enumerate() {
            any |= *fit;
            if part == "#" {
                next[at] = any;
            } else if *fit
                && words
                    .get(at)
                    .is_some_and(|word| part == "*" || part == *word)
            {
                next[at + 1] = true;
            }
        }
        fits = next;
    }
    // The empty pattern is the empty key's.
    fits.last() == Some(&true) || (pattern.is_empty() && key.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_words() {
        for (pattern, key, expected) in [
            ("a.b", "a.b", true),
            ("a.b", "a.b.c", false),
            ("a.*", "a.b", true),
            ("a.*", "a", false),
            ("a.*", "a.b.c", false),
            ("#", "", true),
            ("#", "a.b", true),
            ("a.#", "a", true),
            ("a.#.c", "a.b.b.c", true),
            ("a.#.c", "a.b", false),
            ("#.#.#.x", "a.a.a.a.a.a.a.a.a.a.a.a", false),
            ("*", "", false),
            ("", "", true),
            ("", "a", false),
            ("a..b", "a..b", true),
        ] {
            assert_eq!(matches(pattern, key), expected, "{pattern} {key}");
        }
    }
}
