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

#[tokio::test]
async fn pages_of_configured_origins_may_ask_and_no_others_are_told_so() {
    let known = "https://app.example.com";
    let harness = Harness::with(Settings { origins: vec![known.into()], ..Settings::default() });
    let ask = |origin: &'static str| poll(&[("host", "localhost:8080"), ("origin", origin)]);
    let preflight = |origin: &'static str| {
        let request = Request::options(format!("{V3}/chat/poll")).header("host", "localhost:8080");
        let request = request.header("origin", origin).header("access-control-request-method", "POST");
        request.header("access-control-request-headers", "content-type").body(Body::empty()).unwrap()
    };
    for request in [ask(known), preflight(known)] {
        let answer = harness.call(request).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.headers["access-control-allow-origin"], known);
        assert_eq!(answer.headers["access-control-allow-credentials"], "true");
        assert!(answer.headers.get_all("vary").iter().any(|vary| {
            vary.to_str().unwrap().split(',').any(|name| name.trim().eq_ignore_ascii_case("origin"))
        }));
    }
    for other in [
        "null",
        "http://app.example.com",
        "https://app.example.com:8443",
        "https://app.example.com.evil.example",
        "https://evil.example?https://app.example.com",
        "https://sub.app.example.com",
        "https://APP.example.com",
        "https://xn--app-example.com",
    ] {
        let refused = harness.call(ask(other)).await;
        assert!(refused.headers.get("access-control-allow-origin").is_none(), "{other}");
        refused.refused(403, "route_access_denied");
        let answer = harness.call(preflight(other)).await;
        assert!(answer.headers.get("access-control-allow-origin").is_none(), "{other}");
    }
    let broken = Request::post(format!("{V3}/chat/poll")).header("host", "localhost").header("origin", known);
    let broken = harness.call(broken.body(Body::from("{")).unwrap()).await;
    assert_eq!(broken.headers["access-control-allow-origin"], known, "refusals can be read, too");
}

#[tokio::test]
async fn memories_are_listed_and_forgotten_by_their_id() {
    let harness = Harness::new();
    let call = |method: &str, path: &str| {
        let request =
            Request::builder().method(method).uri(format!("{V3}{path}")).header("host", "localhost");
        request.body(Body::empty()).unwrap()
    };
    let listed = harness.call(call("GET", "/memories?limit=1")).await;
    assert_eq!(listed.json()["memories"][0]["text"], "C means cancelled");
    harness.call(call("GET", "/memories?limit=0")).await.refused(400, "invalid_request");
    assert_eq!(harness.call(call("DELETE", "/memories/m1")).await.status, 204);
    harness.call(call("DELETE", "/memories/m2")).await.refused(404, "not_found");
}
