//! What monitoring is told.

use crate::support::{PATIENCE, Server};
use serde_json::json;
use std::time::Instant;

async fn scraped(server: &Server) -> String {
    let answer = vanna::http::client().get(server.root("/metrics")).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let form = answer.headers()["content-type"].to_str().unwrap().to_owned();
    assert!(form.starts_with("application/openmetrics-text"), "{form}");
    answer.text().await.unwrap()
}

/// The value of a sample.
fn value(text: &str, sample: &str) -> f64 {
    let line = text.lines().find_map(|line| line.strip_prefix(sample)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("{sample} is not in\n{text}")).parse().unwrap()
}

#[tokio::test]
async fn questions_are_counted_and_timed_and_never_quoted() {
    let home = tempfile::tempdir().unwrap();
    let server = Server::start(&home.path().join("data")).await;
    let client = vanna::http::client();
    for _ in 0..3 {
        let body = json!({"message": "revenue by genre", "conversation_id": "a-private-name"});
        let answer = client.post(server.url("chat/events")).json(&body).send().await.unwrap();
        assert!(answer.text().await.unwrap().contains("event: done"));
    }
    let begun = Instant::now();
    let text = loop {
        let text = scraped(&server).await;
        // Facts are counted a moment after they are recorded.
        if text.contains("vanna_facts_total{kind=\"question_asked\"} 3") {
            break text;
        }
        assert!(begun.elapsed() < PATIENCE, "{text}");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    };
    let asked =
        "vanna_http_requests_total{method=\"POST\",route=\"/api/vanna/v3/chat/events\",status=\"200\"}";
    assert!((value(&text, asked) - 3.0).abs() < f64::EPSILON);
    for timed in ["vanna_first_event_seconds_count", "vanna_turn_seconds_count"] {
        assert!((value(&text, timed) - 3.0).abs() < f64::EPSILON, "{timed}");
    }
    assert!(value(&text, "vanna_journal_position") > 3.0);
    assert!((value(&text, "vanna_ready") - 1.0).abs() < f64::EPSILON);
    assert!(value(&text, "vanna_projection_lag{projection=\"conversations\"}") >= 0.0);
    assert!(text.ends_with("# EOF\n"));
    assert!(!text.contains("a-private-name") && !text.contains("genre"), "{text}");
    assert_eq!(server.terminate().await, 0);
}
