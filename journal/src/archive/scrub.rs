//! Scrubbing: everything is read, and everything that is damaged is named, not only the first.

use super::error::{ArchiveError, Fault};
use super::folder::Folder;
use super::frames::{Chain, RawFrame};
use super::scan::Segment;
use crate::SledJournal;
use crate::chain::check_heads;
use crate::journal::{Journal, Span};
use crate::open::{OpenError, OpenOptions, THIS_DIRECTORY};
use crate::record::{Hash, Position, hex};
use std::fs;
use std::path::Path;

const SALVAGE: &str = "`vanna journal restore --salvage THIS_DIRECTORY --data NEW_DIRECTORY` builds a whole one from \
                       the archive and from what can still be read";
const REINDEX: &str = "`vanna journal reindex` builds it anew";
const SEAL: &str = "`vanna journal seal` moves it aside and seals its positions anew";
const HEADS: &str = "put `heads.log` back from a backup; the frames are not touched by it";

/// What a scrub found.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Scrub {
    /// Records that were read and are whole.
    pub records: u64,
    /// Frames that hold them.
    pub frames: u64,
    /// Bodies in files of their own that were read and are whole.
    pub bodies: u64,
    /// Signed heads that lie on the chain.
    pub signed_heads: u64,
    /// Segments of the archive that were read.
    pub segments: u64,
    /// The last position of the archive.
    pub sealed: Position,
    /// All damage.
    pub faults: Vec<Fault>,
}

/// Reads the journal in `data` and the archive in `archive`, if there is one, and compares them.
/// Changes nothing but what every start does. Blocks.
///
/// # Errors
/// [`ArchiveError`] when the journal is held, or the machine fails; damage is in the result.
pub fn scrub(data: &Path, archive: &Path, visit: &mut dyn FnMut(Position)) -> Result<Scrub, ArchiveError> {
    let mut scrub = Scrub::default();
    let ends = if archive.is_dir() { scrub.archive(archive)? } else { Vec::new() };
    match SledJournal::open(data, OpenOptions { purpose: "scrub".into(), queue: 1 }) {
        Ok(journal) => scrub.journal(&journal, data, &ends, visit)?,
        Err(OpenError::Damaged { place, found, .. }) => {
            scrub.faults.push(Fault::new(place, found).remedy(SALVAGE));
            scrub.heads(data, |_| true)?;
            scrub.blobs(&data.join("blobs"))?;
        }
        Err(error) => return Err(error.into()),
    }
    for fault in &mut scrub.faults {
        fault.remedy = fault.remedy.replace(THIS_DIRECTORY, &data.display().to_string());
    }
    Ok(scrub)
}

/// Where each whole segment ends, with the hash of its last frame.
type Ends = Vec<(Position, Hash)>;

impl Scrub {
    fn archive(&mut self, dir: &Path) -> Result<Ends, ArchiveError> {
        let folder = Folder::read(dir)?;
        let mut faults = folder.faults_of_names()?;
        let head = folder.segments.last().map_or(0, |(span, _)| span.last);
        let gap =
            |span: &Span<Position>| Fault::of_file(dir, "no segment holds these positions").positions(*span);
        faults.extend(folder.missing(head).iter().map(gap));
        let mut ends = Ends::new();
        for (span, path) in &folder.segments {
            let mut segment = Segment::scan(path)?;
            let found = segment.check(|_| ())?;
            if let (true, Some(foot)) = (found.is_empty(), segment.foot) {
                let before = ends.last().filter(|(last, _)| last + 1 == span.first);
                if before.is_some_and(|(_, end)| *end != foot.previous) {
                    faults.push(
                        Fault::of_file(path, "it does not continue the segment before it").positions(*span),
                    );
                }
                ends.push((span.last, foot.end));
            }
            faults.extend(found);
        }
        self.faults.extend(faults.into_iter().map(|fault| fault.remedy(SEAL)));
        (self.segments, self.sealed) = (folder.segments.len() as u64, head);
        Ok(ends)
    }

    fn journal(
        &mut self,
        journal: &SledJournal,
        data: &Path,
        ends: &[(Position, Hash)],
        visit: &mut dyn FnMut(Position),
    ) -> Result<(), ArchiveError> {
        let (head, _, _) = journal.extent();
        let before = self.faults.len();
        self.frames(journal, head, visit)?;
        self.heads(data, |(position, hash)| ends_with(journal, position, &hash))?;
        if self.faults.len() == before
            && let Some(damage) = journal.verify().damage
        {
            let remedy = if damage.found.contains("index") { REINDEX } else { SALVAGE };
            let span = Span { first: damage.position, last: damage.position };
            self.faults.push(Fault::new("the journal", damage.found).positions(span).remedy(remedy));
        }
        for (last, end) in ends {
            let found = if *last > head {
                format!("the archive reaches to position {last}, the journal only to {head}")
            } else if ends_with(journal, *last, end) {
                continue;
            } else {
                "the archive has another frame there than the journal".to_owned()
            };
            let span = Span { first: *last, last: *last };
            self.faults.push(Fault::new("the journal", found).positions(span).remedy(SALVAGE));
        }
        Ok(())
    }

    /// Every frame by itself and in its chain; what follows damage is read all the same.
    fn frames(
        &mut self,
        journal: &SledJournal,
        head: Position,
        visit: &mut dyn FnMut(Position),
    ) -> Result<(), ArchiveError> {
        let mut chain = Chain::beginning();
        let mut next = 1;
        while next <= head {
            let fault = match journal.raw_frame_from(next).map_err(ArchiveError::from) {
                Ok(Some(raw)) if raw.span().first == next => {
                    let fault = chain
                        .extend(&raw.frame)
                        .err()
                        .map(|error| Fault::of_read(error).positions(raw.span()));
                    if fault.is_some() {
                        chain = Chain::after(raw.frame.last(), raw.frame.head.hash());
                    } else {
                        self.frames += 1;
                        self.records += u64::from(raw.frame.head.count);
                    }
                    self.bodies(journal, &raw)?;
                    next = raw.frame.last() + 1;
                    fault
                }
                Err(error) if !error.is_damage() => return Err(error),
                other => {
                    // To the next frame that there is; the chain cannot be held to what is missing.
                    let end = journal.next_first(next + 1)?.map_or(head, |first| (first - 1).min(head));
                    let found = match other {
                        Err(error) => error.to_string(),
                        Ok(_) => "there is no frame".into(),
                    };
                    let fault = Fault::new("the journal", found).positions(Span { first: next, last: end });
                    next = end + 1;
                    let after = journal.raw_frame_from(next).ok().flatten();
                    chain = Chain::after(end, after.map_or([0; 32], |raw| raw.frame.head.previous));
                    Some(fault)
                }
            };
            self.faults.extend(fault.map(|fault| fault.remedy(SALVAGE)));
            visit(next - 1);
        }
        Ok(())
    }

    fn bodies(&mut self, journal: &SledJournal, raw: &RawFrame) -> Result<(), ArchiveError> {
        for hash in raw.bodies() {
            match journal.large_body(&hash).map_err(ArchiveError::from) {
                Ok(_) => self.bodies += 1,
                Err(error) if error.is_damage() => {
                    let fault = Fault::new(format!("blob {}", hex(&hash)), error.to_string());
                    self.faults.push(fault.positions(raw.span()).remedy(SALVAGE));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn heads(
        &mut self,
        data: &Path,
        on_chain: impl Fn((Position, Hash)) -> bool,
    ) -> Result<(), ArchiveError> {
        for line in check_heads(&data.join("heads.log"))? {
            match line {
                Err(error) => self.faults.push(Fault::of_read(error).remedy(HEADS)),
                Ok(head) if on_chain((head.position, head.hash)) => self.signed_heads += 1,
                Ok(head) => {
                    let span = Span { first: head.position, last: head.position };
                    let fault =
                        Fault::new("the signed head", "no frame with its hash ends there").positions(span);
                    self.faults.push(fault.remedy(SALVAGE));
                }
            }
        }
        Ok(())
    }

    /// Large bodies against their names: all that can be told without frames.
    fn blobs(&mut self, dir: &Path) -> Result<(), ArchiveError> {
        let Ok(folders) = fs::read_dir(dir) else { return Ok(()) };
        for folder in folders.filter_map(Result::ok) {
            let Ok(files) = fs::read_dir(folder.path()) else { continue };
            for file in files.filter_map(Result::ok).map(|file| file.path()) {
                let body = fs::read(&file).map_err(ArchiveError::io(&file))?;
                let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
                if hex(&crate::record::body_hash(&body)) == name {
                    self.bodies += 1;
                } else if !name.ends_with(".new") {
                    self.faults
                        .push(Fault::of_file(&file, "its content is not what its name says").remedy(SALVAGE));
                }
            }
        }
        Ok(())
    }
}

fn ends_with(journal: &SledJournal, position: Position, hash: &Hash) -> bool {
    let found = journal.raw_frame_at(position).ok().flatten();
    found.is_some_and(|raw| raw.frame.last() == position && raw.frame.head.hash() == *hash)
}
