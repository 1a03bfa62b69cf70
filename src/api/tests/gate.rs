//! Who gets in: names, sites, tokens.

use super::harness::{Harness, V3};
use crate::api::{Access, Caller, Hosts, Settings};
use axum::body::Body;
use axum::http::{Request, Version};

const TOKEN: &str = "0123456789abcdef";

fn with_tokens() -> Harness {
    let caller =
        |name: &str| Caller { tenant: "acme".into(), principal: name.into(), operator: name == "bob" };
    let access = Access::tokens([(TOKEN, caller("ann")), ("another-long-token", caller("bob"))]);
    Harness::with(Settings { access, hosts: Hosts::Any, ..Settings::default() })
}

fn poll(headers: &[(&str, &str)]) -> Request<Body> {
    let start = Request::post(format!("{V3}/chat/poll")).header("content-type", "application/json");
    let request = headers.iter().fold(start, |request, (name, value)| request.header(*name, *value));
    request.body(Body::from(r#"{"message":"a"}"#)).unwrap()
}

#[tokio::test]
async fn loopback_answers_only_to_its_own_names() {
    let harness = Harness::new();
    for host in ["localhost", "LOCALHOST:8080", "127.0.0.1", "127.0.0.1:1", "[::1]", "[::1]:8080"] {
        assert_eq!(harness.call(poll(&[("host", host)])).await.status, 200, "{host}");
    }
    for host in
        ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "10.0.0.1", "a@localhost", "é"]
    {
        harness.call(poll(&[("host", host)])).await.refused(403, "route_access_denied");
    }
    harness.call(poll(&[])).await.refused(400, "invalid_request");
    harness.call(poll(&[("host", "localhost"), ("host", "localhost")])).await.refused(400, "invalid_request");
    let target =
        Request::get("http://evil.example/").header("host", "localhost").body(Body::empty()).unwrap();
    harness.call(target).await.refused(403, "route_access_denied");
    let old = Request::get("/health").version(Version::HTTP_10).body(Body::empty()).unwrap();
    assert_eq!(harness.call(old).await.status, 200, "probes of old speak HTTP/1.0 without a host");
}

#[tokio::test]
async fn pages_of_other_sites_may_not_ask() {
    let harness = Harness::new();
    let from = |origin: &'static str| poll(&[("host", "localhost:8080"), ("origin", origin)]);
    for origin in ["http://localhost:8080", "https://localhost:8080", "http://LOCALHOST:8080"] {
        assert_eq!(harness.call(from(origin)).await.status, 200, "{origin}");
    }
    for origin in [
        "http://evil.example",
        "null",
        "http://localhost",
        "http://localhost:80801",
        "localhost:8080",
        "file://",
    ] {
        harness.call(from(origin)).await.refused(403, "route_access_denied");
    }
    let proxied =
        [("host", "localhost"), ("origin", "https://vanna.example"), ("sec-fetch-site", "same-origin")];
    assert_eq!(harness.call(poll(&proxied)).await.status, 200);
    let answer = harness.call(from("http://localhost:8080")).await;
    assert!(!answer.headers.keys().any(|name| name.as_str().starts_with("access-control")));
}

#[tokio::test]
async fn with_tokens_configured_every_api_route_needs_one() {
    let harness = with_tokens();
    for path in ["conversations", "conversations/c1", "conversations/c1/events", "openapi.json", "schemas/"] {
        let refused = harness.get(&format!("{V3}/{path}")).await;
        refused.refused(401, "authentication_required");
        assert_eq!(refused.header("www-authenticate"), "Bearer realm=\"vanna\"");
    }
    for path in ["/", "/app.js", "/app.css", "/health", "/health/live", "/health/ready"] {
        assert_eq!(harness.get(path).await.status, 200, "{path}");
    }
}

#[tokio::test]
async fn only_exactly_a_known_token_gets_in() {
    let harness = with_tokens();
    let bearer = format!("Bearer {TOKEN}");
    let host = ("host", "vanna.example");
    for value in [
        "",
        "Bearer",
        "Bearer ",
        "Bearer 0123456789abcde",
        "Bearer 0123456789abcdeF",
        "Basic 0123456789abcdef",
        TOKEN,
    ] {
        harness.call(poll(&[host, ("authorization", value)])).await.refused(401, "authentication_required");
    }
    let twice = poll(&[host, ("authorization", &bearer), ("authorization", &bearer)]);
    harness.call(twice).await.refused(401, "authentication_required");
    assert!(harness.fake.calls().is_empty());
    assert_eq!(harness.call(poll(&[host, ("authorization", &bearer)])).await.status, 200);
    assert_eq!(harness.call(poll(&[host, ("authorization", "bearer another-long-token")])).await.status, 200);
    let calls = harness.fake.calls();
    assert!(calls[0].starts_with("ask acme/ann") && calls[2].starts_with("ask acme/bob"), "{calls:?}");
}

#[tokio::test]
async fn only_operators_look_after_the_service() {
    let harness = with_tokens();
    let calls = |token: &str| {
        [
            ("GET", "journal"),
            ("POST", "journal/verify"),
            ("GET", "projections"),
            ("POST", "projections/conversations/rebuild"),
            ("POST", "schema/sync"),
            ("GET", "schema/status"),
            ("GET", "schema/snapshots"),
            ("GET", "schema/snapshots/snap_1"),
            ("GET", "schema/diff?from=snap_1"),
        ]
        .map(|(method, path)| {
            let request = Request::builder().method(method).uri(format!("{V3}/{path}"));
            let request = request.header("host", "vanna.example").header("authorization", token);
            request.body(Body::empty()).unwrap()
        })
    };
    for request in calls(&format!("Bearer {TOKEN}")) {
        harness.call(request).await.refused(403, "route_access_denied");
    }
    assert!(harness.fake.calls().is_empty());
    for request in calls("Bearer another-long-token") {
        let path = request.uri().path();
        let begins = path.ends_with("/rebuild") || path.ends_with("/sync");
        let wanted = if begins { 202 } else { 200 };
        assert_eq!(harness.call(request).await.status, wanted);
    }
    assert_eq!(Harness::new().get(&format!("{V3}/journal")).await.status, 200, "alone on a machine");
    let shared = Settings { access: Access::open(false), hosts: Hosts::Any, ..Settings::default() };
    Harness::with(shared).get(&format!("{V3}/journal")).await.refused(403, "route_access_denied");
}
