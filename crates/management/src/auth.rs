//! Who asks: HTTP basic auth with the broker's users, and RabbitMQ's management tags.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{ConnectInfo, FromRequestParts, Request, State};
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method};
use axum::middleware::Next;
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use broker::{Actor, ConnectionInfo, LoginRefused, User, VHost};

use crate::context::Context;
use crate::error::ApiError;
use crate::listener::Peer;

/// Bytes of an `Authorization` header that are looked at; names and passwords are short.
pub(crate) const CREDENTIALS_BYTES_MAX: usize = 4096;

/// Somebody with any management tag, and therefore anybody who gets past [`require_login`].
#[derive(Clone)]
pub(crate) struct Caller(pub(crate) Arc<User>);

/// A caller tagged `monitoring` or above.
pub(crate) struct Monitor;

/// A caller tagged `policymaker` or `administrator`.
pub(crate) struct Policymaker(pub(crate) Caller);

/// A caller tagged `administrator`.
pub(crate) struct Administrator;

/// Refuses every request under `/api` that does not log in; the rest find a [`Caller`].
pub(crate) async fn require_login(
    State(context): State<Arc<Context>>,
    mut request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    // A browser asks with OPTIONS before it sends credentials; the answer tells nothing.
    if request.method() != Method::OPTIONS {
        let loopback = request
            .extensions()
            .get::<ConnectInfo<Peer>>()
            .is_some_and(|ConnectInfo(Peer(address))| is_loopback(*address));
        let caller = login(&context, request.headers(), loopback)?;
        request.extensions_mut().insert(caller);
    }
    Ok(next.run(request).await)
}

fn login(context: &Context, headers: &HeaderMap, loopback: bool) -> Result<Caller, ApiError> {
    let header = headers
        .get(AUTHORIZATION)
        .ok_or(ApiError::CredentialsMissing)?;
    let (name, password) = credentials(header.as_bytes()).ok_or(ApiError::CredentialsWrong)?;
    match context
        .broker
        .users()
        .authenticate(&name, &password, loopback)
    {
        Ok(user) if user.tags.iter().any(|tag| is_management(tag)) => Ok(Caller(user)),
        Ok(_) => Err(ApiError::NotAuthorised("Not management user")),
        Err(LoginRefused::NotLoopback) => Err(ApiError::NotAuthorised(
            "User can only log in via localhost",
        )),
        Err(refused) => {
            tracing::info!(user = ?name, %refused, "management login refused");
            Err(ApiError::CredentialsWrong)
        }
    }
}

/// Name and password of an `Authorization: Basic` header.
fn credentials(header: &[u8]) -> Option<(String, String)> {
    let (scheme, encoded) = header.split_at_checked(b"Basic ".len())?;
    if !scheme.eq_ignore_ascii_case(b"Basic ") || encoded.len() > CREDENTIALS_BYTES_MAX {
        return None;
    }
    let decoded = STANDARD.decode(encoded.trim_ascii()).ok()?;
    let text = String::from_utf8(decoded).ok()?;
    let (name, password) = text.split_once(':')?;
    Some((name.to_owned(), password.to_owned()))
}

/// An IPv4 client of a dual-stack socket has a mapped address.
fn is_loopback(address: SocketAddr) -> bool {
    address.ip().to_canonical().is_loopback()
}

fn is_management(tag: &str) -> bool {
    matches!(
        tag,
        "management" | "policymaker" | "monitoring" | "administrator"
    )
}

impl Caller {
    /// The caller as the one who changes a virtual host.
    pub(crate) fn actor(&self) -> Actor {
        Actor {
            user: Arc::clone(&self.0.name),
            connection: None,
        }
    }

    /// The caller sees what others do, too.
    pub(crate) fn is_monitor(&self) -> bool {
        self.0
            .tags
            .iter()
            .any(|tag| tag == "monitoring" || tag == "administrator")
    }

    /// Its own connections, or as a monitor all of them.
    pub(crate) fn sees(&self, connection: &ConnectionInfo) -> bool {
        self.is_monitor() || connection.user == self.0.name
    }

    /// A virtual host that the caller has permissions in.
    pub(crate) fn vhost(&self, context: &Context, name: &str) -> Result<Arc<VHost>, ApiError> {
        let vhost = context
            .broker
            .vhost(name)
            .ok_or(ApiError::NotFound("vhost_not_found"))?;
        if !self.0.may_access(name) {
            return Err(ApiError::NotAuthorised(
                "User not authorised to access virtual host",
            ));
        }
        Ok(vhost)
    }

    /// All of those.
    pub(crate) fn vhosts(&self, context: &Context) -> Vec<Arc<VHost>> {
        let mut vhosts = context.broker.vhosts();
        vhosts.retain(|vhost| self.0.may_access(vhost.name()));
        vhosts
    }
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        parts
            .extensions
            .get::<Self>()
            .cloned()
            .ok_or(ApiError::CredentialsMissing)
    }
}

impl<S: Sync> FromRequestParts<S> for Monitor {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let caller = Caller::from_request_parts(parts, state).await?;
        if !caller.is_monitor() {
            return Err(ApiError::NotAuthorised("Not monitor user"));
        }
        Ok(Self)
    }
}

impl Policymaker {
    /// A policymaker changes what belongs to virtual hosts with permissions, an administrator all.
    pub(crate) fn check(&self, context: &Context, vhost: &VHost) -> Result<(), ApiError> {
        if self.0.0.tags.iter().any(|tag| tag == "administrator") {
            return Ok(());
        }
        self.0.vhost(context, vhost.name()).map(drop)
    }
}

impl<S: Sync> FromRequestParts<S> for Policymaker {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let caller = Caller::from_request_parts(parts, state).await?;
        let tags = &caller.0.tags;
        if !tags
            .iter()
            .any(|tag| tag == "policymaker" || tag == "administrator")
        {
            return Err(ApiError::NotAuthorised("Not policymaker"));
        }
        Ok(Self(caller))
    }
}

impl<S: Sync> FromRequestParts<S> for Administrator {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let caller = Caller::from_request_parts(parts, state).await?;
        if !caller.0.tags.iter().any(|tag| tag == "administrator") {
            return Err(ApiError::NotAuthorised("Not administrator user"));
        }
        Ok(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn basic_credentials_are_read() {
        for (header, expected) in [
            ("Basic Z3Vlc3Q6Z3Vlc3Q=", Some(("guest", "guest"))),
            ("basic Z3Vlc3Q6Z3Vlc3Q=", Some(("guest", "guest"))),
            ("Basic dTpwOnc=", Some(("u", "p:w"))),
            ("Basic dXNlcg==", None),
            ("Basic ", None),
            ("Basic !", None),
            ("Bearer Z3Vlc3Q6Z3Vlc3Q=", None),
            ("", None),
        ] {
            let got = credentials(header.as_bytes());
            let got = got
                .as_ref()
                .map(|(name, password)| (name.as_str(), password.as_str()));
            assert_eq!(got, expected, "{header}");
        }
    }

    #[test]
    fn a_mapped_loopback_address_is_loopback() {
        for (address, expected) in [
            ("127.0.0.1:1", true),
            ("[::1]:1", true),
            ("[::ffff:127.0.0.1]:1", true),
            ("10.0.0.1:1", false),
            ("[::ffff:10.0.0.1]:1", false),
        ] {
            assert_eq!(is_loopback(address.parse().unwrap()), expected, "{address}");
        }
    }
}
