//! The table: every fault, every provider, what comes of it. Time is paused; nothing waits.

use super::fake::{Fake, First, Reply, Step, ask, model, told};
use super::speech::{ALL, Say, bytes, frames, hello, two_calls};
use crate::config::ModelProvider;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

const HELLO: &str = "\"Hello, wörld 👍\" Stop 7/3 | 1";
const HELLO_AGAIN: &str = "\"Hello, wörld 👍\" Stop 7/3 | 2";

/// What happens: reply to the n-th request.
type Happens = fn(ModelProvider, usize) -> Reply;

/// Once like that, then a good answer.
fn once(provider: ModelProvider, attempt: usize, reply: Reply) -> Reply {
    if attempt == 0 { reply } else { Reply::stream(bytes(provider, &hello())) }
}

fn says(provider: ModelProvider, says: &[Say]) -> Reply {
    Reply::stream(bytes(provider, says))
}

/// The stream up to a place inside its n-th frame, and then what comes.
fn cut(provider: ModelProvider, marker: &str, then: Option<Step>) -> Reply {
    let text = String::from_utf8(bytes(provider, &hello())).unwrap();
    let at = text.find(marker).unwrap() + 1;
    let part = text.as_bytes()[..at].to_vec();
    Reply::steps([Some(Step::Bytes(part)), then].into_iter().flatten().collect())
}

/// The first piece of text, and then what comes.
fn after_text(provider: ModelProvider, then: Step) -> Reply {
    Reply::steps(vec![Step::Bytes(bytes(provider, &[Say::Text("Hel")])), then])
}

async fn hold(rows: &[(&str, Happens, [&str; 3])]) {
    for &(name, happens, expected) in rows {
        for (provider, expected) in ALL.into_iter().zip(expected) {
            let fake = Fake::new(move |attempt| happens(provider, attempt));
            let model = model(provider, "http://fake", Arc::new(Arc::clone(&fake)));
            let asked = timeout(Duration::from_secs(3_600), ask(&model)).await;
            let (outcome, pieces) = asked.unwrap_or_else(|_| panic!("{name} of {provider:?} hangs"));
            let told = told(&outcome, &pieces, fake.seen().len());
            assert_eq!(told, expected, "{name} of {provider:?}");
        }
    }
}

fn all(expected: &str) -> [&str; 3] {
    [expected; 3]
}

#[tokio::test(start_paused = true)]
async fn what_passes_is_tried_again_within_its_limits() {
    hold(&[
        ("refused connection", |_, _| Reply::first(First::Refuse), all("model_unreachable | \"\" | 4")),
        ("refused once", |p, n| once(p, n, Reply::first(First::Refuse)), all(HELLO_AGAIN)),
        ("no head", |_, _| Reply::first(First::Hang), all("model_timeout | \"\" | 4")),
        ("no head once", |p, n| once(p, n, Reply::first(First::Hang)), all(HELLO_AGAIN)),
        ("no body", |_, _| Reply::steps(vec![Step::Hang]), all("model_timeout | \"\" | 4")),
        ("408", |_, _| Reply::status(408), all("model_timeout | \"\" | 4")),
        ("409", |p, n| once(p, n, Reply::status(409)), all(HELLO_AGAIN)),
        ("429", |p, n| once(p, n, Reply::status(429)), all(HELLO_AGAIN)),
        ("429 for ever", |_, _| Reply::status(429), all("model_rate_limited | \"\" | 4")),
        ("500", |p, n| once(p, n, Reply::status(500)), all(HELLO_AGAIN)),
        ("503 for ever", |_, _| Reply::status(503), all("model_overloaded | \"\" | 4")),
        ("529", |p, n| once(p, n, Reply::status(529)), all(HELLO_AGAIN)),
        ("reset at once", |p, n| once(p, n, Reply::steps(vec![Step::Break])), all(HELLO_AGAIN)),
        ("error object at once", |p, n| once(p, n, says(p, &[Say::Overloaded])), all(HELLO_AGAIN)),
        ("an empty body", |_, _| Reply::steps(vec![]), all("model_stream_broken | \"\" | 4")),
    ])
    .await;
}

#[tokio::test(start_paused = true)]
async fn what_does_not_pass_is_not_tried_again() {
    const QUOTA: &str = "{\"error\": {\"type\": \"insufficient_quota\"}}";
    fn page(status: u16, text: &str) -> Reply {
        let steps = vec![Step::Bytes(text.as_bytes().to_vec())];
        Reply { status, content_type: "text/html", ..Reply::steps(steps) }
    }
    hold(&[
        ("400", |_, _| Reply::status(400), all("model_refused_request | \"\" | 1")),
        ("401", |_, _| Reply::status(401), all("model_auth | \"\" | 1")),
        ("403", |_, _| Reply::status(403), all("model_auth | \"\" | 1")),
        ("404", |_, _| Reply::status(404), all("model_refused_request | \"\" | 1")),
        ("quota", |_, _| page(429, QUOTA), all("model_quota | \"\" | 1")),
        ("redirect", |_, _| Reply::status(307), all("model_redirected | \"\" | 1")),
        ("HTML with 200", |_, _| page(200, "<html>hi</html>"), all("model_bad_answer | \"\" | 1")),
        ("an error with 200", |_, _| page(200, QUOTA), all("model_quota | \"\" | 1")),
        ("a page as a stream", |p, _| says(p, &[Say::Raw("<html>")]), all("model_bad_answer | \"\" | 1")),
        ("204", |_, _| page(204, ""), all("model_bad_answer | \"\" | 1")),
    ])
    .await;
}

#[tokio::test(start_paused = true)]
async fn after_the_first_text_nothing_is_tried_again() {
    hold(&[
        ("silence", |p, _| after_text(p, Step::Hang), all("model_silent | \"Hel\" | 1")),
        ("reset", |p, _| after_text(p, Step::Break), all("model_stream_broken | \"Hel\" | 1")),
        ("end", |p, _| after_text(p, Step::Bytes(vec![])), all("model_stream_broken | \"Hel\" | 1")),
        (
            "error",
            |p, _| says(p, &[Say::Text("Hel"), Say::Overloaded]),
            all("model_overloaded | \"Hel\" | 1"),
        ),
        ("cut in UTF-8", |p, _| cut(p, "👍", None), all("model_stream_broken | \"Hello, \" | 1")),
        ("cut in JSON", |p, _| cut(p, "rld", None), all("model_stream_broken | \"Hello, \" | 1")),
        (
            "reset in an event",
            |p, _| cut(p, "rld", Some(Step::Break)),
            all("model_stream_broken | \"Hello, \" | 1"),
        ),
        (
            "broken JSON",
            |p, _| says(p, &[Say::Text("Hel"), Say::Raw("{\"choices\": [")]),
            all("model_bad_answer | \"Hel\" | 1"),
        ),
    ])
    .await;
}

#[tokio::test(start_paused = true)]
async fn silence_before_any_text_is_tried_again() {
    fn quiet(provider: ModelProvider, attempt: usize) -> Reply {
        let comment = Step::Bytes(b": thinking\n\n".to_vec());
        once(provider, attempt, Reply::steps(vec![comment, Step::Hang]))
    }
    hold(&[
        ("silence once", quiet, all(HELLO_AGAIN)),
        ("silence", |p, _| quiet(p, 0), all("model_silent | \"\" | 4")),
    ])
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_finish_reason_makes_an_answer_whole_whatever_follows() {
    fn finished(provider: ModelProvider, then: Step) -> Reply {
        let said = bytes(provider, &[Say::Text("Hi"), Say::Stop("stop")]);
        Reply::steps(vec![Step::Bytes(said), then])
    }
    let whole = "\"Hi\" Stop - | 1";
    hold(&[
        ("no end marker, no usage", |p, _| finished(p, Step::Bytes(vec![])), all(whole)),
        ("reset after it", |p, _| finished(p, Step::Break), all(whole)),
        ("silence after it", |p, _| finished(p, Step::Hang), all(whole)),
        ("error after it", |p, _| finished(p, Step::Bytes(bytes(p, &[Say::Overloaded]))), all(whole)),
        ("empty answer", |p, _| says(p, &[Say::Stop("stop"), Say::End]), all("\"\" Stop - | 1")),
        ("refusal", |p, _| says(p, &[Say::Stop("refused"), Say::End]), all("\"\" Refused - | 1")),
        (
            "cut by its bound",
            |p, _| says(p, &[Say::Text("Hi"), Say::Stop("length"), Say::Usage]),
            all("\"Hi\" Length 7/3 | 1"),
        ),
    ])
    .await;
}

#[tokio::test(start_paused = true)]
async fn line_ends_slices_comments_and_odd_events_change_nothing() {
    fn ends(provider: ModelProvider, end: &str) -> Reply {
        let text = String::from_utf8(bytes(provider, &hello())).unwrap();
        Reply::stream(text.replace('\n', end).into_bytes())
    }
    fn mixed(provider: ModelProvider) -> Reply {
        let ends = ["\r\n", "\n", "\r"].into_iter().cycle();
        let all: String = frames(provider, &hello())
            .iter()
            .zip(ends)
            .map(|(frame, end)| format!(": note{end}retry: 5{end}{}", frame.replace('\n', end)))
            .collect();
        Reply::stream(all.into_bytes())
    }
    fn crumbs(provider: ModelProvider) -> Reply {
        Reply::steps(bytes(provider, &hello()).into_iter().map(|byte| Step::Bytes(vec![byte])).collect())
    }
    fn odd(provider: ModelProvider) -> Reply {
        let mut all = hello();
        all.insert(1, Say::Raw("{}"));
        all.insert(1, Say::Raw("{\"from_the_future\": {\"x\": [1]}, \"type\": \"new\"}"));
        says(provider, &all)
    }
    hold(&[
        ("LF", |p, _| ends(p, "\n"), all(HELLO)),
        ("CRLF", |p, _| ends(p, "\r\n"), all(HELLO)),
        ("CR", |p, _| ends(p, "\r"), all(HELLO)),
        ("mixed, with comments", |p, _| mixed(p), all(HELLO)),
        ("single bytes", |p, _| crumbs(p), all(HELLO)),
        ("unknown events", |p, _| odd(p), all(HELLO)),
    ])
    .await;
}

#[tokio::test(start_paused = true)]
async fn too_much_is_cut_off_with_an_error() {
    fn line(bytes: usize) -> Reply {
        let line = [b"data: ".as_slice(), &vec![b'x'; bytes]].concat();
        Reply::steps(line.chunks(1 << 16).map(|part| Step::Bytes(part.to_vec())).collect())
    }
    fn flood(provider: ModelProvider) -> Reply {
        let text: &'static str = "0123456789abcdef".repeat(1_000).leak();
        Reply::steps(vec![Step::Bytes(bytes(provider, &[Say::Text(text)])); 320])
    }
    fn calls(provider: ModelProvider) -> Reply {
        let begun = (0..1_000).map(|index| Say::Call(index, "", "run_sql"));
        let args = (0..1_000).map(|index| Say::Args(index, "{}".into()));
        says(provider, &begun.chain(args).chain([Say::Stop("tool_calls")]).collect::<Vec<_>>())
    }
    hold(&[
        ("a line of 10 MB", |_, _| line(10 << 20), all("model_too_long | \"\" | 1")),
        ("1,000 parallel calls", |p, _| calls(p), all("model_too_long | \"\" | 1")),
    ])
    .await;
    for provider in ALL {
        let fake = Fake::new(move |_| flood(provider));
        let asked = ModelOutcome::of(provider, fake).await;
        assert_eq!(asked.code, "model_too_long", "an answer of 5 MB of {provider:?}");
        assert!(asked.heard <= crate::llm::assembly::MOST_BYTES);
    }
}

/// An outcome whose text is only counted.
struct ModelOutcome {
    code: String,
    heard: usize,
}

impl ModelOutcome {
    async fn of(provider: ModelProvider, fake: Arc<Fake>) -> ModelOutcome {
        use vanna_actors::ports::model::{Deltas, Model};
        let model = model(provider, "http://fake", Arc::new(fake));
        let (deltas, mut reader) = Deltas::channel(1);
        let question = super::fake::question();
        let call = async {
            let outcome = model.call(&question, &deltas).await;
            drop(deltas);
            outcome
        };
        let count = async {
            let mut heard = 0;
            while let Some(piece) = reader.recv().await {
                heard += piece.len();
            }
            heard
        };
        let (outcome, heard) = futures::join!(call, count);
        ModelOutcome { code: outcome.unwrap_err().code, heard }
    }
}

#[tokio::test(start_paused = true)]
async fn calls_come_out_whole_and_in_order_or_marked() {
    fn call(provider: ModelProvider, name: &'static str, arguments: &str) -> Reply {
        let args = Say::Args(0, arguments.to_owned());
        says(provider, &[Say::Call(0, "c1", name), args, Say::Stop("tool_calls"), Say::End])
    }
    fn same_index(provider: ModelProvider) -> Reply {
        let one = |id, text: &str| [Say::Call(0, id, "run_sql"), Say::Args(0, text.to_owned())];
        let stop = [Say::Stop("tool_calls"), Say::End];
        let calls = if provider == ModelProvider::Gemini {
            // Arguments belong to their call there; two calls can only share an id.
            let args = |at| Say::Args(at, format!("{{\"n\":{}}}", at + 1));
            vec![Say::Call(0, "c1", "run_sql"), Say::Call(1, "c1", "run_sql"), args(0), args(1)]
        } else {
            [one("c1", "{\"n\":1}"), one("c2", "{\"n\":2}")].concat()
        };
        says(provider, &calls.into_iter().chain(stop).collect::<Vec<_>>())
    }
    const DEEP: &str = "\"\" ToolCalls c1=f!{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\": - | 1";
    let two = "\"I look.\" ToolCalls c1=run_sql{\"sql\":\"SELECT 1\"} c2=draw{\"mark\":\"bär\"} 7/3 | 1";
    let twice = "\"\" ToolCalls c1=f!{\"a\":1,\"a\":2} - | 1";
    hold(&[
        ("interleaved parallel calls", |p, _| says(p, &two_calls()), all(two)),
        ("unknown tool", |p, _| call(p, "no_such", "{}"), all("\"\" ToolCalls c1=no_such{} - | 1")),
        (
            "one index for two calls",
            |p, _| same_index(p),
            [
                "\"\" ToolCalls c1=run_sql{\"n\":1} c2=run_sql{\"n\":2} - | 1",
                "\"\" ToolCalls c1=run_sql{\"n\":1} c2=run_sql{\"n\":2} - | 1",
                "\"\" ToolCalls c1=run_sql{\"n\":1} c1_2=run_sql{\"n\":2} - | 1",
            ],
        ),
        ("a name twice", |p, _| call(p, "f", "{\"a\":1,\"a\":2}"), all(twice)),
        ("not an object", |p, _| call(p, "f", "[1]"), all("\"\" ToolCalls c1=f![1] - | 1")),
        (
            "a huge number",
            |p, _| call(p, "f", "{\"a\":1e999}"),
            all("\"\" ToolCalls c1=f!{\"a\":1e999} - | 1"),
        ),
        (
            "10,000 levels",
            |p, _| call(p, "f", &format!("{}1{}", "{\"a\":".repeat(10_000), "}".repeat(10_000))),
            all(DEEP),
        ),
        (
            "truncated arguments",
            |p, _| call(p, "f", "{\"sql\":\"SELE"),
            [
                "\"\" ToolCalls c1=f!{\"sql\":\"SELE - | 1",
                "\"\" ToolCalls c1=f!{\"sql\":\"SELE - | 1",
                // There arguments are part of the event, which cannot be read then.
                "model_bad_answer | \"\" | 1",
            ],
        ),
        (
            "calls and stop",
            |p, _| says(p, &[Say::Call(0, "", "f"), Say::Args(0, "{}".into()), Say::Stop("stop")]),
            all("\"\" ToolCalls call_1=f{} - | 1"),
        ),
    ])
    .await;
}
