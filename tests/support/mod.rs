//! A real `vanna serve` in a process of its own, and a client that reads its streams.

pub(crate) mod fake_model;

use serde_json::Value;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

/// Longest wait for anything that a test waits for.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A running service.
pub(crate) struct Server {
    child: Child,
    /// Where it listens, such as `http://127.0.0.1:4321`.
    pub(crate) base: String,
}

impl Server {
    /// Starts the service on a free port and waits until it says where.
    pub(crate) async fn start(data: &Path) -> Server {
        Self::start_with(data, |_| ()).await
    }

    /// Starts the service with more arguments or environment.
    pub(crate) async fn start_with(data: &Path, adjust: impl FnOnce(&mut Command)) -> Server {
        let mut command = Command::new(env!("CARGO_BIN_EXE_vanna"));
        command.args(["serve", "--addr", "127.0.0.1:0", "--data"]).arg(data);
        adjust(&mut command);
        Self::spawn(command).await
    }

    /// Starts the service by a command of one's own, made from the path of the binary.
    pub(crate) async fn start_by(make: impl FnOnce(&'static str) -> Command) -> Server {
        Self::spawn(make(env!("CARGO_BIN_EXE_vanna"))).await
    }

    async fn spawn(mut command: Command) -> Server {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::inherit()).kill_on_drop(true);
        let mut child = command.spawn().expect("the binary starts");
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let line =
            tokio::time::timeout(PATIENCE, lines.next_line()).await.expect("in time").expect("readable");
        let line = line.expect("the service says where it listens");
        let base = line.split_whitespace().find(|word| word.starts_with("http://")).expect("an address");
        Server { base: base.to_owned(), child }
    }

    /// The address of a path.
    pub(crate) fn root(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// The address of a v3 route.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}/api/vanna/v3/{path}", self.base)
    }

    /// The process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id().expect("running")
    }

    /// The exit code, if it has ended by itself.
    pub(crate) fn exited(&mut self) -> Option<i32> {
        self.child.try_wait().expect("waited").and_then(|status| status.code())
    }

    /// SIGKILL, and wait until it is gone.
    pub(crate) async fn kill(mut self) {
        self.child.kill().await.expect("killed");
    }

    /// SIGTERM, and the exit code.
    pub(crate) async fn terminate(self) -> i32 {
        self.stop().await.expect("exited by itself")
    }

    /// SIGTERM, unless it is gone already, and the exit code; none when it died.
    pub(crate) async fn stop(mut self) -> Option<i32> {
        if let Some(pid) = self.child.id().filter(|_| self.exited().is_none()) {
            let sent = Command::new("kill").args(["-TERM", &pid.to_string()]).status().await;
            sent.expect("kill runs");
        }
        let status =
            tokio::time::timeout(PATIENCE, self.child.wait()).await.expect("in time").expect("waited");
        status.code()
    }
}

/// One event as it came over the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    /// The `id` field.
    pub(crate) id: String,
    /// The `event` field.
    pub(crate) event: String,
    /// The `data` field.
    pub(crate) data: String,
}

impl Frame {
    /// The event.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.data).expect("data is JSON")
    }

    /// Whether nothing follows for its request.
    pub(crate) fn terminal(&self) -> bool {
        self.event == "done" || self.event == "error"
    }

    /// Place within its request.
    pub(crate) fn sequence(&self) -> u64 {
        self.json()["sequence"].as_u64().expect("a sequence")
    }
}

/// Reads frames off a stream of bytes that may break off anywhere.
#[derive(Default)]
pub(crate) struct Frames {
    buffer: Vec<u8>,
}

impl Frames {
    /// Takes in bytes, gives the frames that are complete.
    pub(crate) fn feed(&mut self, bytes: &[u8]) -> Vec<Frame> {
        self.buffer.extend_from_slice(bytes);
        let mut frames = Vec::new();
        while let Some(end) = self.buffer.windows(2).position(|pair| pair == b"\n\n") {
            let block: Vec<u8> = self.buffer.drain(..end + 2).collect();
            let block = String::from_utf8(block).expect("UTF-8");
            let field = |name: &str| -> Option<String> {
                block.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned)
            };
            if let (Some(id), Some(event), Some(data)) = (field("id: "), field("event: "), field("data: ")) {
                frames.push(Frame { id, event, data });
            }
        }
        frames
    }
}

/// Reads a stream until its end, or until it breaks off; tells which.
pub(crate) async fn read_frames(mut response: reqwest::Response) -> (Vec<Frame>, bool) {
    let mut frames = Frames::default();
    let mut read = Vec::new();
    loop {
        match tokio::time::timeout(PATIENCE, response.chunk()).await.expect("the stream goes on") {
            Ok(Some(bytes)) => read.extend(frames.feed(&bytes)),
            Ok(None) => return (read, true),
            Err(_) => return (read, false),
        }
    }
}

/// Asserts every rule of a whole request's events.
pub(crate) fn assert_whole(events: &[Frame]) {
    let last = events.last().expect("events");
    assert!(last.terminal(), "the last event ends the request: {last:?}");
    assert_eq!(events.iter().filter(|event| event.terminal()).count(), 1);
    assert_eq!(events.iter().filter(|event| event.event == "lineage").count(), 1);
    assert_eq!(events[events.len() - 2].event, "lineage");
    for (index, event) in events.iter().enumerate() {
        let json = event.json();
        assert_eq!(event.sequence(), index as u64, "{events:?}");
        assert_eq!(json["event_id"], event.id.as_str());
        assert_eq!(json["event_type"], event.event.as_str());
        assert_eq!(json.as_object().expect("an object").len(), 8);
    }
    if last.event == "done" {
        assert_eq!(last.json()["payload"]["event_count"], events.len() as u64);
    }
}
