//! A power cut under the whole service: what a client received is there afterwards, and every turn ends.
//!
//! The service is recorded with what it sends, so that for every moment it is known what clients had
//! seen. `VANNA_POWER_SERVICE_IMAGES` sets how many disks are made of it, `VANNA_POWER_SEED` which.

use super::{QUESTIONS, Random, Seen, ask, check, setting, verify};
use crate::recorder::disk::Disk;
use crate::recorder::log::Log;
use crate::recorder::{folder, load};
use crate::support::Server;

async fn ask_all(base: String, asker: usize) -> Vec<Seen> {
    let client = vanna::http::client();
    let mut all = Vec::new();
    for turn in 0..3 {
        let mut seen = Seen {
            conversation: format!("asker-{asker}-{}", turn / 2),
            request: format!("request-{turn}"),
            question: QUESTIONS[(asker + turn) % QUESTIONS.len()],
            accepted: false,
            events: Vec::new(),
        };
        ask(&client, &base, &mut seen).await;
        assert!(seen.over(), "{seen:?}");
        all.push(seen);
    }
    all
}

/// What clients had received before an entry of the log.
fn received(log: &Log, point: usize, all: &[Seen]) -> Vec<Seen> {
    let sent = log.entries[..point].iter().filter(|entry| entry.kind == 'T');
    let sent: Vec<u8> = sent.flat_map(|entry| log.data(entry)).copied().collect();
    let sent = String::from_utf8_lossy(&sent);
    let mut before = all.to_vec();
    for seen in &mut before {
        let count = seen.events.iter().take_while(|event| sent.contains(&event.data)).count();
        seen.events.truncate(count);
    }
    before
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_a_client_received_survives_a_power_cut_and_every_turn_ends_once() {
    let images = setting("VANNA_POWER_SERVICE_IMAGES", 6);
    let seed = setting("VANNA_POWER_SEED", 1);
    println!("VANNA_POWER_SEED={seed} VANNA_POWER_SERVICE_IMAGES={images}");
    let mut draw = Random(seed.max(1));
    let home = folder();
    let (disk, log) = (home.path().join("disk"), home.path().join("log"));
    std::fs::create_dir(&disk).expect("a directory");
    let server = Server::start_with(&disk.join("data"), |command| {
        load(command.as_std_mut(), &disk);
        command.env("VANNA_RECORDER_LOG", &log);
    })
    .await;
    let askers: Vec<_> = (0..4).map(|asker| tokio::spawn(ask_all(server.base.clone(), asker))).collect();
    let mut all = Vec::new();
    for asker in askers {
        all.extend(asker.await.expect("the asker ends"));
    }
    assert_eq!(server.terminate().await, 0);
    let log = Log::read(&log);
    let ready = (0..log.entries.len()).find(|at| log.says(*at, "HTTP/1.1 200")).expect("an answer");
    let mut events = 0;
    for _ in 0..images {
        let point = ready + usize::try_from(draw.below((log.entries.len() - ready) as u64)).expect("small");
        let choice = draw.below(u64::MAX);
        println!("cut at {point} of {}, choice {choice}", log.entries.len());
        let image = folder();
        let mut model = Disk::new(&log, &disk);
        model.advance(point);
        let mut chance = Random(choice.max(1));
        model.cut(image.path(), &mut |bound| chance.below(bound));
        let mut before = received(&log, point, &all);
        events += before.iter().map(|seen| seen.events.len()).sum::<usize>();
        check(&image.path().join("data"), &mut before).await;
        verify(&image.path().join("data"));
    }
    println!("{images} disks after power cuts, {events} events that clients had received: 0 lost");
}
