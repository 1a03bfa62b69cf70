//! What a domain writes to be hosted: decisions and state, both synchronous and pure.

use super::clock::Context;
use super::effects::Effects;
use serde::Serialize;
use serde::de::DeserializeOwned;
use vanna_journal::{NewRecord, Record};

/// Where an event stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meta {
    /// Version in the stream.
    pub version: u64,
    /// The request that it belongs to.
    pub request_id: Option<String>,
}

/// A stored record that this build cannot read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("record {position} (kind {kind}, schema {schema}) cannot be read: {reason}")]
pub struct UnreadableRecord {
    /// Its position in the journal.
    pub position: u64,
    /// Its kind.
    pub kind: u16,
    /// Its schema.
    pub schema: u16,
    /// Why.
    pub reason: String,
}

/// What a decision amounts to.
pub struct Decision<E: Entity + ?Sized> {
    /// The request that this decision accepts, when it accepts one: it is accepted once.
    pub accepts: Option<String>,
    /// The request that the events belong to.
    pub request_id: Option<String>,
    /// What happened. Appended in one piece before anything else is done.
    pub events: Vec<E::Event>,
    /// What to start once the events are durable.
    pub effects: Vec<E::Effect>,
    /// Running effects to stop once the events are durable, by token.
    pub stops: Vec<u64>,
    /// What to answer once the events are durable.
    pub reply: E::Reply,
}

impl<E: Entity + ?Sized> Decision<E> {
    /// Nothing happens; only an answer.
    pub fn only(reply: E::Reply) -> Self {
        Self {
            accepts: None,
            request_id: None,
            events: Vec::new(),
            effects: Vec::new(),
            stops: Vec::new(),
            reply,
        }
    }
}

/// A thing with a life of its own, told by the events of one stream.
pub trait Entity: Send + Sync + 'static {
    /// Kind of stream that holds it.
    const KIND: &'static str;
    /// Number of what `State` holds and of how `apply` comes to it. Snapshots of another number are not
    /// used, so it grows with every change of either.
    const STATE_SHAPE: u32;
    /// What is remembered.
    type State: Default + Serialize + DeserializeOwned + Send + Sync + 'static;
    /// What may be asked of it.
    type Command: Send + 'static;
    /// What may have happened to it.
    type Event: Send + Sync + 'static;
    /// What it may do to the world, after the intent is durable.
    type Effect: Send + 'static;
    /// What it answers.
    type Reply: Send + 'static;
    /// Why it refuses.
    type Refusal: Send + 'static;
    /// Carries out its effects.
    type Effects: Effects<Self>;

    /// Decides about a command. Pure: the same state, command and context decide the same.
    fn decide(
        state: &Self::State,
        command: Self::Command,
        context: &Context,
    ) -> Result<Decision<Self>, Self::Refusal>;

    /// Takes in an event. Total: every event that was ever decided can be applied.
    fn apply(state: &mut Self::State, event: &Self::Event, meta: &Meta);

    /// What to do about intents without an outcome after recovery; nothing when there are none.
    fn resume(state: &Self::State) -> Option<Self::Command>;

    /// Whether it is in the middle of something, so that it should stay in memory.
    fn busy(state: &Self::State) -> bool;

    /// The record that keeps an event.
    fn encode(event: &Self::Event, at: i64, request_id: Option<&str>) -> Result<NewRecord, UnreadableRecord>;

    /// The event that a record keeps.
    fn decode(record: &Record) -> Result<Self::Event, UnreadableRecord>;
}
