//! Who asks: HTTP basic auth with the broker's users, and RabbitMQ's management tags.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{ConnectInfo, FromRequestParts, Request, State};
use axum::http::header::{self, AUTHORIZATION, HeaderName};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method};
use axum::middleware::Next;
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use broker::{
    Access, Actor, Broker, ConnectionInfo, Exchange, LoginFrom, LoginProtocol, LoginRefused,
    Message, Right, User, VHost, printable,
};

use crate::context::Context;
use crate::error::ApiError;
use crate::listener::{Insider, Peer};

/// The cookie that may take the header's place; its value is that of `Basic`.
pub(crate) const COOKIE: &str = "auth";

/// The one path of the API that needs no login, since it is where one logs in.
const LOGIN_PATH: &str = "/login";

/// The header that narrows lists to one virtual host.
const VHOST: HeaderName = HeaderName::from_static("x-vhost");

/// Bytes of an `Authorization` header that are looked at; names and passwords are short.
pub(crate) const CREDENTIALS_BYTES_MAX: usize = 4096;

/// Somebody with any management tag, and therefore anybody who gets past [`require_login`].
#[derive(Clone)]
pub(crate) struct Caller(pub(crate) Arc<User>, Grants, Option<Arc<str>>);

/// Where it says what a caller may do.
#[derive(Clone)]
enum Grants {
    /// In the user's permissions.
    OfUser(Arc<Broker>),
    /// Nowhere: an insider may do everything.
    Everything,
}

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
    if request.method() != Method::OPTIONS && request.uri().path() != LOGIN_PATH {
        let extensions = request.extensions();
        let peer = extensions.get::<ConnectInfo<Peer>>();
        let peer = peer.map(|ConnectInfo(Peer(address))| *address);
        let mut caller = match extensions.get::<ConnectInfo<Insider>>() {
            Some(_) => Caller::insider(),
            None => login(&context, request.headers(), peer)?,
        };
        caller.2 = only(request.headers());
        request.extensions_mut().insert(caller);
    }
    Ok(next.run(request).await)
}

fn login(
    context: &Context,
    headers: &HeaderMap,
    peer: Option<SocketAddr>,
) -> Result<Caller, ApiError> {
    let found = match headers.get(AUTHORIZATION) {
        Some(header) => credentials(header.as_bytes()),
        None => decoded(cookie(headers).ok_or(ApiError::CredentialsMissing)?),
    };
    let (name, password) = found.ok_or(ApiError::CredentialsWrong)?;
    authenticate(context, (&name, &password), peer)
}

/// The caller of this name, if the password is right and it may use the API from there.
pub(crate) fn authenticate(
    context: &Context,
    (name, password): (&str, &str),
    peer: Option<SocketAddr>,
) -> Result<Caller, ApiError> {
    let host = peer.map_or_else(String::new, |peer| peer.ip().to_canonical().to_string());
    let from = LoginFrom {
        host: &host,
        loopback: peer.is_some_and(is_loopback),
        protocol: LoginProtocol::Http,
    };
    let (users, now) = (context.broker.users(), (context.info.clock)());
    match users.authenticate(name, password, from, now) {
        Ok(user) if user.tags.iter().any(|tag| is_management(tag)) => {
            let grants = Grants::OfUser(Arc::clone(&context.broker));
            Ok(Caller(user, grants, None))
        }
        Ok(_) => Err(ApiError::NotAuthorised("Not management user")),
        Err(refused) => {
            let user = printable(name);
            tracing::warn!(%user, peer = %host, mechanism = "HTTP basic", reason = %refused, "login refused");
            Err(match refused {
                LoginRefused::NotLoopback => {
                    ApiError::NotAuthorised("User can only log in via localhost")
                }
                _ => ApiError::CredentialsWrong,
            })
        }
    }
}

/// Name and password of an `Authorization: Basic` header.
fn credentials(header: &[u8]) -> Option<(String, String)> {
    let (scheme, encoded) = header.split_at_checked(b"Basic ".len())?;
    if !scheme.eq_ignore_ascii_case(b"Basic ") {
        return None;
    }
    decoded(encoded.trim_ascii())
}

/// The value of the cookie that stands for the header; empty after logging out.
fn cookie(headers: &HeaderMap) -> Option<&[u8]> {
    let all = headers.get_all(header::COOKIE).into_iter();
    let mut pairs = all.flat_map(|value| value.as_bytes().split(|byte| *byte == b';'));
    let value = pairs.find_map(|pair| {
        let (name, value) = pair.trim_ascii().split_at_checked(COOKIE.len())?;
        let value = value.strip_prefix(b"=")?;
        (name == COOKIE.as_bytes()).then_some(value)
    });
    value.filter(|value| !value.is_empty())
}

/// The virtual host that lists are narrowed to; the dashboard's "all" is an empty name.
fn only(headers: &HeaderMap) -> Option<Arc<str>> {
    let name = String::from_utf8_lossy(headers.get(VHOST)?.as_bytes());
    (!name.is_empty()).then(|| name.into())
}

fn decoded(encoded: &[u8]) -> Option<(String, String)> {
    if encoded.len() > CREDENTIALS_BYTES_MAX {
        return None;
    }
    let decoded = STANDARD.decode(encoded).ok()?;
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
    /// Whoever came in by the socket in the data directory.
    fn insider() -> Self {
        Self(Arc::new(User::internal()), Grants::Everything, None)
    }

    /// The caller as the one who changes a virtual host.
    pub(crate) fn actor(&self, vhost: &VHost) -> Result<Actor, ApiError> {
        let access = match &self.1 {
            Grants::OfUser(broker) => broker.users().access(&self.0.name, vhost.name()),
            Grants::Everything => Some(Arc::new(Access::unlimited())),
        };
        Ok(Actor {
            user: Arc::clone(&self.0.name),
            connection: None,
            // The user was deleted while the request was under way.
            access: access.ok_or(ApiError::CredentialsWrong)?,
        })
    }

    /// Whether the caller may take messages out of a queue.
    pub(crate) fn may_read(&self, vhost: &VHost, queue: &str) -> Result<(), ApiError> {
        let access = self.actor(vhost)?.access;
        Ok(access.check_queue(Right::Read, queue, vhost.name())?)
    }

    /// Whether the caller may look at the messages that an exchange keeps, or with
    /// [`Right::Write`] take them from it.
    pub(crate) fn may_use_exchange(
        &self,
        right: Right,
        vhost: &VHost,
        exchange: &Exchange,
    ) -> Result<(), ApiError> {
        let access = self.actor(vhost)?.access;
        Ok(access.check_exchange(right, &exchange.name, vhost.name())?)
    }

    /// Whether the caller may publish to an exchange with this routing key.
    pub(crate) fn may_publish(
        &self,
        vhost: &VHost,
        exchange: &Exchange,
        key: &str,
    ) -> Result<(), ApiError> {
        let access = self.actor(vhost)?.access;
        access.check_exchange(Right::Write, &exchange.name, vhost.name())?;
        Ok(access.check_topics(Right::Write, exchange, [key])?)
    }

    /// Whether the caller may publish this to an exchange: with its routing key, those of CC and
    /// BCC, and in the name that it bears.
    pub(crate) fn may_publish_message(
        &self,
        vhost: &VHost,
        exchange: &Exchange,
        message: &Message,
    ) -> Result<(), ApiError> {
        let access = self.actor(vhost)?.access;
        access.check_exchange(Right::Write, &exchange.name, vhost.name())?;
        let properties = codec::to_basic_properties(&message.header()).unwrap_or_default();
        let further = properties.headers().iter().flat_map(|headers| {
            let keys = ["CC", "BCC"].map(|name| codec::get_array(headers, name));
            keys.into_iter().flatten().flatten()
        });
        let keys = std::iter::once(message.routing_key()).chain(further.filter_map(codec::as_str));
        access.check_topics(Right::Write, exchange, keys)?;
        let user = &self.0.name;
        match properties.user_id().as_ref().map(|id| id.as_str()) {
            Some(id) if *id != **user && !self.0.has_tag("impersonator") => {
                Err(ApiError::BadRequest(format!(
                    "user_id property set to '{id}' but authenticated user was '{user}'"
                )))
            }
            _ => Ok(()),
        }
    }

    fn may_access(&self, vhost: &str) -> bool {
        match &self.1 {
            Grants::OfUser(broker) => broker.users().may_access(&self.0.name, vhost),
            Grants::Everything => true,
        }
    }

    /// The caller may do everything that there is to administer.
    pub(crate) fn is_administrator(&self) -> bool {
        self.0.has_tag("administrator")
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
        if !self.may_access(name) {
            return Err(ApiError::NotAuthorised(
                "User not authorised to access virtual host",
            ));
        }
        Ok(vhost)
    }

    /// All of those, or the one that the request names in a header.
    pub(crate) fn vhosts(&self, context: &Context) -> Result<Vec<Arc<VHost>>, ApiError> {
        if let Some(name) = &self.2 {
            return Ok(vec![self.vhost(context, name)?]);
        }
        Ok(self.all_vhosts(context))
    }

    /// Whether a list with rows of all virtual hosts is to have those of this one.
    pub(crate) fn asks_for(&self, vhost: &str) -> bool {
        self.2.as_ref().is_none_or(|only| **only == *vhost)
    }

    fn all_vhosts(&self, context: &Context) -> Vec<Arc<VHost>> {
        let mut vhosts = context.broker.vhosts();
        vhosts.retain(|vhost| self.may_access(vhost.name()));
        vhosts
    }

    /// Those, or for a monitor all: to be looked at, not into.
    pub(crate) fn visible_vhosts(&self, context: &Context) -> Vec<Arc<VHost>> {
        if self.is_monitor() {
            context.broker.vhosts()
        } else {
            self.all_vhosts(context)
        }
    }

    /// One of [`Self::visible_vhosts`].
    pub(crate) fn visible_vhost(
        &self,
        context: &Context,
        name: &str,
    ) -> Result<Arc<VHost>, ApiError> {
        match context.broker.vhost(name) {
            Some(vhost) if self.is_monitor() => Ok(vhost),
            _ => self.vhost(context, name),
        }
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
        if !caller.is_administrator() {
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
