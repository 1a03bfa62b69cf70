//! How a request gets to a provider and the bytes of its answer back.

use super::trouble::{Kind, Trouble};
use crate::config::Secret;
use async_trait::async_trait;
use futures::StreamExt;
use futures::stream::BoxStream;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use std::time::Duration;

/// A request as it is sent.
#[derive(Clone, Debug)]
pub(super) struct Outgoing {
    /// Where to.
    pub(super) url: String,
    /// Headers beside the content type; they may hold the key.
    pub(super) headers: Vec<(&'static str, Secret)>,
    /// The exact bytes.
    pub(super) body: Vec<u8>,
}

/// The head of an answer, and its body as it comes.
pub(super) struct Incoming {
    /// HTTP status.
    pub(super) status: u16,
    /// Content type; empty if there is none.
    pub(super) content_type: String,
    /// `Retry-After`, if it is there.
    pub(super) retry_after: Option<String>,
    /// The bytes. Dropping it ends the exchange.
    pub(super) body: BoxStream<'static, Result<Vec<u8>, Trouble>>,
}

/// Sends requests. Dropping the future, or the body of its answer, ends the exchange at once.
#[async_trait]
pub(super) trait Transport: Send + Sync + 'static {
    /// Sends one request.
    async fn send(&self, request: Outgoing) -> Result<Incoming, Trouble>;
}

/// HTTP, with TLS where the address asks for it. Redirects are not followed: they would carry the
/// key elsewhere. Proxies are taken from the environment.
pub(super) struct Http {
    client: reqwest::Client,
}

impl Http {
    /// A client that gives up connecting after a while.
    pub(super) fn new(connect: Duration) -> Result<Http, Trouble> {
        let builder = crate::http::client_builder()
            .connect_timeout(connect)
            .redirect(reqwest::redirect::Policy::none())
            .tcp_nodelay(true);
        let client = builder.build().map_err(|_| Trouble::new(Kind::Unreachable, "no HTTP client"))?;
        Ok(Http { client })
    }
}

#[async_trait]
impl Transport for Http {
    async fn send(&self, request: Outgoing) -> Result<Incoming, Trouble> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        for (name, value) in &request.headers {
            let unusable = |_| Trouble::new(Kind::Auth, "the key holds characters that no header can");
            let mut value = HeaderValue::from_str(value.reveal()).map_err(unusable)?;
            value.set_sensitive(true);
            headers.insert(HeaderName::from_static(name), value);
        }
        let sent = self.client.post(&request.url).headers(headers).body(request.body).send().await;
        let response = sent.map_err(|error| trouble(&error))?;
        let text = |name| {
            let value = response.headers().get(name).and_then(|value: &HeaderValue| value.to_str().ok());
            value.map(str::to_owned)
        };
        Ok(Incoming {
            status: response.status().as_u16(),
            content_type: text(CONTENT_TYPE).unwrap_or_default(),
            retry_after: text(RETRY_AFTER),
            body: response
                .bytes_stream()
                .map(|part| part.map(Vec::from).map_err(|error| trouble(&error)))
                .boxed(),
        })
    }
}

/// The library's own words are not kept: they name addresses.
fn trouble(error: &reqwest::Error) -> Trouble {
    let kind = match error {
        _ if error.is_connect() || error.is_builder() => Kind::Unreachable,
        _ if error.is_timeout() => Kind::Timeout,
        _ => Kind::StreamBroken,
    };
    Trouble::new(kind, "")
}
