//! The headers that tell how a message died (RabbitMQ's `x-death` and its summary).

use codec::{
    AMQPValue, Content, ContentError, Expiration, FieldArray, FieldTable, Rewrite, ShortString,
    as_str, get_int, get_str,
};

use crate::dead_letter::Reason;
use crate::message::Message;

/// The list of all deaths, the newest first.
const X_DEATH: &str = "x-death";

/// How often a message was returned to a quorum queue. It says nothing in the next one.
pub(crate) const X_DELIVERY_COUNT: &str = "x-delivery-count";

/// One death.
pub(crate) struct Death<'a> {
    pub(crate) queue: &'a str,
    pub(crate) reason: Reason,
    /// Seconds since 1970.
    pub(crate) now_s: u64,
}

/// A message with its death recorded, ready to be published again.
pub(crate) struct Died {
    pub(crate) message: Message,
    /// What it is to be routed by.
    pub(crate) keys: Vec<String>,
    pub(crate) headers: FieldTable,
    /// Queue and reason of every death, the newest first.
    pub(crate) deaths: Vec<(String, String)>,
}

/// Records a death and readdresses the message to `exchange`, with `key` or with its own.
///
/// # Errors
/// The message's header can't be read.
pub(crate) fn record(
    message: &Message,
    death: &Death<'_>,
    exchange: &str,
    key: Option<&str>,
) -> Result<Died, ContentError> {
    let header = message.header();
    let properties = header.properties()?;
    let mut headers = match properties.headers {
        Some(bytes) => codec::decode_table(bytes)?,
        None => FieldTable::default(),
    };
    headers = without(headers, X_DELIVERY_COUNT);
    let before = routing_keys(message, &headers);
    let mut list = if message.marks().own_deaths() {
        own_deaths(&headers)
    } else {
        Vec::new()
    };
    let first = list.is_empty();
    let expiration = properties
        .expiration
        .map(|given| String::from_utf8_lossy(given).into_owned());
    let newest = newest(&mut list, death, message, &before, expiration);
    list.insert(0, newest);
    let mut put = |name: &str, value: &str| {
        headers.insert(name.into(), long(value));
    };
    if first {
        put("x-first-death-exchange", message.exchange());
        put("x-first-death-queue", death.queue);
        put("x-first-death-reason", death.reason.as_str());
    }
    put("x-last-death-exchange", message.exchange());
    put("x-last-death-queue", death.queue);
    put("x-last-death-reason", death.reason.as_str());
    let deaths = list.iter().map(name_of).collect();
    let mut array = FieldArray::default();
    list.into_iter()
        .for_each(|table| array.push(AMQPValue::FieldTable(table)));
    headers.insert(X_DEATH.into(), AMQPValue::FieldArray(array));
    let died = readdressed(message, &headers, exchange, key)?;
    Ok(Died {
        message: died,
        keys: key.map_or(before, |key| vec![key.to_owned()]),
        headers,
        deaths,
    })
}

fn readdressed(
    message: &Content,
    headers: &FieldTable,
    exchange: &str,
    key: Option<&str>,
) -> Result<Content, ContentError> {
    let table = codec::encode_table(headers);
    let with = Rewrite {
        headers: Some(&table),
        expiration: Expiration::Removed,
        ..Rewrite::default()
    };
    let own_key = message.routing_key();
    let died = message
        .rewritten(&with)?
        .with_names(exchange, key.unwrap_or(own_key))?;
    let mut marks = died.marks().with_own_deaths();
    if key.is_some() {
        marks = marks.with_one_key();
    }
    Ok(died.with_marks(marks))
}

/// The entry of this queue and reason, if there is one, taken from the list and counted up;
/// else a new one.
fn newest(
    list: &mut Vec<FieldTable>,
    death: &Death<'_>,
    message: &Message,
    keys: &[String],
    expiration: Option<String>,
) -> FieldTable {
    let known = |table: &FieldTable| {
        get_str(table, "queue") == Some(death.queue)
            && get_str(table, "reason") == Some(death.reason.as_str())
    };
    if let Some(at) = list.iter().position(known) {
        let mut table = list.remove(at);
        let count = get_int(&table, "count").unwrap_or(0).saturating_add(1);
        table.insert("count".into(), AMQPValue::LongLongInt(count));
        return table;
    }
    let mut table = FieldTable::default();
    table.insert("count".into(), AMQPValue::LongLongInt(1));
    table.insert("reason".into(), long(death.reason.as_str()));
    table.insert("queue".into(), long(death.queue));
    table.insert("time".into(), AMQPValue::Timestamp(death.now_s));
    table.insert("exchange".into(), long(message.exchange()));
    let mut array = FieldArray::default();
    keys.iter().for_each(|key| array.push(long(key)));
    table.insert("routing-keys".into(), AMQPValue::FieldArray(array));
    if let Some(expiration) = expiration {
        table.insert("original-expiration".into(), long(&expiration));
    }
    table
}

fn own_deaths(headers: &FieldTable) -> Vec<FieldTable> {
    let Some(AMQPValue::FieldArray(list)) = headers.inner().get(X_DEATH) else {
        return Vec::new();
    };
    let table = |value: &AMQPValue| match value {
        AMQPValue::FieldTable(table) => Some(table.clone()),
        _ => None,
    };
    list.as_slice().iter().filter_map(table).collect()
}

fn name_of(table: &FieldTable) -> (String, String) {
    let text = |key| get_str(table, key).unwrap_or_default().to_owned();
    (text("queue"), text("reason"))
}

/// What the message was routed by: its key, and its `CC` header unless it goes by one key.
fn routing_keys(message: &Message, headers: &FieldTable) -> Vec<String> {
    let mut keys = vec![message.routing_key().to_owned()];
    if !message.marks().one_key()
        && let Some(AMQPValue::FieldArray(further)) = headers.inner().get("CC")
    {
        keys.extend(
            further
                .as_slice()
                .iter()
                .filter_map(as_str)
                .map(str::to_owned),
        );
    }
    keys
}

pub(crate) fn without(headers: FieldTable, name: &str) -> FieldTable {
    if !headers.inner().contains_key(name) {
        return headers;
    }
    let mut left = FieldTable::default();
    for (key, value) in &headers {
        if key.as_str() != name {
            left.insert(key.clone(), value.clone());
        }
    }
    left
}

fn long(text: &str) -> AMQPValue {
    AMQPValue::LongString(text.into())
}

/// The same message with the number of its returns shown to whoever gets it.
pub(crate) fn with_delivery_count(message: &Message, count: u32) -> Result<Message, ContentError> {
    let header = message.header();
    let mut headers = match header.properties()?.headers {
        Some(bytes) => codec::decode_table(bytes)?,
        None => FieldTable::default(),
    };
    let name: ShortString = X_DELIVERY_COUNT.into();
    headers.insert(name, AMQPValue::LongLongInt(count.into()));
    let table = codec::encode_table(&headers);
    message.rewritten(&Rewrite {
        headers: Some(&table),
        ..Rewrite::default()
    })
}
