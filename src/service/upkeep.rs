//! What operators are told of the journal: the same body over HTTP and on the command line.

use serde_json::{Value, json};
use vanna_journal::admin::Report;
use vanna_journal::{Stats, hex};

/// What a full check found.
pub fn report(report: &Report) -> Value {
    let damage = report.damage.as_ref().map(|d| json!({"position": d.position, "found": d.found}));
    json!({
        "whole": damage.is_none(), "records": report.records, "frames": report.frames,
        "signed_heads": report.signed_heads, "head_hash": hex(&report.head_hash), "damage": damage,
    })
}

/// Figures about a journal.
pub fn figures(stats: &Stats) -> Value {
    json!({
        "records": stats.records, "frames": stats.frames, "streams": stats.streams,
        "body_bytes": stats.body_bytes, "disk_bytes": stats.disk_bytes, "head_hash": hex(&stats.head_hash),
    })
}
