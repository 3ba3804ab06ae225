//! The only source of time and randomness. Everything else is handed a `Clock`, so that tests can
//! set the time.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use chrono::{DateTime, NaiveDate, NaiveDateTime, SecondsFormat, Utc};

use crate::model::Millis;

const DAY_MS: Millis = 24 * 60 * 60 * 1000;

/// Tells the time.
#[derive(Debug, Clone, Default)]
pub enum Clock {
    /// The system's clock.
    #[default]
    System,
    /// A clock that stands still until somebody sets it.
    Fixed(Arc<AtomicI64>),
}

impl Clock {
    /// Now.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that asks the system"
    )]
    pub fn now(&self) -> Millis {
        match self {
            Clock::System => SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .map_or(0, |since| since.as_millis() as Millis),
            Clock::Fixed(now) => now.load(Ordering::Relaxed),
        }
    }

    /// So many days before now.
    pub fn days_ago(&self, days: u64) -> Millis {
        let days = Millis::try_from(days).unwrap_or(Millis::MAX);
        self.now().saturating_sub(days.saturating_mul(DAY_MS))
    }
}

/// 64 random bits that nobody can foretell. Drawn for every message: from a generator of this thread
/// that the system seeds, since asking the system itself takes a microsecond.
pub fn random_u64() -> u64 {
    rand::random()
}

/// RFC 3339 in UTC with milliseconds, as every time outside is written.
pub fn rfc3339(at: Millis) -> String {
    DateTime::<Utc>::from_timestamp_millis(at)
        .unwrap_or_default()
        .to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// Whether a text is a date or a time as RFC 3339 has them, and nothing else.
pub fn is_rfc3339(text: &str) -> bool {
    const LONGEST: usize = "2023-11-14T22:13:20.123456789+00:00".len();
    match text.len() {
        10 => NaiveDate::parse_from_str(text, "%Y-%m-%d").is_ok(),
        11..=LONGEST => DateTime::parse_from_rfc3339(text).is_ok(),
        _ => false,
    }
}

/// Whether a text is that, or a time of a clock on the wall such as `2026-12-04T12:30`.
pub fn is_date_or_time(text: &str) -> bool {
    const LOCAL: [&str; 3] = ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M"];
    let is_local = || {
        LOCAL
            .iter()
            .any(|form| NaiveDateTime::parse_from_str(text, form).is_ok())
    };
    is_rfc3339(text) || ((16..=19).contains(&text.len()) && is_local())
}

#[cfg(test)]
mod tests {
    #[test]
    fn dates_and_times_are_known() {
        for text in [
            "2023-11-14",
            "2023-11-14T22:13:20Z",
            "2023-11-14T22:13:20.5+02:00",
            "2023-11-14T22:13:20.123456789+00:00",
        ] {
            assert!(super::is_rfc3339(text), "{text}");
        }
        for text in [
            "",
            "2023",
            "2023-13-14",
            "on 2023-11",
            "2023-11-14T22:13:20Z!",
        ] {
            assert!(!super::is_rfc3339(text), "{text}");
        }
        for (text, known) in [
            ("2026-12-04", true),
            ("2026-12-04T12:30", true),
            ("2026-12-04 12:30", true),
            ("2026-12-04T12:30:05", true),
            ("2026-12-04T12:30:05Z", true),
            ("2026-12-04T25:30", false),
            ("5551-12-34T12:30", false),
            ("2026-12-04T12:30!", false),
        ] {
            assert_eq!(super::is_date_or_time(text), known, "{text}");
        }
    }

    #[test]
    fn times_have_three_digits_and_a_z() {
        assert_eq!(
            super::rfc3339(1_700_000_000_020),
            "2023-11-14T22:13:20.020Z"
        );
        assert_eq!(super::rfc3339(0), "1970-01-01T00:00:00.000Z");
    }
}
