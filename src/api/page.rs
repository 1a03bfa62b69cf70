//! The one plain page, built into the program. It talks only to documented routes.

use super::Api;
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderName, header};
use axum::response::IntoResponse;
use axum::routing::get;
use std::sync::Arc;

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The prefix as the page is written with it.
const WRITTEN_PREFIX: &str = "/api/vanna/v3";

const PAGE: &str = include_str!("../../web/index.html");
const SCRIPT: &str = include_str!("../../web/app.js");
const STYLE: &str = include_str!("../../web/app.css");

/// The routes.
pub(crate) fn routes() -> Router<Arc<Api>> {
    Router::new()
        .route("/", get(page))
        .route("/app.js", get(|| async { file("text/javascript; charset=utf-8", SCRIPT) }))
        .route("/app.css", get(|| async { file("text/css; charset=utf-8", STYLE) }))
}

async fn page(State(api): State<Arc<Api>>) -> impl IntoResponse {
    file("text/html; charset=utf-8", PAGE.replace(WRITTEN_PREFIX, &api.settings.prefix))
}

fn file(kind: &'static str, text: impl IntoResponse) -> impl IntoResponse {
    let headers: [(HeaderName, &str); 3] = [
        (header::CONTENT_TYPE, kind),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::CACHE_CONTROL, "no-cache"),
    ];
    (headers, text)
}
