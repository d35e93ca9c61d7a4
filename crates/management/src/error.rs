//! What an HTTP client is told when a request fails: RabbitMQ's status codes and bodies.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use codec::ReplyCode;
use serde::Serialize;
use serde_json::json;

/// A refused request. `Display` is not needed: the only reader is the HTTP client.
#[derive(Debug)]
pub(crate) enum ApiError {
    /// 400 with `bad_request` and this reason.
    BadRequest(String),
    /// 400 with an error word of its own (pagination).
    Refused { error: &'static str, reason: String },
    /// 400: a required key of the body is missing; RabbitMQ's reason is a list of pairs.
    KeyMissing(&'static str),
    /// 401: no credentials at all; the browser may ask for them.
    CredentialsMissing,
    /// 401: the credentials are wrong.
    CredentialsWrong,
    /// 401: known, but not allowed. RabbitMQ spells this one differently.
    NotAuthorised(&'static str),
    /// 404 for a path that leads nowhere, or an object without a reason word of its own.
    ObjectNotFound,
    /// 404 with a reason such as `queue_not_found`.
    NotFound(&'static str),
    /// 405: the configuration forbids it.
    MethodNotAllowed,
    /// 412: protected from deletion, with the reason.
    Protected(String),
    /// An AMQP error from the broker, with the text an AMQP client would read.
    Broker(broker::Error),
}

#[derive(Serialize)]
struct Body<'a> {
    error: &'a str,
    reason: &'a str,
}

/// The challenge sent when a request carried no credentials.
const CHALLENGE: HeaderValue = HeaderValue::from_static("Basic realm=\"RabbitMQ Management\"");

impl ApiError {
    /// A 400 from anything that reads as a sentence.
    pub(crate) fn bad_request(reason: impl Into<String>) -> Self {
        Self::BadRequest(reason.into())
    }
}

impl From<broker::Error> for ApiError {
    fn from(error: broker::Error) -> Self {
        match error {
            broker::Error::Protected(_) => Self::Protected(error.to_string()),
            _ => Self::Broker(error),
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        match self {
            Self::BadRequest(reason) => refuse(StatusCode::BAD_REQUEST, "bad_request", &reason),
            Self::Refused { error, reason } => refuse(StatusCode::BAD_REQUEST, error, &reason),
            Self::KeyMissing(key) => {
                let body = json!({"error": "bad_request", "reason": [["key_missing", key]]});
                (StatusCode::BAD_REQUEST, Json(body)).into_response()
            }
            Self::CredentialsMissing => {
                let mut response = not_authorized();
                response
                    .headers_mut()
                    .insert(header::WWW_AUTHENTICATE, CHALLENGE);
                response
            }
            Self::CredentialsWrong => not_authorized(),
            Self::NotAuthorised(reason) => not_authorised(reason),
            Self::ObjectNotFound => refuse(StatusCode::NOT_FOUND, "Object Not Found", "Not Found"),
            Self::NotFound(reason) => refuse(StatusCode::NOT_FOUND, "not_found", reason),
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED.into_response(),
            Self::Protected(reason) => refuse(
                StatusCode::PRECONDITION_FAILED,
                "precondition_failed",
                &reason,
            ),
            Self::Broker(error) => from_broker(&error),
        }
    }
}

/// AMQP reply code to HTTP status: 404 stays, refusals are 401 without detail, the rest are 400.
fn from_broker(error: &broker::Error) -> Response {
    match error.reply_code() {
        ReplyCode::NotFound => refuse(StatusCode::NOT_FOUND, "not_found", &error.to_string()),
        ReplyCode::AccessRefused | ReplyCode::NotAllowed => not_authorised("Access refused."),
        ReplyCode::InternalError => {
            tracing::error!(%error, "a management request failed");
            refuse(
                StatusCode::INTERNAL_SERVER_ERROR,
                "internal_error",
                &error.to_string(),
            )
        }
        _ => refuse(StatusCode::BAD_REQUEST, "bad_request", &error.to_string()),
    }
}

fn not_authorized() -> Response {
    refuse(StatusCode::UNAUTHORIZED, "not_authorized", "Not_Authorized")
}

fn not_authorised(reason: &str) -> Response {
    refuse(StatusCode::UNAUTHORIZED, "not_authorised", reason)
}

fn refuse(status: StatusCode, error: &str, reason: &str) -> Response {
    (status, Json(Body { error, reason })).into_response()
}
