//! The service dies at every named place of the runtime and of the journal's writer, once each.

use super::{QUESTIONS, Seen, ask, check, verify};
use crate::support::Server;
use std::path::Path;

/// Where the places are that a service comes to; the journal's own tests have all of them.
const SOURCES: [&str; 2] = ["actors/src/runtime/host.rs", "journal/src/sled/writer.rs"];

fn places() -> Vec<String> {
    let read = |path: &str| {
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).expect("a source")
    };
    let text: String = SOURCES.map(read).concat();
    let names = text.split("failpoint!(\"").skip(1).filter_map(|rest| rest.split('"').next());
    names.map(str::to_owned).collect()
}

/// Asks until the service is gone, or three times.
async fn ask_some(base: &str, place: &str) -> Vec<Seen> {
    let client = vanna::http::client();
    let mut all = Vec::new();
    for (turn, question) in QUESTIONS.into_iter().enumerate().take(3) {
        let mut seen = Seen {
            conversation: format!("at-{place}-{}", turn / 2),
            request: format!("request-{turn}"),
            question,
            accepted: false,
            events: Vec::new(),
        };
        ask(&client, base, &mut seen).await;
        let over = seen.over();
        all.push(seen);
        if !over {
            break;
        }
    }
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_every_named_place_the_service_may_die_and_every_turn_ends_once() {
    let places = places();
    assert!(places.len() >= 14, "the places were not found: {places:?}");
    for (index, place) in places.iter().enumerate() {
        let home = tempfile::tempdir().expect("a directory");
        let data = home.path().join("data");
        // Not always the first time, so that a turn is under way.
        let often = !["close_synced", "head_signed", "index_extended"].contains(&place.as_str());
        let time = if often { 1 + index % 3 } else { 1 };
        let wish = format!("{place}:{time}=abort");
        // Only questions come to the places, so that which time it is says where in a turn it is.
        let config = home.path().join("vanna.toml");
        std::fs::write(&config, "[schema]\nwatch = false\n").expect("written");
        let server = Server::start_with(&data, |command| {
            command.arg("--config").arg(&config).env("VANNA_FAILPOINT", &wish);
        })
        .await;
        let mut seen = ask_some(&server.base, place).await;
        assert_eq!(server.stop().await, None, "{place}: the service did not come there");
        check(&data, &mut seen).await;
        verify(&data);
    }
}
