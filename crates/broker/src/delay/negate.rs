//! The delay of a message turned into its negative.
//!
//! So consumers see how long it waited, and another delayed exchange on its way does not delay
//! it again.

use codec::{AMQPValue, FRAME_END, Rewrite, rewrite_properties};

use crate::delay::HEADER;
use crate::message::Message;

/// The message with its `x-delay` negated. One that can't be rewritten stays as it is.
pub(super) fn negated(message: &Message) -> Message {
    rewritten(message).unwrap_or_else(|| message.clone())
}

fn rewritten(message: &Message) -> Option<Message> {
    let header = message.header();
    let properties = header.properties().ok()?;
    let mut headers = codec::decode_table(properties.headers?).ok()?;
    let value = negative(headers.inner().get(HEADER)?)?;
    headers.insert(HEADER.into(), value);
    let table = codec::encode_table(&headers);
    let with = Rewrite {
        headers: Some(&table),
        ..Rewrite::default()
    };
    let (flags, values) = rewrite_properties(&properties, &with);
    let bytes = message.bytes();
    let names_len = message.exchange().len() + message.routing_key().len() + 2;
    let frame = bytes.get(names_len + 1..)?;
    let (_, size) = frame.split_at_checked(3)?;
    let size = u32::from_be_bytes(*size.first_chunk::<4>()?);
    let body_frame = frame.get(usize::try_from(size).ok()? + 8..)?;
    let mut made = bytes.get(..names_len + 1)?.to_vec();
    made.extend([2, 0, 0]);
    made.extend(u32::try_from(14 + values.len()).ok()?.to_be_bytes());
    made.extend([0, 60, 0, 0]);
    made.extend(header.body_size.to_be_bytes());
    made.extend(flags.to_be_bytes());
    made.extend(values);
    made.push(FRAME_END);
    made.extend(body_frame);
    let made = Message::from_parts(made.into(), message.large_body().cloned()).ok()?;
    Some(made.with_marks(message.marks()))
}

/// The negative in the same type, or in one that has negatives.
fn negative(value: &AMQPValue) -> Option<AMQPValue> {
    Some(match value {
        AMQPValue::ShortShortInt(v) => AMQPValue::ShortShortInt(v.wrapping_neg()),
        AMQPValue::ShortInt(v) => AMQPValue::ShortInt(v.wrapping_neg()),
        AMQPValue::LongInt(v) => AMQPValue::LongInt(v.wrapping_neg()),
        AMQPValue::LongLongInt(v) => AMQPValue::LongLongInt(v.wrapping_neg()),
        AMQPValue::Float(v) => AMQPValue::Float(-v),
        AMQPValue::Double(v) => AMQPValue::Double(-v),
        other => {
            let number = codec::as_int(other).or_else(|| codec::as_str(other)?.parse().ok())?;
            AMQPValue::LongLongInt(-number)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use codec::{BasicProperties, FieldTable};

    fn delayed(value: AMQPValue, body: &[u8]) -> Message {
        let mut headers = FieldTable::default();
        headers.insert(HEADER.into(), value);
        headers.insert("other".into(), AMQPValue::Boolean(true));
        let properties = BasicProperties::default()
            .with_headers(headers)
            .with_message_id("id".into())
            .with_delivery_mode(2);
        Message::build("x", "key", &properties, body).unwrap()
    }

    fn headers(message: &Message) -> FieldTable {
        let header = message.header();
        codec::decode_table(header.properties().unwrap().headers.unwrap()).unwrap()
    }

    #[test]
    fn the_delay_is_negated_and_nothing_else_changes() {
        let large = vec![7; 100_000];
        for body in [&b""[..], b"body", &large] {
            for (value, wanted) in [
                (AMQPValue::LongInt(5_000), AMQPValue::LongInt(-5_000)),
                (AMQPValue::LongUInt(5), AMQPValue::LongLongInt(-5)),
                (
                    AMQPValue::LongString("70".into()),
                    AMQPValue::LongLongInt(-70),
                ),
            ] {
                let message = delayed(value, body);
                let negated = negated(&message);
                assert_eq!(headers(&negated).inner().get(HEADER), Some(&wanted));
                assert_eq!(
                    headers(&negated).inner().get("other"),
                    Some(&AMQPValue::Boolean(true))
                );
                assert_eq!(negated.body(), body);
                assert_eq!((negated.exchange(), negated.routing_key()), ("x", "key"));
                assert!(negated.persistent());
                let properties = negated.header();
                let id = properties.properties().unwrap().message_id;
                assert_eq!(id, Some(&b"id"[..]));
            }
        }
    }
}
