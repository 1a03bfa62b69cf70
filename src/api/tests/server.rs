//! The server itself, over pipes in memory with a paused clock, and over a real socket.

use super::harness::{Harness, V3};
use crate::api::{Settings, listen};
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::sync::oneshot;
use tokio::time::Instant;

/// A connection to the harness, and its server side.
fn connect(harness: &Harness, pipe: usize) -> (DuplexStream, tokio::task::JoinHandle<()>) {
    let (client, server) = duplex(pipe);
    let connection = harness.api.clone().connection(server, harness.api.router());
    (client, tokio::spawn(connection))
}

fn request(method: &str, path: &str) -> String {
    format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\n\r\n")
}

/// Everything up to and including `end`.
async fn read_until(client: &mut DuplexStream, end: &str) -> String {
    let mut text = String::new();
    let mut bytes = [0; 4096];
    while !text.contains(end) {
        let read = client.read(&mut bytes).await.unwrap();
        assert!(read > 0, "closed before {end:?}: {text}");
        text.push_str(std::str::from_utf8(&bytes[..read]).unwrap());
    }
    text
}

#[tokio::test(start_paused = true)]
async fn a_request_head_that_trickles_in_is_cut_off() {
    let harness = Harness::new();
    let (mut client, _server) = connect(&harness, 1024);
    client.write_all(b"GET / HTTP/1.1\r\nhost: ").await.unwrap();
    let start = Instant::now();
    let mut rest = Vec::new();
    client.read_to_end(&mut rest).await.unwrap();
    assert!(start.elapsed() <= Duration::from_secs(31), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn an_endless_request_head_is_refused() {
    let harness = Harness::new();
    let (client, server) = connect(&harness, 1024 * 1024);
    let (mut reader, mut writer) = tokio::io::split(client);
    let flood = tokio::spawn(async move {
        let _ = writer.write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\n").await;
        for n in 0..100_000 {
            if writer.write_all(format!("x-{n}: y\r\n").as_bytes()).await.is_err() {
                break;
            }
        }
    });
    let mut answer = Vec::new();
    let _ = reader.read_to_end(&mut answer).await;
    assert!(answer.starts_with(b"HTTP/1.1 431"), "{}", String::from_utf8_lossy(&answer));
    server.await.unwrap();
    flood.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_client_that_never_reads_holds_little_and_is_dropped() {
    let harness = Harness::new();
    let (mut client, server) = connect(&harness, 16 * 1024);
    client.write_all(request("GET", &format!("{V3}/conversations/flood/events")).as_bytes()).await.unwrap();
    let start = Instant::now();
    server.await.unwrap();
    assert_eq!(start.elapsed().as_secs(), 60);
    let pulled = harness.fake.pulled.load(Ordering::Relaxed);
    assert!(pulled < 60, "{pulled} events of 10 kB were taken for nobody");
}

#[tokio::test]
async fn events_reach_a_client_that_reads_as_they_come() {
    let harness = Harness::new();
    let (mut client, _server) = connect(&harness, 1024);
    let path = format!("{V3}/conversations/quiet/events?follow=true");
    client.write_all(request("GET", &path).as_bytes()).await.unwrap();
    let text = read_until(&mut client, "event: status").await;
    assert!(text.starts_with("HTTP/1.1 200 OK\r\n") && text.contains("text/event-stream"), "{text}");
}

/// A served harness on a free port; resolve the sender to shut it down.
fn serve(harness: &Harness, drain: Duration) -> (String, oneshot::Sender<()>, tokio::task::JoinHandle<()>) {
    let listener = listen("127.0.0.1:0".parse().unwrap()).unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let (stop, stopped) = oneshot::channel::<()>();
    let told = async move {
        let _ = stopped.await;
        drain
    };
    let server = harness.api.clone().serve(listener, told);
    (base, stop, tokio::spawn(server))
}

#[tokio::test]
async fn shutdown_cuts_endless_streams_with_a_word_and_takes_no_more_connections() {
    let harness = Harness::new();
    let (base, stop, server) = serve(&harness, Duration::from_secs(10));
    let client = crate::http::client();
    let stream =
        client.get(format!("{base}{V3}/conversations/quiet/events?follow=true")).send().await.unwrap();
    stop.send(()).unwrap();
    let text = stream.text().await.unwrap();
    assert!(text.ends_with(": shutting down, reconnect with Last-Event-ID\n\n"), "{text}");
    server.await.unwrap();
    assert!(crate::http::client().get(format!("{base}/health")).send().await.is_err());
}

async fn ask(base: &str, conversation: &str) -> reqwest::Response {
    let ask = crate::http::client().post(format!("{base}{V3}/chat/events"));
    let body = format!("{{\"message\":\"a\",\"conversation_id\":\"{conversation}\"}}");
    ask.header("content-type", "application/json").body(body).send().await.unwrap()
}

#[tokio::test]
async fn a_running_turn_ends_while_the_service_drains() {
    let harness = Harness::new();
    let (base, stop, server) = serve(&harness, Duration::from_secs(10));
    let stream = ask(&base, "held").await;
    stop.send(()).unwrap();
    while harness.api.slot().is_ok() {
        tokio::task::yield_now().await;
    }
    harness.fake.release.notify_one();
    let text = stream.text().await.unwrap();
    assert!(text.contains("event: done") && !text.contains("shutting down"), "{text}");
    server.await.unwrap();
}

#[tokio::test]
async fn a_turn_that_outlasts_the_drain_is_cut_off_with_a_word() {
    let harness = Harness::new();
    let (base, stop, server) = serve(&harness, Duration::ZERO);
    let stream = ask(&base, "quiet").await;
    stop.send(()).unwrap();
    let text = stream.text().await.unwrap();
    assert!(text.ends_with(": shutting down, reconnect with Last-Event-ID\n\n"), "{text}");
    server.await.unwrap();
}

#[tokio::test]
async fn a_full_house_makes_newcomers_wait_for_a_place() {
    let harness = Harness::with(Settings { connections: 1, ..Settings::default() });
    let (base, stop, server) = serve(&harness, Duration::from_secs(10));
    let first = crate::http::client().get(format!("{base}{V3}/conversations/quiet/events?follow=true"));
    let first = first.send().await.unwrap();
    let second = tokio::spawn(crate::http::client().get(format!("{base}/health")).send());
    drop(first);
    assert_eq!(second.await.unwrap().unwrap().status(), 200);
    stop.send(()).unwrap();
    server.await.unwrap();
}

#[tokio::test]
async fn a_two_megabyte_body_gets_its_refusal_on_a_real_socket() {
    let harness = Harness::new();
    let (base, stop, server) = serve(&harness, Duration::from_secs(10));
    let ask = crate::http::client().post(format!("{base}{V3}/chat/poll"));
    let answer =
        ask.header("content-type", "application/json").body("x".repeat(2_000_000)).send().await.unwrap();
    assert_eq!(answer.status(), 413);
    assert_eq!(answer.headers()["content-type"], "application/problem+json");
    stop.send(()).unwrap();
    server.await.unwrap();
}
