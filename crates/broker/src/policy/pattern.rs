//! The regular expressions of policies.

use regex::{Regex, RegexBuilder};

/// Bytes of a policy's pattern. Real ones are some dozen bytes.
pub(super) const PATTERN_BYTES_MAX: usize = 16 * 1024;

/// Bytes that one compiled expression may take, so that `x{1000}{1000}` is refused.
const COMPILED_BYTES_MAX: usize = 1024 * 1024;

/// Bytes that the states of an expression in use may take. Names are short.
const STATES_BYTES_MAX: usize = 64 * 1024;

/// A regular expression that is searched for in names. Matching takes time in proportion to the
/// name, whatever the expression, so look-around is refused but for the one that policies are
/// full of: `^(?!amq\.)…`, which two plain expressions can say.
pub(super) struct Pattern {
    source: String,
    wanted: Regex,
    unwanted: Option<Regex>,
}

impl Pattern {
    pub(super) fn new(source: &str) -> Result<Self, String> {
        if source.len() > PATTERN_BYTES_MAX {
            return Err(format!("longer than {PATTERN_BYTES_MAX} bytes"));
        }
        let (wanted, unwanted) = match split_negation(source) {
            Some((unwanted, rest)) => (
                compile(&format!("^(?:{rest})"))?,
                Some(compile(&format!("^(?:{unwanted})"))?),
            ),
            None => (compile(source)?, None),
        };
        Ok(Self {
            source: source.to_owned(),
            wanted,
            unwanted,
        })
    }

    pub(super) fn source(&self) -> &str {
        &self.source
    }

    pub(super) fn matches(&self, name: &str) -> bool {
        self.wanted.is_match(name) && !self.unwanted.as_ref().is_some_and(|r| r.is_match(name))
    }
}

fn compile(source: &str) -> Result<Regex, String> {
    let regex = RegexBuilder::new(source)
        .size_limit(COMPILED_BYTES_MAX)
        .dfa_size_limit(STATES_BYTES_MAX)
        .build();
    // The crate draws the expression over several lines; the reason is the last.
    regex.map_err(|error| {
        let error = error.to_string();
        let reason = error.lines().last().unwrap_or_default();
        reason.trim_start_matches("error: ").to_owned()
    })
}

/// `^(?!A)B` as A and B, if B has no alternative outside of groups, to which `^` would not apply.
fn split_negation(source: &str) -> Option<(&str, &str)> {
    let inner = source.strip_prefix("^(?!")?;
    let end = closing(inner)?;
    let (unwanted, rest) = (inner.get(..end)?, inner.get(end + 1..)?);
    (!has_alternative(rest)).then_some((unwanted, rest))
}

/// Where the group that has been opened before `text` ends.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, c) in plain(text) {
        match c {
            '(' => depth += 1,
            ')' if depth == 0 => return Some(at),
            ')' => depth -= 1,
            _ => {}
        }
    }
    None
}

fn has_alternative(text: &str) -> bool {
    let mut depth = 0_i32;
    plain(text).any(|(_, c)| {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        c == '|' && depth == 0
    })
}

/// The characters that are neither escaped nor in a class.
fn plain(text: &str) -> impl Iterator<Item = (usize, char)> {
    let (mut escaped, mut in_class) = (false, false);
    text.char_indices().filter(move |(_, c)| {
        if std::mem::take(&mut escaped) {
            return false;
        }
        match c {
            '\\' => escaped = true,
            '[' => in_class = true,
            ']' => in_class = false,
            _ => {}
        }
        !in_class && !escaped
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, name: &str) -> bool {
        Pattern::new(pattern).unwrap().matches(name)
    }

    #[test]
    fn a_pattern_is_searched_for() {
        for (pattern, name, expected) in [
            ("", "x", true),
            (".*", "x", true),
            ("b", "abc", true),
            ("^b", "abc", false),
            ("^(a|b)$", "b", true),
            ("(?i)^Q", "queue", true),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} on {name}");
        }
    }

    #[test]
    fn names_can_be_left_out_by_their_beginning() {
        for (pattern, name, expected) in [
            (r"^(?!amq\.).*", "amq.gen-x", false),
            (r"^(?!amq\.).*", "orders", true),
            (r"^(?!amq\.)", "", true),
            (r"^(?!a|b)c", "c", true),
            (r"^(?!(a|b)\)).*", "a)", false),
            (r"^(?!(a|b)\)).*", "a", true),
            (r"^(?![)x]).*$", ")", false),
            (r"^(?![)x]).*$", "y", true),
            (r"^(?!x).*z$", "yz", true),
            (r"^(?!x).*z$", "xz", false),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} on {name}");
        }
    }

    #[test]
    fn what_is_no_expression_is_refused_with_a_reason() {
        let long = "x".repeat(PATTERN_BYTES_MAX + 1);
        for bad in [
            "[",
            "(",
            "*",
            "(?!x)",
            "a(?=b)",
            "^(?!x)a|b",
            "x{1000}{1000}",
            &long,
        ] {
            let reason = Pattern::new(bad).err().unwrap();
            assert!(!reason.is_empty() && !reason.contains('\n'), "{reason}");
        }
    }
}
