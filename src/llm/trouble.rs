//! What goes wrong with a model: the closed list of codes, and what each means for a retry.

use std::time::Duration;
use vanna_actors::ports::sql::Failure;

/// Kinds of trouble; each has its code, and the table in the documents has a row for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// No connection: refused, unknown name, TLS.
    Unreachable,
    /// No first byte, or no whole answer, in time.
    Timeout,
    /// The stream began and then went quiet.
    Silent,
    /// Too many requests.
    RateLimited,
    /// The account has used up what it may.
    Quota,
    /// The provider cannot take it now.
    Overloaded,
    /// The provider does not take this request.
    RefusedRequest,
    /// The key is missing, wrong, or may not do this.
    Auth,
    /// The address points elsewhere.
    Redirected,
    /// The stream ended or broke before its end.
    StreamBroken,
    /// What came is not an answer.
    BadAnswer,
    /// What came is over the bounds.
    TooLong,
    /// Not asked, because it failed again and again.
    Unavailable,
}

impl Kind {
    /// The stable code.
    pub(super) fn code(self) -> &'static str {
        match self {
            Kind::Unreachable => "model_unreachable",
            Kind::Timeout => "model_timeout",
            Kind::Silent => "model_silent",
            Kind::RateLimited => "model_rate_limited",
            Kind::Quota => "model_quota",
            Kind::Overloaded => "model_overloaded",
            Kind::RefusedRequest => "model_refused_request",
            Kind::Auth => "model_auth",
            Kind::Redirected => "model_redirected",
            Kind::StreamBroken => "model_stream_broken",
            Kind::BadAnswer => "model_bad_answer",
            Kind::TooLong => "model_too_long",
            Kind::Unavailable => "model_unavailable",
        }
    }

    /// Whether the same request may work a moment later.
    pub(super) fn passes(self) -> bool {
        use Kind::{Overloaded, RateLimited, Silent, StreamBroken, Timeout, Unavailable, Unreachable};
        matches!(self, Unreachable | Timeout | Silent | RateLimited | Overloaded | StreamBroken | Unavailable)
    }

    /// Whether it says that the provider itself is in a bad way.
    pub(super) fn is_sickness(self) -> bool {
        use Kind::{Overloaded, Silent, StreamBroken, Timeout, Unreachable};
        matches!(self, Unreachable | Timeout | Silent | Overloaded | StreamBroken)
    }

    fn text(self) -> &'static str {
        match self {
            Kind::Unreachable => "cannot be reached; check base_url, name service, proxy and certificates",
            Kind::Timeout => "did not answer in time; try again, or raise the limits of the model",
            Kind::Silent => "went silent in the middle of its answer; try again",
            Kind::RateLimited => "takes no more requests for now; try again later, or raise its rate limit",
            Kind::Quota => "says that the quota of the account is used up; raise it there",
            Kind::Overloaded => "cannot take the request now; try again",
            Kind::RefusedRequest => "does not take this request; check the model's name and the parameters",
            Kind::Auth => "does not accept the key; check key_env or key_file, and what the key may do",
            Kind::Redirected => "answers with a redirect, which is not followed; correct base_url",
            Kind::StreamBroken => "broke off its answer before the end; try again",
            Kind::BadAnswer => "answered with something that is not an answer; check base_url and provider",
            Kind::TooLong => "answered more than is taken; ask for less, or lower max_tokens",
            Kind::Unavailable => "failed again and again and is left alone for a while; try again later",
        }
    }
}

/// One failed attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Trouble {
    /// What kind.
    pub(super) kind: Kind,
    /// What is known beyond that: our own words only.
    pub(super) detail: String,
    /// How long the provider asked to wait.
    pub(super) wait: Option<Duration>,
}

impl Trouble {
    pub(super) fn new(kind: Kind, detail: impl Into<String>) -> Trouble {
        Trouble { kind, detail: detail.into(), wait: None }
    }

    /// From the status of an HTTP answer that is not 200, and the error in its body.
    pub(super) fn of_status(status: u16, error: &ProviderError) -> Trouble {
        let kind = match (status, error.kind()) {
            (200..=299, _) => Kind::BadAnswer,
            (402, _) | (429, Some(Kind::Quota)) => Kind::Quota,
            (300..=399, _) => Kind::Redirected,
            (401 | 403, _) => Kind::Auth,
            (408, _) => Kind::Timeout,
            (429, _) => Kind::RateLimited,
            (400, Some(Kind::Auth)) => Kind::Auth,
            (409 | 500..=599, _) => Kind::Overloaded,
            _ => Kind::RefusedRequest,
        };
        Trouble::new(kind, format!("HTTP status {status}{}", error.shown()))
    }

    /// From an error object inside an answer that began well.
    pub(super) fn of_error(error: &ProviderError) -> Trouble {
        let kind = error.kind().unwrap_or(Kind::Overloaded);
        Trouble::new(kind, format!("error in the answer{}", error.shown()))
    }

    /// As callers see it.
    pub(super) fn failure(&self, provider: &str) -> Failure {
        let detail = if self.detail.is_empty() { String::new() } else { format!(" ({})", self.detail) };
        let message = format!("The model provider {provider} {}{detail}.", self.kind.text());
        Failure::new(self.kind.code(), message, self.kind.passes())
    }
}

/// Codes of providers that are known here, in lower case. Only these are ever repeated.
const KNOWN: [(&str, Kind); 32] = [
    ("insufficient_quota", Kind::Quota),
    ("billing_error", Kind::Quota),
    ("rate_limit_error", Kind::RateLimited),
    ("rate_limit_exceeded", Kind::RateLimited),
    ("resource_exhausted", Kind::RateLimited),
    ("429", Kind::RateLimited),
    ("authentication_error", Kind::Auth),
    ("permission_error", Kind::Auth),
    ("invalid_api_key", Kind::Auth),
    ("unauthenticated", Kind::Auth),
    ("permission_denied", Kind::Auth),
    ("401", Kind::Auth),
    ("403", Kind::Auth),
    ("timeout_error", Kind::Timeout),
    ("deadline_exceeded", Kind::Timeout),
    ("408", Kind::Timeout),
    ("504", Kind::Timeout),
    ("context_length_exceeded", Kind::RefusedRequest),
    ("model_not_found", Kind::RefusedRequest),
    ("invalid_request_error", Kind::RefusedRequest),
    ("invalid_argument", Kind::RefusedRequest),
    ("not_found_error", Kind::RefusedRequest),
    ("not_found", Kind::RefusedRequest),
    ("request_too_large", Kind::RefusedRequest),
    ("failed_precondition", Kind::RefusedRequest),
    ("400", Kind::RefusedRequest),
    ("404", Kind::RefusedRequest),
    ("overloaded_error", Kind::Overloaded),
    ("server_error", Kind::Overloaded),
    ("api_error", Kind::Overloaded),
    ("unavailable", Kind::Overloaded),
    ("internal", Kind::Overloaded),
];

/// What is known of an error object of a provider. Nothing of it is kept: it may quote the key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct ProviderError {
    known: Option<(&'static str, Kind)>,
}

impl ProviderError {
    /// Reads `{"error": …}`, alone or in a list of one; none if there is no error.
    pub(super) fn read(text: &str) -> Option<ProviderError> {
        let value: serde_json::Value = serde_json::from_str(text).ok()?;
        let value = value.get(0).unwrap_or(&value);
        value.get("error").filter(|error| !error.is_null()).map(ProviderError::of)
    }

    /// Looks an error object up: by its most telling code that is known.
    pub(super) fn of(error: &serde_json::Value) -> ProviderError {
        let look_up = |name: &str| {
            let code = match error.get(name)? {
                serde_json::Value::String(code) => code.to_ascii_lowercase(),
                serde_json::Value::Number(code) => code.to_string(),
                _ => return None,
            };
            KNOWN.iter().find(|(known, _)| *known == code).copied()
        };
        let by_word = |name: &&str| error.get(name).is_some_and(serde_json::Value::is_string);
        let names = ["code", "type", "status"];
        let (words, numbers): (Vec<&str>, Vec<&str>) = names.into_iter().partition(by_word);
        ProviderError { known: words.into_iter().chain(numbers).find_map(look_up) }
    }

    fn kind(&self) -> Option<Kind> {
        self.known.map(|(_, kind)| kind)
    }

    fn shown(&self) -> String {
        self.known.map(|(code, _)| format!(", {code}")).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_error_object_is_told_by_its_codes_and_never_by_its_prose() {
        let kinds = [
            (json!({"type": "insufficient_quota", "message": "secret"}), Kind::Quota),
            (json!({"code": 429, "status": "RESOURCE_EXHAUSTED"}), Kind::RateLimited),
            (json!({"type": "overloaded_error"}), Kind::Overloaded),
            (json!({"type": "invalid_request_error", "code": "secret"}), Kind::RefusedRequest),
            (json!({"type": "invalid_request_error", "code": "invalid_api_key"}), Kind::Auth),
            (json!({"code": 503, "status": "UNAVAILABLE"}), Kind::Overloaded),
            (json!({"code": 403, "message": "secret"}), Kind::Auth),
            (json!("a mere text with a secret"), Kind::Overloaded),
        ];
        for (error, kind) in kinds {
            let trouble = Trouble::of_error(&ProviderError::of(&error));
            assert_eq!(trouble.kind, kind, "{error}");
            let message = trouble.failure("p").message;
            assert!(!message.contains("secret"), "{message}");
        }
    }

    #[test]
    fn a_status_says_what_it_means_whatever_the_body_is() {
        let of = |status| Trouble::of_status(status, &ProviderError::default()).kind;
        assert_eq!((of(308), of(401), of(404)), (Kind::Redirected, Kind::Auth, Kind::RefusedRequest));
        assert_eq!((of(204), of(402)), (Kind::BadAnswer, Kind::Quota));
        assert_eq!((of(408), of(409), of(529)), (Kind::Timeout, Kind::Overloaded, Kind::Overloaded));
        let quota = ProviderError::read(r#"{"error":{"code":"insufficient_quota"}}"#).unwrap();
        assert_eq!(Trouble::of_status(429, &quota).kind, Kind::Quota);
        assert!(ProviderError::read("<html>").is_none() && ProviderError::read("{}").is_none());
    }
}
