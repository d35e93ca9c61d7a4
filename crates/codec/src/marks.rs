//! What the broker has to know of every message it passes on, looked up once when it is made.

use crate::content_header::ContentHeader;
use crate::properties::{Properties, property};

/// Two bytes beside a message. Those that stand in its header can be found there again; the
/// others are the broker's own and are kept in its [`Notes`](crate::Notes).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Marks {
    flags: u8,
    priority: u8,
}

const PERSISTENT: u8 = 1;
const EXPIRES: u8 = 1 << 1;
const OWN_DEATHS: u8 = 1 << 2;
const ONE_KEY: u8 = 1 << 3;

impl Marks {
    /// The marks of these properties.
    #[inline]
    #[must_use]
    pub fn of(properties: &Properties<'_>) -> Self {
        let persistent = u8::from(properties.delivery_mode == Some(2)) * PERSISTENT;
        let expires = u8::from(properties.expiration.is_some()) * EXPIRES;
        Self {
            flags: persistent | expires,
            priority: properties.priority.unwrap_or(0),
        }
    }

    /// The marks of a header whose properties are known to be sound.
    #[must_use]
    pub fn of_header(header: &ContentHeader<'_>) -> Self {
        if header.flags & (property::EXPIRATION | property::PRIORITY) == 0 {
            return Self {
                flags: u8::from(header.is_persistent()) * PERSISTENT,
                priority: 0,
            };
        }
        header
            .properties()
            .map_or_else(|_| Self::default(), |properties| Self::of(&properties))
    }

    /// Delivery-mode 2.
    #[inline]
    #[must_use]
    pub const fn persistent(self) -> bool {
        self.flags & PERSISTENT != 0
    }

    /// It has an expiration property.
    #[inline]
    #[must_use]
    pub const fn expires(self) -> bool {
        self.flags & EXPIRES != 0
    }

    /// Its death headers were written by the broker and not by a publisher.
    #[must_use]
    pub const fn own_deaths(self) -> bool {
        self.flags & OWN_DEATHS != 0
    }

    /// It goes by its routing key alone, whatever its `CC` header says.
    #[must_use]
    pub const fn one_key(self) -> bool {
        self.flags & ONE_KEY != 0
    }

    /// The same of a message whose header has these property flags now.
    pub(crate) const fn with_expiration(mut self, flags: u16) -> Self {
        if flags & property::EXPIRATION == 0 {
            self.flags &= !EXPIRES;
        }
        self
    }

    /// It has marks that cannot be found in its header.
    pub(crate) const fn need_notes(self) -> bool {
        self.flags & (OWN_DEATHS | ONE_KEY) != 0
    }

    /// Its priority property; 0 without one.
    #[inline]
    #[must_use]
    pub const fn priority(self) -> u8 {
        self.priority
    }

    /// The same of a message whose death headers are the broker's.
    #[must_use]
    pub const fn with_own_deaths(mut self) -> Self {
        self.flags |= OWN_DEATHS;
        self
    }

    /// The same of a message that goes by its routing key alone.
    #[must_use]
    pub const fn with_one_key(mut self) -> Self {
        self.flags |= ONE_KEY;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{BasicProperties, Content};

    #[test]
    fn marks_are_found_in_the_properties() {
        let marks = |properties: BasicProperties| {
            Content::build("x", "k", &properties, b"body")
                .unwrap()
                .marks()
        };
        let plain = marks(BasicProperties::default());
        assert_eq!(plain, Marks::default());
        let all = marks(
            BasicProperties::default()
                .with_content_type("text".into())
                .with_delivery_mode(2)
                .with_priority(7)
                .with_expiration("100".into()),
        );
        assert!(all.persistent() && all.expires() && !all.own_deaths());
        assert_eq!(all.priority(), 7);
        assert!(all.with_own_deaths().own_deaths() && all.with_one_key().one_key());
    }
}
