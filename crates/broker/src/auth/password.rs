//! RabbitMQ's password hashes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

/// Random bytes in front of every hash.
pub(crate) const SALT_BYTES: usize = 4;

/// `salt ‖ SHA-256(salt ‖ password)`: RabbitMQ's `rabbit_password_hashing_sha256`, so that
/// hashes can move between the two.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(Vec<u8>);

impl PasswordHash {
    /// Hashes a password with this salt.
    #[must_use]
    pub fn new(password: &str, salt: [u8; SALT_BYTES]) -> Self {
        let digest = Sha256::new()
            .chain_update(salt)
            .chain_update(password)
            .finalize();
        Self([&salt[..], &digest[..]].concat())
    }

    /// Whether `password` is the one. Takes the same time for every wrong one.
    #[must_use]
    pub fn matches(&self, password: &str) -> bool {
        let Some(salt) = self.0.first_chunk::<SALT_BYTES>() else {
            return false;
        };
        Self::new(password, *salt).0.ct_eq(&self.0).into()
    }

    /// As in a definitions file.
    #[must_use]
    pub fn to_base64(&self) -> String {
        STANDARD.encode(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hash_is_rabbitmqs_example() {
        // RabbitMQ's documentation works this example: salt 908DC60A, password test12.
        let hash = PasswordHash::new("test12", [0x90, 0x8D, 0xC6, 0x0A]);
        assert_eq!(
            hash.to_base64(),
            "kI3GCqW5JLMJa4iX1lo7X4D6XbYqlLgxIs30+P6tENUV2POR"
        );
    }

    #[test]
    fn only_the_right_password_matches() {
        let hash = PasswordHash::new("guest", [1, 2, 3, 4]);
        assert!(hash.matches("guest"));
        assert!(!hash.matches("Guest"));
        assert!(!hash.matches(""));
    }
}
