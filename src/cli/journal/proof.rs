//! `vanna journal prove` and `verify-proof`: evidence that one can hand out.

use crate::app;
use crate::cli::args::VerifyProof;
use crate::cli::failure::{CliError, app_error};
use crate::config::Config;
use crate::projections::transcript::cursor;
use crate::service::record;
use serde_json::json;
use std::io::{self, Read, Write};
use std::path::Path;
use vanna_journal::chain::{self, Proof};
use vanna_journal::{Journal, SledJournal, hex};

/// Longest text that is read as a proof, in bytes.
const LONGEST: u64 = 256 << 20;

pub(in crate::cli) async fn prove(
    config: &Config,
    event_id: &str,
    conversation: &str,
) -> Result<(), CliError> {
    let journal = app::open_existing_journal(&config.data, "prove").map_err(app_error)?;
    let proof = proof_of(&journal, event_id, conversation);
    journal.close().await;
    writeln!(io::stdout().lock(), "{}", json!(proof?))?;
    Ok(())
}

fn proof_of(journal: &SledJournal, event_id: &str, conversation: &str) -> Result<Proof, CliError> {
    let stream = record::find(journal, conversation).map_err(CliError::run)?.ok_or_else(|| {
        let hint = "`vanna conversations` lists them";
        CliError::input(format!("there is no conversation `{conversation}` here; {hint}"))
    })?;
    let (version, _) = cursor::decode(&stream, event_id).map_err(CliError::input)?;
    let gone = || CliError::input(format!("the conversation has no event `{event_id}`"));
    let before = version.checked_sub(1).ok_or_else(gone)?;
    let found = journal.read_stream(&stream, before, 1).map_err(CliError::run)?;
    let position = found.first().ok_or_else(gone)?.position;
    journal.prove(position).map_err(CliError::run)?.ok_or_else(gone)
}

pub(in crate::cli) fn verify_proof(arguments: &VerifyProof) -> Result<(), CliError> {
    let text = read(&arguments.file).map_err(|error| {
        CliError::input(format!("{} could not be read: {error}", arguments.file.display()))
    })?;
    let proof: Proof =
        serde_json::from_str(&text).map_err(|error| CliError::input(format!("this is no proof: {error}")))?;
    let proven = chain::verify_proof(&proof).map_err(|error| (error.code(), error.to_string()));
    let proven = proven.and_then(|proven| {
        let key = proven.head.seal.map(|seal| hex(&seal.key));
        let head = hex(&proven.head.hash);
        if arguments.key.is_some() && arguments.key != key {
            let signed = key.unwrap_or_else(|| "no key".into());
            return Err(("proof_key", format!("the head is signed by {signed}")));
        }
        if arguments.head.as_ref().is_some_and(|wanted| *wanted != head) {
            return Err(("proof_head", format!("the head has the hash {head}")));
        }
        Ok((proven.record_hash, head, key))
    });
    let out = &mut io::stdout().lock();
    let record = &proof.record;
    match &proven {
        Ok((hash, head, key)) if arguments.json => writeln!(
            out,
            "{}",
            json!({"valid": true, "record": record, "record_hash": hex(hash),
                "head": {"position": proof.head.position, "hash": head, "key": key}})
        )?,
        Ok((hash, head, key)) => {
            writeln!(out, "{} version {} is at position {}", record.stream, record.version, record.position)?;
            writeln!(out, "record hash {}", hex(hash))?;
            writeln!(out, "body hash   {}", hex(&record.body_hash))?;
            writeln!(out, "head        position {}, hash {head}", proof.head.position)?;
            writeln!(out, "signed by   {}", key.as_deref().unwrap_or("nobody"))?;
        }
        Err((code, message)) if arguments.json => {
            writeln!(out, "{}", json!({"valid": false, "code": code, "message": message}))?;
        }
        Err((_, message)) => writeln!(out, "the proof does not hold: {message}")?,
    }
    proven.map(|_| ()).map_err(|_told| CliError::said_no())
}

fn read(file: &Path) -> io::Result<String> {
    let mut text = String::new();
    if file == Path::new("-") {
        io::stdin().lock().take(LONGEST).read_to_string(&mut text)?;
    } else {
        std::fs::File::open(file)?.take(LONGEST).read_to_string(&mut text)?;
    }
    Ok(text)
}
