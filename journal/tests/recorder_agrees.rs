//! The recorder sees every call that changes a file: strace, which nothing escapes, sees the same.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failure here fails the test"
)]

mod recorder;
mod worker;

use recorder::log::Log;
use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::process::{Command, Stdio};

/// All calls of Linux that change a file or a name, or make a change durable.
const CALLS: &str = "open,openat,openat2,creat,write,pwrite64,writev,pwritev,pwritev2,truncate,ftruncate,\
                     fallocate,copy_file_range,sendfile,splice,rename,renameat,renameat2,unlink,unlinkat,mkdir,\
                     mkdirat,rmdir,link,linkat,symlink,symlinkat,fsync,fdatasync,sync_file_range,syncfs,msync,\
                     mmap,io_uring_setup";

/// How often which kind of change was made to which file, with how many bytes.
type Changes = BTreeMap<(char, String, u64), u64>;

#[test]
#[ignore = "the process that both watch"]
fn works_while_both_watch() {
    worker::work();
}

#[test]
fn nothing_changes_on_disk_that_the_recorder_does_not_see() {
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path().canonicalize().unwrap();
    let (disk, calls, log) = (home.join("disk"), home.join("calls"), home.join("log"));
    std::fs::create_dir(&disk).unwrap();
    let mut seen = Changes::new();
    // The second process takes a snapshot and goes on behind the end of the first.
    for _ in 0..2 {
        let mut command = Command::new("strace");
        command.args(["-f", "-y", "-s", "8", "-e", &format!("trace={CALLS}"), "-o"]).arg(&calls);
        command.args(["-E", &format!("LD_PRELOAD={}", recorder::library().display())]);
        command.arg("--").args(worker::arguments("works_while_both_watch"));
        command.env("VANNA_RECORDER_DIR", &disk).env("VANNA_RECORDER_LOG", &log);
        worker::set(&mut command, &disk.join("data"), 4, 40);
        let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
        let status =
            status.expect("this test needs strace: install it, on Debian with `apt-get install strace`");
        assert!(status.success(), "the worker failed under strace, or strace may not trace here");
        strace(&std::fs::read_to_string(&calls).unwrap(), &disk, &mut seen);
    }
    let mut recorded = Changes::new();
    for entry in Log::read(&log).entries.iter().filter(|entry| !"TC".contains(entry.kind)) {
        assert_ne!(entry.kind, 'B', "a call that cannot be replayed: {entry:?}");
        let bytes = if entry.kind == 'W' { entry.bytes() } else { 0 };
        *recorded.entry((entry.kind, entry.path.clone(), bytes)).or_default() += 1;
    }
    // Lengths are also given by opening a file anew, which strace shows as an open.
    let lengths = |changes: &mut Changes| changes.retain(|(kind, ..), _| *kind != 'L');
    lengths(&mut seen);
    lengths(&mut recorded);
    assert_eq!(seen, recorded);
    for file in ["journal/db", "journal/conf", "journal/snap.", "/blobs/", "data/head", "heads.log", "keys/"]
    {
        let count = recorded.keys().filter(|(kind, path, _)| *kind == 'W' && path.contains(file)).count();
        assert!(count > 0, "no write to {file} was seen");
    }
}

/// Adds the calls that strace shows below a directory.
fn strace(text: &str, disk: &Path, changes: &mut Changes) {
    let disk = disk.to_str().unwrap();
    let mut begun: HashMap<&str, String> = HashMap::new();
    for line in text.lines() {
        let (pid, call) = line.split_once(' ').unwrap();
        let call = call.trim_start();
        if let Some(start) = call.strip_suffix("<unfinished ...>") {
            begun.insert(pid, start.to_owned());
            continue;
        }
        let call = match call.split_once("resumed>") {
            Some((_, rest)) => begun.remove(pid).unwrap() + rest,
            None => call.to_owned(),
        };
        let Some((arguments, answer)) = call.rsplit_once(" = ") else { continue };
        if !arguments.contains(disk) || answer.starts_with('-') {
            continue;
        }
        let name = arguments.split('(').next().unwrap();
        let path = named(arguments, disk);
        let bytes = answer.split(|c: char| !c.is_ascii_digit()).next().unwrap().parse().unwrap_or(0);
        let is_dir = Path::new(&path).is_dir();
        let kind = match name {
            "open" | "openat" => continue,
            "write" | "pwrite64" | "writev" | "pwritev" | "pwritev2" => 'W',
            "fsync" | "fdatasync" if is_dir => 'D',
            "fsync" | "fdatasync" => 'S',
            "sync_file_range" => 'G',
            "rename" | "renameat" | "renameat2" => 'R',
            "link" | "linkat" => 'K',
            "mkdir" | "mkdirat" => 'M',
            "unlink" => 'U',
            "unlinkat" if arguments.contains("AT_REMOVEDIR") => 'X',
            "unlinkat" => 'U',
            "rmdir" => 'X',
            "ftruncate" => 'L',
            "mmap" if !(arguments.contains("MAP_SHARED") && arguments.contains("PROT_WRITE")) => continue,
            _ => panic!("a call that the recorder cannot replay: {call}"),
        };
        *changes.entry((kind, path, if kind == 'W' { bytes } else { 0 })).or_default() += 1;
    }
}

/// The first path below `disk` that a call names, with the name that follows an open directory.
fn named(arguments: &str, disk: &str) -> String {
    let start = arguments.find(disk).unwrap();
    let end = start + arguments[start..].find(['"', '>']).unwrap();
    let path = arguments[start..end].to_owned();
    match arguments[end..].strip_prefix(">, \"") {
        Some(rest) if arguments.starts_with("unlinkat") || arguments.starts_with("mkdirat") => {
            format!("{path}/{}", rest.split('"').next().unwrap())
        }
        _ => path,
    }
}
