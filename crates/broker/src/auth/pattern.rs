//! Regular expressions that say what a user may touch.

use std::fmt;

use regex::{Regex, RegexBuilder};

/// Bytes of a permission's regular expression. Real ones are some dozen bytes; RabbitMQ has no
/// limit, and a definitions file can list a hundred names.
pub const PATTERN_BYTES_MAX: usize = 16 * 1024;

/// Bytes that one compiled expression may take, so that `x{1000}{1000}` is refused.
const COMPILED_BYTES_MAX: usize = 1024 * 1024;

/// Bytes that the states of an expression in use may take for each thread that matches it. Names
/// are short; the crate's own figure is made for files.
const STATES_BYTES_MAX: usize = 64 * 1024;

/// A regular expression that is searched for in names. Takes time in proportion to the name,
/// whatever the expression; look-around and back-references, which can't, are refused.
#[derive(Clone)]
pub struct Pattern {
    source: String,
    matcher: Matcher,
}

#[derive(Clone)]
enum Matcher {
    /// `""` means `^$` to RabbitMQ.
    Empty,
    /// `.*` and the like, which most users have.
    Everything,
    Regex(Regex),
}

impl Pattern {
    /// Compiles `source`.
    ///
    /// # Errors
    /// What is wrong with it, in words for the one who set it.
    pub fn new(source: &str) -> Result<Self, String> {
        Self::expanded(source, &[])
    }

    /// Compiles `source` with `{name}` standing for a value, taken literally.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub(crate) fn expanded(source: &str, variables: &[(&str, &str)]) -> Result<Self, String> {
        if source.len() > PATTERN_BYTES_MAX {
            return Err(format!("longer than {PATTERN_BYTES_MAX} bytes"));
        }
        let matcher = match source {
            "" => Matcher::Empty,
            ".*" | "^.*" | ".*$" | "^.*$" => Matcher::Everything,
            _ => {
                let mut text = source.to_owned();
                for (name, value) in variables {
                    text = text.replace(&format!("{{{name}}}"), &regex::escape(value));
                }
                let regex = RegexBuilder::new(&text)
                    .size_limit(COMPILED_BYTES_MAX)
                    .dfa_size_limit(STATES_BYTES_MAX)
                    .build()
                    .map_err(|error| last_line(&error.to_string()))?;
                Matcher::Regex(regex)
            }
        };
        Ok(Self {
            source: source.to_owned(),
            matcher,
        })
    }

    /// `.*`
    #[must_use]
    pub fn everything() -> Self {
        Self {
            source: ".*".to_owned(),
            matcher: Matcher::Everything,
        }
    }

    /// As it was given.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Whether it is found in `name`.
    #[must_use]
    pub fn matches(&self, name: &str) -> bool {
        match &self.matcher {
            Matcher::Empty => name.is_empty(),
            Matcher::Everything => true,
            Matcher::Regex(regex) => regex.is_match(name),
        }
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.source)
    }
}

/// The crate draws the expression over several lines; the reason is the last.
fn last_line(error: &str) -> String {
    let line = error.lines().last().unwrap_or_default();
    line.trim_start_matches("error: ").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, name: &str) -> bool {
        Pattern::new(pattern).unwrap().matches(name)
    }

    #[test]
    fn patterns_are_searched_for_and_not_anchored() {
        for (pattern, name, expected) in [
            (".*", "anything", true),
            (".*", "", true),
            ("^.*$", "x", true),
            ("", "x", false),
            ("", "", true),
            ("^$", "x", false),
            ("a", "bab", true),
            ("^a", "bab", false),
            ("^a-.*", "a-1", true),
            ("^(amq\\.gen.*|amq\\.default)$", "amq.gen-xyz", true),
            ("^(amq\\.gen.*|amq\\.default)$", "amq.direct", false),
            ("^q[0-9]+$", "q12", true),
            ("^q[0-9]+$", "q12x", false),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} on {name}");
        }
    }

    #[test]
    fn what_is_no_expression_is_refused_with_a_reason() {
        let long = "x".repeat(PATTERN_BYTES_MAX + 1);
        for bad in ["[", "(", "*", "(?!x)", "x{1000}{1000}", &long] {
            let reason = Pattern::new(bad).unwrap_err();
            assert!(!reason.is_empty() && !reason.contains('\n'), "{reason}");
        }
    }

    #[test]
    fn variables_are_taken_literally() {
        let pattern = Pattern::expanded("^{username}\\.", &[("username", "a.b")]).unwrap();
        assert_eq!(pattern.source(), "^{username}\\.");
        assert!(pattern.matches("a.b.c"));
        assert!(!pattern.matches("axb.c"));
    }

    #[test]
    fn matching_takes_linear_time() {
        let pattern = Pattern::new("^(a+)+$").unwrap();
        assert!(!pattern.matches(&("a".repeat(250) + "!")));
    }
}
