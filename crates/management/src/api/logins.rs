//! Logins: how many there were, and the hash of a password.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use broker::LoginProtocol;
use serde_json::{Value, json};

use super::{Answer, Done, Shared};
use crate::auth::{Administrator, Monitor};
use crate::context::Context;
use crate::error::ApiError;
use crate::openapi::Paths;

pub(super) fn routes() -> Paths {
    Paths::of("Logins", "How many there were, and the hash of a password.")
        .path("/auth/hash_password/{password}")
        .get("The hash of a password", hash_password)
        .path("/auth/attempts/{node}")
        .list("Logins by protocol", attempts)
        .delete("Begins to count anew", forget)
        .path("/auth/attempts/{node}/source")
        .list("Logins by address: these are not counted", by_source)
        .delete("Begins to count anew", forget)
}

async fn hash_password(
    State(context): Shared,
    _: Administrator,
    Path(password): Path<String>,
) -> Answer {
    let hash = context.broker.hash_password(&password);
    Ok(Json(json!({ "ok": hash.to_base64() })))
}

fn check_node(context: &Context, node: &str) -> Result<(), ApiError> {
    if node == context.broker.settings().node {
        return Ok(());
    }
    Err(ApiError::ObjectNotFound)
}

async fn attempts(State(context): Shared, _: Monitor, Path(node): Path<String>) -> Answer {
    check_node(&context, &node)?;
    let view = |(name, protocol)| {
        let attempts = context.broker.users().attempts(protocol);
        json!({
            "protocol": name,
            "auth_attempts": attempts.succeeded + attempts.failed,
            "auth_attempts_failed": attempts.failed,
            "auth_attempts_succeeded": attempts.succeeded,
        })
    };
    let protocols = [
        ("amqp091", LoginProtocol::Amqp),
        ("http", LoginProtocol::Http),
    ];
    Ok(Json(protocols.map(view).into()))
}

/// By address and user: RabbitMQ keeps these only if told to (`track_auth_attempt_source`), which
/// is not there.
async fn by_source(State(context): Shared, _: Monitor, Path(node): Path<String>) -> Answer {
    check_node(&context, &node)?;
    Ok(Json(Value::Array(Vec::new())))
}

async fn forget(State(context): Shared, _: Administrator, Path(node): Path<String>) -> Done {
    check_node(&context, &node)?;
    context.broker.users().forget_attempts();
    Ok(StatusCode::NO_CONTENT)
}
