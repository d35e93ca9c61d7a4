//! Who may log in, and what each may do where.

mod access;
mod admission;
mod changes;
mod password;
mod pattern;
mod stored;
#[cfg(test)]
mod tests;
mod throttle;
mod users;

pub use access::{Access, Permission, Right, TopicPermission};
pub use admission::Admission;
pub use changes::UserChange;
pub use password::{Hashing, PasswordHash};
pub use pattern::{PATTERN_BYTES_MAX, Pattern};
pub(crate) use stored::{
    StoredAccess, decode as decode_access, put_limit, put_strings, strings, table,
};
pub use users::{
    LoginAttempts, LoginFrom, LoginProtocol, LoginRefused, PermissionRow, TopicPermissionRow, User,
    UserLimits, Users,
};
