//! A part of a conversation is what the whole has there, however little of it was read.

use super::{ChainMarks, Place, Reader, Wanted, reader};
use crate::api::service::{Rendered, ReplayFormat};
use crate::projections::facts_for_tests::Story;
use crate::projections::transcript::cursor;
use crate::projections::transcript::grammar_tests::conversation;
use futures::StreamExt;
use futures::executor::block_on;
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::sync::Arc;
use vanna_actors::events;
use vanna_journal::{Append, Expect, Journal, MemoryJournal};

/// The story in a journal, each question accepted under its request.
async fn told(story: &Story) -> Arc<dyn Journal> {
    let journal = MemoryJournal::new();
    let mut accepted = BTreeSet::new();
    for (record, event) in &story.facts {
        let request = record.request_id.clone().filter(|request| accepted.insert(request.clone()));
        let records = vec![events::encode(event, record.at, record.request_id.as_deref()).unwrap()];
        let append = Append { stream: story.stream.clone(), expect: Expect::Any, request, records };
        journal.append(append).await.unwrap();
    }
    Arc::new(journal)
}

struct Shelf {
    story: Story,
    journal: Arc<dyn Journal>,
    format: ReplayFormat,
}

impl Shelf {
    fn reader(&self, marks: &Arc<ChainMarks>, after: Option<Place>, request: Option<&str>) -> Reader {
        let request_id = request.map(str::to_owned);
        let format = self.format;
        let wanted = Wanted { after, request_id, follow: false, format, tells_policies: true };
        reader(Arc::clone(&self.journal), Arc::clone(marks), self.story.stream.clone(), wanted)
    }

    async fn read(
        &self,
        marks: &Arc<ChainMarks>,
        after: Option<Place>,
        request: Option<&str>,
    ) -> Vec<Rendered> {
        let events = self.reader(marks, after, request).into_stream();
        events.map(Result::unwrap).collect().await
    }

    fn place(&self, event: &Rendered) -> Place {
        cursor::decode(&self.story.stream, &event.id).unwrap()
    }

    /// All parts of the whole, each read with these marks.
    async fn check(&self, marks: &Arc<ChainMarks>, cold: bool) {
        let marks = || if cold { Arc::default() } else { Arc::clone(marks) };
        let whole = self.read(&Arc::default(), None, None).await;
        let requests: BTreeSet<_> = whole.iter().filter_map(|event| event.request_id.clone()).collect();
        for request in requests.iter().rev() {
            let of_request = || whole.iter().filter(|event| event.request_id.as_ref() == Some(request));
            let end = of_request().position(|event| event.terminal).map_or(usize::MAX, |place| place + 1);
            let turn: Vec<Rendered> = of_request().take(end).cloned().collect();
            assert_eq!(self.read(&marks(), None, Some(request)).await, turn);
            let cut = turn.len() / 2;
            let rest = self.read(&marks(), Some(self.place(&turn[cut])), Some(request)).await;
            assert_eq!(rest, turn[cut + 1..]);
        }
        for (place, event) in whole.iter().enumerate().step_by(3) {
            assert_eq!(self.read(&marks(), Some(self.place(event)), None).await, whole[place + 1..]);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn the_replay_of_one_request_and_of_the_rest_are_parts_of_the_whole(
        turns in 1_usize..5,
        choices in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        block_on(async {
            for format in [ReplayFormat::V3, ReplayFormat::Facts] {
                let story = conversation(turns, choices.clone());
                let journal = told(&story).await;
                let shelf = Shelf { story, journal, format };
                let marks = Arc::default();
                shelf.check(&marks, true).await;
                shelf.check(&marks, false).await;
                shelf.check(&marks, false).await;
            }
        });
    }
}

#[tokio::test]
async fn a_turn_of_a_long_conversation_is_read_from_its_own_first_fact() {
    let story = conversation(30, Vec::new());
    let journal = told(&story).await;
    let shelf = Shelf { story, journal, format: ReplayFormat::V3 };
    let marks = Arc::default();
    let mut before = 0;
    for turn in 0..30 {
        let request = format!("req-{turn}");
        let mut reader = shelf.reader(&marks, None, Some(&request));
        reader.begin().await.unwrap();
        assert_eq!((reader.first, reader.subscription.cursor()), (before + 1, before), "{request}");
        let events = shelf.read(&marks, None, Some(&request)).await;
        before = shelf.place(events.last().unwrap()).0;
    }
    let mut facts =
        Shelf { format: ReplayFormat::Facts, ..shelf }.reader(&Arc::default(), None, Some("req-20"));
    facts.begin().await.unwrap();
    assert_eq!(facts.subscription.cursor() + 1, facts.first, "facts need no chain");
}
