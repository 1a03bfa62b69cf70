//! Figures as they are printed.

use std::time::Duration;
use vanna_journal::{Journal, SledJournal};

/// The sample below which so many hundredths of all samples are.
pub(crate) fn percentile(samples: &mut [Duration], percent: usize) -> Duration {
    samples.sort_unstable();
    samples.get(samples.len().saturating_sub(1) * percent / 100).copied().unwrap_or_default()
}

pub(crate) fn millis(duration: Duration) -> f64 {
    round(duration.as_secs_f64() * 1_000.0)
}

pub(crate) fn round(x: f64) -> f64 {
    (x * 1_000.0).round() / 1_000.0
}

/// So many in a time, as a rate per second.
pub(crate) fn rate(count: u64, time: Duration) -> f64 {
    (count as f64 / time.as_secs_f64()).round()
}

/// Middle of some figures.
pub(crate) fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or_default()
}

/// Bytes on disk for each byte of a body, without the room that an empty journal takes.
pub(crate) fn amplification(journal: &SledJournal, empty: u64) -> f64 {
    let stats = journal.stats().expect("figures");
    round(stats.disk_bytes.saturating_sub(empty) as f64 / stats.body_bytes.max(1) as f64)
}

/// A figure of this process in kilobytes, such as `VmHWM` or `VmRSS`, as megabytes.
pub(crate) fn memory(name: &str) -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
    let kilobytes = line.split_whitespace().next().and_then(|text| text.parse::<f64>().ok());
    round(kilobytes.unwrap_or_default() / 1024.0)
}
