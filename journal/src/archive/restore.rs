//! Restoring: a data directory made anew from frames, byte for byte.
//!
//! It is built beside its place, checked in full there, and gets its name at the end: a restore that
//! is cut off leaves a directory that the next one clears away, and no journal with a hole.

use super::carve::Carved;
use super::error::{ArchiveError, Fault};
use super::folder::{Folder, HEADS, KEYS};
use super::frames::{Chain, FrameSource, RawFrame, next_of};
use super::salvage::{Merged, Piece};
use super::scan::Segment;
use crate::SledJournal;
use crate::admin::Report;
use crate::blobs::Blobs;
use crate::chain::{SignedHead, check_heads, hex_text, public_key, read_keys};
use crate::datadir::{self, DataDir, sync_dir};
use crate::journal::{Journal, ReadError, Span};
use crate::open::{OpenError, OpenOptions};
use crate::record::{Hash, Position, hex};
use crate::sled::Rebuild;
use std::fs;
use std::path::{Path, PathBuf};

/// How the directory of a restore ends until it is whole.
const BUILDING: &str = "restoring";

/// What a restore did.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Restored {
    /// The last position that was restored.
    pub position: Position,
    /// What the full check of the new directory says.
    pub report: Report,
    /// Where the frames came from, in their order.
    pub pieces: Vec<Piece>,
    /// Positions that are known of and could not be restored.
    pub lost: Option<Piece>,
    /// Records whose bodies are lost: the records themselves are there, reading them says so.
    pub lost_bodies: Vec<Fault>,
    /// Damage that was met in what it was restored from.
    pub faults: Vec<Fault>,
    /// Signed heads that do not lie on what was restored, or that an unknown key has signed.
    pub heads_left_out: u64,
}

/// What vouches for frames, beside the frames.
#[derive(Default)]
pub(crate) struct Evidence {
    heads: Vec<SignedHead>,
    keys: Vec<[u8; 32]>,
    private: Option<PathBuf>,
}

impl Evidence {
    /// What an archive or a backup holds.
    fn of_archive(dir: &Path) -> Result<Self, ArchiveError> {
        let heads = check_heads(&dir.join(HEADS))?.into_iter().filter_map(Result::ok).collect();
        Ok(Self { heads, keys: read_keys(&dir.join(KEYS))?, private: None })
    }

    /// What a data directory holds, as far as it is whole.
    fn add_data(&mut self, data: &Path) -> Result<(), ArchiveError> {
        self.heads.extend(check_heads(&data.join("heads.log"))?.into_iter().filter_map(Result::ok));
        let private = data.join("keys").join("head.ed25519");
        if let Some(key) = public_key(&private) {
            self.keys.push(key);
            self.private = Some(private);
        }
        self.keys.extend(read_keys(&data.join("keys").join("former.pub")).unwrap_or_default());
        Ok(())
    }
}

/// Restores from a backup, an archive or a segment that has to be whole, into a directory that is
/// new or empty. `visit` is told the position after each frame. Blocks.
///
/// # Errors
/// [`ArchiveError`] names the first damage; there is no new directory then.
pub fn restore(from: &Path, to: &Path, visit: &mut dyn FnMut(Position)) -> Result<Restored, ArchiveError> {
    // A data directory is named as often as the archive in it.
    let within = from.join("archive");
    let from = if within.is_dir() { within.as_path() } else { from };
    let shown = from.display();
    let remedy = format!("`vanna journal restore --from {shown} --salvage {shown}` takes what is whole");
    restore_whole(from, to, visit).map_err(|error| match error {
        ArchiveError::Damaged(fault) if fault.remedy.is_empty() => fault.remedy(&remedy).into(),
        other => other,
    })
}

fn restore_whole(from: &Path, to: &Path, visit: &mut dyn FnMut(Position)) -> Result<Restored, ArchiveError> {
    let evidence = if from.is_dir() { Evidence::of_archive(from)? } else { Evidence::default() };
    let mut source = open_source(from)?;
    let mut built = build(to, &mut *source, evidence, false, visit)?;
    let whole = Piece { first: 1, last: built.position, origin: from.display().to_string() };
    built.pieces = vec![whole];
    Ok(built)
}

/// Restores from frames that come from anywhere, such as an export.
///
/// # Errors
/// As for [`restore`].
pub(crate) fn restore_frames(
    source: &mut dyn FrameSource,
    to: &Path,
    visit: &mut dyn FnMut(Position),
) -> Result<Restored, ArchiveError> {
    build(to, source, Evidence::default(), false, visit)
}

/// The frames of an archive or of one segment, all of which have to be whole.
///
/// # Errors
/// [`ArchiveError`] when there are none.
pub(crate) fn open_source(from: &Path) -> Result<Box<dyn FrameSource>, ArchiveError> {
    if !from.is_dir() {
        let (segment, foot) = Segment::open(from)?;
        if foot.span.first != 1 {
            let found =
                format!("it begins at position {}: restore from all segments together", foot.span.first);
            return Err(Fault::of_file(from, found).into());
        }
        return Ok(Box::new(segment));
    }
    let folder = archive_at(from)?;
    if let Some(fault) = folder.faults_of_names()?.into_iter().next() {
        return Err(fault.into());
    }
    let head = folder.segments.last().map_or(0, |(span, _)| span.last);
    if let Some(gap) = folder.missing(head).first() {
        return Err(Fault::of_file(from, "no segment holds these positions").positions(*gap).into());
    }
    Ok(Box::new(super::folder::FolderFrames::new(folder, Span { first: 1, last: head })))
}

/// An archive that holds at least one segment.
fn archive_at(from: &Path) -> Result<Folder, ArchiveError> {
    let folder = Folder::read(from)?;
    if folder.segments.is_empty() {
        let found = "no segments".into();
        return Err(ArchiveError::NothingThere { path: from.to_path_buf(), found });
    }
    Ok(folder)
}

/// Restores what is whole of an archive and of a damaged data directory, as far as the chain
/// leads. The damaged directory is read only; its storage is not opened. Blocks.
///
/// # Errors
/// [`ArchiveError`] when not one frame is left, or when the machine fails. Damage is in the result.
pub fn salvage(
    archive: Option<&Path>,
    damaged: &Path,
    to: &Path,
    visit: &mut dyn FnMut(Position),
) -> Result<Restored, ArchiveError> {
    // Whoever works with the directory would change it under us.
    let _lock = match datadir::lock(damaged, "salvage") {
        Err(held @ OpenError::Held { .. }) => return Err(held.into()),
        other => other.ok(),
    };
    let own = damaged.join("archive");
    let archive = archive.or_else(|| own.is_dir().then_some(own.as_path()));
    let mut evidence = archive.map(Evidence::of_archive).transpose()?.unwrap_or_default();
    evidence.add_data(damaged)?;
    let signed = evidence.heads.iter().map(|head| head.position).max().unwrap_or(0);
    let mark = Rebuild::read_mark(&damaged.join("head"));
    let places = ["journal", "journal.old", "journal.new"].map(|name| damaged.join(name));
    let carved = Carved::search(&places, mark)?;
    let folder = archive.map(Folder::read).transpose()?;
    let mut merged = Merged::new(folder, carved, Some(damaged.join("blobs")));
    let known = merged.known().max(signed).max(mark.map_or(0, |(position, ..)| position));
    let mut built = build(to, &mut merged, evidence, true, visit)?;
    let end = built.position;
    if known > end {
        let whole = merged.carved.frames_above(end);
        let origin = format!("lost; {whole} frames beyond are whole, but what they follow is not");
        built.lost = Some(Piece { first: end + 1, last: known, origin });
    }
    built.pieces = merged.pieces;
    built.faults = merged.faults;
    Ok(built)
}

fn build(
    to: &Path,
    source: &mut dyn FrameSource,
    evidence: Evidence,
    forgiving: bool,
    visit: &mut dyn FnMut(Position),
) -> Result<Restored, ArchiveError> {
    is_new_or_empty(to)?;
    let site =
        to.with_file_name(format!("{}.{BUILDING}", to.file_name().unwrap_or_default().to_string_lossy()));
    clear(&site)?;
    let built = fill(&site, source, evidence, forgiving, visit).and_then(|built| {
        fs::rename(&site, to).map_err(ArchiveError::io(to))?;
        let parent = to.parent().filter(|parent| parent.is_dir()).unwrap_or(Path::new("."));
        sync_dir(parent).map_err(ArchiveError::io(parent))?;
        Ok(built)
    });
    if built.is_err() {
        // It takes space, and it is not whole; the first error is what counts.
        let _ = clear(&site);
    }
    built
}

/// # Errors
/// [`ArchiveError::NotEmpty`].
pub(crate) fn is_new_or_empty(dir: &Path) -> Result<(), ArchiveError> {
    match fs::read_dir(dir).map(|mut entries| entries.next().is_none()) {
        Ok(true) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Ok(false) => Err(ArchiveError::NotEmpty(dir.to_path_buf())),
        Err(error) => Err(ArchiveError::io(dir)(error)),
    }
}

/// Removes what a restore that was cut off has left, unless another one works there.
fn clear(site: &Path) -> Result<(), ArchiveError> {
    if !site.exists() {
        return Ok(());
    }
    drop(DataDir::acquire(site, "restore")?);
    fs::remove_dir_all(site).map_err(ArchiveError::io(site))
}

fn fill(
    site: &Path,
    source: &mut dyn FrameSource,
    evidence: Evidence,
    forgiving: bool,
    visit: &mut dyn FnMut(Position),
) -> Result<Restored, ArchiveError> {
    let mut data = DataDir::acquire(site, "restore")?;
    fs::create_dir_all(data.blobs()).map_err(ArchiveError::io(&data.blobs()))?;
    let mut chain = Chain::beginning();
    let mut heads = Heads::new(evidence);
    let (blobs, mut lost_bodies) = (Blobs::new(data.blobs()), Vec::new());
    let mut rebuild = Rebuild::create(&data.journal())?;
    while let Some(raw) = next_of(source, &mut chain)? {
        for hash in raw.bodies() {
            match source.body(&hash) {
                Ok(body) => blobs.put(&hash, &body).map_err(ArchiveError::io(&data.blobs()))?,
                Err(error) if forgiving && error.is_damage() => lost_bodies.push(lost_body(&raw, &hash)),
                Err(error) => return Err(error),
            }
        }
        rebuild.put(&raw)?;
        heads.pass(&raw);
        visit(chain.position);
    }
    rebuild.finish()?;
    if chain.position == 0 {
        let found = "not one whole frame from the beginning".into();
        return Err(ArchiveError::NothingThere { path: site.to_path_buf(), found });
    }
    Rebuild::mark(&data.head(), chain.position, chain.hash)?;
    let heads_left_out = heads.write(&data)?;
    data.ready()?;
    drop(data);
    let report = check(site)?;
    if let Some(damage) = report.damage.as_ref().filter(|_| lost_bodies.is_empty()) {
        let place = format!("{}, position {}", site.display(), damage.position);
        return Err(Fault::new(place, damage.found.clone()).into());
    }
    Ok(Restored {
        position: chain.position,
        report,
        pieces: Vec::new(),
        lost: None,
        lost_bodies,
        faults: Vec::new(),
        heads_left_out,
    })
}

fn lost_body(raw: &RawFrame, hash: &Hash) -> Fault {
    let outside = |(_, stored): &(Position, &crate::frame::Stored)| stored.body_hash == *hash;
    let records = raw.frame.placed().flat_map(|(at, entry)| (at..).zip(&entry.records));
    let positions: Vec<Position> = records.filter(outside).map(|(position, _)| position).collect();
    let span = Span {
        first: positions.first().copied().unwrap_or(raw.span().first),
        last: positions.last().copied().unwrap_or(raw.span().last),
    };
    Fault::new(format!("blob {}", hex(hash)), "the body is lost").positions(span)
}

/// Opens what was built, which builds its index, and checks all of it.
fn check(site: &Path) -> Result<Report, ArchiveError> {
    let journal = SledJournal::open(site, OpenOptions { purpose: "restore".into(), queue: 1 })?;
    let report = journal.verify();
    drop(journal);
    Ok(report)
}

/// Signed heads that are held to the frames as they pass.
struct Heads {
    evidence: Evidence,
    kept: Vec<SignedHead>,
    left_out: u64,
}

impl Heads {
    fn new(mut evidence: Evidence) -> Self {
        evidence.heads.sort_by_key(|head| (head.position, head.hash, head.seal.signature));
        evidence.heads.dedup();
        evidence.heads.reverse();
        Self { evidence, kept: Vec::new(), left_out: 0 }
    }

    fn pass(&mut self, raw: &RawFrame) {
        while let Some(head) = self.evidence.heads.pop_if(|head| head.position <= raw.frame.last()) {
            let on_chain = head.position == raw.frame.last() && head.hash == raw.frame.head.hash();
            let again = self.kept.last().is_some_and(|last| last.position == head.position);
            if on_chain && !again && self.evidence.keys.contains(&head.seal.key) {
                self.kept.push(head);
            } else {
                self.left_out += u64::from(!again);
            }
        }
    }

    /// Gives how many were left out.
    fn write(self, data: &DataDir) -> Result<u64, ArchiveError> {
        let text: String = self.kept.iter().map(SignedHead::line).collect();
        if !text.is_empty() {
            super::folder::replace(data.root(), "heads.log", text.as_bytes())?;
        }
        let keys = data.root().join("keys");
        let io = ArchiveError::io(&keys);
        fs::create_dir_all(&keys).map_err(&io)?;
        if let Some(private) = &self.evidence.private {
            let bytes = fs::read(private).map_err(ArchiveError::io(private))?;
            datadir::write_private(&data.head_key(), &bytes).map_err(&io)?;
        }
        let own = public_key(&data.head_key());
        let mut former: Vec<[u8; 32]> = self.kept.iter().map(|head| head.seal.key).collect();
        former.retain(|key| Some(*key) != own);
        former.sort_unstable();
        former.dedup();
        let former: String = former.iter().map(|key| format!("{}\n", hex_text::encode(key))).collect();
        if !former.is_empty() {
            super::folder::replace(&keys, "former.pub", former.as_bytes())?;
        }
        Ok(self.left_out + self.evidence.heads.len() as u64)
    }
}

impl From<ReadError> for Fault {
    fn from(error: ReadError) -> Self {
        Self::of_read(error)
    }
}
