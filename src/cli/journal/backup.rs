//! `vanna journal backup`, `seal`, `restore` and `import`: copies of the record, and back.

use crate::app::{self, AppError};
use crate::cli::args::Restore;
use crate::cli::failure::{CliError, app_error};
use crate::cli::progress::Progress;
use crate::config::Config;
use serde_json::json;
use std::fs::File;
use std::io::{self, BufReader, Write};
use std::path::Path;
use vanna_journal::archive::{self, ArchiveError, Backup, Restored};
use vanna_journal::{Journal, OpenError, hex};

pub(in crate::cli) async fn backup(config: &Config, dir: &Path, as_json: bool) -> Result<(), CliError> {
    let mut progress = Progress::of("backed up");
    let mut visit = |position| progress.at(position);
    let (made, held_by) = match app::open_existing_journal(&config.data, "backup") {
        Ok(journal) => {
            let made = archive::backup(&journal, &config.data, dir, &mut visit);
            journal.close().await;
            (made, None)
        }
        Err(AppError::Journal(OpenError::Held { pid, .. })) => {
            let sealed = config.archive_dir();
            (archive::backup_archive(&sealed, &config.data, dir, &mut visit), Some(pid))
        }
        Err(error) => return Err(app_error(error)),
    };
    drop(progress);
    let made = made.map_err(|error| refusal(&error))?;
    tell_backup(&made, dir, held_by, as_json)
}

/// The archive is a backup that is kept beside the journal.
pub(in crate::cli) async fn seal(config: &Config, as_json: bool) -> Result<(), CliError> {
    let mut progress = Progress::of("sealed");
    let journal = app::open_existing_journal(&config.data, "seal").map_err(app_error)?;
    let dir = config.archive_dir();
    let made = archive::backup(&journal, &config.data, &dir, &mut |position| progress.at(position));
    journal.close().await;
    drop(progress);
    tell_backup(&made.map_err(|error| refusal(&error))?, &dir, None, as_json)
}

fn tell_backup(made: &Backup, dir: &Path, held_by: Option<u32>, as_json: bool) -> Result<(), CliError> {
    let out = &mut io::stdout().lock();
    if as_json {
        let mut told = json!(made);
        if let Some(told) = told.as_object_mut() {
            told.insert("complete".to_owned(), held_by.is_none().into());
            told.insert("held_by".to_owned(), held_by.into());
        }
        writeln!(out, "{told}")?;
        return Ok(());
    }
    for fault in &made.replaced {
        writeln!(out, "{fault}")?;
    }
    writeln!(
        out,
        "{} holds positions 1 to {} in {} segments of {} bytes, {} of them new",
        dir.display(),
        made.position,
        made.segments,
        made.bytes,
        made.new_segments
    )?;
    writeln!(out, "head hash {}", hex(&made.head_hash))?;
    if let Some(pid) = held_by {
        writeln!(
            out,
            "process {pid} has the journal: this is what it has sealed; what was written after position {} is \
             not in it",
            made.position
        )?;
    }
    Ok(())
}

pub(in crate::cli) fn restore(config: &Config, arguments: &Restore) -> Result<(), CliError> {
    let mut progress = Progress::of("restored");
    let mut visit = |position| progress.at(position);
    let restored = match (&arguments.salvage, &arguments.from) {
        (Some(damaged), from) => {
            is_directory(damaged)?;
            let kept = config.archive.dir.as_deref().filter(|dir| dir.is_dir());
            archive::salvage(from.as_deref().or(kept), damaged, &config.data, &mut visit)
        }
        (None, Some(from)) => {
            if !from.exists() {
                return Err(CliError::input(format!("{} does not exist", from.display())));
            }
            archive::restore(from, &config.data, &mut visit)
        }
        (None, None) => return Err(CliError::input("say what to restore, with --from or --salvage")),
    };
    drop(progress);
    tell_restored(&restored.map_err(|error| refusal(&error))?, &config.data, arguments.json)
}

fn is_directory(path: &Path) -> Result<(), CliError> {
    if path.is_dir() {
        return Ok(());
    }
    Err(CliError::input(format!("{} is not a directory", path.display())))
}

pub(in crate::cli) fn import(config: &Config, file: &Path, as_json: bool) -> Result<(), CliError> {
    let mut progress = Progress::of("imported");
    let mut visit = |position| progress.at(position);
    let restored = if file == Path::new("-") {
        archive::import(io::stdin().lock(), "standard input", &config.data, &mut visit)
    } else if archive::is_segment(file) {
        archive::restore(file, &config.data, &mut visit)
    } else {
        let opened =
            File::open(file).map_err(|error| CliError::input(format!("{}: {error}", file.display())))?;
        archive::import(BufReader::new(opened), &file.display().to_string(), &config.data, &mut visit)
    };
    drop(progress);
    tell_restored(&restored.map_err(|error| refusal(&error))?, &config.data, as_json)
}

fn tell_restored(restored: &Restored, data: &Path, as_json: bool) -> Result<(), CliError> {
    let out = &mut io::stdout().lock();
    let is_whole = restored.lost.is_none() && restored.lost_bodies.is_empty();
    let head = hex(&restored.report.head_hash);
    if as_json {
        let mut told = json!(restored);
        told["whole"] = is_whole.into();
        told["report"]["head_hash"] = head.into();
        writeln!(out, "{told}")?;
    } else {
        writeln!(out, "{} holds positions 1 to {}; head hash {head}", data.display(), restored.position)?;
        for piece in &restored.pieces {
            writeln!(out, "  {} to {} from {}", piece.first, piece.last, piece.origin)?;
        }
        for fault in restored.faults.iter().chain(&restored.lost_bodies) {
            writeln!(out, "{fault}")?;
        }
        if let Some(lost) = &restored.lost {
            writeln!(out, "{} to {} {}", lost.first, lost.last, lost.origin)?;
        }
        writeln!(
            out,
            "{} signed heads lie on it, {} are left out",
            restored.report.signed_heads, restored.heads_left_out
        )?;
    }
    if is_whole { Ok(()) } else { Err(CliError::said_no()) }
}

/// Damage is a check that said no; a wrong place is bad input; all else could not run.
pub(super) fn refusal(error: &ArchiveError) -> CliError {
    let message = error.to_string();
    match error {
        ArchiveError::Damaged(_) | ArchiveError::Read(vanna_journal::ReadError::Damaged { .. }) => {
            CliError { message, ..CliError::said_no() }
        }
        ArchiveError::NotEmpty(_) | ArchiveError::NothingThere { .. } | ArchiveError::OtherJournal { .. } => {
            CliError::input(message)
        }
        _ => CliError::run(message),
    }
}
