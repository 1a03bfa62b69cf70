//! Every course that a turn can take obeys the rules of the event stream.

use super::{Transcript, cursor};
use crate::projections::facts_for_tests::*;
use crate::projections::wire::v3::{EventType, Payload, WireEvent, schema_check, schemas};
use proptest::prelude::*;
use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet};
use vanna_actors::events::ConversationEvent;
use vanna_actors::ports::planner::CoverageStatus;

/// Makes choices out of drawn numbers; when they run out, the first choice is taken.
struct Choices(std::vec::IntoIter<u8>);

impl Choices {
    fn of(&mut self, n: u8) -> u8 {
        self.0.next().unwrap_or(0) % n
    }
}

/// Writes turns as the conversation could journal them.
struct Writer {
    story: Story,
    choices: Choices,
    request: String,
    token: u64,
}

/// Whether the turn goes on.
type Course = Option<()>;

impl Writer {
    fn tell(&mut self, event: ConversationEvent) -> Course {
        self.story.tell(&self.request, event);
        match self.choices.of(24) {
            1 => self.end(cancelled()),
            2 => self.end(failed("internal_error")),
            3 => {
                self.story.tell(&self.request, warned("odd_value"));
                Some(())
            }
            _ => Some(()),
        }
    }

    fn end(&mut self, event: ConversationEvent) -> Course {
        self.story.tell(&self.request, event);
        None
    }

    fn next_token(&mut self) -> u64 {
        self.token += 1;
        self.token
    }

    fn turn(&mut self) -> Course {
        self.tell(asked("a question"))?;
        let status = self.plan()?;
        if status != CoverageStatus::Full {
            self.tell(said("This is missing.", false))?;
            return self.end(finished());
        }
        let passed = self.choices.of(5) != 1;
        self.tell(checks(&BEFORE, passed))?;
        if !passed {
            return self.end(failed("check_failed"));
        }
        let call = self.run()?;
        let truncated = self.choices.of(3) == 1;
        self.tell(recorded(&call, truncated))?;
        let fine = self.choices.of(4) != 1;
        self.tell(checks(&AFTER, fine))?;
        if self.choices.of(2) == 0 {
            self.tell(chart("revenue"))?;
        }
        for part in 0..self.choices.of(4) {
            self.tell(said("part ", part > 0))?;
        }
        self.end(finished())
    }

    fn plan(&mut self) -> Option<CoverageStatus> {
        for attempt in 1..=3 {
            let token = self.next_token();
            self.tell(plan_started(token, attempt))?;
            match self.choices.of(6) {
                1 => self.tell(interrupted(token, None))?,
                2 => {
                    self.tell(plan_failed(token))?;
                    self.end(failed("source_unavailable"))?;
                }
                _ => {
                    use CoverageStatus as S;
                    let (status, unclear) = match self.choices.of(6) {
                        1 => (S::Partial, false),
                        2 => (S::Partial, true),
                        3 => (S::Missing, false),
                        _ => (S::Full, false),
                    };
                    self.tell(planned(token, status, unclear))?;
                    return Some(status);
                }
            }
        }
        self.end(failed("interrupted"))?;
        None
    }

    fn run(&mut self) -> Option<String> {
        for attempt in 1..=3 {
            let token = self.next_token();
            let call = format!("call-{token}");
            self.tell(run_started(token, attempt, &call))?;
            match self.choices.of(6) {
                1 => self.tell(interrupted(token, Some(&call)))?,
                2 => self.tell(run_failed(token, &call))?,
                // Without an outcome: a further attempt takes the call over.
                3 => {
                    let token = self.next_token();
                    self.tell(run_started(token, attempt + 1, &call))?;
                    self.tell(run_finished(token, &call, "one"))?;
                    return Some(call);
                }
                n => {
                    self.tell(run_finished(token, &call, if n == 4 { "two" } else { "one" }))?;
                    return Some(call);
                }
            }
        }
        self.end(failed("sql_timeout"))?;
        None
    }

    /// Outcomes that come when all is over.
    fn latecomers(&mut self) {
        for _ in 0..self.choices.of(4) {
            let (token, call) = (self.token, format!("call-{}", self.token));
            let event = match self.choices.of(5) {
                0 => run_finished(token, &call, "one"),
                1 => run_failed(token, &call),
                2 => said("too late", true),
                3 => finished(),
                _ => recorded(&call, false),
            };
            self.story.tell(&self.request, event);
        }
    }
}

pub(crate) fn conversation(turns: usize, choices: Vec<u8>) -> Story {
    let mut writer = Writer {
        story: Story::at("conv-1", 4_711),
        choices: Choices(choices.into_iter()),
        request: String::new(),
        token: 0,
    };
    for n in 0..turns {
        writer.request = format!("req-{n}");
        let _ended = writer.turn();
        writer.latecomers();
    }
    writer.story
}

fn fold(story: &Story) -> Vec<WireEvent> {
    let mut transcript = Transcript::new(story.stream.clone());
    story.facts.iter().flat_map(|(record, event)| transcript.apply(record, event)).collect()
}

/// No number that a double cannot hold, anywhere.
fn is_json_safe(value: &Json) -> bool {
    match value {
        Json::Number(n) => n.is_f64() || n.as_i64().is_some_and(|n| n.unsigned_abs() < 1 << 53),
        Json::Array(items) => items.iter().all(is_json_safe),
        Json::Object(object) => object.values().all(is_json_safe),
        _ => true,
    }
}

pub(super) fn follows_the_rules(events: &[WireEvent]) -> Result<(), TestCaseError> {
    for (place, event) in events.iter().enumerate() {
        prop_assert_eq!(event.sequence, place as u64);
        prop_assert_eq!(event.is_terminal(), place + 1 == events.len(), "one terminal event, the last");
        let is_before_last = place + 2 == events.len();
        prop_assert_eq!(
            event.event_type == EventType::Lineage,
            is_before_last,
            "one lineage, before the last"
        );
    }
    let last = events.last().unwrap();
    match &last.payload {
        Payload::Done(done) => prop_assert_eq!(done.event_count, last.sequence + 1),
        Payload::Error(_) => {}
        other => prop_assert!(false, "{other:?} ends nothing"),
    }
    let (mut running, mut ended) = (BTreeSet::new(), BTreeSet::new());
    for event in events {
        match &event.payload {
            Payload::ToolStart(start) => prop_assert!(running.insert(start.tool_call_id.clone())),
            Payload::ToolResult(result) => {
                prop_assert!(running.remove(&result.tool_call_id), "a result without a start");
                prop_assert!(ended.insert(result.tool_call_id.clone()));
                prop_assert_eq!(result.success, result.error_code.is_none());
                let has_rows = result.row_count.is_some();
                let planned = result.name == "semantic_query";
                prop_assert!(has_rows == result.success || (!planned && !has_rows));
            }
            _ => {}
        }
    }
    prop_assert!(running.is_empty(), "a call without a result");
    Ok(())
}

fn evidence_agrees(events: &[WireEvent], story: &Story, request: &str) -> Result<(), TestCaseError> {
    let Payload::Lineage(lineage) = &events[events.len() - 2].payload else { panic!("no lineage") };
    let evidence = &lineage.evidence;
    let versions: Vec<_> =
        story.facts.iter().filter(|(record, _)| record.request_id.as_deref() == Some(request)).collect();
    let ending = |event: &ConversationEvent| {
        use ConversationEvent as E;
        matches!(event, E::TurnFinished(_) | E::TurnFailed(_) | E::TurnCancelled(_))
    };
    let last = versions.iter().find(|(_, event)| ending(event)).unwrap();
    prop_assert_eq!(evidence.journal.first_version, versions[0].0.version);
    prop_assert_eq!(evidence.journal.last_version, last.0.version);
    let starts = events.iter().filter(|event| event.event_type == EventType::ToolStart).count();
    prop_assert_eq!(evidence.tool_calls.len(), starts);
    let succeeded = evidence.tool_calls.iter().filter(|call| call.success).count();
    prop_assert_eq!(evidence.executed_sql.len(), succeeded);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn every_course_of_a_conversation_obeys_the_rules(
        turns in 1_usize..4,
        choices in prop::collection::vec(any::<u8>(), 0..120),
    ) {
        let story = conversation(turns, choices);
        let events = fold(&story);
        prop_assert_eq!(&fold(&story), &events, "the same facts, the same events");

        let mut places = Vec::new();
        let schemas = schemas();
        for event in &events {
            places.push(cursor::decode(&story.stream, &event.event_id).unwrap());
            let json = serde_json::to_value(event).unwrap();
            prop_assert_eq!(schema_check::misfit(&schemas[event.event_type.name()], &json), None);
            prop_assert!(is_json_safe(&json));
            let text = serde_json::to_string(event).unwrap();
            prop_assert_eq!(&serde_json::from_str::<WireEvent>(&text).unwrap(), event);
        }
        prop_assert!(places.windows(2).all(|pair| pair[0] < pair[1]), "ids lead forward");

        let mut by_request: BTreeMap<_, Vec<WireEvent>> = BTreeMap::new();
        for event in events {
            by_request.entry(event.request_id.clone()).or_default().push(event);
        }
        prop_assert_eq!(by_request.len(), turns);
        for (request, events) in by_request {
            follows_the_rules(&events)?;
            evidence_agrees(&events, &story, &request)?;
        }
    }
}
