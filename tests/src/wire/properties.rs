//! The fourteen basic properties, written and read by hand.

use super::{
    reader::Reader,
    value::{Table, Value, longstr},
};

/// Message properties; only what is set is written.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Properties {
    pub content_type: Option<String>,
    pub content_encoding: Option<String>,
    pub headers: Option<Table>,
    pub delivery_mode: Option<u8>,
    pub priority: Option<u8>,
    pub correlation_id: Option<String>,
    pub reply_to: Option<String>,
    pub expiration: Option<String>,
    pub message_id: Option<String>,
    pub timestamp: Option<u64>,
    pub kind: Option<String>,
    pub user_id: Option<String>,
    pub app_id: Option<String>,
    pub cluster_id: Option<String>,
}

impl Properties {
    /// No property at all.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// delivery-mode 2.
    #[must_use]
    pub fn persistent() -> Self {
        Self {
            delivery_mode: Some(2),
            ..Self::default()
        }
    }

    /// Only a header table.
    #[must_use]
    pub fn headers(table: Table) -> Self {
        Self {
            headers: Some(table),
            ..Self::default()
        }
    }

    /// The decoded headers; none is an empty list.
    #[must_use]
    pub fn header_entries(&self) -> Vec<(String, Value)> {
        self.headers
            .as_ref()
            .map(|t| super::value::entries(&t.0))
            .unwrap_or_default()
    }

    /// Flags and property list as they follow the body size in a content header.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut flags = 0u16;
        let mut list = Vec::new();
        let mut put = |bit: u16, bytes: Option<Vec<u8>>| {
            if let Some(bytes) = bytes {
                flags |= 1 << bit;
                list.extend(bytes);
            }
        };
        let short = |text: &Option<String>| {
            text.as_ref().map(|text| {
                let mut out = vec![u8::try_from(text.len()).unwrap()];
                out.extend_from_slice(text.as_bytes());
                out
            })
        };
        put(15, short(&self.content_type));
        put(14, short(&self.content_encoding));
        put(13, self.headers.as_ref().map(|table| longstr(&table.0)));
        put(12, self.delivery_mode.map(|mode| vec![mode]));
        put(11, self.priority.map(|priority| vec![priority]));
        put(10, short(&self.correlation_id));
        put(9, short(&self.reply_to));
        put(8, short(&self.expiration));
        put(7, short(&self.message_id));
        put(6, self.timestamp.map(|time| time.to_be_bytes().to_vec()));
        put(5, short(&self.kind));
        put(4, short(&self.user_id));
        put(3, short(&self.app_id));
        put(2, short(&self.cluster_id));
        let mut out = flags.to_be_bytes().to_vec();
        out.extend(list);
        out
    }

    pub(super) fn decode(reader: &mut Reader<'_>) -> Self {
        let flags = reader.short();
        let has = |bit: u16| flags & (1 << bit) != 0;
        Self {
            content_type: has(15).then(|| reader.shortstr()),
            content_encoding: has(14).then(|| reader.shortstr()),
            headers: has(13).then(|| Table(reader.longstr().to_vec())),
            delivery_mode: has(12).then(|| reader.octet()),
            priority: has(11).then(|| reader.octet()),
            correlation_id: has(10).then(|| reader.shortstr()),
            reply_to: has(9).then(|| reader.shortstr()),
            expiration: has(8).then(|| reader.shortstr()),
            message_id: has(7).then(|| reader.shortstr()),
            timestamp: has(6).then(|| reader.longlong()),
            kind: has(5).then(|| reader.shortstr()),
            user_id: has(4).then(|| reader.shortstr()),
            app_id: has(3).then(|| reader.shortstr()),
            cluster_id: has(2).then(|| reader.shortstr()),
        }
    }
}
