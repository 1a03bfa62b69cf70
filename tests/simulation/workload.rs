//! What may happen at a step, drawn by chance.

use crate::chance::Chance;
use crate::client::{self, Cancel, Seen};
use crate::stage;
use crate::world::{Violation, World, jump, stream};
use std::sync::Arc;
use std::time::Duration;

/// Steps of one run.
const STEPS: u64 = 16;

/// What a run came to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// Hash of all facts and of all that clients saw.
    pub(crate) digest: String,
    /// Number of facts.
    pub(crate) facts: usize,
}

/// One run from its beginning to rest.
pub(crate) async fn run(seed: u64) -> Result<Outcome, Violation> {
    let mut chance = Chance::new(seed);
    let mut world = World::new(seed).await;
    for _ in 0..STEPS {
        act(&mut world, &mut chance).await;
        let pause = match chance.below(4) {
            0 => 0,
            1 => chance.below(50),
            2 => chance.below(2_000),
            _ => chance.below(6_000),
        };
        tokio::time::sleep(Duration::from_millis(pause)).await;
        world.check()?;
        if world.journal.is_dead() {
            world.kill().await;
        }
    }
    world.settle().await?;
    let seen = world.notebook.lock().unwrap().clone();
    Ok(stage::oracle(|oracle| Outcome { digest: oracle.digest(&seen), facts: oracle.facts() }))
}

async fn act(world: &mut World, chance: &mut Chance) {
    match chance.below(32) {
        0..=10 => ask(world, chance),
        11..=12 => cancel_and_ask(world, chance).await,
        13 => cancel_anything(world, chance),
        14..=16 => resume(world, chance),
        17..=18 => late_outcome(world, chance),
        19 => world.journal.memory().hold_commits(),
        20 => world.journal.memory().release_commits(),
        21 => world.journal.memory().set_disk_full(true),
        22 => world.journal.memory().set_disk_full(false),
        23 => {
            world.journal.memory().fail_next_sync();
            tokio::time::sleep(Duration::from_millis(chance.below(3_000))).await;
            world.kill().await;
        }
        24..=25 => world.kill().await,
        26..=27 => world.journal.die_after(1 + chance.below(4)),
        28 => world.shut_down(Duration::from_millis(chance.below(8_000))).await,
        29..=30 => tokio::time::sleep(Duration::from_secs(5 + chance.below(600))).await,
        _ => jump(&world.clock, i64::try_from(chance.below(7_200_000_000)).unwrap() - 3_600_000_000),
    }
}

/// Mostly the one who owns the conversation, if anybody does.
fn somebody(chance: &mut Chance, conversation: u64) -> String {
    let owner = if conversation == 2 { "bob" } else { "ann" };
    if chance.below(10) == 0 { "eve" } else { owner }.to_owned()
}

/// A new question, a retry, or another question under a known name; now and then several copies.
fn ask(world: &World, chance: &mut Chance) {
    let (tenant, conversation, request) = (chance.below(2), chance.below(3), chance.below(4));
    let other = if chance.below(8) == 0 { " other" } else { "" };
    let message = format!("t{tenant}/c{conversation}/r{request}{other}");
    let principal = somebody(chance, conversation);
    let copies = if chance.below(4) == 0 { 2 } else { 1 };
    for _ in 0..copies {
        let patience = if chance.below(3) == 0 { chance.below(5) } else { 1_000 };
        let (place, patience) = (stream(tenant, conversation), usize::try_from(patience).unwrap());
        world.ask(place, principal.clone(), format!("r{request}"), message.clone(), patience);
    }
}

/// Cancels what was asked last, and asks something else there while the old work may still run.
async fn cancel_and_ask(world: &World, chance: &mut Chance) {
    let last = world.notebook.lock().unwrap().last().cloned();
    let Some(Seen { stream: place, principal, request, .. }) = last else { return };
    world.cancel(Cancel { stream: place.clone(), request, principal: principal.clone() });
    tokio::time::sleep(Duration::from_millis(1)).await;
    let request = format!("r{}", chance.below(8));
    let message = format!("{}/{}/{request}", place.tenant(), place.id());
    world.ask(place, principal, request, message, 1_000);
}

/// Cancels what may run, have ended, belong to somebody else or not be there at all.
fn cancel_anything(world: &World, chance: &mut Chance) {
    let (tenant, conversation, request) = (chance.below(2), chance.below(3), chance.below(5));
    let principal = somebody(chance, conversation);
    world.cancel(Cancel { stream: stream(tenant, conversation), request: format!("r{request}"), principal });
}

/// An outcome of an attempt that is over comes to a conversation, whatever that does now.
fn late_outcome(world: &World, chance: &mut Chance) {
    let streams = stage::oracle(|oracle| oracle.streams());
    let draw = chance.below(1 << 32);
    for place in streams {
        if let Some(token) = stage::oracle(|oracle| oracle.spent_token(&place, draw)) {
            world.late_outcome(place, token, chance.below(8));
        }
    }
}

/// A client that was accepted connects again and goes on; it listens on one line at a time.
fn resume(world: &World, chance: &mut Chance) {
    let mut notebook = world.notebook.lock().unwrap();
    if notebook.is_empty() {
        return;
    }
    let place = usize::try_from(chance.below(notebook.len() as u64)).unwrap();
    if !matches!(notebook[place].answer, Some(Ok(_))) {
        return;
    }
    // The same answer must not count twice.
    let again = Seen { answer: None, ..notebook[place].clone() };
    let place = notebook.len();
    notebook.push(again);
    drop(notebook);
    tokio::spawn(client::listen(Arc::clone(&world.journal), Arc::clone(&world.notebook), place, 1_000));
}
