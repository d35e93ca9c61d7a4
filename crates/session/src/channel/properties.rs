//! The properties of a published message, looked at no further than needed.

use std::borrow::Cow;

use codec::{
    AMQPValue, ContentHeader, FRAME_END, FieldTable, Marks, Properties, Rewrite, as_str, find_raw,
    property, rewrite_properties,
};

use crate::channel::consume::REPLY_TO;
use crate::close::{Fault, Violation};
use crate::limits::{EXPIRATION_MS_MAX, PROPERTIES_MEMO_BYTES_MAX};

/// Properties that mean something to the broker and not just to consumers.
const MEANINGFUL: u16 =
    property::HEADERS | property::REPLY_TO | property::EXPIRATION | property::USER_ID;

/// What publishing needs to know of a message's properties.
pub(crate) struct Checked<'a> {
    /// The header frame to keep: as it came, unless something in it has to be replaced.
    pub(crate) frame: Cow<'a, [u8]>,
    pub(crate) marks: Marks,
    /// Contents of the headers table.
    pub(crate) headers: Option<&'a [u8]>,
    /// Further routing keys, from the headers `CC` and `BCC`.
    pub(crate) further_keys: Vec<String>,
}

/// The properties checked last. Messages of one publisher mostly have equal ones.
#[derive(Default)]
pub(crate) struct PropertiesMemo {
    flags: u16,
    bytes: Vec<u8>,
    marks: Marks,
}

/// Who publishes, as far as properties may tell.
pub(crate) struct Publisher<'a> {
    pub(crate) user: &'a str,
    /// It may publish in others' names.
    pub(crate) impersonates: bool,
    /// Where replies to this channel go, if it asked for them.
    pub(crate) reply_name: Option<&'a str>,
}

impl PropertiesMemo {
    /// The header's marks, if these properties are known to be sound and to mean nothing more.
    #[inline]
    pub(crate) fn marks(&self, header: &ContentHeader<'_>) -> Option<Marks> {
        if header.properties.is_empty() && header.flags & !property::UNKNOWN == 0 {
            return Some(Marks::default());
        }
        (header.flags == self.flags && *header.properties == *self.bytes).then_some(self.marks)
    }

    /// Only what is sound whoever publishes it where: an expiration is, once it was checked.
    fn remember(&mut self, header: &ContentHeader<'_>, marks: Marks) {
        if header.flags & (MEANINGFUL & !property::EXPIRATION) == 0
            && header.properties.len() <= PROPERTIES_MEMO_BYTES_MAX
        {
            self.flags = header.flags;
            self.bytes.clear();
            self.bytes.extend_from_slice(header.properties);
            self.marks = marks;
        }
    }

    /// Checks a header's properties: sound, and allowed to this publisher.
    pub(crate) fn check<'a>(
        &mut self,
        header: &ContentHeader<'a>,
        frame: &'a [u8],
        publisher: &Publisher<'_>,
    ) -> Result<Checked<'a>, Fault> {
        let properties = header.properties()?;
        let marks = Marks::of(&properties);
        let mut checked = Checked {
            frame: Cow::Borrowed(frame),
            marks,
            headers: properties.headers,
            further_keys: Vec::new(),
        };
        if header.flags & MEANINGFUL == 0 {
            self.remember(header, marks);
            return Ok(checked);
        }
        let reply_name = match properties.reply_to {
            Some(given) if given == REPLY_TO.as_bytes() => Some(
                publisher
                    .reply_name
                    .ok_or(Violation::ReplyConsumerMissing)?,
            ),
            _ => None,
        };
        if let Some(given) = properties.expiration {
            check_expiration(&String::from_utf8_lossy(given))?;
            self.remember(header, marks);
        }
        let blind = further_keys(&properties, &mut checked.further_keys)?;
        if let Some(given) = properties
            .user_id
            .filter(|id| *id != publisher.user.as_bytes() && !publisher.impersonates)
        {
            return Err(Violation::WrongUserId {
                given: String::from_utf8_lossy(given).into_owned(),
                user: publisher.user.into(),
            }
            .into());
        }
        if blind || reply_name.is_some() {
            checked.frame = Cow::Owned(rewrite(header, &properties, reply_name)?);
        }
        Ok(checked)
    }
}

/// Reads `CC` and `BCC`; true when there is a `BCC`, which consumers must not see.
fn further_keys(properties: &Properties<'_>, keys: &mut Vec<String>) -> Result<bool, Fault> {
    let Some(headers) = properties.headers else {
        return Ok(false);
    };
    let mut blind = false;
    for name in ["CC", "BCC"] {
        let Some((letter, _)) = find_raw(headers, name) else {
            continue;
        };
        if letter != b'A' {
            return Err(Violation::UnacceptableHeader {
                name,
                given: type_name(letter),
            }
            .into());
        }
        let table = codec::decode_table(headers).map_err(codec::ContentError::from)?;
        if let Some(AMQPValue::FieldArray(values)) = table.inner().get(name) {
            keys.extend(
                values
                    .as_slice()
                    .iter()
                    .filter_map(as_str)
                    .map(str::to_owned),
            );
        }
        blind |= name == "BCC";
    }
    Ok(blind)
}

/// RabbitMQ's names of the field types.
const fn type_name(letter: u8) -> &'static str {
    match letter {
        b'S' => "longstr",
        b'I' => "signedint",
        b'D' => "decimal",
        b'T' => "timestamp",
        b'F' => "table",
        b'b' => "byte",
        b'B' => "unsignedbyte",
        b's' => "short",
        b'u' => "unsignedshort",
        b'i' => "unsignedint",
        b'l' | b'L' => "long",
        b'd' => "double",
        b'f' => "float",
        b't' => "bool",
        b'x' => "binary",
        b'V' => "void",
        _ => "array",
    }
}

/// The header frame without `BCC`, and with another reply-to if one is given.
fn rewrite(
    header: &ContentHeader<'_>,
    properties: &Properties<'_>,
    reply_to: Option<&str>,
) -> Result<Vec<u8>, Fault> {
    let headers = match properties.headers {
        Some(table) if find_raw(table, "BCC").is_some() => Some(without_bcc(table)?),
        _ => None,
    };
    let with = Rewrite {
        reply_to,
        headers: headers.as_deref(),
        ..Rewrite::default()
    };
    let (flags, values) = rewrite_properties(properties, &with);
    Ok(header_frame(flags, &values, header.body_size))
}

fn without_bcc(table: &[u8]) -> Result<Vec<u8>, Fault> {
    let mut left = FieldTable::default();
    let headers = codec::decode_table(table).map_err(codec::ContentError::from)?;
    for (name, value) in &headers {
        if name.as_str() != "BCC" {
            left.insert(name.clone(), value.clone());
        }
    }
    Ok(codec::encode_table(&left))
}

/// Bytes of a content header frame without its properties.
const HEADER_FRAME_LEN: usize = 22;

/// A content header frame, for channel 0 until it is sent.
fn header_frame(flags: u16, values: &[u8], body_size: u64) -> Vec<u8> {
    let size = u32::try_from(14 + values.len()).unwrap_or(u32::MAX);
    let mut frame = Vec::with_capacity(HEADER_FRAME_LEN + values.len());
    frame.extend([2, 0, 0]);
    frame.extend(size.to_be_bytes());
    frame.extend([0, 60, 0, 0]);
    frame.extend(body_size.to_be_bytes());
    frame.extend(flags.to_be_bytes());
    frame.extend(values);
    frame.push(FRAME_END);
    frame
}

/// An expiration is a decimal number of milliseconds. The reasons are what Erlang's
/// `string:to_integer` and RabbitMQ's range check say.
fn check_expiration(given: &str) -> Result<(), Violation> {
    let invalid = |reason| {
        Err(Violation::InvalidExpiration {
            given: given.to_owned(),
            reason,
        })
    };
    let unsigned = given.strip_prefix(['-', '+']).unwrap_or(given);
    let digits = unsigned.bytes().take_while(u8::is_ascii_digit).count();
    let (number, rest) = given.split_at(given.len() - unsigned.len() + digits);
    if digits == 0 {
        return invalid("no_integer".to_owned());
    }
    if !rest.is_empty() {
        return invalid(format!("{{leftover_string,\"{rest}\"}}"));
    }
    match number.parse::<i128>() {
        Ok(ms) if ms < 0 => invalid(format!("{{value_negative,{ms}}}")),
        Ok(ms) if ms <= EXPIRATION_MS_MAX => Ok(()),
        _ => invalid(format!(
            "{{value_too_large,{}}}",
            number.trim_start_matches('+')
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expirations_are_judged_as_by_rabbitmq() {
        let reason = |given| match check_expiration(given) {
            Err(Violation::InvalidExpiration { reason, .. }) => reason,
            other => format!("{other:?}"),
        };
        for valid in ["0", "60000", "+5", "315360000000"] {
            assert_eq!(check_expiration(valid), Ok(()), "{valid}");
        }
        assert_eq!(reason("abc"), "no_integer");
        assert_eq!(reason(""), "no_integer");
        assert_eq!(reason("-"), "no_integer");
        assert_eq!(reason("5x"), "{leftover_string,\"x\"}");
        assert_eq!(reason("-1"), "{value_negative,-1}");
        assert_eq!(reason("315360000001"), "{value_too_large,315360000001}");
        assert_eq!(
            reason(&"9".repeat(60)),
            format!("{{value_too_large,{}}}", "9".repeat(60))
        );
    }
}
