//! Faults of the machine around: the service says so, keeps what it has, and goes on when it can.

use crate::support::{PATIENCE, Server, assert_whole, read_frames};
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;
use std::time::Instant;

fn vanna(data: &Path, arguments: &[&str]) -> (i32, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vanna"));
    let output = command.args(arguments).arg("--data").arg(data).output().expect("runs");
    let text = [output.stdout, output.stderr].concat();
    (output.status.code().expect("exited, not killed"), String::from_utf8_lossy(&text).into_owned())
}

#[tokio::test]
async fn a_second_process_is_told_who_holds_the_data_directory() {
    let home = tempfile::tempdir().expect("a directory");
    let data = home.path().join("data");
    let server = Server::start(&data).await;
    for arguments in
        [&["serve", "--addr", "127.0.0.1:0"][..], &["ask", "total revenue"], &["journal", "stats"]]
    {
        let (code, said) = vanna(&data, arguments);
        assert_eq!(code, 3, "{said}");
        assert!(said.contains(&server.pid().to_string()) && said.contains("--data"), "{said}");
    }
    assert_eq!(server.terminate().await, 0);
    assert_eq!(vanna(&data, &["ask", "total revenue"]).0, 0);
}

#[test]
fn a_directory_that_is_not_ours_is_left_alone() {
    let home = tempfile::tempdir().expect("a directory");
    std::fs::write(home.path().join("thesis.txt"), "years of work").expect("written");
    let (code, said) = vanna(home.path(), &["ask", "total revenue"]);
    assert_eq!(code, 3, "{said}");
    assert!(said.contains("not"), "{said}");
    let left: Vec<_> = std::fs::read_dir(home.path()).expect("a directory").collect();
    assert_eq!(left.len(), 1);
}

#[test]
fn a_truncated_journal_is_reported_and_never_served_as_if_whole() {
    let home = tempfile::tempdir().expect("a directory");
    let data = home.path().join("data");
    for _ in 0..3 {
        assert_eq!(vanna(&data, &["ask", "revenue by track"]).0, 0);
    }
    let db = data.join("journal").join("db");
    std::fs::OpenOptions::new().write(true).open(&db).expect("opened").set_len(2_000).expect("cut");
    let (code, said) = vanna(&data, &["journal", "verify"]);
    assert!(code == 1 || code == 3, "{code} {said}");
    assert!(said.contains("damaged"), "{said}");
    assert!(!said.contains("panicked"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sigterm_lets_running_turns_end_and_leaves_with_zero() {
    let home = tempfile::tempdir().expect("a directory");
    let data = home.path().join("data");
    let server = Server::start(&data).await;
    let client = vanna::http::client();
    let mut streams = Vec::new();
    for n in 0..20 {
        let body = json!({"message": "revenue by track", "conversation_id": format!("c{n}")});
        let asked = client.post(server.url("chat/events")).json(&body).send().await.expect("answers");
        streams.push(tokio::spawn(read_frames(asked)));
    }
    assert_eq!(server.terminate().await, 0);
    for stream in streams {
        let (frames, ended) = stream.await.expect("read");
        assert!(ended);
        assert_whole(&frames);
    }
}

/// Runs the service on a small file system of its own, in a mount namespace of its own.
async fn on_a_small_disk(data: &Path) -> Server {
    std::fs::create_dir_all(data).expect("a directory");
    Server::start_by(|binary| {
        let mut command = tokio::process::Command::new("unshare");
        let script =
            "mount -t tmpfs -o size=64m tmpfs \"$1\" && exec \"$2\" serve --addr 127.0.0.1:0 --data \"$1\"";
        command.args(["--user", "--map-root-user", "--mount", "sh", "-c", script, "sh"]);
        command.arg(data).arg(binary);
        command
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_stops_new_questions_but_not_replay_and_is_over_when_there_is_space() {
    let home = tempfile::tempdir().expect("a directory");
    let data = home.path().join("data");
    let server = on_a_small_disk(&data).await;
    let inside = format!("/proc/{}/root{}/filler", server.pid(), data.display());
    let client = vanna::http::client();
    let ask = |id: String| {
        let body = json!({"message": "total revenue", "conversation_id": id, "request_id": "r1"});
        client.post(server.url("chat/events")).json(&body).send()
    };
    let before = read_frames(ask("before".to_owned()).await.expect("answers")).await.0;
    assert_whole(&before);

    fill(&inside);
    let begun = Instant::now();
    let mut refused: Option<Value> = None;
    for n in 0.. {
        let response = ask(format!("during-{n}")).await.expect("answers");
        if response.status() == 503 {
            refused = Some(response.json().await.expect("JSON"));
            break;
        }
        assert!(begun.elapsed() < PATIENCE, "a full disk is noticed");
    }
    let refused = refused.expect("a refusal");
    assert_eq!(refused["error"]["code"], "unavailable");
    let ready =
        vanna::http::client().get(format!("{}/health/ready", server.base)).send().await.expect("answers");
    assert_eq!(ready.status(), 503);
    let replay =
        vanna::http::client().get(server.url("conversations/before/events")).send().await.expect("answers");
    assert_eq!(read_frames(replay).await.0, before);

    std::fs::remove_file(&inside).expect("removed");
    let begun = Instant::now();
    // Whoever sends questions elsewhere while it is not ready must learn that it is ready again.
    while vanna::http::client()
        .get(format!("{}/health/ready", server.base))
        .send()
        .await
        .expect("answers")
        .status()
        != 200
    {
        assert!(begun.elapsed() < PATIENCE, "space is noticed");
        tokio::task::yield_now().await;
    }
    let response = ask("after".to_owned()).await.expect("answers");
    assert_eq!(response.status(), 200);
    assert_whole(&read_frames(response).await.0);
    assert_eq!(server.terminate().await, 0);
}

/// Every question is one append of the asker and several of the turn: the sync that fails is one of
/// a turn's, which no client waits for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_sync_ends_the_process_and_the_next_one_goes_on_from_what_is_durable() {
    let home = tempfile::tempdir().expect("a directory");
    let data = home.path().join("data");
    let mut server = Server::start_by(|binary| {
        let mut command = tokio::process::Command::new("strace");
        command.args(["-f", "-qq", "-o"]).arg(home.path().join("calls"));
        command.args(["-e", "trace=fdatasync", "-e", "inject=fdatasync:error=EIO:when=32+"]);
        command.arg(binary).args(["serve", "--addr", "127.0.0.1:0", "--data"]).arg(&data);
        command
    })
    .await;
    let client = vanna::http::client();
    let mut asked = Vec::new();
    let code = loop {
        let id = format!("c{}", asked.len());
        let body = json!({"message": "total revenue", "conversation_id": id, "request_id": "r"});
        if let Ok(response) = client.post(server.url("chat/events")).json(&body).send().await
            && response.status() == 200
        {
            asked.push((id, read_frames(response).await.0));
        }
        if let Some(code) = server.exited() {
            break code;
        }
        assert!(asked.len() < 100, "the disk does not fail");
    };
    assert_eq!(code, 3, "a failed sync is not a clean end");
    assert!(asked.iter().any(|(_, frames)| frames.last().is_some_and(|last| last.terminal())));

    let server = Server::start(&data).await;
    for (id, before) in asked {
        let path = format!("conversations/{id}/events?request_id=r&follow=true");
        let replay =
            read_frames(vanna::http::client().get(server.url(&path)).send().await.expect("answers")).await.0;
        assert_whole(&replay);
        assert_eq!(replay[..before.len()], before, "what a client saw stays as it was");
    }
    assert_eq!(server.terminate().await, 0);
}

/// Takes every byte that is left.
fn fill(path: &str) {
    use std::io::Write;
    let mut file = std::fs::File::create(path).expect("created");
    let mut block = vec![7_u8; 1 << 16];
    while !block.is_empty() {
        if file.write_all(&block).is_err() {
            block.truncate(block.len() / 2);
        }
    }
}
