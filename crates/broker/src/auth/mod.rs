//! Who may log in.

mod password;
mod users;

pub use password::PasswordHash;
pub(crate) use password::SALT_BYTES;
pub use users::{LoginRefused, User, Users};
