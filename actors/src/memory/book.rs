//! The memory as the runtime hosts it. It does nothing to the world, so it has no effects.

use super::event::{MemoryEvent, MemoryForgotten, MemoryKept};
use super::search;
use super::state::State;
use crate::events::memory as kinds;
use crate::ports::memory::{Lookup, Memory, Note};
use crate::runtime::entity::UnreadableRecord;
use crate::runtime::{Context, Decision, Effects, Entity, Lost, Meta, Progress};
use std::convert::Infallible;
use std::time::Duration;
use vanna_journal::{NewRecord, Record};

/// Notes of one tenant.
const MOST: usize = 2_000;
/// Notes of one author, so that nobody takes all places.
const MOST_OF_ONE: usize = 1_000;

/// The memory of a tenant.
pub struct MemoryBook;

/// What may be asked of a memory.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Keep a note.
    Keep(Box<Note>),
    /// Forget a note, if it is this author's, or whoever's.
    Forget {
        /// The note.
        id: String,
        /// Only when it is theirs.
        author: Option<String>,
        /// Who wants it.
        by: String,
    },
    /// Find notes.
    Search(Box<Lookup>),
    /// The newest notes.
    Recent {
        /// Only what they find; none: all.
        reader: Option<String>,
        /// Most that are given.
        limit: usize,
    },
}

/// What a memory answers.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    /// It is kept.
    Kept,
    /// Whether there was such a note.
    Forgotten(bool),
    /// What was found.
    Found(Vec<Memory>),
}

/// Why a note is not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The tenant, or the author, has no place left.
    Full,
    /// A newer build wrote in this memory, and this one cannot tell what.
    Newer,
}

impl Entity for MemoryBook {
    const KIND: &'static str = "memory";
    const STATE_SHAPE: u32 = 1;
    type State = State;
    type Command = Command;
    type Event = MemoryEvent;
    type Effect = Infallible;
    type Reply = Reply;
    type Refusal = Refusal;
    type Effects = NoEffects;

    fn decide(state: &State, command: Command, context: &Context) -> Result<Decision<Self>, Refusal> {
        let (events, reply) = match command {
            Command::Keep(note) => (keep(state, *note, context)?, Reply::Kept),
            Command::Forget { id, author, by } => {
                let theirs = |kept: &&MemoryKept| author.as_ref().is_none_or(|who| kept.note.author == *who);
                match state.get(&id).filter(theirs) {
                    None => (Vec::new(), Reply::Forgotten(false)),
                    Some(_) => {
                        let forgotten = MemoryEvent::MemoryForgotten(MemoryForgotten { id, by });
                        (vec![forgotten], Reply::Forgotten(true))
                    }
                }
            }
            Command::Search(lookup) => (Vec::new(), Reply::Found(search::search(state, &lookup))),
            Command::Recent { reader, limit } => {
                (Vec::new(), Reply::Found(search::recent(state, reader.as_deref(), limit)))
            }
        };
        Ok(Decision { events, ..Decision::only(reply) })
    }

    fn apply(state: &mut State, event: &MemoryEvent, _meta: &Meta) {
        state.apply(event);
    }

    fn resume(_state: &State) -> Option<Command> {
        None
    }

    fn busy(_state: &State) -> bool {
        false
    }

    fn encode(event: &MemoryEvent, at: i64, request_id: Option<&str>) -> Result<NewRecord, UnreadableRecord> {
        kinds::encode(event, at, request_id)
    }

    fn decode(record: &Record) -> Result<MemoryEvent, UnreadableRecord> {
        kinds::decode(record)
    }
}

fn keep(state: &State, note: Note, context: &Context) -> Result<Vec<MemoryEvent>, Refusal> {
    if state.newer {
        return Err(Refusal::Newer);
    }
    if state.get(&note.id).is_some() {
        return Ok(Vec::new());
    }
    let own = state.kept.iter().filter(|kept| kept.note.author == note.author).count();
    if state.kept.len() >= MOST || own >= MOST_OF_ONE {
        return Err(Refusal::Full);
    }
    Ok(vec![MemoryEvent::MemoryKept(MemoryKept { note, at: context.now })])
}

/// A memory works on nothing but itself.
#[derive(Clone, Copy, Debug)]
pub struct NoEffects;

impl Effects<MemoryBook> for NoEffects {
    fn token(effect: &Infallible) -> u64 {
        match *effect {}
    }

    fn deadline(&self, effect: &Infallible) -> Duration {
        match *effect {}
    }

    async fn run(&self, effect: Infallible, _progress: Progress<Command>) -> Command {
        match effect {}
    }

    fn lost(&self, _token: u64, _why: Lost) -> Command {
        Command::Recent { reader: None, limit: 0 }
    }
}
