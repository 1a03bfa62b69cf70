//! `Retry-After`: seconds, or a date.

use std::time::Duration;

/// How long to wait from `now` (microseconds since the Unix epoch). None if it cannot be read.
pub(super) fn read(text: &str, now: i64) -> Option<Duration> {
    let text = text.trim();
    if let Ok(seconds) = text.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let date = jiff::fmt::rfc2822::parse(text).ok()?.timestamp();
    let micros = date.as_microsecond().saturating_sub(now);
    Some(Duration::from_micros(u64::try_from(micros).unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_and_dates_are_read_and_nothing_else() {
        let now = "1994-11-06T08:49:00Z".parse::<jiff::Timestamp>().unwrap().as_microsecond();
        let read = |text| super::read(text, now);
        assert_eq!(read(" 120 "), Some(Duration::from_secs(120)));
        assert_eq!(read("0.5"), Some(Duration::from_millis(500)));
        assert_eq!(read("Sun, 06 Nov 1994 08:49:37 GMT"), Some(Duration::from_secs(37)));
        assert_eq!(read("Sun, 06 Nov 1994 08:00:00 GMT"), Some(Duration::ZERO), "in the past");
        for wrong in ["", "soon", "-1", "inf", "NaN", "1e300"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
