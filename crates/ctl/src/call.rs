//! A verb being carried out: its arguments, and the way to the broker.

use clap::ArgMatches;
use hyper::{Method, StatusCode};
use serde_json::Value;

use crate::failure::Failure;
use crate::http::{Answer, Target};

/// What a verb is given.
pub(crate) struct Call {
    pub(crate) target: Target,
    pub(crate) arguments: ArgMatches,
    pub(crate) vhost: String,
}

impl Call {
    /// A required argument.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.maybe(name).unwrap_or_default()
    }

    /// An argument that may be missing.
    pub(crate) fn maybe(&self, name: &str) -> Option<&str> {
        self.arguments
            .try_get_one::<String>(name)
            .ok()
            .flatten()
            .map(String::as_str)
    }

    /// An argument that stands for one or more words.
    pub(crate) fn words(&self, name: &str) -> Vec<&str> {
        self.arguments
            .try_get_many::<String>(name)
            .ok()
            .flatten()
            .map(|words| words.map(String::as_str).collect())
            .unwrap_or_default()
    }

    /// An option without a value.
    pub(crate) fn flag(&self, name: &str) -> bool {
        self.arguments
            .try_get_one::<bool>(name)
            .ok()
            .flatten()
            .copied()
            .unwrap_or_default()
    }

    /// An argument that is JSON.
    pub(crate) fn json(&self, name: &str) -> Result<Value, Failure> {
        serde_json::from_str(self.text(name))
            .map_err(|error| Failure::data(format!("{name} is not JSON: {error}")))
    }

    pub(crate) async fn get(&self, path: &str) -> Result<Value, Failure> {
        Ok(accepted(self.target.ask(Method::GET, path, None).await?)?.body)
    }

    pub(crate) async fn put(&self, path: &str, body: &Value) -> Result<(), Failure> {
        accepted(self.target.ask(Method::PUT, path, Some(body)).await?).map(drop)
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Result<Value, Failure> {
        Ok(accepted(self.target.ask(Method::POST, path, Some(body)).await?)?.body)
    }

    pub(crate) async fn delete(&self, path: &str) -> Result<(), Failure> {
        accepted(self.target.ask(Method::DELETE, path, None).await?).map(drop)
    }

    /// Whether there is something at this path.
    pub(crate) async fn exists(&self, path: &str) -> Result<bool, Failure> {
        let answer = self.target.ask(Method::GET, path, None).await?;
        match answer.status {
            StatusCode::NOT_FOUND => Ok(false),
            _ => accepted(answer).map(|_| true),
        }
    }

    /// The answer of a health check: none when all is well, else the reason.
    pub(crate) async fn check(&self, path: &str) -> Result<Option<String>, Failure> {
        let answer = self.target.ask(Method::GET, path, None).await?;
        match answer.status {
            StatusCode::SERVICE_UNAVAILABLE => Ok(Some(reason(&answer.body))),
            _ => accepted(answer).map(|_| None),
        }
    }
}

fn accepted(answer: Answer) -> Result<Answer, Failure> {
    let status = answer.status;
    if status.is_success() {
        return Ok(answer);
    }
    let reason = reason(&answer.body);
    Err(match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Failure::forbidden(reason),
        StatusCode::NOT_FOUND => Failure::refused(match &*reason {
            "Not Found" | "" => "there is no such thing".to_owned(),
            _ => reason,
        }),
        _ => Failure::refused(format!("{reason} ({status})")),
    })
}

/// What an error body says.
fn reason(body: &Value) -> String {
    match &body["reason"] {
        Value::String(reason) => reason.clone(),
        Value::Null => body.as_str().unwrap_or_default().to_owned(),
        other => other.to_string(),
    }
}
