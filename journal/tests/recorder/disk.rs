//! What a power cut may leave of recorded calls: a model that grants only what POSIX promises.
//!
//! * A file's bytes and length are safe when an fsync or fdatasync of that file has returned. Of what
//!   was written since, every sector of 512 bytes is independently as it was at any moment since then,
//!   and so is the length; sectors that a longer length uncovers hold zeros or whatever was there.
//! * A name is safe when an fsync of its directory has returned, not by that of the file. Of the changes
//!   of names since, any may have happened, in any selection; a rename happens as a whole.
//! * `sync_file_range` promises nothing.
//!
//! That is weaker than what ext4, XFS or btrfs keep; compare Pillai and others, "All File Systems Are
//! Not Created Equal", OSDI 2014. Not covered: a sector that is itself torn, a device that lies about
//! its cache, and damage of what was safe already.

use super::log::{Entry, Log};
use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// Draws a number below a bound.
pub(crate) type Draw<'a> = dyn FnMut(u64) -> u64 + 'a;

const SECTOR: usize = 512;
/// Held for its room alone: its bytes are never read.
const RESERVE: &str = "reserve";

/// The disk as the calls so far have left it.
pub(crate) struct Disk<'a> {
    log: &'a Log,
    nodes: Vec<Node>,
    by_inode: HashMap<u64, usize>,
    root: String,
    /// How many entries have been applied.
    pub(crate) point: usize,
    /// A part of a path whose syncs do nothing: for the test of the test.
    pub(crate) unsynced: Option<&'static str>,
}

enum Node {
    File(FileNode),
    Folder(FolderNode),
}

#[derive(Default)]
struct FileNode {
    safe: Vec<u8>,
    changes: Vec<Change>,
}

#[derive(Clone)]
enum Change {
    Write { offset: usize, entry: usize },
    Length(usize),
}

#[derive(Default)]
struct FolderNode {
    safe: BTreeMap<String, usize>,
    now: BTreeMap<String, usize>,
    changes: Vec<NameChange>,
}

#[derive(Clone)]
struct NameChange {
    point: usize,
    removed: Option<String>,
    added: Option<(String, usize)>,
}

impl NameChange {
    fn apply(&self, names: &mut BTreeMap<String, usize>) {
        if let Some(name) = &self.removed {
            names.remove(name);
        }
        if let Some((name, node)) = &self.added {
            names.insert(name.clone(), *node);
        }
    }
}

impl<'a> Disk<'a> {
    /// An empty directory `root`, which is safe.
    pub(crate) fn new(log: &'a Log, root: &Path) -> Self {
        let nodes = vec![Node::Folder(FolderNode::default())];
        let root = root.to_str().unwrap().to_owned();
        Self { log, nodes, by_inode: HashMap::new(), root, point: 0, unsynced: None }
    }

    /// Applies the calls before entry `point`.
    pub(crate) fn advance(&mut self, point: usize) {
        let log = self.log;
        while self.point < point {
            self.apply(&log.entries[self.point]);
            self.point += 1;
        }
    }

    fn apply(&mut self, entry: &Entry) {
        let node = match entry.kind {
            'C' => Some(Node::File(FileNode::default())),
            'M' => Some(Node::Folder(FolderNode::default())),
            _ => None,
        };
        match entry.kind {
            'T' | 'G' => {}
            'C' | 'M' => {
                self.nodes.push(node.unwrap());
                let node = self.nodes.len() - 1;
                self.by_inode.insert(entry.inode, node);
                self.name(&entry.path, |name| (None, Some((name, node))));
            }
            'K' => {
                let node = self.by_inode[&entry.inode];
                self.name(&entry.other, |name| (None, Some((name, node))));
            }
            'U' | 'X' => self.name(&entry.path, |name| (Some(name), None)),
            'R' => {
                let (folder, name) = self.place(&entry.path);
                let (target, new) = self.place(&entry.other);
                assert_eq!(folder, target, "a rename between folders is not modelled: {entry:?}");
                let node = self.folder(folder).now[&name];
                self.name(&entry.other, |_| (Some(name), Some((new, node))));
            }
            'W' => {
                let (offset, point) = (usize::try_from(entry.offset).unwrap(), self.point);
                self.file(entry).changes.push(Change::Write { offset, entry: point });
            }
            'L' => self.file(entry).changes.push(Change::Length(usize::try_from(entry.offset).unwrap())),
            'S' | 'D' => self.sync(entry),
            _ => panic!("this call cannot be replayed: {entry:?}"),
        }
    }

    fn sync(&mut self, entry: &Entry) {
        if self.unsynced.is_some_and(|part| entry.path.contains(part)) {
            return;
        }
        let node = if entry.path == self.root { 0 } else { self.by_inode[&entry.inode] };
        let log = self.log;
        match &mut self.nodes[node] {
            Node::File(file) => {
                for change in std::mem::take(&mut file.changes) {
                    change.apply(log, &mut file.safe);
                }
            }
            Node::Folder(folder) => {
                folder.changes.clear();
                folder.safe = folder.now.clone();
            }
        }
    }

    fn file(&mut self, entry: &Entry) -> &mut FileNode {
        match &mut self.nodes[self.by_inode[&entry.inode]] {
            Node::File(file) => file,
            Node::Folder(_) => panic!("a folder was written to: {entry:?}"),
        }
    }

    fn folder(&self, node: usize) -> &FolderNode {
        match &self.nodes[node] {
            Node::Folder(folder) => folder,
            Node::File(_) => panic!("a file is used as a folder"),
        }
    }

    /// The folder that a path lies in now, and its last name.
    fn place(&self, path: &str) -> (usize, String) {
        let inner = path.strip_prefix(&self.root).unwrap().trim_start_matches('/');
        let (folders, name) = inner.rsplit_once('/').unwrap_or(("", inner));
        let folders = folders.split('/').filter(|folder| !folder.is_empty());
        (folders.fold(0, |node, folder| self.folder(node).now[folder]), name.to_owned())
    }

    fn name(&mut self, path: &str, change: impl FnOnce(String) -> (Option<String>, Option<(String, usize)>)) {
        let (node, name) = self.place(path);
        let (removed, added) = change(name);
        let change = NameChange { point: self.point, removed, added };
        match &mut self.nodes[node] {
            Node::Folder(folder) => {
                change.apply(&mut folder.now);
                folder.changes.push(change);
            }
            Node::File(_) => panic!("{path} lies in a file"),
        }
    }

    /// Makes in `target`, an empty directory, one of the states that a cut at this point may leave.
    pub(crate) fn cut(&self, target: &Path, draw: &mut Draw<'_>) {
        let names = Names::draw(self.point, draw);
        self.write_folder(0, target, &names, draw);
    }

    fn write_folder(&self, node: usize, target: &Path, names: &Names, draw: &mut Draw<'_>) {
        let folder = self.folder(node);
        let mut left = folder.safe.clone();
        for change in &folder.changes {
            if names.keeps(change.point, draw) {
                change.apply(&mut left);
            }
        }
        for (name, node) in left {
            let path = target.join(&name);
            match &self.nodes[node] {
                Node::File(file) => file.write(self.log, &path, draw),
                Node::Folder(_) => {
                    fs::create_dir(&path).unwrap();
                    self.write_folder(node, &path, names, draw);
                }
            }
        }
    }
}

/// Which changes of names are kept.
enum Names {
    All,
    None,
    Before(usize),
    Any,
}

impl Names {
    fn draw(point: usize, draw: &mut Draw<'_>) -> Names {
        match draw(5) {
            0 => Names::All,
            1 => Names::None,
            2 => Names::Before(point.saturating_sub(usize::try_from(draw(12)).unwrap())),
            _ => Names::Any,
        }
    }

    fn keeps(&self, point: usize, draw: &mut Draw<'_>) -> bool {
        match self {
            Names::All => true,
            Names::None => false,
            Names::Before(cut) => point < *cut,
            Names::Any => draw(2) == 0,
        }
    }
}

impl Change {
    fn apply(&self, log: &Log, bytes: &mut Vec<u8>) {
        match self {
            Change::Write { offset, entry } => {
                let data = log.data(&log.entries[*entry]);
                lengthen(bytes, offset + data.len());
                bytes[*offset..offset + data.len()].copy_from_slice(data);
            }
            Change::Length(length) => {
                bytes.truncate(*length);
                lengthen(bytes, *length);
            }
        }
    }

    fn length_after(&self, log: &Log, before: usize) -> usize {
        match self {
            Change::Write { offset, entry } => before.max(offset + log.data(&log.entries[*entry]).len()),
            Change::Length(length) => *length,
        }
    }
}

/// Which of the changes since the last sync reached which sector.
enum Kept {
    None,
    All,
    /// Those before the number, and of that one the sectors from the start or to the end.
    Torn {
        whole: usize,
        sectors: usize,
        from_start: bool,
    },
    Writes(Vec<bool>),
    Sectors,
}

impl Kept {
    fn draw(changes: usize, draw: &mut Draw<'_>) -> Kept {
        match draw(8) {
            0 => Kept::None,
            1 => Kept::All,
            2 | 3 => Kept::Torn {
                whole: usize::try_from(draw(changes as u64)).unwrap(),
                sectors: usize::try_from(draw(9)).unwrap(),
                from_start: draw(2) == 0,
            },
            4 | 5 => Kept::Writes((0..changes).map(|_| draw(2) == 0).collect()),
            _ => Kept::Sectors,
        }
    }

    fn keeps(&self, change: usize, sector: usize, span: (usize, usize), draw: &mut Draw<'_>) -> bool {
        match self {
            Kept::None => false,
            Kept::All => true,
            Kept::Torn { whole, sectors, from_start } => {
                let (first, last) = span;
                let here = if *from_start { sector - first < *sectors } else { last - sector < *sectors };
                change < *whole || (change == *whole && here)
            }
            Kept::Writes(kept) => kept[change],
            Kept::Sectors => draw(2) == 0,
        }
    }
}

impl FileNode {
    fn write(&self, log: &Log, path: &Path, draw: &mut Draw<'_>) {
        let file = fs::File::create(path).unwrap();
        if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(RESERVE)) {
            let length = self.length(log, draw);
            return file.set_len(length as u64).unwrap();
        }
        if self.changes.is_empty() {
            write_sparse(&file, &self.safe);
            return file.set_len(self.safe.len() as u64).unwrap();
        }
        let bytes = self.bytes(log, draw);
        write_sparse(&file, &bytes);
        file.set_len(bytes.len() as u64).unwrap();
    }

    fn length(&self, log: &Log, draw: &mut Draw<'_>) -> usize {
        let mut lengths = vec![self.safe.len()];
        for change in &self.changes {
            lengths.push(change.length_after(log, lengths[lengths.len() - 1]));
        }
        if draw(2) == 0 {
            return lengths[lengths.len() - 1];
        }
        lengths[usize::try_from(draw(lengths.len() as u64)).unwrap()]
    }

    fn bytes(&self, log: &Log, draw: &mut Draw<'_>) -> Vec<u8> {
        let length = self.length(log, draw);
        let kept = Kept::draw(self.changes.len(), draw);
        let stale = draw(8) == 0;
        // What each sector became with each change; a sector keeps one of its states.
        let mut now = self.safe.clone();
        let mut left = self.safe.clone();
        for (index, change) in self.changes.iter().enumerate() {
            let before = now.len();
            change.apply(log, &mut now);
            let (start, end) = match change {
                Change::Write { offset, entry } => (*offset, offset + log.data(&log.entries[*entry]).len()),
                Change::Length(length) => (*length, before.max(*length)),
            };
            lengthen(&mut left, now.len());
            if start == end {
                continue;
            }
            let span = (start / SECTOR, (end - 1) / SECTOR);
            for sector in span.0..=span.1 {
                if kept.keeps(index, sector, span, draw) {
                    let (from, to) = (sector * SECTOR, left.len().min((sector + 1) * SECTOR));
                    let there = now.len().clamp(from, to);
                    left[from..there].copy_from_slice(now.get(from..there).unwrap_or_default());
                    left[there..to].fill(0);
                } else if stale && sector * SECTOR >= self.safe.len() {
                    let (from, to) = (sector * SECTOR, left.len().min((sector + 1) * SECTOR));
                    left[from..to].iter_mut().for_each(|byte| *byte = u8::try_from(draw(256)).unwrap());
                }
            }
        }
        left.truncate(length);
        lengthen(&mut left, length);
        left
    }
}

/// Adds zeros up to a length, in one go: a file of many megabytes grows here for every disk.
fn lengthen(bytes: &mut Vec<u8>, length: usize) {
    if bytes.len() < length {
        let more = vec![0; length - bytes.len()];
        bytes.extend_from_slice(&more);
    }
}

/// Leaves holes where there are zeros.
fn write_sparse(file: &fs::File, bytes: &[u8]) {
    const PAGE: usize = 4096;
    let mut start = None;
    for (index, page) in bytes.chunks(PAGE).enumerate() {
        let empty = *page == [0; PAGE][..page.len()];
        match (empty, start) {
            (false, None) => start = Some(index * PAGE),
            (true, Some(from)) => {
                file.write_all_at(&bytes[from..index * PAGE], from as u64).unwrap();
                start = None;
            }
            _ => {}
        }
    }
    if let Some(from) = start {
        file.write_all_at(&bytes[from..], from as u64).unwrap();
    }
}
