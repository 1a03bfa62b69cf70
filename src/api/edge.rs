//! What surrounds every request: correlation id, log line, problem documents, security headers.

use super::Api;
use super::problem::{Code, Problem};
use super::v2::Plain;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::any::Any;
use std::sync::Arc;
use tracing::Instrument;

const CORRELATION: HeaderName = HeaderName::from_static("x-correlation-id");

/// Nothing may be loaded, framed or run from what the API answers.
const CLOSED_POLICY: &str = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The outermost layer.
pub(crate) async fn surround(State(api): State<Arc<Api>>, request: Request, next: Next) -> Response {
    let correlation_id = (api.new_id)();
    let span =
        tracing::info_span!("http", %correlation_id, method = %request.method(), path = request.uri().path());
    async move {
        let mut response = next.run(request).await;
        if let Some(problem) = problem_of(&mut response) {
            log(&problem);
            response = dressed(response, problem.render(&correlation_id));
        }
        protect(&mut response, &correlation_id);
        tracing::debug!(status = response.status().as_u16(), "answered");
        response
    }
    .instrument(span)
    .await
}

/// Turns a panic of a handler into a refusal; the panic itself is logged by the panic hook.
pub(crate) fn panicked(_: Box<dyn Any + Send + 'static>) -> Response {
    Problem::internal("a handler panicked").into_response()
}

/// A path that no route has.
pub(crate) async fn unknown_route(State(api): State<Arc<Api>>) -> Problem {
    let list = format!("{}/openapi.json", api.settings.prefix);
    Problem::new(Code::NotFound, format!("There is no such route. {list} lists all routes."))
}

/// The refusal that a response stands for: ours, or one that the framework answered by itself.
fn problem_of(response: &mut Response) -> Option<Problem> {
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        return Some(problem);
    }
    let status = response.status();
    if response.extensions().get::<Plain>().is_some() {
        return None;
    }
    if !status.is_client_error() && !status.is_server_error() {
        return None;
    }
    let detail = match status {
        StatusCode::METHOD_NOT_ALLOWED => "The route does not take this method; Allow lists those it takes.",
        _ => "The request was refused before it reached a handler.",
    };
    Some(Problem::new(Code::of_status(status), detail))
}

fn log(problem: &Problem) {
    let status = problem.status();
    let cause = problem.cause.as_deref().unwrap_or(&problem.detail);
    if status.is_server_error() {
        tracing::error!(code = ?problem.code, status = status.as_u16(), cause, "refused");
    } else {
        tracing::info!(code = ?problem.code, status = status.as_u16(), cause, "refused");
    }
}

/// The rendered problem with what the framework's own answer had to say, such as `Allow`.
fn dressed(framework: Response<Body>, mut rendered: Response) -> Response {
    if let Some(allow) = framework.headers().get(header::ALLOW) {
        rendered.headers_mut().insert(header::ALLOW, allow.clone());
    }
    rendered
}

fn protect(response: &mut Response, correlation_id: &str) {
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::from_str(correlation_id) {
        headers.insert(CORRELATION, value);
    }
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(HeaderValue::from_static(CLOSED_POLICY));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
}
