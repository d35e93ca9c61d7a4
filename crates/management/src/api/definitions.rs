//! Definitions: everything as one file, and back.

use std::sync::Arc;

use axum::Json;
use axum::body::{Body, to_bytes};
use axum::extract::{Path, Query, Request, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE, LOCATION};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::Value;

use super::Shared;
use super::policies::{to_show, without_tags};
use crate::auth::Administrator;
use crate::body::BODY_BYTES_MAX;
use crate::context::Context;
use crate::error::ApiError;
use crate::multipart;
use crate::openapi::{Answer as Success, Field, Kind, Parameters, Paths, optional};

pub(super) fn routes() -> Paths {
    Paths::of(
        "Definitions",
        "Everything as one file of RabbitMQ's format, and back.",
    )
    .path("/definitions")
    .get("All definitions", export)
    .post("Imports definitions: all or none", Success::Done, import)
    .path("/all-configuration")
    .get("All definitions", export)
    .post("Imports definitions: all or none", Success::Done, import)
    .path("/definitions/{vhost}")
    .get("Definitions of a virtual host", export_vhost)
    .post("Imports definitions into it", Success::Done, import_vhost)
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Download {
    /// The name that the browser is to give the file.
    download: Option<String>,
}

impl Parameters for Download {
    const FIELDS: &'static [Field] = &[optional(
        "download",
        Kind::Text,
        "The name that a browser is to give the file.",
    )];
}

impl Download {
    fn answer(self, file: Value) -> Result<Response, ApiError> {
        let mut response = Json(file).into_response();
        if let Some(name) = self.download {
            let token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
            if name.is_empty() || !name.chars().all(token) {
                return Err(ApiError::bad_request("download is not a plain file name"));
            }
            let value = HeaderValue::try_from(format!("attachment; filename={name}"));
            let value = value.map_err(|_| ApiError::bad_request("download is no header"))?;
            response.headers_mut().insert(CONTENT_DISPOSITION, value);
        }
        Ok(response)
    }
}

async fn export(
    State(context): Shared,
    _: Administrator,
    Query(download): Query<Download>,
) -> Result<Response, ApiError> {
    download.answer(context.broker.export())
}

async fn export_vhost(
    State(context): Shared,
    _: Administrator,
    Path(vhost): Path<String>,
    Query(download): Query<Download>,
) -> Result<Response, ApiError> {
    download.answer(to_show(&context, &vhost)?.export())
}

async fn import(
    State(context): Shared,
    _: Administrator,
    request: Request,
) -> Result<Response, ApiError> {
    accept(context, None, request).await
}

async fn import_vhost(
    State(context): Shared,
    _: Administrator,
    Path(vhost): Path<String>,
    request: Request,
) -> Result<Response, ApiError> {
    if context.broker.vhost(&vhost).is_none() {
        return Err(ApiError::NotFound("vhost_not_found"));
    }
    accept(context, Some(vhost), request).await
}

async fn accept(
    context: Arc<Context>,
    vhost: Option<String>,
    request: Request<Body>,
) -> Result<Response, ApiError> {
    let kind = request.headers().get(CONTENT_TYPE);
    let boundary = kind.and_then(|kind| multipart::boundary(kind.to_str().ok()?));
    let body = to_bytes(request.into_body(), BODY_BYTES_MAX)
        .await
        .map_err(|_| ApiError::bad_request("Exceeded HTTP request body size limit"))?;
    let broker = Arc::clone(&context.broker);
    // A large file takes seconds; whoever else asks should not wait for it.
    let imported = tokio::task::spawn_blocking(move || {
        let (file, redirect) = match &boundary {
            Some(boundary) => (
                multipart::part(&body, boundary, "file").unwrap_or_default(),
                multipart::part(&body, boundary, "redirect"),
            ),
            None => (&*body, None),
        };
        let redirect = redirect.and_then(|to| String::from_utf8(to.to_vec()).ok());
        let imported = broker.import(file, vhost.as_deref());
        imported.map(|imported| (imported, redirect))
    });
    let imported = imported
        .await
        .map_err(|_| ApiError::bad_request("the import was interrupted"))?;
    let (imported, redirect) = imported.map_err(|error| {
        tracing::warn!(%error, "definitions are not imported");
        ApiError::bad_request(without_tags(&error.to_string()))
    })?;
    context.committed(imported.ticket).await?;
    Ok(redirect
        .and_then(|to| elsewhere(&to))
        .unwrap_or_else(|| StatusCode::NO_CONTENT.into_response()))
}

/// Sends a browser on, within this server.
fn elsewhere(to: &str) -> Option<Response> {
    let within = !to.contains("//") && !to.contains(':') && !to.contains('\\');
    let location = HeaderValue::from_str(to).ok().filter(|_| within)?;
    Some((StatusCode::SEE_OTHER, [(LOCATION, location)]).into_response())
}
