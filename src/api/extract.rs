//! Strict reading of bodies, queries and paths; every refusal names what is wrong.

use super::Api;
use super::problem::{Code, Problem};
use super::service::Caller;
use axum::body::Body;
use axum::extract::{FromRequest, FromRequestParts, Query, RawPathParams, Request};
use axum::http::{HeaderMap, header, request::Parts};
use futures::StreamExt;
use serde::de::DeserializeOwned;
use serde_json::error::Category;
use std::sync::Arc;

/// Longest body that is read.
pub(crate) const BODY_BYTES: usize = 1024 * 1024;

/// How much of a body that is too long is read and thrown away, so that the client, which is
/// still sending, gets to see the refusal instead of a reset connection.
const DRAINED_BYTES: usize = 16 * BODY_BYTES;

/// A JSON body of exactly the fields of `T`.
pub(crate) struct StrictJson<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<Arc<Api>> for StrictJson<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, api: &Arc<Api>) -> Result<Self, Problem> {
        check_type(request.headers())?;
        let expects = request.headers().contains_key(header::EXPECT);
        let announced =
            request.headers().get(header::CONTENT_LENGTH).and_then(|n| n.to_str().ok()?.parse().ok());
        if expects && announced.is_some_and(|bytes: u64| bytes > BODY_BYTES as u64) {
            return Err(too_large());
        }
        let body = tokio::time::timeout(api.settings.timing.body, read(request.into_body()))
            .await
            .map_err(|_| Problem::new(Code::RequestTimeout, "The body did not arrive in time."))??;
        parse(&body).map(StrictJson)
    }
}

fn check_type(headers: &HeaderMap) -> Result<(), Problem> {
    let unsupported = |detail: &str| Err(Problem::new(Code::UnsupportedMediaType, detail));
    let declared =
        headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut parts = declared.split(';').map(str::trim);
    if !parts.next().unwrap_or_default().eq_ignore_ascii_case("application/json") {
        return unsupported("Send the body as 'Content-Type: application/json'.");
    }
    let foreign = |part: &str| {
        let part = part.to_ascii_lowercase();
        part.strip_prefix("charset=").is_some_and(|set| set.trim_matches('"') != "utf-8")
    };
    if parts.any(foreign) {
        return unsupported("Send the body in UTF-8.");
    }
    if headers.contains_key(header::CONTENT_ENCODING) {
        return unsupported("Send the body without Content-Encoding.");
    }
    Ok(())
}

/// Reads a body, within bounds.
pub(crate) async fn read(body: Body) -> Result<Vec<u8>, Problem> {
    let mut chunks = body.into_data_stream();
    let mut kept = Vec::new();
    let mut seen = 0;
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|_| Problem::invalid("The body broke off."))?;
        seen += chunk.len();
        if seen > DRAINED_BYTES {
            break;
        } else if seen <= BODY_BYTES {
            kept.extend_from_slice(&chunk);
        } else {
            kept = Vec::new();
        }
    }
    if seen > BODY_BYTES { Err(too_large()) } else { Ok(kept) }
}

fn too_large() -> Problem {
    Problem::new(Code::PayloadTooLarge, format!("The body may have at most {BODY_BYTES} bytes."))
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    serde_json::from_slice(body).map_err(|error| match error.classify() {
        Category::Data => Problem::invalid(format!("The body does not fit: {error}.")),
        _ => Problem::invalid(format!("The body is not valid JSON: {error}.")),
    })
}

/// Query parameters: exactly those of `T`.
pub(crate) struct StrictQuery<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequestParts<Arc<Api>> for StrictQuery<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<Api>) -> Result<Self, Problem> {
        match Query::<T>::try_from_uri(&parts.uri) {
            Ok(Query(query)) => Ok(StrictQuery(query)),
            Err(rejection) => Err(Problem::invalid(rejection.body_text())),
        }
    }
}

/// A caller who looks after the service itself.
pub(crate) struct Operator;

impl FromRequestParts<Arc<Api>> for Operator {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<Api>) -> Result<Self, Problem> {
        match parts.extensions.get::<Caller>() {
            Some(Caller { operator: true, .. }) => Ok(Operator),
            _ => Err(Problem::new(
                Code::RouteAccessDenied,
                "This route is for operators: it needs a token whose [[access]] entry says operator = true.",
            )),
        }
    }
}

/// The ids in the path of a conversation route.
pub(crate) struct PathIds {
    pub(crate) conversation: String,
    /// Empty where the route has none.
    pub(crate) request: String,
}

impl FromRequestParts<Arc<Api>> for PathIds {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> Result<Self, Problem> {
        let params = RawPathParams::from_request_parts(parts, api)
            .await
            .map_err(|_| Problem::invalid("The path is not valid UTF-8 after percent-decoding."))?;
        let mut ids = PathIds { conversation: String::new(), request: String::new() };
        for (name, value) in &params {
            let id = check_id(name, value)?;
            match name {
                "request_id" => ids.request = id,
                _ => ids.conversation = id,
            }
        }
        Ok(ids)
    }
}

/// An id of a conversation or request: `[A-Za-z0-9][A-Za-z0-9._:-]{0,127}`.
pub(crate) fn check_id(name: &str, value: &str) -> Result<String, Problem> {
    let inner = |c: u8| c.is_ascii_alphanumeric() || b"._:-".contains(&c);
    let starts = value.bytes().next().is_some_and(|c| c.is_ascii_alphanumeric());
    if starts && value.len() <= 128 && value.bytes().all(inner) {
        return Ok(value.into());
    }
    Err(Problem::invalid(format!(
        "{name} must be 1 to 128 letters, digits, '.', '_', ':' or '-', and start with a letter or digit."
    )))
}

/// An opaque cursor that the service once gave out; what it means is the service's matter.
pub(crate) fn check_cursor(name: &str, value: &str) -> Result<String, Problem> {
    if !value.is_empty() && value.len() <= 256 && value.bytes().all(|c| c.is_ascii_graphic()) {
        return Ok(value.into());
    }
    Err(Problem::invalid(format!(
        "{name} is not a cursor of this service: send one exactly as it was received."
    )))
}
