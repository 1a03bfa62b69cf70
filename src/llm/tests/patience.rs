//! Pauses, `Retry-After`, deadlines, the breaker and the chain, in paused time.

use super::fake::{Fake, First, Reply, Step, ask, model, question};
use super::speech::{ALL, Say, bytes, hello};
use crate::config::ModelProvider::{self, Anthropic, Gemini, OpenaiCompatible};
use crate::llm::fallback::Chain;
use crate::llm::retry::Retried;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use vanna_actors::ports::model::{Deltas, Model};

fn over(provider: ModelProvider, fake: &Arc<Fake>) -> Retried {
    model(provider, "http://fake", Arc::new(Arc::clone(fake)))
}

/// Seconds between the requests that the provider saw.
fn pauses(fake: &Fake) -> Vec<f64> {
    let seen = fake.seen();
    seen.windows(2).map(|two| (two[1].at - two[0].at).as_secs_f64()).collect()
}

fn limited(retry_after: &'static str) -> Reply {
    Reply { retry_after: Some(retry_after), ..Reply::status(429) }
}

#[tokio::test(start_paused = true)]
async fn pauses_double_between_half_and_all_of_their_length() {
    for (chance, expected) in [(0.0, [0.5, 1.0, 2.0]), (0.5, [0.75, 1.5, 3.0])] {
        let fake = Fake::new(|_| Reply::status(500));
        let mut model = over(Anthropic, &fake);
        model.chance = Box::new(move || chance);
        ask(&model).await.0.unwrap_err();
        for (pause, expected) in pauses(&fake).iter().zip(expected) {
            assert!((pause - expected).abs() < 0.01, "{pause} for {expected}");
        }
        assert_eq!(fake.seen().len(), 4);
    }
}

#[tokio::test(start_paused = true)]
async fn retry_after_is_respected_in_seconds_and_as_a_date() {
    for provider in ALL {
        for (text, seconds) in [("7", 7.5), ("Sun, 06 Nov 1994 08:49:37 GMT", 37.5), ("soon", 0.5)] {
            let good = bytes(provider, &hello());
            let fake = Fake::new(move |n| if n == 0 { limited(text) } else { Reply::stream(good.clone()) });
            ask(&over(provider, &fake)).await.0.unwrap();
            let pause = pauses(&fake)[0];
            assert!((pause - seconds).abs() < 0.01, "{pause} for {text}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_wait_beyond_the_deadline_of_the_call_is_not_begun() {
    let fake = Fake::new(|_| limited("601"));
    let begun = Instant::now();
    let failure = ask(&over(Gemini, &fake)).await.0.unwrap_err();
    assert_eq!((failure.code.as_str(), failure.retryable), ("model_rate_limited", true));
    assert_eq!((fake.seen().len(), begun.elapsed().as_secs()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_call_ends_at_its_deadline_however_much_still_comes() {
    for provider in ALL {
        let drip = move |_| {
            let comment = Step::Bytes(b": still thinking\n".to_vec());
            Reply::steps(vec![comment, Step::Hang])
        };
        let fake = Fake::new(drip);
        let mut model = over(provider, &fake);
        model.provider.patience.silence = Duration::from_secs(10_000);
        let begun = Instant::now();
        let failure = ask(&model).await.0.unwrap_err();
        assert_eq!((failure.code.as_str(), begun.elapsed().as_secs()), ("model_timeout", 600));
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_stays_open_after_a_whole_answer_is_left_soon() {
    for provider in ALL {
        let said = bytes(provider, &[Say::Text("Hi"), Say::Stop("stop")]);
        let fake = Fake::new(move |_| Reply::steps(vec![Step::Bytes(said.clone()), Step::Hang]));
        let begun = Instant::now();
        assert_eq!(ask(&over(provider, &fake)).await.0.unwrap().text, "Hi");
        assert_eq!(begun.elapsed().as_secs(), 5);
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_reader_of_the_text_is_not_silence_of_the_provider() {
    let stream = bytes(OpenaiCompatible, &hello());
    let fake = Fake::new(move |_| Reply::stream(stream.clone()));
    let model = over(OpenaiCompatible, &fake);
    let (deltas, mut reader) = Deltas::channel(1);
    let question = question();
    let call = async {
        let answer = model.call(&question, &deltas).await;
        drop(deltas);
        answer
    };
    let read = async {
        let mut text = String::new();
        while let Some(piece) = reader.recv().await {
            tokio::time::sleep(Duration::from_secs(100)).await;
            text.push_str(&piece);
        }
        text
    };
    let (answer, text) = futures::join!(call, read);
    assert_eq!(answer.unwrap().text, text);
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_keeps_failing_is_left_alone_and_then_asked_once() {
    let good = bytes(Anthropic, &hello());
    let fake = Fake::new(move |n| if n < 6 { Reply::status(500) } else { Reply::stream(good.clone()) });
    let model = over(Anthropic, &fake);
    let code = async || ask(&model).await.0.map_or_else(|failure| failure.code, |answer| answer.text);
    assert_eq!((code().await.as_str(), fake.seen().len()), ("model_overloaded", 4));
    assert_eq!((code().await.as_str(), fake.seen().len()), ("model_overloaded", 5), "the fifth in a row");
    assert_eq!((code().await.as_str(), fake.seen().len()), ("model_unavailable", 5), "not even asked");
    tokio::time::advance(Duration::from_secs(30)).await;
    assert_eq!((code().await.as_str(), fake.seen().len()), ("model_overloaded", 6), "one probe");
    tokio::time::advance(Duration::from_secs(30)).await;
    assert_eq!((code().await.as_str(), fake.seen().len()), ("Hello, wörld 👍", 7));
}

#[tokio::test(start_paused = true)]
async fn what_the_asker_did_wrong_does_not_open_the_breaker() {
    let fake = Fake::new(|_| Reply::status(400));
    let model = over(Gemini, &fake);
    for _ in 0..20 {
        assert_eq!(ask(&model).await.0.unwrap_err().code, "model_refused_request");
    }
}

fn chain(fakes: &[(ModelProvider, &Arc<Fake>)]) -> Chain {
    let mut models = fakes.iter().enumerate().map(|(at, (provider, fake))| -> Arc<dyn Model> {
        let mut model = over(*provider, fake);
        model.provider.name = format!("m{at}");
        Arc::new(model)
    });
    Chain::new(models.next().unwrap(), models.collect())
}

#[tokio::test(start_paused = true)]
async fn the_next_model_answers_and_the_answer_tells_who_did_not() {
    let (down, bad) = (Fake::new(|_| Reply::first(First::Refuse)), Fake::new(|_| Reply::status(401)));
    let good = Fake::new(|_| Reply::stream(bytes(Gemini, &hello())));
    let chain = chain(&[(OpenaiCompatible, &down), (Anthropic, &bad), (Gemini, &good)]);
    let (answer, pieces) = ask(&chain).await;
    let answer = answer.unwrap();
    assert_eq!((pieces.concat(), answer.mark.provider.as_str()), ("Hello, wörld 👍".into(), "m2"));
    let told = answer.passed_over.iter().map(|one| (one.mark.provider.as_str(), one.failure.code.as_str()));
    assert_eq!(told.collect::<Vec<_>>(), [("m0", "model_unreachable"), ("m1", "model_auth")]);
    assert_eq!(answer.passed_over[0].mark, chain.mark(&question()), "the intent names who is asked first");
}

#[tokio::test(start_paused = true)]
async fn after_the_first_text_no_other_model_is_asked() {
    let broken = Fake::new(|_| Reply::stream(bytes(Anthropic, &[Say::Text("Hel")])));
    let good = Fake::new(|_| Reply::stream(bytes(Gemini, &hello())));
    let (failure, pieces) = ask(&chain(&[(Anthropic, &broken), (Gemini, &good)])).await;
    assert_eq!(
        (failure.unwrap_err().code.as_str(), pieces.concat().as_str()),
        ("model_stream_broken", "Hel")
    );
    assert!(good.seen().is_empty());
}

#[tokio::test(start_paused = true)]
async fn when_no_model_answers_every_one_is_told() {
    let (down, bad) = (Fake::new(|_| Reply::first(First::Refuse)), Fake::new(|_| Reply::status(401)));
    let failure = ask(&chain(&[(Gemini, &down), (Gemini, &bad)])).await.0.unwrap_err();
    assert_eq!((failure.code.as_str(), failure.retryable), ("model_auth", true));
    assert!(failure.message.contains("m0: model_unreachable, m1: model_auth"), "{}", failure.message);
}
