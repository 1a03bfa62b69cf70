//! What may happen at a step, drawn by chance.

use crate::chance::Chance;
use crate::client::{self, Seen};
use crate::world::{World, jump, stream};
use std::sync::Arc;
use std::time::Duration;

/// Steps of one run.
const STEPS: u64 = 16;

/// One run from its beginning to rest; answers its digest and the number of facts.
pub(crate) async fn run(seed: u64) -> (String, usize) {
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
        world.check();
    }
    world.settle().await;
    let seen = world.notebook.lock().unwrap().clone();
    (world.oracle.digest(&seen), world.oracle.facts())
}

async fn act(world: &mut World, chance: &mut Chance) {
    match chance.below(24) {
        0..=9 => ask(world, chance),
        10..=11 => cancel(world, chance).await,
        12..=14 => resume(world, chance),
        15 => world.journal.hold_commits(),
        16 => world.journal.release_commits(),
        17 => world.journal.set_disk_full(true),
        18 => world.journal.set_disk_full(false),
        19 => {
            world.journal.fail_next_sync();
            tokio::time::sleep(Duration::from_millis(chance.below(3_000))).await;
            world.kill().await;
        }
        20..=21 => world.kill().await,
        22 => tokio::time::sleep(Duration::from_secs(30 + chance.below(600))).await,
        _ => jump(&world.clock, i64::try_from(chance.below(7_200_000_000)).unwrap() - 3_600_000_000),
    }
}

/// A new question, a retry, or another question under a known name; now and then several copies.
fn ask(world: &World, chance: &mut Chance) {
    let (tenant, conversation, request) = (chance.below(2), chance.below(3), chance.below(4));
    let other = if chance.below(8) == 0 { " other" } else { "" };
    let message = format!("t{tenant}/c{conversation}/r{request}{other}");
    let copies = if chance.below(4) == 0 { 2 } else { 1 };
    for _ in 0..copies {
        let patience = if chance.below(3) == 0 { chance.below(5) } else { 1_000 };
        let place = stream(tenant, conversation);
        world.ask(place, format!("r{request}"), message.clone(), usize::try_from(patience).unwrap());
    }
}

/// Cancels what was asked last, and asks something else there while the old work may still run.
async fn cancel(world: &World, chance: &mut Chance) {
    let last = world.notebook.lock().unwrap().last().cloned();
    let Some(Seen { stream: place, request, .. }) = last else { return };
    world.cancel(place.clone(), request);
    tokio::time::sleep(Duration::from_millis(1)).await;
    let request = format!("r{}", chance.below(8));
    let message = format!("{}/{}/{request}", place.tenant, place.id);
    world.ask(place, request, message, 1_000);
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
