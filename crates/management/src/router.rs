//! All paths, and what surrounds every answer.

use std::sync::{Arc, OnceLock};

use axum::Router;
use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, VARY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use tower::ServiceExt;

use crate::api;
use crate::auth::require_login;
use crate::compress::compress;
use crate::context::Context;
use crate::error::ApiError;
use crate::openapi;
use crate::ui;

/// Headers of every answer. The page loads nothing from elsewhere and runs no inline script.
const HEADERS: [(HeaderName, HeaderValue); 5] = [
    (
        CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'self'; base-uri 'none'; object-src 'none'; form-action 'self'; \
             frame-ancestors 'none'",
        ),
    ),
    (X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (VARY, HeaderValue::from_static("accept-encoding, origin")),
];

/// [`router`], put together for the first request. A hundred and seventy operations are a megabyte
/// of code and memory, which a broker that nobody looks at need not have at hand, and milliseconds
/// of its start.
pub(crate) fn router_when_asked(context: Arc<Context>) -> Router {
    let built = OnceLock::new();
    let ask = move |request: Request| {
        let router = built.get_or_init(|| router(Arc::clone(&context)));
        router.clone().oneshot(request)
    };
    let ask = Arc::new(ask);
    Router::new().fallback(async move |request: Request| ask(request).await)
}

/// The API under `/api`, the dashboard everywhere else. What surrounds a router surrounds each of
/// its routes with a copy of its own, so here it surrounds one: the way to a router inside.
pub(crate) fn router(context: Arc<Context>) -> Router {
    let login = from_fn_with_state(Arc::clone(&context), require_login);
    let surround = from_fn_with_state(Arc::clone(&context), surround);
    let prefix = context.info.path_prefix.clone();
    let (routes, described) = api::routes().split();
    let api = routes
        .fallback(async || ApiError::ObjectNotFound)
        .with_state(Arc::clone(&context));
    let api = inside(api).layer(from_fn(in_json)).layer(login);
    let api = openapi::routes(described, prefix.clone()).fallback_service(api);
    let app = Router::new()
        .nest_service("/api", api)
        .fallback(ui::file)
        .with_state(context);
    let app = match &*prefix {
        "" => app,
        prefix => {
            // The page names its files relative to itself.
            let folder = format!("{prefix}/");
            let there = Redirect::permanent(&folder);
            let there = get(async move || there.clone());
            Router::new()
                .route(prefix, there)
                .nest_service(&folder, app)
        }
    };
    inside(app).layer(from_fn(compress)).layer(surround)
}

/// A router whose one route leads to another router.
fn inside(router: Router) -> Router {
    Router::new().fallback_service(router)
}

/// Bytes of a sentence about a request that can't be read.
const SENTENCE_BYTES_MAX: usize = 4096;

/// What can't be read (a query with a word for a number, a path that is no text) is refused before
/// a handler sees it, in a plain sentence: clients expect the form of every other refusal.
async fn in_json(request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    let kind = response.headers().get(CONTENT_TYPE);
    let plain = kind.is_some_and(|kind| kind.as_bytes().starts_with(b"text/plain"));
    if response.status() != StatusCode::BAD_REQUEST || !plain {
        return response;
    }
    let sentence = to_bytes(response.into_body(), SENTENCE_BYTES_MAX).await;
    let sentence = sentence.unwrap_or_default();
    ApiError::bad_request(String::from_utf8_lossy(&sentence)).into_response()
}

async fn surround(State(context): State<Arc<Context>>, request: Request, next: Next) -> Response {
    let asks_for_methods = request.method() == Method::OPTIONS;
    let cors = &context.info.cors;
    let other_origin = cors.asked(request.method(), request.headers());
    let mut response = next.run(request).await;
    // A path that has no OPTIONS of its own answers 405, and names the methods it does have.
    if asks_for_methods && response.status() == StatusCode::METHOD_NOT_ALLOWED {
        *response.status_mut() = StatusCode::OK;
    }
    let headers = response.headers_mut();
    headers.extend(HEADERS);
    for (name, value) in &context.info.headers {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(*name, value);
        }
    }
    if let Some(asked) = other_origin {
        cors.allow(asked, headers);
    }
    headers
        .entry(CACHE_CONTROL)
        .or_insert(const { HeaderValue::from_static("no-cache") });
    response
}
