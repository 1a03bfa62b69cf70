//! A folder as one small file: runs of equal bytes, of which a journal's files are full, are counted.

use std::fs;
use std::path::Path;

/// Files that say nothing of the past: who has the directory, and room that is kept free.
const LEFT_OUT: [&str; 2] = ["lock", "reserve"];
/// Runs that are worth counting.
const RUN: usize = 16;

/// Packs all files of a folder, in the order of their names.
pub(crate) fn pack(folder: &Path) -> Vec<u8> {
    let mut names = Vec::new();
    list(folder, "", &mut names);
    names.sort();
    let mut packed = Vec::new();
    for name in names {
        let bytes = fs::read(folder.join(&name)).expect("readable");
        number(&mut packed, name.len());
        packed.extend_from_slice(name.as_bytes());
        let runs = squeeze(&bytes);
        number(&mut packed, runs.len());
        packed.extend(runs);
    }
    packed
}

/// Unpacks into a new folder.
pub(crate) fn unpack(mut packed: &[u8], folder: &Path) {
    while !packed.is_empty() {
        let name = part(&mut packed);
        let path = folder.join(std::str::from_utf8(name).expect("UTF-8"));
        fs::create_dir_all(path.parent().expect("below the folder")).expect("created");
        fs::write(path, stretch(part(&mut packed))).expect("written");
    }
}

fn list(folder: &Path, prefix: &str, names: &mut Vec<String>) {
    for entry in fs::read_dir(folder).expect("readable") {
        let path = entry.expect("readable").path();
        let name = path.file_name().expect("named").to_str().expect("UTF-8").to_owned();
        let full = if prefix.is_empty() { name.clone() } else { format!("{prefix}/{name}") };
        if path.is_dir() {
            list(&path, &full, names);
        } else if !LEFT_OUT.contains(&name.as_str()) {
            names.push(full);
        }
    }
}

fn number(out: &mut Vec<u8>, number: usize) {
    out.extend_from_slice(&u32::try_from(number).expect("small").to_le_bytes());
}

fn take_number(bytes: &mut &[u8]) -> usize {
    let (number, rest) = bytes.split_first_chunk::<4>().expect("a number");
    *bytes = rest;
    u32::from_le_bytes(*number) as usize
}

fn part<'a>(bytes: &mut &'a [u8]) -> &'a [u8] {
    let length = take_number(bytes);
    let (part, rest) = bytes.split_at(length);
    *bytes = rest;
    part
}

/// Literal bytes with their count, then a byte with the count of its run, and so on.
fn squeeze(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let (mut begun, mut at) = (0, 0);
    while at < bytes.len() {
        let run = bytes[at..].iter().take_while(|byte| **byte == bytes[at]).count();
        if run >= RUN {
            number(&mut out, at - begun);
            out.extend_from_slice(&bytes[begun..at]);
            number(&mut out, run);
            out.push(bytes[at]);
            begun = at + run;
        }
        at += run;
    }
    number(&mut out, at - begun);
    out.extend_from_slice(&bytes[begun..]);
    out
}

fn stretch(mut squeezed: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    loop {
        out.extend_from_slice(part(&mut squeezed));
        if squeezed.is_empty() {
            return out;
        }
        let run = take_number(&mut squeezed);
        let (byte, rest) = squeezed.split_first().expect("the byte of a run");
        out.resize(out.len() + run, *byte);
        squeezed = rest;
    }
}

#[test]
fn what_is_packed_comes_out_again() {
    let (from, to) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let long = [vec![1, 2, 3], vec![0; 100_000], vec![7; 15], vec![7, 8], vec![9; 16]].concat();
    let files: [(&str, &[u8]); 4] = [("a", b""), ("b/c", b"text"), ("b/d/e", &long), ("zeros", &[0; 64])];
    for (name, bytes) in files {
        let path = from.path().join(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("created");
        fs::write(path, bytes).expect("written");
    }
    fs::write(from.path().join("lock"), "1").expect("written");
    let packed = pack(from.path());
    assert!(packed.len() < 300, "{}", packed.len());
    unpack(&packed, to.path());
    for (name, bytes) in files {
        assert_eq!(fs::read(to.path().join(name)).expect("unpacked"), bytes);
    }
    assert!(!to.path().join("lock").exists());
}
