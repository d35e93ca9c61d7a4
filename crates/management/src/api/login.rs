//! Logging in with a form: a cookie that stands for the Authorization header.

use std::sync::Arc;

use axum::Json;
use axum::body::to_bytes;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::header::{LOCATION, SET_COOKIE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode;
use serde_json::Value;

use super::Shared;
use crate::auth::{COOKIE, CREDENTIALS_BYTES_MAX, authenticate};
use crate::context::Context;
use crate::error::ApiError;
use crate::listener::Peer;
use crate::openapi::{Answer, Field, Kind, Paths, required};

const LOGIN: &[Field] = &[
    required("username", Kind::Text, "Who logs in."),
    required("password", Kind::Text, "With this."),
];

pub(super) fn routes() -> Paths {
    Paths::of("Login", "A cookie in place of the Authorization header.")
        .path("/login")
        .get("Leads to the dashboard", home)
        .answers(Answer::Elsewhere)
        .post("Sets the cookie; takes a form, too", Answer::Object, log_in)
        .body(LOGIN)
        .delete("Clears the cookie", log_out)
}

async fn home(State(context): Shared) -> Response {
    let location = format!("{}/", context.info.path_prefix);
    let location =
        HeaderValue::try_from(location).unwrap_or(const { HeaderValue::from_static("/") });
    (StatusCode::FOUND, [(LOCATION, location)]).into_response()
}

async fn log_in(State(context): Shared, request: Request) -> Result<Response, ApiError> {
    let peer = request.extensions().get::<ConnectInfo<Peer>>();
    let peer = peer.map(|ConnectInfo(Peer(address))| *address);
    let body = to_bytes(request.into_body(), CREDENTIALS_BYTES_MAX)
        .await
        .map_err(|_| ApiError::bad_request("payload_too_large"))?;
    let (name, password) = credentials(&body).ok_or(ApiError::CredentialsWrong)?;
    authenticate(&context, (&name, &password), peer)?;
    let value = STANDARD.encode(format!("{name}:{password}"));
    let cookie = cookie(&context, &value, "")?;
    Ok(([(SET_COOKIE, cookie)], Json(Value::from("ok"))).into_response())
}

async fn log_out(State(context): Shared) -> Result<Response, ApiError> {
    let cookie = cookie(&context, "", "; Max-Age=0")?;
    Ok((StatusCode::NO_CONTENT, [(SET_COOKIE, cookie)]).into_response())
}

/// The cookie goes with the browser's session, to this API only, and with no request that another
/// site's page has made.
fn cookie(context: &Arc<Context>, value: &str, end: &str) -> Result<HeaderValue, ApiError> {
    let path = &context.info.path_prefix;
    let cookie = format!("{COOKIE}={value}; Path={path}/api; HttpOnly; SameSite=Strict{end}");
    HeaderValue::try_from(cookie).map_err(|_| ApiError::CredentialsWrong)
}

/// Name and password of a form, or of an object.
fn credentials(body: &[u8]) -> Option<(String, String)> {
    if let Ok(object) = serde_json::from_slice::<Value>(body) {
        let text = |key: &str| object.get(key)?.as_str().map(str::to_owned);
        return Some((text("username")?, text("password")?));
    }
    Some((of_form(body, b"username")?, of_form(body, b"password")?))
}

fn of_form(form: &[u8], wanted: &[u8]) -> Option<String> {
    form.split(|byte| *byte == b'&').find_map(|pair| {
        let equals = pair.iter().position(|byte| *byte == b'=')?;
        let (key, value) = pair.split_at(equals);
        let plain: Vec<u8> = value[1..]
            .iter()
            .map(|byte| if *byte == b'+' { b' ' } else { *byte })
            .collect();
        (key == wanted).then(|| percent_decode(&plain).decode_utf8().ok().map(Into::into))?
    })
}

#[cfg(test)]
mod tests {
    use super::credentials;

    #[test]
    fn names_and_passwords_are_read_from_forms_and_objects() {
        for (body, expected) in [
            ("username=u&password=p", Some(("u", "p"))),
            (
                "password=a%26b%3d%C3%A9&x&username=a+b",
                Some(("a b", "a&b=é")),
            ),
            (r#"{"username":"u","password":"p"}"#, Some(("u", "p"))),
            (r#"{"username":"u","password":1}"#, None),
            ("username=u", None),
            ("username=u&password=%FF", None),
            ("", None),
        ] {
            let read = credentials(body.as_bytes());
            let read = read.as_ref().map(|(name, password)| (&**name, &**password));
            assert_eq!(read, expected, "{body}");
        }
    }
}
