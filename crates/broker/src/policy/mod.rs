//! Policies: arguments for queues and exchanges in bulk, by the pattern of their names.
//!
//! At most one policy of users and one of the operator apply to an object: of those whose pattern
//! is found in its name and that suit its kind, the one of the highest priority. What is in effect
//! is the merge of both ([`Policies::definition`]) and of the object's own arguments
//! ([`Rules`](crate::Rules)). Policies are parameters of the components `policy` and
//! `operator_policy`, stored as such.

mod erlang;
mod keys;
mod live;
mod matching;
mod merge;
mod pattern;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

use serde_json::{Map, Number, Value, json};

pub(crate) use erlang::term;

pub(crate) use keys::DROPPED_PREFIX;
pub use matching::Policies;
pub(crate) use matching::PolicySet;
pub(crate) use merge::stricter_limit;
use pattern::Pattern;

/// Whose policy it is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum PolicyClass {
    /// Set by users with the tag `policymaker`.
    User,
    /// Set by administrators: limits that users can't lift.
    Operator,
}

impl PolicyClass {
    /// The component of its parameter.
    #[must_use]
    pub const fn component(self) -> &'static str {
        match self {
            Self::User => "policy",
            Self::Operator => "operator_policy",
        }
    }

    /// The class that a component stands for, if any.
    #[must_use]
    pub fn of_component(component: &str) -> Option<Self> {
        [Self::User, Self::Operator]
            .into_iter()
            .find(|class| class.component() == component)
    }
}

/// What a policy can apply to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ApplyTo {
    /// Queues and exchanges.
    All,
    /// Exchanges.
    Exchanges,
    /// Queues of any type.
    Queues,
    /// Classic queues.
    ClassicQueues,
    /// Quorum queues.
    QuorumQueues,
    /// Streams.
    Streams,
}

impl ApplyTo {
    const ALL: [Self; 6] = [
        Self::All,
        Self::Exchanges,
        Self::Queues,
        Self::ClassicQueues,
        Self::QuorumQueues,
        Self::Streams,
    ];

    /// RabbitMQ's word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Exchanges => "exchanges",
            Self::Queues => "queues",
            Self::ClassicQueues => "classic_queues",
            Self::QuorumQueues => "quorum_queues",
            Self::Streams => "streams",
        }
    }

    fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|to| to.as_str() == word)
    }
}

/// One policy, checked and compiled.
pub struct Policy {
    name: Arc<str>,
    pattern: Pattern,
    apply_to: ApplyTo,
    priority: Number,
    definition: Map<String, Value>,
}

impl Policy {
    /// Reads the value of a policy's parameter: `pattern`, `definition`, `priority` and perhaps
    /// `apply-to`.
    ///
    /// # Errors
    /// RabbitMQ's words for everything that is wrong with it.
    pub fn parse(class: PolicyClass, name: &str, value: &Value) -> Result<Self, String> {
        let Value::Object(terms) = value else {
            return Err(invalid(&[format!("{name} not a list {}", term(value))]));
        };
        let mut wrong = Vec::new();
        let unknown = unknown_terms(terms);
        if !unknown.is_empty() {
            let unknown = erlang::pairs(&unknown);
            wrong.push(format!("Unrecognised terms {unknown} in {name}"));
        }
        let missing = |key: &str| format!("Key \"{key}\" not found in {name}");
        let definition = match terms.get("definition") {
            None => Err(missing("definition")),
            Some(Value::Object(definition)) => {
                keys::check(class, definition).map(|()| definition.clone())
            }
            Some(other) => Err(format!("definition must be a dictionary: {}", term(other))),
        };
        let apply_to = match terms.get("apply-to") {
            None => Ok(ApplyTo::All),
            Some(word) => apply_to(word),
        };
        let pattern = match terms.get("pattern") {
            None => Err(missing("pattern")),
            Some(Value::String(source)) => Pattern::new(source).map_err(|reason| {
                format!("pattern should be regular expression but is invalid: {reason}")
            }),
            Some(other) => Err(format!(
                "pattern should be a binary but was {}",
                term(other)
            )),
        };
        let priority = match terms.get("priority") {
            None => Err(missing("priority")),
            Some(Value::Number(number)) => Ok(number.clone()),
            Some(other) => Err(format!(
                "priority should be a number, actually was {}",
                term(other)
            )),
        };
        wrong.extend(definition.as_ref().err().cloned());
        wrong.extend(apply_to.as_ref().err().cloned());
        wrong.extend(pattern.as_ref().err().cloned());
        wrong.extend(priority.as_ref().err().cloned());
        match (definition, apply_to, pattern, priority) {
            (Ok(definition), Ok(apply_to), Ok(pattern), Ok(priority)) if wrong.is_empty() => {
                Ok(Self {
                    name: name.into(),
                    pattern,
                    apply_to,
                    priority,
                    definition,
                })
            }
            _ => Err(invalid(&wrong)),
        }
    }

    /// Its name.
    #[must_use]
    pub const fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// The regular expression that it was set with.
    #[must_use]
    pub fn pattern(&self) -> &str {
        self.pattern.source()
    }

    /// What it can apply to.
    #[must_use]
    pub const fn apply_to(&self) -> ApplyTo {
        self.apply_to
    }

    /// The higher one counts.
    #[must_use]
    pub const fn priority(&self) -> &Number {
        &self.priority
    }

    /// What it sets.
    #[must_use]
    pub const fn definition(&self) -> &Map<String, Value> {
        &self.definition
    }

    /// The value of its parameter.
    #[must_use]
    pub fn to_value(&self) -> Value {
        json!({
            "pattern": self.pattern(),
            "definition": self.definition,
            "priority": self.priority,
            "apply-to": self.apply_to.as_str(),
        })
    }
}

impl fmt::Debug for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Policy")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

fn unknown_terms(terms: &Map<String, Value>) -> Map<String, Value> {
    let known = ["definition", "apply-to", "pattern", "priority"];
    let unknown = terms
        .iter()
        .filter(|(key, _)| !known.contains(&key.as_str()));
    unknown.map(|(k, v)| (k.clone(), v.clone())).collect()
}

fn apply_to(word: &Value) -> Result<ApplyTo, String> {
    let parsed = word.as_str().and_then(ApplyTo::parse);
    parsed.ok_or_else(|| {
        let word = word.as_str().map_or_else(|| term(word), str::to_owned);
        format!(
            "apply-to '{word}' unrecognised; should be one of: 'queues', 'classic_queues',  \
             'quorum_queues', 'streams', 'exchanges', or 'all'"
        )
    })
}

/// RabbitMQ's list of what is wrong with a parameter.
pub(crate) fn invalid(reasons: &[String]) -> String {
    let mut text = "Validation failed\n\n".to_owned();
    for reason in reasons {
        text.push_str(reason);
        text.push('\n');
    }
    text
}
