//! Samples become figures, and figures a line.

use serde_json::{Value, json};
use std::time::Duration;

/// One line of the result.
pub struct Case {
    /// The group.
    pub bench: &'static str,
    /// What of it.
    pub case: String,
    /// What the journal did.
    pub figures: Value,
    /// What the reference did meanwhile.
    pub reference: Value,
    /// The journal's main figure over the reference's.
    pub ratio: f64,
    /// What is wanted, and whether it was so.
    pub target: Option<(String, bool)>,
}

impl Case {
    /// Prints it.
    pub fn print(self) {
        let Self { bench, case, figures, reference, ratio, target } = self;
        let target = target.map(|(wanted, met)| json!({"wanted": wanted, "met": met}));
        let line = json!({
            "bench": bench, "case": case, "figures": figures, "reference": reference,
            "ratio": round(ratio), "target": target,
        });
        println!("{line}");
    }
}

/// A target that a ratio must reach.
pub fn at_least(ratio: f64, wanted: f64) -> Option<(String, bool)> {
    Some((format!("ratio at least {wanted}"), ratio >= wanted))
}

/// The sample below which so many percent lie.
pub fn percentile(samples: &mut [Duration], percent: usize) -> Duration {
    samples.sort_unstable();
    samples[(samples.len() - 1) * percent / 100]
}

/// The middle one.
pub fn median(mut samples: Vec<f64>) -> f64 {
    samples.sort_by(f64::total_cmp);
    samples[samples.len() / 2]
}

/// P50 and P99 in milliseconds.
pub fn spread(samples: &mut [Duration]) -> Value {
    json!({
        "samples": samples.len(),
        "p50_ms": millis(percentile(samples, 50)),
        "p99_ms": millis(percentile(samples, 99)),
    })
}

/// Milliseconds with three digits after the point.
pub fn millis(duration: Duration) -> f64 {
    round(duration.as_secs_f64() * 1_000.0)
}

/// So many in such a time, a second.
pub fn rate(count: u64, time: Duration) -> f64 {
    count as f64 / time.as_secs_f64()
}

/// What this thread has used of a processor: on a busy machine, what a call would take on a free one
/// when it waits for nothing.
pub fn processor_time() -> Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(now.tv_sec.unsigned_abs(), u32::try_from(now.tv_nsec).expect("below a second"))
}

/// Three digits after the point.
pub fn round(x: f64) -> f64 {
    (x * 1_000.0).round() / 1_000.0
}

/// MiB of kB as the kernel tells them.
pub fn mebibytes(kilobytes: u64) -> f64 {
    round(kilobytes as f64 / 1024.0)
}
