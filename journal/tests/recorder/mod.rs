//! What a process does to its files, written down in order, and calls that fail on demand.
//!
//! `recorder.c` is preloaded into the process; `log` reads what it wrote, `disk` makes of it what a
//! power cut at any moment may leave.
#![allow(dead_code, unused_imports, reason = "each test uses its part")]

pub(crate) mod disk;
mod folder;
pub(crate) mod log;

pub(crate) use folder::folder;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The compiled recorder.
pub(crate) fn library() -> &'static Path {
    static LIBRARY: OnceLock<PathBuf> = OnceLock::new();
    LIBRARY.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let source = folder.join(format!("recorder-{}.c", std::process::id()));
        let library = source.with_extension("so");
        std::fs::write(&source, include_str!("recorder.c")).unwrap();
        let output = Command::new("cc")
            .args(["-O2", "-shared", "-fPIC", "-o"])
            .args([&library, &source])
            .args(["-ldl", "-pthread"])
            .output()
            .expect(
                "this test needs a C compiler: install one, on Debian with `apt-get install gcc libc6-dev`",
            );
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        std::fs::remove_file(source).unwrap();
        library
    })
}

/// Calls that fail: from the `from`th on, `count` of them.
#[derive(Clone, Debug)]
pub(crate) struct Fault {
    /// The letter of the kind in `recorder.c`.
    pub(crate) kind: char,
    /// What the path holds.
    pub(crate) path: &'static str,
    pub(crate) from: u64,
    pub(crate) count: u64,
    pub(crate) errno: i32,
}

/// No space left on the device.
pub(crate) const ENOSPC: i32 = 28;
/// The device failed.
pub(crate) const EIO: i32 = 5;

/// Loads the recorder into a command; what happens below `dir` is its business.
pub(crate) fn load(command: &mut Command, dir: &Path) {
    command.env("LD_PRELOAD", library()).env("VANNA_RECORDER_DIR", dir);
}

/// Makes calls of a command fail, until the file `heal` is there.
pub(crate) fn fail(command: &mut Command, dir: &Path, fault: &Fault, heal: &Path) {
    load(command, dir);
    let Fault { kind, path, from, count, errno } = fault;
    command.env("VANNA_RECORDER_FAIL", format!("{kind}:{path}:{from}:{count}:{errno}"));
    command.env("VANNA_RECORDER_HEAL", heal);
}

/// The entry after which a process kills itself: the kind and a part of the path, each may be `*`,
/// and how many of these there are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kill(pub(crate) char, pub(crate) &'static str, pub(crate) u64);

/// Records a command to a log; it kills itself if that is wished.
pub(crate) fn record(command: &mut Command, dir: &Path, log: &Path, kill: Option<Kill>) {
    load(command, dir);
    command.env("VANNA_RECORDER_LOG", log);
    if let Some(Kill(kind, path, number)) = kill {
        command.env("VANNA_RECORDER_KILL", format!("{kind}:{path}:{number}"));
    }
}
