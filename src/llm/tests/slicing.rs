//! However the bytes of an answer are sliced, it is the same answer.

use super::fake::{Fake, Reply, Step, ask, model};
use super::speech::{ALL, Say, bytes, hello, two_calls};
use crate::config::ModelProvider;
use proptest::collection::vec;
use proptest::prelude::*;
use std::sync::Arc;
use vanna_actors::ports::model::ModelAnswer;
use vanna_actors::ports::sql::Failure;

type Outcome = (Result<ModelAnswer, Failure>, Vec<String>);

fn outcome(provider: ModelProvider, steps: Vec<Step>) -> Outcome {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_time().start_paused(true).build().unwrap();
    let fake = Fake::new(move |_| Reply::steps(steps.clone()));
    runtime.block_on(ask(&model(provider, "http://fake", Arc::new(fake))))
}

fn sliced(bytes: &[u8], cuts: &[usize]) -> Vec<Step> {
    let mut ends: Vec<usize> = cuts.iter().map(|cut| cut % (bytes.len() + 1)).collect();
    ends.extend([0, bytes.len()]);
    ends.sort_unstable();
    ends.windows(2).map(|two| Step::Bytes(bytes[two[0]..two[1]].to_vec())).collect()
}

fn stream(provider: ModelProvider, which: usize, end: &str) -> Vec<u8> {
    let says = [
        hello(),
        two_calls(),
        vec![Say::Text("a"), Say::Overloaded],
        vec![Say::Text("a\u{2028}b\\n"), Say::Raw("{]")],
        vec![Say::Text("no end")],
    ];
    let text = String::from_utf8(bytes(provider, &says[which % says.len()])).unwrap();
    format!(": note\n{text}").replace('\n', end).into_bytes()
}

proptest! {
    #[test]
    fn any_slicing_gives_the_same_text_pieces_and_the_same_answer(
        provider in 0..ALL.len(),
        which in 0..5_usize,
        end in prop::sample::select(vec!["\n", "\r\n", "\r"]),
        cuts in vec(any::<usize>(), 0..40),
    ) {
        let bytes = stream(ALL[provider], which, end);
        let whole = outcome(ALL[provider], vec![Step::Bytes(bytes.clone())]);
        prop_assert_eq!(outcome(ALL[provider], sliced(&bytes, &cuts)), whole);
    }

    #[test]
    fn any_bytes_give_an_answer_or_a_failure(
        provider in 0..ALL.len(),
        noise in vec(any::<u8>(), 0..400),
        at in any::<prop::sample::Index>(),
        lost in 0..40_usize,
    ) {
        let mut bytes = stream(ALL[provider], 1, "\n");
        let at = at.index(bytes.len());
        bytes.splice(at..(at + lost).min(bytes.len()), noise);
        let (outcome, pieces) = outcome(ALL[provider], vec![Step::Bytes(bytes)]);
        match outcome {
            Ok(answer) => prop_assert_eq!(answer.text, pieces.concat()),
            Err(failure) => prop_assert!(failure.code.starts_with("model_"), "{}", failure.code),
        }
    }
}
