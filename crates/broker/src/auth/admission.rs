//! Who gets in: what `connection.open` and `channel.open` ask of users, virtual hosts and limits.

use std::sync::Arc;

use crate::auth::access::Access;
use crate::broker::Broker;
use crate::error::Error;
use crate::registry::{ChannelInfo, ConnectionInfo, Counts};
use crate::vhost::VHost;

/// A connection that may go on.
pub struct Admission {
    /// The virtual host that it opened.
    pub vhost: Arc<VHost>,
    /// The connection as it is listed from now on.
    pub info: Arc<ConnectionInfo>,
    /// What it may do.
    pub access: Arc<Access>,
}

/// The limit, if so many are as many as there may be. Negative limits are none.
fn reached(limit: Option<i64>, open: u64) -> Option<i64> {
    limit.filter(|limit| u64::try_from(*limit).is_ok_and(|limit| open >= limit))
}

impl Broker {
    /// Lists a connection that wants to open the virtual host it names, if its user may.
    /// Checks in RabbitMQ's order: limit of the node, limit of the virtual host, the virtual host
    /// exists, limit of the user, permission.
    ///
    /// # Errors
    /// 530, with the first that fails.
    pub fn admit(&self, info: ConnectionInfo) -> Result<Admission, Error> {
        let (user, name) = (Arc::clone(&info.user), Arc::clone(&info.vhost));
        let vhost = self.vhost(&name);
        let access = self.users().access(&user, &name);
        let allowed = |counts: &Counts| {
            let vhost = vhost.as_deref();
            self.check_connection(vhost, access.as_deref(), (&user, &name), counts)
        };
        let info = self.registry().register(info, allowed)?;
        // A virtual host or user deleted meanwhile has already told its connections to close.
        let still = self.vhost(&name).is_some() && self.users().find(&user).is_some();
        match (vhost, access) {
            (Some(vhost), Some(access)) if still => Ok(Admission {
                vhost,
                info,
                access,
            }),
            _ => {
                self.registry().remove(info.id);
                Err(no_vhost(&name))
            }
        }
    }

    fn check_connection(
        &self,
        vhost: Option<&VHost>,
        access: Option<&Access>,
        (user, name): (&str, &str),
        counts: &Counts,
    ) -> Result<(), Error> {
        let refused = |reason: String| Err(Error::NotAllowed(reason));
        let node = self.settings().connection_max.map(i64::from);
        if let Some(limit) = reached(node, counts.connections()) {
            return refused(format!(
                "connection refused: node connection limit ({limit}) is reached"
            ));
        }
        let of_vhost = vhost.and_then(|vhost| vhost.meta().limits.max_connections);
        if let Some(limit) = reached(of_vhost, counts.of_vhost(name)) {
            return refused(format!(
                "access to vhost '{name}' refused for user '{user}': connection limit ({limit}) is reached"
            ));
        }
        if vhost.is_none() {
            return Err(no_vhost(name));
        }
        let of_user = access.and_then(|access| access.user().limits.max_connections);
        if let Some(limit) = reached(of_user, counts.of_user(user)) {
            return refused(format!(
                "connection refused for user '{user}': user connection limit ({limit}) is reached"
            ));
        }
        if !access.is_some_and(Access::is_granted) {
            return refused(format!(
                "access to vhost '{name}' refused for user '{user}'"
            ));
        }
        Ok(())
    }

    /// Lists a channel of a connection, if its user may have one more.
    ///
    /// # Errors
    /// 530: the user, or the node, has as many as there may be.
    pub fn open_channel(
        &self,
        connection: &ConnectionInfo,
        number: u16,
    ) -> Result<Arc<ChannelInfo>, Error> {
        let user = &connection.user;
        let of_user = self.users().find(user);
        let of_user = of_user.and_then(|user| user.limits.max_channels);
        let node = self.settings().channel_max_per_node.map(i64::from);
        self.registry().open_channel(connection, number, |counts| {
            if let Some(limit) = reached(of_user, counts.channels_of_user(user)) {
                return Err(Error::NotAllowed(format!(
                    "number of channels opened for user '{user}' has reached the maximum allowed user limit of {limit}"
                )));
            }
            if let Some(limit) = reached(node, counts.channels()) {
                let node = &self.settings().node;
                return Err(Error::NotAllowed(format!(
                    "number of channels opened on node '{node}' has reached the maximum allowed limit of {limit}"
                )));
            }
            Ok(())
        })
    }
}

fn no_vhost(name: &str) -> Error {
    Error::NotAllowed(format!("vhost {name} not found"))
}

#[cfg(test)]
mod tests {
    use super::reached;

    #[test]
    fn limit_is_reached_at_its_number_and_never_below_zero() {
        for (limit, open, expected) in [
            (None, 1_000_000, None),
            (Some(-1), 1_000_000, None),
            (Some(0), 0, Some(0)),
            (Some(2), 1, None),
            (Some(2), 2, Some(2)),
            (Some(2), 3, Some(2)),
        ] {
            assert_eq!(reached(limit, open), expected, "{limit:?} {open}");
        }
    }
}
