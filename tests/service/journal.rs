//! Looking after the record: proofs, exports and checks as operators meet them.

use crate::support::{PATIENCE, Server, read_frames};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::process::Command;

fn vanna(data: &Path, arguments: &[&str]) -> (i32, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vanna"));
    let output = command.args(arguments).arg("--data").arg(data).output().expect("runs");
    (output.status.code().expect("exited"), String::from_utf8(output.stdout).expect("UTF-8"))
}

/// A data directory with one answered question; gives the conversation and its event ids.
fn answered(data: &Path) -> (String, Vec<String>) {
    let (code, out) = vanna(data, &["ask", "top 3 genres by revenue", "--json"]);
    assert_eq!(code, 0, "{out}");
    let answer: Value = serde_json::from_str(&out).expect("JSON");
    let conversation = answer["conversation_id"].as_str().expect("an id").to_owned();
    let (_, replay) = vanna(data, &["replay", &conversation, "--format", "v3"]);
    let ids = replay.lines().filter_map(|line| line.strip_prefix("id: ")).map(str::to_owned).collect();
    (conversation, ids)
}

#[test]
fn every_event_is_proven_without_the_journal_and_no_changed_proof_passes() {
    let home = tempfile::tempdir().expect("a directory");
    let (data, file) = (home.path().join("data"), home.path().join("event.proof"));
    let (conversation, ids) = answered(&data);
    let name = file.to_str().expect("UTF-8");
    let nowhere = home.path().join("nowhere");
    for id in &ids {
        let (code, proof) = vanna(&data, &["journal", "prove", id, "--conversation", &conversation]);
        assert_eq!(code, 0, "{proof}");
        fs::write(&file, &proof).expect("written");
        let (code, out) = vanna(&nowhere, &["journal", "verify-proof", name, "--json"]);
        let told: Value = serde_json::from_str(&out).expect("JSON");
        assert_eq!(
            (code, &told["valid"], &told["record"]["stream"]["id"]),
            (0, &true.into(), &conversation.clone().into())
        );
        let key = told["head"]["key"].as_str().expect("signed");
        assert_eq!(vanna(&nowhere, &["journal", "verify-proof", name, "--key", key]).0, 0);
        let other = "0".repeat(64);
        assert_eq!(vanna(&nowhere, &["journal", "verify-proof", name, "--key", &other]).0, 1);
        assert_eq!(vanna(&nowhere, &["journal", "verify-proof", name, "--head", &other]).0, 1);
        let mut forged: Value = serde_json::from_str(&proof).expect("JSON");
        forged["record"]["at"] = 1.into();
        fs::write(&file, forged.to_string()).expect("written");
        assert_eq!(vanna(&nowhere, &["journal", "verify-proof", name]).0, 1);
    }
    assert!(!nowhere.exists(), "checking a proof needs no data directory");
    assert_eq!(vanna(&data, &["journal", "prove", "1.0.nonsense", "--conversation", &conversation]).0, 2);
    assert_eq!(vanna(&data, &["journal", "prove", &ids[0], "--conversation", "other"]).0, 2);
    fs::write(&file, "{}").expect("written");
    assert_eq!(vanna(&nowhere, &["journal", "verify-proof", name]).0, 2);
    assert_eq!(vanna(&data, &["journal", "verify"]).0, 0);
}

#[test]
fn an_export_holds_every_record_with_what_it_says() {
    let home = tempfile::tempdir().expect("a directory");
    let (data, file) = (home.path().join("data"), home.path().join("records.ndjson"));
    let (conversation, _) = answered(&data);
    let name = file.to_str().expect("UTF-8");
    assert_eq!(vanna(&data, &["journal", "export", name]).0, 0);
    let text = fs::read_to_string(&file).expect("exported");
    let records: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let (_, stats) = vanna(&data, &["journal", "stats", "--json"]);
    let stats: Value = serde_json::from_str(&stats).expect("JSON");
    assert_eq!(stats["records"], records.len());
    for (record, position) in records.iter().zip(1_u64..) {
        assert_eq!(
            (&record["position"], &record["stream"]["id"]),
            (&position.into(), &conversation.clone().into())
        );
        assert!(record["payload"].is_object() && record["body"].is_string(), "{record}");
    }
    assert_eq!(vanna(&data, &["journal", "export", "-"]), (0, text.clone()));
    let (_, tail) = vanna(&data, &["journal", "tail", "-n", "2", "--json"]);
    assert!(text.ends_with(&tail) && tail.lines().count() == 2, "{tail}");
    assert_eq!(vanna(&data, &["journal", "tail"]).0, 0);
    assert_eq!(vanna(&data, &["journal", "export", name]).0, 2, "a file that exists is left alone");
    assert!(!home.path().join("records.ndjson.part").exists());
}

#[test]
fn a_changed_signed_head_stops_the_check() {
    let home = tempfile::tempdir().expect("a directory");
    answered(home.path());
    let log = home.path().join("heads.log");
    let text = fs::read_to_string(&log).expect("a signed head");
    fs::write(&log, text.replacen("head 1 ", "head 1 9", 1)).expect("written");
    assert_ne!(vanna(home.path(), &["journal", "verify"]).0, 0);
    fs::write(&log, text).expect("written");
    assert_eq!(vanna(home.path(), &["journal", "verify"]).0, 0);
}

/// The JSON that a command prints, with its exit code.
fn told(data: &Path, arguments: &[&str]) -> (i32, Value) {
    let (code, out) = vanna(data, &[arguments, &["--json"]].concat());
    (code, serde_json::from_str(&out).unwrap_or_else(|error| panic!("{arguments:?}: {error}: {out}")))
}

fn text_of(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

#[test]
fn a_backup_an_export_and_a_compaction_all_give_the_same_journal() {
    let home = tempfile::tempdir().expect("a directory");
    let [data, kept, lines, segment] =
        ["data", "kept", "all.ndjson", "all.seg"].map(|name| home.path().join(name));
    let (conversation, _) = answered(&data);
    let replay = |data: &Path| vanna(data, &["replay", &conversation, "--format", "v3"]);
    let truth = replay(&data);
    let (code, made) = told(&data, &["journal", "backup", text_of(&kept)]);
    assert_eq!((code, &made["complete"]), (0, &true.into()), "{made}");
    let (_, report) = told(&data, &["journal", "verify"]);
    assert_eq!((&made["position"], &made["head_hash"]), (&report["records"], &report["head_hash"]));
    assert_eq!(told(&data, &["journal", "backup", text_of(&kept)]).1["new_segments"], 0);
    assert_eq!(vanna(&data, &["journal", "export", text_of(&lines)]).0, 0);
    assert_eq!(vanna(&data, &["journal", "export", text_of(&segment), "--format", "segment"]).0, 0);
    assert!(!kept.join("keys").exists(), "the private key stays where it is");
    let sources: [&[&str]; 3] = [
        &["restore", "--from", text_of(&kept)],
        &["import", text_of(&lines)],
        &["import", text_of(&segment)],
    ];
    for (source, name) in sources.into_iter().zip(["one", "two", "three"]) {
        let new = home.path().join(name);
        let (code, restored) = told(&new, &[&["journal"], source].concat());
        assert_eq!((code, &restored["whole"]), (0, &true.into()), "{restored}");
        assert_eq!(restored["report"]["head_hash"], report["head_hash"]);
        assert_eq!(replay(&new), truth, "{source:?}");
        let (code, again) = told(&new, &["journal", "verify"]);
        assert_eq!((code, &again["records"], &again["whole"]), (0, &report["records"], &true.into()));
        let copied = new.join("again.ndjson");
        assert_eq!(vanna(&new, &["journal", "export", text_of(&copied)]).0, 0);
        assert!(fs::read(&copied).expect("exported") == fs::read(&lines).expect("exported"), "{source:?}");
        assert_eq!(vanna(&new, &[&["journal"], source].concat()).0, 2, "what is there is not overwritten");
        assert_eq!(vanna(&new, &["ask", "total revenue"]).0, 0, "and life goes on");
    }
    let (code, compacted) = told(&data, &["journal", "compact"]);
    assert_eq!((code, &compacted["head_hash"]), (0, &report["head_hash"]));
    assert_eq!(
        told(&data, &["journal", "reindex"]),
        (0, json!({"records": report["records"], "streams": 1}))
    );
    assert_eq!(replay(&data), truth);
    assert_eq!(told(&data, &["journal", "scrub"]).0, 0);
}

#[test]
fn damage_is_named_and_what_was_sealed_comes_back() {
    let home = tempfile::tempdir().expect("a directory");
    let [data, new, other] = ["data", "new", "other"].map(|name| home.path().join(name));
    let (conversation, _) = answered(&data);
    let truth = vanna(&data, &["replay", &conversation, "--format", "v3"]);
    let (code, sealed) = told(&data, &["journal", "seal"]);
    assert_eq!(code, 0, "{sealed}");
    fs::OpenOptions::new()
        .write(true)
        .open(data.join("journal/db"))
        .expect("opened")
        .set_len(3000)
        .expect("cut");
    let (code, found) = told(&data, &["journal", "scrub"]);
    assert_eq!((code, &found["whole"]), (1, &false.into()));
    let fault = &found["faults"][0];
    assert!(fault["remedy"].as_str().expect("text").contains("vanna journal restore --salvage"), "{fault}");
    let (code, restored) = told(&new, &["journal", "restore", "--salvage", text_of(&data)]);
    assert_eq!((code, &restored["position"]), (0, &sealed["position"]), "{restored}");
    assert_eq!(vanna(&new, &["replay", &conversation, "--format", "v3"]), truth);

    let archive = data.join("archive");
    let entries = fs::read_dir(&archive).expect("an archive").map(|entry| entry.expect("an entry").path());
    let segment =
        entries.into_iter().find(|path| path.extension().is_some_and(|end| end == "seg")).expect("sealed");
    let mut bytes = fs::read(&segment).expect("readable");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&segment, bytes).expect("written");
    let (code, _) = vanna(&other, &["journal", "restore", "--from", text_of(&archive)]);
    assert_eq!(code, 1, "a damaged archive is refused");
    assert!(!other.exists());
    let (code, found) = told(&data, &["journal", "scrub"]);
    let places = found["faults"].as_array().expect("a list");
    assert!(code == 1 && places.iter().any(|fault| fault["place"] == text_of(&segment)), "{found}");
    let (code, _) = vanna(&other, &["journal", "import", text_of(&home.path().join("missing"))]);
    assert_eq!(code, 2);
}

#[tokio::test]
async fn a_running_service_seals_and_can_be_backed_up() {
    let home = tempfile::tempdir().expect("a directory");
    let [data, kept, new] = ["data", "kept", "new"].map(|name| home.path().join(name));
    answered(&data);
    let server = Server::start(&data).await;
    let archive = data.join("archive");
    // The service seals at its start what was not sealed before.
    let begun = std::time::Instant::now();
    while !archive.join("head.pub").exists() {
        assert!(begun.elapsed() < PATIENCE, "the service seals");
        tokio::task::yield_now().await;
    }
    let (code, made) = told(&data, &["journal", "backup", text_of(&kept)]);
    assert_eq!((code, &made["complete"], &made["held_by"]), (0, &false.into(), &server.pid().into()));
    for command in
        [&["journal", "compact"][..], &["journal", "reindex"], &["journal", "seal"], &["journal", "scrub"]]
    {
        assert_eq!(vanna(&data, command).0, 3, "{command:?} keeps off a directory that is held");
    }
    let body = json!({"message": "total revenue", "conversation_id": "c1", "request_id": "r1"});
    let asked =
        vanna::http::client().post(server.url("chat/poll")).json(&body).send().await.expect("answers");
    assert_eq!(asked.status(), 200);
    assert_eq!(server.terminate().await, 0);
    let (_, report) = told(&data, &["journal", "verify"]);
    let (code, restored) = told(&new, &["journal", "restore", "--from", text_of(&archive)]);
    assert_eq!((code, &restored["position"]), (0, &report["records"]), "all is sealed when the service ends");
    let (code, restored) =
        told(&home.path().join("older"), &["journal", "restore", "--from", text_of(&kept)]);
    assert_eq!((code, &restored["position"]), (0, &made["position"]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_running_service_checks_its_journal_and_tells_its_figures() {
    let home = tempfile::tempdir().expect("a directory");
    let data = home.path().join("data");
    let server = Server::start(&data).await;
    let body = json!({"message": "total revenue", "conversation_id": "c1"});
    let asked = vanna::http::client().post(server.url("chat/events")).json(&body).send().await;
    read_frames(asked.expect("answers")).await;
    let remote = ["--server", server.base.as_str(), "--json"];
    let call = |command: &str| {
        let arguments = [&["journal", command][..], &remote].concat();
        let (code, out) = vanna(&data, &arguments);
        (code, serde_json::from_str::<Value>(&out).expect("JSON"))
    };
    let ((verified, report), (told, stats)) = (call("verify"), call("stats"));
    assert_eq!((verified, told, &report["whole"]), (0, 0, &true.into()));
    assert_eq!((&report["records"], &report["head_hash"]), (&stats["records"], &stats["head_hash"]));
    assert_eq!(server.terminate().await, 0);
    let (_, offline) = vanna(&data, &["journal", "stats", "--json"]);
    assert_eq!(serde_json::from_str::<Value>(&offline).expect("JSON")["head_hash"], stats["head_hash"]);
}
