//! Field tables: written with every type letter RabbitMQ knows, read back as [`Value`]s.

use super::reader::Reader;

/// A decoded field value, as far as the tests look at values.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `t`
    Bool(bool),
    /// Any integer type, by value.
    Int(i64),
    /// `S`
    Str(String),
    /// `A`
    Array(Vec<Self>),
    /// `F`
    Table(Vec<(String, Self)>),
    /// `V`
    Void,
    /// Any other type: its letter and bytes.
    Raw(u8, Vec<u8>),
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Str(text.to_owned())
    }
}

/// A field table under construction: the entries' bytes, without the length in front.
#[derive(Clone, Default, Debug, PartialEq)]
pub struct Table(pub Vec<u8>);

impl Table {
    /// A table without entries.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// An entry of any type letter with its bytes.
    #[must_use]
    pub fn raw(mut self, key: &str, letter: u8, bytes: &[u8]) -> Self {
        self.0.push(u8::try_from(key.len()).unwrap());
        self.0.extend_from_slice(key.as_bytes());
        self.0.push(letter);
        self.0.extend_from_slice(bytes);
        self
    }

    /// `S`: long string.
    #[must_use]
    pub fn str(self, key: &str, value: &str) -> Self {
        self.raw(key, b'S', &longstr(value.as_bytes()))
    }

    /// `I`: signed 32 bits.
    #[must_use]
    pub fn int(self, key: &str, value: i32) -> Self {
        self.raw(key, b'I', &value.to_be_bytes())
    }

    /// `l`: signed 64 bits.
    #[must_use]
    pub fn long(self, key: &str, value: i64) -> Self {
        self.raw(key, b'l', &value.to_be_bytes())
    }

    /// `t`: boolean.
    #[must_use]
    pub fn bool(self, key: &str, value: bool) -> Self {
        self.raw(key, b't', &[u8::from(value)])
    }

    /// `V`: no value.
    #[must_use]
    pub fn void(self, key: &str) -> Self {
        self.raw(key, b'V', &[])
    }

    /// `F`: a table in the table.
    #[must_use]
    pub fn table(self, key: &str, value: &Self) -> Self {
        self.raw(key, b'F', &longstr(&value.0))
    }

    /// `A` of `S`.
    #[must_use]
    pub fn strs(self, key: &str, values: &[&str]) -> Self {
        let mut items = Vec::new();
        for value in values {
            items.push(b'S');
            items.extend(longstr(value.as_bytes()));
        }
        self.raw(key, b'A', &longstr(&items))
    }
}

/// Bytes behind their 32-bit length.
#[must_use]
pub fn longstr(bytes: &[u8]) -> Vec<u8> {
    let mut out = u32::try_from(bytes.len()).unwrap().to_be_bytes().to_vec();
    out.extend_from_slice(bytes);
    out
}

/// The entries of a table, in wire order.
#[must_use]
pub fn entries(bytes: &[u8]) -> Vec<(String, Value)> {
    let mut reader = Reader::new(bytes);
    let mut out = Vec::new();
    while !reader.is_empty() {
        let key = reader.shortstr();
        let value = value(&mut reader);
        out.push((key, value));
    }
    out
}

/// The value under a top-level key.
#[must_use]
pub fn lookup<'a>(entries: &'a [(String, Value)], key: &str) -> Option<&'a Value> {
    entries
        .iter()
        .find(|(k, _)| k == key)
        .map(|(_, value)| value)
}

fn value(reader: &mut Reader<'_>) -> Value {
    match reader.octet() {
        b't' => Value::Bool(reader.octet() != 0),
        b'b' => Value::Int(i64::from(reader.octet().cast_signed())),
        b'B' => Value::Int(i64::from(reader.octet())),
        b's' => Value::Int(i64::from(reader.short().cast_signed())),
        b'u' => Value::Int(i64::from(reader.short())),
        b'I' => Value::Int(i64::from(reader.long().cast_signed())),
        b'i' => Value::Int(i64::from(reader.long())),
        b'l' | b'L' => Value::Int(reader.longlong().cast_signed()),
        b'S' => Value::Str(String::from_utf8_lossy(reader.longstr()).into_owned()),
        b'F' => Value::Table(entries(reader.longstr())),
        b'A' => {
            let mut items = Reader::new(reader.longstr());
            let mut out = Vec::new();
            while !items.is_empty() {
                out.push(value(&mut items));
            }
            Value::Array(out)
        }
        b'V' => Value::Void,
        letter @ (b'd' | b'T') => Value::Raw(letter, reader.take(8).to_vec()),
        b'f' => Value::Raw(b'f', reader.take(4).to_vec()),
        b'D' => Value::Raw(b'D', reader.take(5).to_vec()),
        b'x' => Value::Raw(b'x', reader.longstr().to_vec()),
        other => panic!("field type {other:#x} from the broker"),
    }
}
