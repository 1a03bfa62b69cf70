//! Over real HTTP on loopback. Nothing here depends on how long anything takes.

use super::fake::{Fake, KEY, Reply, Step, ask, over_http, question, serve, told};
use super::speech::{ALL, Say, bytes, hello, two_calls};
use crate::config::ModelProvider::{Anthropic, Gemini, OpenaiCompatible};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::time::timeout;
use vanna_actors::ports::model::{Deltas, Model};

/// Longest wait for something that must happen.
const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn each_provider_is_asked_at_its_path_and_answers() {
    for (provider, path) in ALL.into_iter().zip([
        "/chat/completions",
        "/v1/messages",
        "/v1beta/models/m-1:streamGenerateContent?alt=sse",
    ]) {
        let fake = Fake::new(move |_| Reply::stream(bytes(provider, &two_calls())));
        let (base, _over) = serve(Arc::clone(&fake)).await;
        let model = over_http(provider, &base);
        let (outcome, pieces) = timeout(PATIENCE, ask(&model)).await.unwrap();
        let line = told(&outcome, &pieces, fake.seen().len());
        let calls = "c1=run_sql{\"sql\":\"SELECT 1\"} c2=draw{\"mark\":\"bär\"}";
        assert_eq!(line, format!("\"I look.\" ToolCalls {calls} 7/3 | 1"), "{provider:?}");
        let seen = fake.seen().remove(0);
        assert_eq!(seen.url, path);
        assert!(seen.headers.contains(&("content-type".into(), "application/json".into())));
        assert!(seen.headers.iter().any(|(_, value)| value.ends_with(KEY)), "{provider:?} shows its key");
        let digest = format!("blake3:{}", blake3::hash(&seen.body));
        assert_eq!(outcome.unwrap().mark.request_digest, digest, "the digest is that of what was sent");
        assert_eq!(model.mark(&question()).request_digest, digest, "and known before the call");
    }
}

#[tokio::test]
async fn every_fault_of_the_wire_has_its_outcome() {
    for provider in ALL {
        let says = move |says: &[Say]| Reply::stream(bytes(provider, says));
        let crumbs = bytes(provider, &hello()).into_iter().map(|byte| Step::Bytes(vec![byte])).collect();
        let long = vec![Step::Bytes(vec![b'x'; 1 << 16]); 160];
        let page = Reply { content_type: "text/html", ..says(&[Say::Raw("<html>")]) };
        let whole = "\"Hello, wörld 👍\" Stop 7/3 | 1";
        for (name, reply, expected) in [
            ("a good answer", says(&hello()), whole),
            ("single bytes", Reply::steps(crumbs), whole),
            ("500", Reply::status(500), "model_overloaded | \"\" | 4"),
            ("429", Reply::status(429), "model_rate_limited | \"\" | 4"),
            ("401", Reply::status(401), "model_auth | \"\" | 1"),
            ("redirect", Reply::status(302), "model_redirected | \"\" | 1"),
            ("HTML", page, "model_bad_answer | \"\" | 1"),
            ("a break at once", Reply::steps(vec![Step::Break]), "model_stream_broken | \"\" | 4"),
            ("a line of 10 MB", Reply::steps(long), "model_too_long | \"\" | 1"),
        ] {
            let fake = Fake::new(move |_| reply.clone());
            let (base, _over) = serve(Arc::clone(&fake)).await;
            let (outcome, pieces) = timeout(PATIENCE, ask(&over_http(provider, &base))).await.unwrap();
            assert_eq!(told(&outcome, &pieces, fake.seen().len()), expected, "{name} of {provider:?}");
        }
    }
}

#[tokio::test]
async fn a_port_without_a_server_and_a_server_without_tls_are_unreachable() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = free.local_addr().unwrap();
    drop(free);
    let (base, _over) = serve(Fake::new(|_| Reply::status(200))).await;
    for base in [format!("http://{address}"), base.replace("http://", "https://")] {
        let (outcome, _) = timeout(PATIENCE, ask(&over_http(Anthropic, &base))).await.unwrap();
        let failure = outcome.unwrap_err();
        assert_eq!((failure.code.as_str(), failure.retryable), ("model_unreachable", true), "{base}");
    }
}

#[tokio::test]
async fn a_connection_that_is_reset_before_any_answer_is_tried_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let server = tokio::spawn(async move {
        for connection in 1.. {
            let (mut socket, _) = listener.accept().await.unwrap();
            socket.read_u8().await.unwrap();
            socket.set_zero_linger().unwrap();
            drop(socket);
            if connection == 4 {
                break;
            }
        }
    });
    let (outcome, _) = timeout(PATIENCE, ask(&over_http(OpenaiCompatible, &base))).await.unwrap();
    assert_eq!(outcome.unwrap_err().code, "model_stream_broken");
    timeout(PATIENCE, server).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_connection_that_ends_after_the_first_text_is_not_tried_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let server = tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"\"stream\":true}") {
            assert!(socket.read_buf(&mut request).await.unwrap() > 0);
        }
        let text = bytes(Anthropic, &[Say::Text("Hel")]);
        let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
        socket.write_all(format!("{head}{:x}\r\n", text.len()).as_bytes()).await.unwrap();
        socket.write_all(&text).await.unwrap();
        socket.shutdown().await.unwrap();
        drop(socket);
        listener
    });
    let (outcome, pieces) = timeout(PATIENCE, ask(&over_http(Anthropic, &base))).await.unwrap();
    assert_eq!(
        (outcome.unwrap_err().code.as_str(), pieces.concat().as_str()),
        ("model_stream_broken", "Hel")
    );
    timeout(PATIENCE, server).await.unwrap().unwrap();
}

#[tokio::test]
async fn dropping_the_call_ends_the_exchange() {
    let stream = bytes(Gemini, &[Say::Text("Hel")]);
    let fake = Fake::new(move |_| Reply::steps(vec![Step::Bytes(stream.clone()), Step::Hang]));
    let (base, mut over) = serve(Arc::clone(&fake)).await;
    let model = over_http(Gemini, &base);
    let (deltas, mut reader) = Deltas::channel(4);
    let call = tokio::spawn(async move { model.call(&question(), &deltas).await });
    assert_eq!(timeout(PATIENCE, reader.recv()).await.unwrap().as_deref(), Some("Hel"));
    call.abort();
    timeout(PATIENCE, over.recv()).await.unwrap().unwrap();
}
