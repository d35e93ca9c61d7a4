//! What a client says of itself.

use codec::{FieldTable, decode_table, encode_table};

/// The client properties of a connection, encoded: a table of the few that clients send takes more
/// than a kilobyte, most of it room for others, and hardly anybody ever looks.
#[derive(Default, Debug)]
pub struct ClientProperties(Box<[u8]>);

impl ClientProperties {
    /// All of them.
    #[must_use]
    pub fn table(&self) -> FieldTable {
        decode_table(&self.0).unwrap_or_default()
    }
}

impl From<&FieldTable> for ClientProperties {
    fn from(table: &FieldTable) -> Self {
        Self(encode_table(table).into())
    }
}

#[cfg(test)]
mod tests {
    use codec::{AMQPValue, LongString};

    use super::*;

    #[test]
    fn they_come_back_as_they_were() {
        let mut capabilities = FieldTable::default();
        capabilities.insert("basic.nack".into(), AMQPValue::Boolean(true));
        let mut table = FieldTable::default();
        table.insert("capabilities".into(), AMQPValue::FieldTable(capabilities));
        let product = AMQPValue::LongString(LongString::from("some client"));
        table.insert("product".into(), product);
        assert_eq!(ClientProperties::from(&table).table(), table);
        assert_eq!(ClientProperties::default().table(), FieldTable::default());
    }
}
