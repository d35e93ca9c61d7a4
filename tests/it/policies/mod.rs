//! Policies as clients feel them: on queues and exchanges that live, and on those to come.

mod live;
mod survive;

use serde_json::{Value, json};
use tests::{Http, http::segment};

/// Sets a policy for names that match, with priority 0.
#[track_caller]
fn set(http: &Http, name: &str, pattern: &str, definition: &Value) {
    let body = json!({"pattern": pattern, "definition": definition});
    let answer = http.put(&format!("/policies/%2F/{}", segment(name)), &body);
    assert!(matches!(answer.status, 201 | 204), "{answer:?}");
}

#[track_caller]
fn clear(http: &Http, name: &str) {
    http.delete(&format!("/policies/%2F/{}", segment(name)))
        .ok(204);
}
