//! The key is seen by the provider, and by nobody else.

use super::fake::{Fake, KEY, Reply, Step, ask, model, over_http, question, serve};
use super::speech::{ALL, bytes, hello};
use crate::llm::transport::Outgoing;
use std::io::Write;
use std::sync::{Arc, Mutex};
use tracing_subscriber::fmt::MakeWriter;
use vanna_actors::ports::model::Model;

/// Everything that is logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Log;

    fn make_writer(&'a self) -> Log {
        self.clone()
    }
}

/// An answer that holds the key wherever a provider could put it.
fn leaks() -> Vec<Reply> {
    let errors = [
        format!("{{\"error\": {{\"type\": \"{KEY}\", \"code\": \"{KEY}\", \"message\": \"{KEY}\"}}}}"),
        format!("{{\"error\": \"{KEY}\"}}"),
        format!("{{\"{KEY}\": 1"),
        KEY.to_owned(),
    ];
    let mut all: Vec<Reply> = [200, 302, 400, 401, 429, 500].map(Reply::status).into();
    for error in errors {
        all.push(Reply::stream(format!("data: {error}\n\n").into_bytes()));
        all.push(Reply { content_type: "text/html", ..Reply::stream(error.into_bytes()) });
    }
    all.push(Reply::steps(vec![Step::Bytes(KEY.into()), Step::Break]));
    all
}

#[tokio::test]
async fn the_key_is_in_no_error_log_digest_or_debug_output() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(log.clone());
    let _guard = tracing::subscriber::set_default(subscriber.finish());
    let mut seen = String::new();
    for provider in ALL {
        for reply in leaks() {
            let fake = Fake::new(move |_| reply.clone());
            let (base, _over) = serve(Arc::clone(&fake)).await;
            let failure = ask(&over_http(provider, &base)).await.0.unwrap_err();
            seen.push_str(&format!("{failure:?}"));
            assert!(fake.seen()[0].headers.iter().any(|(_, value)| value.contains(KEY)), "it was sent");
        }
        let fake = Fake::new(move |_| Reply::stream(bytes(provider, &hello())));
        let model = model(provider, "http://fake", Arc::new(Arc::clone(&fake)));
        let answer = ask(&model).await.0.unwrap();
        seen.push_str(&format!("{answer:?} {}", serde_json::to_string(&answer).unwrap()));
        assert!(!String::from_utf8_lossy(&fake.seen()[0].body).contains(KEY), "no key is in the body");
        let headers = model.provider.protocol.headers(model.provider.key.as_ref());
        let outgoing = Outgoing { url: String::new(), headers, body: model.provider.body(&question()) };
        seen.push_str(&format!("{outgoing:?} {:?}", model.mark(&question())));
    }
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(log.contains("a model call failed") && log.contains("model_auth"), "the log is listened to");
    for (what, text) in [("log", &log), ("output", &seen)] {
        assert!(!text.contains("canary"), "the key is in the {what}");
    }
}
