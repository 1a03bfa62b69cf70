//! Refusals: one catalogue of codes, one shape (RFC 9457) for all of them.

use super::service::ServiceError;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use std::time::Duration;
use utoipa::ToSchema;

/// Longest detail that is sent; details may quote what the client sent.
const DETAIL_CHARS: usize = 400;

/// Stable codes of refusals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Code {
    InvalidRequest,
    AuthenticationRequired,
    RouteAccessDenied,
    ConversationAccessDenied,
    NotFound,
    MethodNotAllowed,
    RequestTimeout,
    RequestConflict,
    NewerFacts,
    PayloadTooLarge,
    UnsupportedMediaType,
    Unprocessable,
    RateLimitExceeded,
    InternalError,
    Unavailable,
}

impl Code {
    /// Status, code, title, and whether the same request may succeed later.
    fn facts(self) -> (StatusCode, &'static str, &'static str, bool) {
        use StatusCode as S;
        match self {
            Code::InvalidRequest => (S::BAD_REQUEST, "invalid_request", "The request is not valid", false),
            Code::AuthenticationRequired => {
                (S::UNAUTHORIZED, "authentication_required", "A valid token is required", false)
            }
            Code::RouteAccessDenied => {
                (S::FORBIDDEN, "route_access_denied", "This route is not open to the caller", false)
            }
            Code::ConversationAccessDenied => {
                (S::FORBIDDEN, "conversation_access_denied", "The conversation belongs to another", false)
            }
            Code::NotFound => (S::NOT_FOUND, "not_found", "There is no such thing", false),
            Code::MethodNotAllowed => {
                (S::METHOD_NOT_ALLOWED, "method_not_allowed", "The route does not take this method", false)
            }
            Code::RequestTimeout => {
                (S::REQUEST_TIMEOUT, "request_timeout", "The request did not arrive in time", true)
            }
            Code::RequestConflict => {
                (S::CONFLICT, "request_conflict", "The request id names another question", false)
            }
            Code::NewerFacts => {
                (S::CONFLICT, "newer_facts", "A newer version has written in this conversation", false)
            }
            Code::PayloadTooLarge => {
                (S::PAYLOAD_TOO_LARGE, "payload_too_large", "The request is too large", false)
            }
            Code::UnsupportedMediaType => (
                S::UNSUPPORTED_MEDIA_TYPE,
                "unsupported_media_type",
                "The body has a type that is not taken",
                false,
            ),
            Code::Unprocessable => {
                (S::UNPROCESSABLE_ENTITY, "unprocessable", "Nothing can be done with the request", false)
            }
            Code::RateLimitExceeded => {
                (S::TOO_MANY_REQUESTS, "rate_limit_exceeded", "Too much at once", true)
            }
            Code::InternalError => {
                (S::INTERNAL_SERVER_ERROR, "internal_error", "The service made a mistake", true)
            }
            Code::Unavailable => {
                (S::SERVICE_UNAVAILABLE, "unavailable", "The service cannot do this now", true)
            }
        }
    }

    /// The code of a status that the framework answered by itself.
    pub(crate) fn of_status(status: StatusCode) -> Code {
        match status.as_u16() {
            401 => Code::AuthenticationRequired,
            403 => Code::RouteAccessDenied,
            404 => Code::NotFound,
            405 => Code::MethodNotAllowed,
            408 => Code::RequestTimeout,
            409 => Code::RequestConflict,
            413 => Code::PayloadTooLarge,
            415 => Code::UnsupportedMediaType,
            422 => Code::Unprocessable,
            429 => Code::RateLimitExceeded,
            503 => Code::Unavailable,
            500.. => Code::InternalError,
            _ => Code::InvalidRequest,
        }
    }
}

/// A refusal on its way out. The outermost layer adds the correlation id and writes the body.
#[derive(Clone, Debug)]
pub(crate) struct Problem {
    pub(crate) code: Code,
    /// What is wrong and what to do, for people.
    pub(crate) detail: String,
    pub(crate) retry_after: Option<Duration>,
    /// What only the log may say.
    pub(crate) cause: Option<String>,
    /// Why a semantic query cannot be computed.
    pub(crate) semantic: Option<serde_json::Value>,
}

impl Problem {
    pub(crate) fn new(code: Code, detail: impl Into<String>) -> Problem {
        Problem { code, detail: detail.into(), retry_after: None, cause: None, semantic: None }
    }

    pub(crate) fn invalid(detail: impl Into<String>) -> Problem {
        Problem::new(Code::InvalidRequest, detail)
    }

    pub(crate) fn internal(cause: impl Into<String>) -> Problem {
        let detail = "The fault is logged under the correlation id; quote it to the operator.";
        Problem { cause: Some(cause.into()), ..Problem::new(Code::InternalError, detail) }
    }

    pub(crate) fn retry_after(self, delay: Duration) -> Problem {
        Problem { retry_after: Some(delay), ..self }
    }

    /// Whether it says that there is no such thing.
    pub(crate) fn is_not_found(&self) -> bool {
        self.status() == StatusCode::NOT_FOUND
    }

    /// Its stable code.
    pub(crate) fn name(&self) -> &'static str {
        self.code.facts().1
    }

    /// The status that it is answered with.
    pub(crate) fn status(&self) -> StatusCode {
        self.code.facts().0
    }

    /// The member `error` by itself, as JSON text.
    pub(crate) fn member(&self, correlation_id: &str) -> String {
        let (_, code, _, retryable) = self.code.facts();
        let message = presentable(&self.detail);
        let error =
            ProblemError { code: code.into(), message, correlation_id: correlation_id.into(), retryable };
        serde_json::json!(error).to_string()
    }

    /// The response as the client gets it.
    pub(crate) fn render(&self, correlation_id: &str) -> Response {
        let (status, code, title, retryable) = self.code.facts();
        let detail = presentable(&self.detail);
        let document = ProblemDocument {
            r#type: format!("urn:vanna:problem:{code}"),
            title: title.into(),
            status: status.as_u16(),
            detail: detail.clone(),
            error: ProblemError {
                code: code.into(),
                message: detail,
                correlation_id: correlation_id.into(),
                retryable,
            },
            semantic: self.semantic.clone(),
        };
        let mut response = (status, axum::Json(document)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(delay) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(delay.as_secs().max(1)));
        }
        if self.code == Code::AuthenticationRequired {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"vanna\""));
        }
        response
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

impl From<ServiceError> for Problem {
    fn from(error: ServiceError) -> Problem {
        let code = match &error {
            ServiceError::InvalidRequest(_) => Code::InvalidRequest,
            ServiceError::AuthenticationRequired(_) => Code::AuthenticationRequired,
            ServiceError::ConversationAccessDenied(_) => Code::ConversationAccessDenied,
            ServiceError::AccessDenied(_) => Code::RouteAccessDenied,
            ServiceError::NotFound(_) => Code::NotFound,
            ServiceError::RequestConflict(_) => Code::RequestConflict,
            ServiceError::NewerFacts(_) => Code::NewerFacts,
            ServiceError::PayloadTooLarge(_) => Code::PayloadTooLarge,
            ServiceError::Unprocessable(_) | ServiceError::NotComputable { .. } => Code::Unprocessable,
            ServiceError::RateLimited { .. } => Code::RateLimitExceeded,
            ServiceError::Unavailable { .. } => Code::Unavailable,
            ServiceError::Internal(cause) => return Problem::internal(cause.clone()),
        };
        let retry_after = match &error {
            ServiceError::RateLimited { retry_after, .. } => Some(*retry_after),
            ServiceError::Unavailable { retry_after, .. } => *retry_after,
            _ => None,
        };
        let semantic = match &error {
            ServiceError::NotComputable { why, .. } => Some(why.clone()),
            _ => None,
        };
        Problem { retry_after, semantic, ..Problem::new(code, error.to_string()) }
    }
}

/// Without control characters and not longer than it should be.
fn presentable(text: &str) -> String {
    let mut short: String = text.chars().filter(|c| !c.is_control()).take(DETAIL_CHARS).collect();
    if short.len() < text.len() && text.chars().count() > DETAIL_CHARS {
        short.push('…');
    }
    short
}

/// A refusal: RFC 9457 with the member `error`.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ProblemDocument {
    /// `urn:vanna:problem:<code>`
    r#type: String,
    /// What kind of refusal it is.
    title: String,
    /// The HTTP status.
    status: u16,
    /// What is wrong and what to do.
    detail: String,
    /// The same for programs.
    error: ProblemError,
    /// Why a semantic query cannot be computed: `coverage`, `code`, `message`, `name`, `suggestions`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    semantic: Option<serde_json::Value>,
}

/// The machine-readable part of a refusal.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ProblemError {
    /// Stable code.
    code: String,
    /// What is wrong and what to do.
    message: String,
    /// What to quote to the operator; also in `x-correlation-id`.
    correlation_id: String,
    /// Whether the same request may succeed later.
    retryable: bool,
}
