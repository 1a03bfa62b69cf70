//! Calls into the routes without a network.

use super::fake::Fake;
use crate::api::{Api, Settings};
use axum::body::Body;
use axum::http::request::Builder;
use axum::http::{HeaderMap, Request, Response, StatusCode};
use futures::StreamExt;
use serde_json::Value;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tower::ServiceExt;

pub(super) const V3: &str = "/api/vanna/v3";

/// The HTTP side over a scripted service.
pub(super) struct Harness {
    pub(super) api: Arc<Api>,
    pub(super) fake: Arc<Fake>,
}

/// A whole answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) text: String,
}

impl Harness {
    pub(super) fn new() -> Harness {
        Harness::with(Settings::default())
    }

    pub(super) fn with(settings: Settings) -> Harness {
        let fake = Arc::new(Fake::default());
        let count = AtomicUsize::new(0);
        let new_id = move || format!("id-{}", count.fetch_add(1, Ordering::Relaxed));
        Harness { api: Api::new(fake.clone(), settings, new_id), fake }
    }

    /// The response, its body not yet read.
    pub(super) async fn open(&self, request: Request<Body>) -> Response<Body> {
        self.api.router().oneshot(request).await.unwrap()
    }

    /// The answer, read to its end.
    pub(super) async fn call(&self, request: Request<Body>) -> Answer {
        let (parts, body) = self.open(request).await.into_parts();
        let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        Answer { status: parts.status, headers: parts.headers, text }
    }

    pub(super) async fn get(&self, path: &str) -> Answer {
        self.call(get(path).body(Body::empty()).unwrap()).await
    }

    pub(super) async fn post(&self, path: &str, body: impl Into<Body>) -> Answer {
        self.call(post(path).body(body.into()).unwrap()).await
    }
}

impl Answer {
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Checks everything that all refusals have in common; gives the detail.
    #[track_caller]
    pub(super) fn refused(&self, status: u16, code: &str) -> String {
        assert_eq!(self.status.as_u16(), status, "{self:?}");
        assert_eq!(self.header("content-type"), "application/problem+json", "{self:?}");
        let problem = self.json();
        let keys: Vec<&str> = problem.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(keys, ["detail", "error", "status", "title", "type"], "{self:?}");
        let error = &problem["error"];
        assert_eq!(error["code"], code, "{self:?}");
        assert_eq!(problem["status"], status);
        assert_eq!(problem["type"], format!("urn:vanna:problem:{code}"));
        assert_eq!(error["correlation_id"], self.header("x-correlation-id"));
        assert_eq!(error["message"], problem["detail"]);
        assert!(error["retryable"].is_boolean() && !error["message"].as_str().unwrap().is_empty());
        problem["detail"].as_str().unwrap().to_owned()
    }
}

pub(super) fn get(path: &str) -> Builder {
    Request::get(path).header("host", "localhost:8080")
}

pub(super) fn post(path: &str) -> Builder {
    Request::post(path).header("host", "localhost:8080").header("content-type", "application/json")
}

/// The next piece of a body, as text; `None` at its end.
pub(super) async fn piece(body: &mut axum::body::BodyDataStream) -> Option<String> {
    let bytes = body.next().await?.unwrap();
    Some(String::from_utf8(bytes.to_vec()).unwrap())
}
