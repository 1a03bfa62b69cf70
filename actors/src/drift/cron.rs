//! Cron expressions of five fields: minute, hour, day of month, month, day of week; UTC.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

/// Days that are looked ahead: every date that exists comes within eight years.
const DAYS: usize = 8 * 366 + 1;

/// An expression that is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CronError {
    /// Not five fields.
    #[error(
        "a cron expression has five fields (minute, hour, day, month, weekday), such as `0 3 * * 1-5`; \
             this has {0}"
    )]
    Fields(usize),
    /// A field that is not understood.
    #[error("`{0}` is no {1} of a cron expression; write numbers, ranges (1-5), lists (1,3) or steps (*/10)")]
    Field(String, &'static str),
    /// No day is ever meant.
    #[error("no day is ever the {0}; the expression would never be due")]
    Never(String),
}

/// A cron expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cron {
    minutes: Vec<i8>,
    hours: Vec<i8>,
    days: Vec<i8>,
    months: Vec<i8>,
    weekdays: Vec<i8>,
    /// Whether a day may fit either by its number or by its name, as it is when both are limited.
    either: bool,
}

impl Cron {
    /// Reads an expression.
    ///
    /// # Errors
    /// [`CronError`].
    pub fn parse(expression: &str) -> Result<Self, CronError> {
        let fields: Vec<&str> = expression.split_whitespace().collect();
        let [minute, hour, day, month, weekday] = fields.as_slice() else {
            return Err(CronError::Fields(fields.len()));
        };
        let mut weekdays = field(weekday, "weekday", 0, 7)?;
        // Sunday is both 0 and 7.
        weekdays.iter_mut().for_each(|day| *day %= 7);
        let cron = Self {
            minutes: field(minute, "minute", 0, 59)?,
            hours: field(hour, "hour", 0, 23)?,
            days: field(day, "day", 1, 31)?,
            months: field(month, "month", 1, 12)?,
            weekdays,
            either: !day.starts_with('*') && !weekday.starts_with('*'),
        };
        match cron.next(0) {
            Some(_) => Ok(cron),
            None => Err(CronError::Never(format!("{day} of {month}"))),
        }
    }

    /// The first minute after `now` that fits, microseconds since the Unix epoch.
    #[must_use]
    pub fn next(&self, now: i64) -> Option<i64> {
        let now = Timestamp::from_microsecond(now).ok()?.to_zoned(TimeZone::UTC).datetime();
        let today = now.date();
        let mut day = today;
        for _ in 0..DAYS {
            if self.fits(day) {
                let minutes =
                    self.hours.iter().flat_map(|hour| self.minutes.iter().map(move |m| (*hour, *m)));
                let moments = minutes.filter_map(|(hour, minute)| {
                    let at = day.at(hour, minute, 0, 0);
                    (at > now).then_some(at)
                });
                if let Some(at) = moments.min() {
                    return at.to_zoned(TimeZone::UTC).ok().map(|at| at.timestamp().as_microsecond());
                }
            }
            day = day.checked_add(1.day()).ok()?;
        }
        None
    }

    fn fits(&self, day: Date) -> bool {
        let by_number = self.days.contains(&day.day());
        let by_name = self.weekdays.contains(&day.weekday().to_sunday_zero_offset());
        let fits = if self.either { by_number || by_name } else { by_number && by_name };
        fits && self.months.contains(&day.month())
    }
}

fn field(text: &str, what: &'static str, least: i8, most: i8) -> Result<Vec<i8>, CronError> {
    let wrong = || CronError::Field(text.to_owned(), what);
    let mut found = Vec::new();
    for part in text.split(',') {
        let (range, step) = match part.split_once('/') {
            None => (part, None),
            Some((range, step)) => (range, Some(step.parse::<usize>().map_err(|_| wrong())?)),
        };
        let number = |text: &str| text.parse::<i8>().ok().filter(|n| (least..=most).contains(n));
        let (from, to) = match range.split_once('-') {
            _ if range == "*" => (least, most),
            Some((from, to)) => (number(from).ok_or_else(wrong)?, number(to).ok_or_else(wrong)?),
            None => {
                let from = number(range).ok_or_else(wrong)?;
                (from, if step.is_some() { most } else { from })
            }
        };
        let step = step.unwrap_or(1);
        if step == 0 || from > to {
            return Err(wrong());
        }
        found.extend((from..=to).step_by(step));
    }
    found.sort_unstable();
    found.dedup();
    Ok(found)
}
