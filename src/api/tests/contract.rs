//! What every answer carries, and the documents that describe the API.

use super::harness::{Harness, V3};
use crate::api::Settings;
use std::collections::BTreeSet;

#[tokio::test]
async fn every_answer_is_protected() {
    let harness = Harness::new();
    for path in
        ["/", "/app.js", "/health", "/nothing", "/api/vanna/v3/conversations", "/api/vanna/v3/chat/poll"]
    {
        let answer = harness.get(path).await;
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("referrer-policy"), "no-referrer", "{path}");
        assert_eq!(answer.header("x-frame-options"), "DENY", "{path}");
        let policy = answer.header("content-security-policy");
        assert!(
            policy.starts_with("default-src 'none'") && policy.contains("frame-ancestors 'none'"),
            "{path}"
        );
        assert!(!policy.contains("unsafe"), "{path}");
    }
}

#[tokio::test]
async fn the_page_loads_nothing_but_its_own_two_files() {
    let harness = Harness::new();
    let page = harness.get("/").await;
    assert!(page.text.contains("src=\"/app.js\"") && page.text.contains("href=\"/app.css\""));
    assert!(!page.text.contains("://") && !page.text.contains("style=") && !page.text.contains("onclick"));
    let script = harness.get("/app.js").await.text;
    for forbidden in
        ["innerHTML", "outerHTML", "insertAdjacentHTML", "eval(", "new Function", "document.write"]
    {
        assert!(!script.contains(forbidden), "{forbidden}");
    }
}

#[tokio::test]
async fn probes_tell_life_from_readiness() {
    let harness = Harness::new();
    assert_eq!(harness.get("/health").await.text, r#"{"service":"vanna","status":"healthy"}"#);
    assert_eq!(harness.get("/health/live").await.status, 200);
    assert_eq!(harness.get("/health/ready").await.status, 200);
    *harness.fake.not_ready.lock().unwrap() = Some("The disk is full.".into());
    assert_eq!(harness.get("/health/ready").await.refused(503, "unavailable"), "The disk is full.");
    assert_eq!(harness.get("/health/live").await.status, 200);
}

#[tokio::test]
async fn the_openapi_document_names_every_route_below_the_prefix() {
    let harness = Harness::with(Settings { prefix: "/x/v9".into(), ..Settings::default() });
    let document = harness.get("/x/v9/openapi.json").await.json();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"), "{}", document["openapi"]);
    let paths: BTreeSet<String> = document["paths"].as_object().unwrap().keys().cloned().collect();
    let written = |source: &'static str, prefix: &'static str| {
        let routes = source.split(".route(\"").skip(1).map(|rest| rest.split('"').next().unwrap());
        routes.map(move |route| format!("{prefix}{route}"))
    };
    let routes = written(include_str!("../v3/routes.rs"), "/x/v9");
    let probes = written(include_str!("../health.rs"), "");
    let figures = written(include_str!("../metrics.rs"), "");
    assert_eq!(paths, routes.chain(probes).chain(figures).collect());
    assert!(paths.len() > 10, "{paths:?}");
    for path in paths {
        let concrete = path.replace("{conversation_id}", "c1").replace("{request_id}", "r1");
        let status = harness.get(&concrete.replace("{file}", "none.json")).await.status;
        let get = document["paths"][&path].get("get").is_some();
        assert_eq!(status == 405, !get, "{path} {status}");
    }
    assert!(document["components"]["schemas"]["AskBody"]["properties"]["metadata"].is_object());
    harness.get(&format!("{V3}/openapi.json")).await.refused(404, "not_found");
}

#[tokio::test]
async fn schemas_are_listed_where_they_are_served() {
    let harness = Harness::new();
    let list = harness.get(&format!("{V3}/schemas/")).await.json();
    for schema in list["schemas"].as_array().unwrap() {
        let answer = harness.get(schema["href"].as_str().unwrap()).await;
        assert_eq!((answer.status.as_u16(), answer.header("content-type")), (200, "application/schema+json"));
        assert!(answer.json().is_object());
    }
    for name in ["nothing.json", "event", "..%2Fevent.json", "%FF"] {
        let status = harness.get(&format!("{V3}/schemas/{name}")).await.status.as_u16();
        assert!(status == 404 || status == 400, "{name} {status}");
    }
}
