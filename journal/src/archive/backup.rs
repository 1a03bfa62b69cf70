//! Backups: an archive elsewhere, brought up to the journal's head.

use super::error::{ArchiveError, Fault};
use super::folder::{Folder, FolderFrames, HEADS, KEYS, replace};
use super::seal::{Frames, SegmentSize, seal};
use crate::SledJournal;
use crate::chain::{SignedHead, check_heads, hex_text, public_key, read_keys};
use crate::datadir;
use crate::journal::Span;
use crate::record::{Hash, Position};
use std::fs;
use std::path::{Path, PathBuf};

/// What a backup holds now.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Backup {
    /// The last position that it holds.
    pub position: Position,
    /// Hash of the frame that ends there.
    #[serde(with = "hex_text")]
    pub head_hash: Hash,
    /// Its segments.
    pub segments: u64,
    /// Those that were written now.
    pub new_segments: u64,
    /// Bytes of all segments.
    pub bytes: u64,
    /// Segments that were found damaged, moved aside and written anew.
    pub replaced: Vec<Fault>,
}

/// Brings the backup in `dir` up to the journal's head; whole segments that are there stay. `visit`
/// is told the position after each frame. Blocks.
///
/// # Errors
/// [`ArchiveError`]; what was backed up before stays.
pub fn backup(
    journal: &SledJournal,
    data: &Path,
    dir: &Path,
    visit: &mut dyn FnMut(Position),
) -> Result<Backup, ArchiveError> {
    if let Err(error) = journal.sign_head() {
        tracing::warn!(%error, "the head could not be signed; the backup is without that signature");
    }
    let (head, _, _) = journal.extent();
    let hash_at = |position| Ok(journal.raw_frame_at(position)?.map(|raw| raw.frame.head.hash()));
    let mut frames = |span| Box::new(journal.raw_frames(span)) as Box<_>;
    write(dir, data, head, &hash_at, &mut frames, visit)
}

/// Brings the backup in `dir` up to where the archive of a journal ends, without the journal:
/// another process may have it. Blocks.
///
/// # Errors
/// As for [`backup`].
pub fn backup_archive(
    archive: &Path,
    data: &Path,
    dir: &Path,
    visit: &mut dyn FnMut(Position),
) -> Result<Backup, ArchiveError> {
    let nothing = || {
        let found = "no segments, and another process has the journal".into();
        ArchiveError::NothingThere { path: archive.to_path_buf(), found }
    };
    if !archive.is_dir() {
        return Err(nothing());
    }
    let folder = Folder::read(archive)?;
    let foot = folder.end()?.ok_or_else(nothing)?;
    let hash_at = |position| {
        let span = Span { first: position, last: position };
        let found = super::frames::FrameSource::next_frame(&mut FolderFrames::new(folder.clone(), span));
        Ok(found?.map(|raw| raw.frame.head.hash()))
    };
    let mut frames = |span| Box::new(FolderFrames::new(folder.clone(), span)) as Box<_>;
    write(dir, data, foot.span.last, &hash_at, &mut frames, visit)
}

type HashAt<'a> = dyn Fn(Position) -> Result<Option<Hash>, ArchiveError> + 'a;

fn write(
    dir: &Path,
    data: &Path,
    head: Position,
    hash_at: &HashAt<'_>,
    frames: &mut Frames<'_>,
    visit: &mut dyn FnMut(Position),
) -> Result<Backup, ArchiveError> {
    is_ours_or_empty(dir)?;
    let mut folder = Folder::take(dir)?;
    let _lock = datadir::lock(dir, "backup")?;
    let replaced = set_damaged_aside(&mut folder)?;
    belongs(&folder, head, hash_at)?;
    let sealed = seal(&mut folder, SegmentSize::default(), head, frames, visit)?;
    accompany(&folder, data)?;
    let manifest = folder.describe()?;
    Ok(Backup {
        position: manifest.position,
        head_hash: manifest.head_hash,
        segments: manifest.segments.len() as u64,
        new_segments: sealed.segments,
        bytes: manifest.segments.iter().map(|segment| segment.bytes).sum(),
        replaced,
    })
}

fn is_ours_or_empty(dir: &Path) -> Result<(), ArchiveError> {
    let ours = |name: &str| {
        let endings = [".seg", ".new", ".damaged"];
        ["manifest.json", HEADS, KEYS, "lock"].contains(&name)
            || endings.iter().any(|end| name.ends_with(end))
    };
    let Ok(entries) = fs::read_dir(dir) else { return Ok(()) };
    for entry in entries.filter_map(Result::ok) {
        if !ours(&entry.file_name().to_string_lossy()) {
            return Err(ArchiveError::NotEmpty(dir.to_path_buf()));
        }
    }
    Ok(())
}

/// Damaged segments get another name, so that what they held is sealed again.
fn set_damaged_aside(folder: &mut Folder) -> Result<Vec<Fault>, ArchiveError> {
    let mut found = Vec::new();
    for (_, path) in &folder.segments {
        let faults = super::scan::Segment::scan(path)?.check(|_| ())?;
        if let Some(fault) = faults.into_iter().next() {
            let mut aside = path.clone().into_os_string();
            aside.push(".damaged");
            fs::rename(path, PathBuf::from(aside)).map_err(ArchiveError::io(path))?;
            found.push(fault.remedy("it was moved aside and its positions were sealed again"));
        }
    }
    *folder = Folder::read(&folder.dir)?;
    Ok(found)
}

/// An archive goes with one history only.
///
/// # Errors
/// [`ArchiveError::OtherJournal`].
pub(crate) fn belongs(folder: &Folder, head: Position, hash_at: &HashAt<'_>) -> Result<(), ArchiveError> {
    let other = |found: String| Err(ArchiveError::OtherJournal { dir: folder.dir.clone(), found });
    let last = folder.segments.last().map_or(0, |(span, _)| span.last);
    if last > head {
        return other(format!("it reaches to position {last}, the journal to {head}"));
    }
    let Some(foot) = folder.end()? else { return Ok(()) };
    match hash_at(foot.span.last)? {
        Some(hash) if hash == foot.end => Ok(()),
        _ => other(format!("they differ at position {}", foot.span.last)),
    }
}

/// Puts beside the segments what vouches for them: the signed heads up to their end, and the public
/// keys. The private key stays where it is.
///
/// # Errors
/// Whatever the file system says.
pub(crate) fn accompany(folder: &Folder, data: &Path) -> Result<(), ArchiveError> {
    let end = folder.segments.last().map_or(0, |(span, _)| span.last);
    let heads = check_heads(&data.join("heads.log"))?.into_iter().filter_map(Result::ok);
    let text: String =
        heads.filter(|head| head.position <= end).map(|head| SignedHead::line(&head)).collect();
    replace(&folder.dir, HEADS, text.as_bytes())?;
    let keys = data.join("keys");
    let mut known = Vec::from_iter(public_key(&keys.join("head.ed25519")));
    known.extend(read_keys(&keys.join("former.pub"))?);
    let text: String = known.iter().map(|key| format!("{}\n", hex_text::encode(key))).collect();
    replace(&folder.dir, KEYS, text.as_bytes())
}
