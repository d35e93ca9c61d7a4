//! RabbitMQ's password hashes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use md5::Md5;
use sha2::{Digest, Sha256, Sha512};
use subtle::ConstantTimeEq as _;

/// Random bytes in front of every hash.
pub(crate) const SALT_BYTES: usize = 4;

/// How a password is hashed. All of them are `salt ‖ digest(salt ‖ password)`, so that hashes can
/// move between RabbitMQ and this broker.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Hashing {
    /// The default.
    #[default]
    Sha256,
    /// SHA-512.
    Sha512,
    /// Of users from before RabbitMQ 3.6.
    Md5,
}

impl Hashing {
    /// RabbitMQ's name of it, as in a definitions file.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "rabbit_password_hashing_sha256",
            Self::Sha512 => "rabbit_password_hashing_sha512",
            Self::Md5 => "rabbit_password_hashing_md5",
        }
    }

    /// The one of this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Sha256, Self::Sha512, Self::Md5]
            .into_iter()
            .find(|hashing| hashing.name() == name)
    }

    fn digest(self, salt: &[u8], password: &str) -> Vec<u8> {
        fn of<D: Digest>(salt: &[u8], password: &str) -> Vec<u8> {
            let digest = D::new().chain_update(salt).chain_update(password);
            [salt, &digest.finalize()[..]].concat()
        }
        match self {
            Self::Sha256 => of::<Sha256>(salt, password),
            Self::Sha512 => of::<Sha512>(salt, password),
            Self::Md5 => of::<Md5>(salt, password),
        }
    }
}

/// A salted hash, or none: then no password is right.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash {
    hashing: Hashing,
    bytes: Vec<u8>,
}

impl PasswordHash {
    /// Hashes a password with this salt.
    #[must_use]
    pub fn new(hashing: Hashing, password: &str, salt: [u8; SALT_BYTES]) -> Self {
        Self {
            hashing,
            bytes: hashing.digest(&salt, password),
        }
    }

    /// Of a user who can't log in with a password.
    #[must_use]
    pub const fn none(hashing: Hashing) -> Self {
        Self {
            hashing,
            bytes: Vec::new(),
        }
    }

    /// A hash from a definitions file; `None` if it is not base64. One of the wrong length is kept,
    /// as RabbitMQ does, and matches nothing.
    #[must_use]
    pub fn from_base64(hashing: Hashing, text: &str) -> Option<Self> {
        let bytes = STANDARD.decode(text).ok()?;
        Some(Self { hashing, bytes })
    }

    /// Whether `password` is the one. Takes the same time for every wrong one.
    #[must_use]
    pub fn matches(&self, password: &str) -> bool {
        let Some(salt) = self.bytes.first_chunk::<SALT_BYTES>() else {
            return false;
        };
        let given = self.hashing.digest(salt, password);
        given.ct_eq(&self.bytes).into()
    }

    /// As in a definitions file; empty if there is no password.
    #[must_use]
    pub fn to_base64(&self) -> String {
        STANDARD.encode(&self.bytes)
    }

    /// How it was made.
    #[must_use]
    pub const fn hashing(&self) -> Hashing {
        self.hashing
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hash_is_rabbitmqs_example() {
        // RabbitMQ's documentation works this example: salt 908DC60A, password test12.
        let hash = PasswordHash::new(Hashing::Sha256, "test12", [0x90, 0x8D, 0xC6, 0x0A]);
        assert_eq!(
            hash.to_base64(),
            "kI3GCqW5JLMJa4iX1lo7X4D6XbYqlLgxIs30+P6tENUV2POR"
        );
    }

    #[test]
    fn only_the_right_password_matches() {
        for hashing in [Hashing::Sha256, Hashing::Sha512, Hashing::Md5] {
            let made = PasswordHash::new(hashing, "guest", [1, 2, 3, 4]);
            let hash = PasswordHash::from_base64(hashing, &made.to_base64()).unwrap();
            assert!(hash.matches("guest"), "{}", hashing.name());
            assert!(!hash.matches("Guest"));
            assert!(!hash.matches(""));
            assert_eq!(Hashing::parse(hashing.name()), Some(hashing));
        }
        let lengths = [Hashing::Sha256, Hashing::Sha512, Hashing::Md5]
            .map(|hashing| hashing.digest(&[0; SALT_BYTES], "").len());
        assert_eq!(lengths, [36, 68, 20]);
    }

    #[test]
    fn hash_of_another_algorithm_or_none_at_all_matches_nothing() {
        let sha = PasswordHash::new(Hashing::Sha256, "guest", [1, 2, 3, 4]).to_base64();
        let md5 = PasswordHash::from_base64(Hashing::Md5, &sha).unwrap();
        assert!(!md5.matches("guest"));
        assert!(!PasswordHash::none(Hashing::Sha256).matches(""));
        let short = PasswordHash::from_base64(Hashing::Sha256, "AQID").unwrap();
        assert!(!short.matches(""));
        assert!(PasswordHash::from_base64(Hashing::Sha256, "not base64").is_none());
    }
}
