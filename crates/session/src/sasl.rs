//! SASL: who logs in, from the response of `connection.start-ok`.

use std::sync::Arc;
use std::time::Instant;

use broker::{Broker, LoginFrom, LoginProtocol, LoginRefused, User};
use codec::{decode_table, get_str};

use crate::close::Violation;
use crate::peer::Peer;

/// How a client may log in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Mechanism {
    Plain,
    AmqPlain,
    Anonymous,
    /// By the client's certificate.
    External,
}

/// All of them, in the order that RabbitMQ names them.
const MECHANISMS: [Mechanism; 4] = [
    Mechanism::Anonymous,
    Mechanism::Plain,
    Mechanism::AmqPlain,
    Mechanism::External,
];

/// Why a login fails.
#[derive(PartialEq, Eq, Debug)]
pub(crate) enum LoginFault {
    /// The response isn't one of this mechanism.
    Malformed(Violation),
    /// It is, but this is not a user or not the password.
    Refused {
        /// Who it claims to be, for the log.
        user: String,
        /// For the log too.
        reason: LoginRefused,
    },
}

impl Mechanism {
    /// The mechanism of this name, if it may be used.
    pub(crate) fn find(name: &str, broker: &Broker, peer: &Peer) -> Result<Self, Violation> {
        match MECHANISMS.into_iter().find(|m| m.name() == name) {
            Some(mechanism) if mechanism.is_offered(broker, peer) => Ok(mechanism),
            Some(_) => Err(Violation::MechanismNotOffered(name.to_owned())),
            None if name == "RABBIT-CR-DEMO" => {
                Err(Violation::MechanismNotOffered(name.to_owned()))
            }
            None => Err(Violation::UnknownMechanism(name.to_owned())),
        }
    }

    /// What `connection.start` offers.
    pub(crate) fn offered(broker: &Broker, peer: &Peer) -> String {
        let offered = MECHANISMS
            .into_iter()
            .filter(|m| m.is_offered(broker, peer));
        let names: Vec<&str> = offered.map(Self::name).collect();
        names.join(" ")
    }

    fn is_offered(self, broker: &Broker, peer: &Peer) -> bool {
        let settings = broker.settings();
        let possible = match self {
            Self::Plain | Self::AmqPlain => true,
            Self::Anonymous => settings.anonymous_login,
            Self::External => peer.certified_user().is_some(),
        };
        possible
            && settings
                .auth_mechanisms
                .iter()
                .any(|name| name == self.name())
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::AmqPlain => "AMQPLAIN",
            Self::Anonymous => "ANONYMOUS",
            Self::External => "EXTERNAL",
        }
    }

    /// Logs in with a response of this mechanism.
    pub(crate) fn login(
        self,
        response: &[u8],
        broker: &Broker,
        (peer, now): (&Peer, Instant),
    ) -> Result<Arc<User>, LoginFault> {
        let malformed =
            || LoginFault::Malformed(Violation::MalformedSaslResponse(self.name().to_owned()));
        let without_password = match self {
            Self::Anonymous => Some(broker.settings().default_user.as_str()),
            // What the response asks for makes no difference.
            Self::External => peer.certified_user(),
            Self::Plain | Self::AmqPlain => None,
        };
        if let Some(user) = without_password {
            return broker
                .users()
                .admit_anonymous(user, peer.loopback)
                .map_err(|reason| LoginFault::Refused {
                    user: user.to_owned(),
                    reason,
                });
        }
        let (user, password) = match self {
            Self::AmqPlain => amqplain(response),
            Self::Plain | Self::Anonymous | Self::External => plain(response),
        }
        .ok_or_else(malformed)?;
        let from = LoginFrom {
            host: &peer.host,
            loopback: peer.loopback,
            protocol: LoginProtocol::Amqp,
        };
        broker
            .users()
            .authenticate(&user, &password, from, now)
            .map_err(|reason| LoginFault::Refused { user, reason })
    }
}

/// RFC 4616 without an authorization identity: NUL, user, NUL, password.
fn plain(response: &[u8]) -> Option<(String, String)> {
    let text = std::str::from_utf8(response).ok()?;
    let (user, password) = text.strip_prefix('\0')?.split_once('\0')?;
    (!password.contains('\0')).then(|| (user.to_owned(), password.to_owned()))
}

/// The contents of a field table with `LOGIN` and `PASSWORD`.
fn amqplain(response: &[u8]) -> Option<(String, String)> {
    let table = decode_table(response).ok()?;
    Some((
        get_str(&table, "LOGIN")?.to_owned(),
        get_str(&table, "PASSWORD")?.to_owned(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_responses_have_two_parts_and_no_authorization_identity() {
        let both = |user: &str, password: &str| Some((user.to_owned(), password.to_owned()));
        assert_eq!(plain(b"\0guest\0secret"), both("guest", "secret"));
        assert_eq!(plain(b"\0guest\0"), both("guest", ""));
        for malformed in [
            &b""[..],
            b"guest",
            b"\0guest",
            b"me\0guest\0secret",
            b"\0a\0b\0c",
            b"\0\xff\0b",
        ] {
            assert_eq!(plain(malformed), None, "{malformed:?}");
        }
    }

    #[test]
    fn amqplain_responses_are_tables_of_two_long_strings() {
        let response = b"\x05LOGINS\0\0\0\x05guest\x08PASSWORDS\0\0\0\x06secret";
        assert_eq!(
            amqplain(response),
            Some(("guest".to_owned(), "secret".to_owned()))
        );
        assert_eq!(amqplain(b"\x05LOGINS\0\0\0\x05guest"), None);
        assert_eq!(amqplain(b"nonsense"), None);
    }
}
