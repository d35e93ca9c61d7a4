//! What the arguments of an exchange say beyond its type, for the types that RabbitMQ's plugins add.

use codec::{AMQPValue, FieldTable};
use routing::{HashOn, Kind};

use crate::dedup::DedupRules;
use crate::error::Error;
use crate::queue::type_name;
use crate::recent;

/// An exchange's further rules, read from its arguments.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Extension {
    /// How it routes: its type, or for a delayed exchange the type that it delays for.
    pub(crate) routes_as: Kind,
    /// What it hashes, if it hashes.
    pub(crate) hash_on: HashOn,
    /// Messages that it remembers for new bindings, if it does.
    pub(crate) history: Option<usize>,
    /// How it tells duplicates, if it does.
    pub(crate) dedup: Option<DedupRules>,
}

impl Extension {
    /// Reads the arguments that have a meaning for this type.
    ///
    /// # Errors
    /// [`Error::InvalidExchange`] and [`Error::UnknownExchangeType`].
    pub(crate) fn parse(kind: Kind, arguments: &FieldTable) -> Result<Self, Error> {
        let routes_as = match kind {
            Kind::Delayed => delayed_type(arguments)?,
            other => other,
        };
        let hash_on = match routes_as {
            Kind::ConsistentHash => {
                HashOn::parse(arguments).map_err(|e| Error::InvalidExchange(e.to_string()))?
            }
            _ => HashOn::RoutingKey,
        };
        let history = (routes_as == Kind::RecentHistory)
            .then(|| history_length(arguments))
            .transpose()?;
        let dedup = DedupRules::parse(routes_as, arguments)?;
        Ok(Self {
            routes_as,
            hash_on,
            history,
            dedup,
        })
    }
}

fn delayed_type(arguments: &FieldTable) -> Result<Kind, Error> {
    let missing = || {
        Error::InvalidExchange(
            "Invalid argument, 'x-delayed-type' must be an existing exchange type".to_owned(),
        )
    };
    let name = codec::get_str(arguments, "x-delayed-type").ok_or_else(missing)?;
    match Kind::parse(name) {
        Some(Kind::Delayed) => Err(missing()),
        Some(kind) => Ok(kind),
        None => Err(Error::UnknownExchangeType(name.to_owned())),
    }
}

fn history_length(arguments: &FieldTable) -> Result<usize, Error> {
    let Some(value) = arguments.inner().get("x-recent-history-length") else {
        return Ok(recent::LENGTH_DEFAULT);
    };
    let length = match value {
        AMQPValue::ShortShortInt(_)
        | AMQPValue::ShortInt(_)
        | AMQPValue::LongInt(_)
        | AMQPValue::LongLongInt(_) => codec::as_int(value),
        _ => None,
    };
    match length.and_then(|n| usize::try_from(n).ok()) {
        Some(length) if length > 0 => Ok(length.min(recent::HISTORY_LENGTH_MAX)),
        _ => Err(Error::InvalidExchange(format!(
            "Invalid argument {}, 'x-recent-history-length' must be a positive integer",
            shown(value)
        ))),
    }
}

/// A value in a reply text.
pub(crate) fn shown(value: &AMQPValue) -> String {
    if let Some(number) = codec::as_int(value) {
        return number.to_string();
    }
    match codec::as_str(value) {
        Some(text) => format!("<<\"{}\">>", text.chars().take(80).collect::<String>()),
        None => type_name(value).to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(fields: &[(&str, AMQPValue)]) -> FieldTable {
        let mut table = FieldTable::default();
        for (name, value) in fields {
            table.insert((*name).into(), value.clone());
        }
        table
    }

    fn text(value: &str) -> AMQPValue {
        AMQPValue::LongString(value.into())
    }

    fn refusal(kind: Kind, fields: &[(&str, AMQPValue)]) -> String {
        Extension::parse(kind, &table(fields))
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn a_delayed_exchange_needs_the_type_it_delays_for() {
        let wanted = "Invalid argument, 'x-delayed-type' must be an existing exchange type";
        assert_eq!(refusal(Kind::Delayed, &[]), wanted);
        let number = [("x-delayed-type", AMQPValue::LongInt(1))];
        assert_eq!(refusal(Kind::Delayed, &number), wanted);
        let itself = [("x-delayed-type", text("x-delayed-message"))];
        assert_eq!(refusal(Kind::Delayed, &itself), wanted);
        let unknown = [("x-delayed-type", text("foo"))];
        assert_eq!(
            refusal(Kind::Delayed, &unknown),
            "unknown exchange type 'foo'"
        );
        let topic = table(&[("x-delayed-type", text("topic"))]);
        let parsed = Extension::parse(Kind::Delayed, &topic).unwrap();
        assert_eq!(parsed.routes_as, Kind::Topic);
    }

    #[test]
    fn a_delayed_exchange_obeys_the_arguments_of_its_type() {
        let both = [
            ("x-delayed-type", text("x-consistent-hash")),
            ("hash-property", text("app_id")),
        ];
        assert_eq!(
            refusal(Kind::Delayed, &both),
            "Unsupported property: app_id"
        );
    }

    #[test]
    fn the_length_of_a_history_is_a_positive_integer() {
        let length = |fields: &[(&str, AMQPValue)]| {
            let parsed = Extension::parse(Kind::RecentHistory, &table(fields));
            parsed.map(|extension| extension.history)
        };
        assert_eq!(length(&[]), Ok(Some(20)));
        let name = "x-recent-history-length";
        assert_eq!(length(&[(name, AMQPValue::LongInt(3))]), Ok(Some(3)));
        for (bad, given) in [
            (AMQPValue::LongInt(0), "0"),
            (AMQPValue::LongLongInt(-2), "-2"),
            (text("5"), "<<\"5\">>"),
        ] {
            assert_eq!(
                refusal(Kind::RecentHistory, &[(name, bad)]),
                format!(
                    "Invalid argument {given}, 'x-recent-history-length' must be a positive integer"
                )
            );
        }
    }
}
