//! Times as people write them: `in 10 minutes …`, `tomorrow at 9 …`, `on friday at 15:30 …`.
//!
//! A component has no clock and no zone of its own: [`Clock`] puts the two together, from the call's
//! `now_ms` and a setting. With the feature `time-zones` a [`Zone`] may be one of the time zone
//! database. The words are English; errors are sentences for whoever wrote them.
//!
//! ```
//! use althing_plugin::when::{self, Clock};
//!
//! // Friday, 2026-11-20, 22:30 UTC.
//! let clock = Clock::new(1_795_213_800_000, 0);
//! let when = when::parse("tomorrow at 9 to water the plants", &clock)?;
//! assert_eq!(clock.describe(when.at_ms), "tomorrow at 09:00");
//! assert_eq!(when.text, "water the plants");
//! # Ok::<(), String>(())
//! ```

mod clock;
mod duration;
mod moment;
mod zone;

pub use clock::{Clock, WEEKDAYS, weekday_name};
pub use moment::Moment;
pub use zone::Zone;

/// The furthest ahead that [`parse`] reads: a year.
const AHEAD_MS_MAX: i64 = 365 * 24 * 60 * 60 * 1000;

/// A time, and what was said after it.
#[derive(Debug, PartialEq, Eq)]
pub struct When<'a> {
    /// Milliseconds since 1970-01-01 UTC.
    pub at_ms: i64,
    pub text: &'a str,
}

/// Reads a length of time at the start of `text`, such as `1h30m` or `2 hours and 5 minutes`: in
/// milliseconds, and what follows it. The error is a sentence.
pub fn duration(text: &str) -> Result<(i64, &str), String> {
    let mut words = Words { rest: text.trim() };
    let ms = duration::read(&mut words)?;
    Ok((ms, words.rest))
}

/// Reads a day, a time of day or both at the start of `text`, such as `friday 17:00` or `at 9`, and
/// gives what follows. Not a length of time, and not checked against now. The error is a sentence.
pub fn moment<'a>(text: &'a str, clock: &Clock) -> Result<(Moment, &'a str), String> {
    let mut words = Words { rest: text.trim() };
    let moment = moment::read(&mut words, clock)?;
    Ok((moment, words.rest))
}

/// Reads the time at the start of `text`, between now and a year ahead. The error is a sentence.
pub fn parse<'a>(text: &'a str, clock: &Clock) -> Result<When<'a>, String> {
    let mut words = Words { rest: text.trim() };
    words.skip(&["me"]);
    let at_ms = if words.skip(&["in"]) {
        clock.now_ms() + duration::read(&mut words)?
    } else {
        moment::read(&mut words, clock)?.at_ms(clock)
    };
    words.skip(&["to", "that", "about"]);
    ahead(at_ms, words.rest, clock)
}

/// Reads until when something is to be done: as [`parse`], but a day alone means the end of its working day, at
/// 17:00, or once that is over its last minute. Also `end of day`, `friday eod`, `end of friday` and `tonight`. The
/// error is a sentence.
pub fn deadline<'a>(text: &'a str, clock: &Clock) -> Result<When<'a>, String> {
    let mut words = Words { rest: text.trim() };
    let at_ms = if words.skip(&["in"]) {
        clock.now_ms() + duration::read(&mut words)?
    } else {
        moment::read_deadline(&mut words, clock)?
    };
    ahead(at_ms, words.rest, clock)
}

/// A time that is neither over nor too far ahead.
fn ahead<'a>(at_ms: i64, text: &'a str, clock: &Clock) -> Result<When<'a>, String> {
    if at_ms <= clock.now_ms() {
        return Err("That time is over.".to_owned());
    }
    if at_ms - clock.now_ms() > AHEAD_MS_MAX {
        return Err("That is too far ahead: a year is the most.".to_owned());
    }
    Ok(When { at_ms, text })
}

/// A text that is taken apart from the front.
#[derive(Clone, Copy)]
struct Words<'a> {
    rest: &'a str,
}

impl Words<'_> {
    /// Takes the next word, in lower case, without the comma or colon after it.
    fn take(&mut self) -> Option<String> {
        let end = self
            .rest
            .find(char::is_whitespace)
            .unwrap_or(self.rest.len());
        let word = self.rest[..end]
            .trim_end_matches([',', ':', ';'])
            .to_lowercase();
        self.rest = self.rest[end..].trim_start();
        (!word.is_empty()).then_some(word)
    }

    /// Takes the next word if it is one of `words`.
    fn skip(&mut self, words: &[&str]) -> bool {
        let before = *self;
        let found = self
            .take()
            .is_some_and(|word| words.contains(&word.as_str()));
        if !found {
            self.rest = before.rest;
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60_000;
    const HOUR: i64 = 60 * MINUTE;
    const DAY: i64 = 24 * HOUR;
    /// Friday, 2026-11-20, 22:30 UTC.
    const NOW: i64 = 1_795_213_800_000;

    /// How far ahead, and the text. The clock stands at 22:30.
    fn parsed(text: &str) -> (i64, &str) {
        let when = parse(text, &Clock::new(NOW as u64, 0))
            .unwrap_or_else(|error| panic!("{text}: {error}"));
        (when.at_ms - NOW, when.text)
    }

    fn error(text: &str) -> String {
        parse(text, &Clock::new(NOW as u64, 0)).unwrap_err()
    }

    #[test]
    fn lengths_of_time() {
        assert_eq!(parsed("in 10 minutes stretch"), (10 * MINUTE, "stretch"));
        assert_eq!(parsed("me in 1h30m to call Bob"), (90 * MINUTE, "call Bob"));
        assert_eq!(parsed("in an hour and 5 min, tea"), (65 * MINUTE, "tea"));
        assert_eq!(parsed("in half an hour: tea"), (30 * MINUTE, "tea"));
        assert_eq!(parsed("In 2 days 3 hours pay"), (2 * DAY + 3 * HOUR, "pay"));
        assert_eq!(parsed("in 2 weeks"), (14 * DAY, ""));
        assert_eq!(parsed("in 5 minutes 3 eggs"), (5 * MINUTE, "3 eggs"));
        assert_eq!(parsed("in 5m a day off"), (5 * MINUTE + DAY, "off"));
    }

    #[test]
    fn times_of_day() {
        assert_eq!(parsed("at 23:00 sleep"), (30 * MINUTE, "sleep"));
        assert_eq!(parsed("at 9 work"), (10 * HOUR + 30 * MINUTE, "work"));
        assert_eq!(parsed("at 11 pm sleep"), (30 * MINUTE, "sleep"));
        assert_eq!(parsed("at 3:15pm tea"), (16 * HOUR + 45 * MINUTE, "tea"));
        assert_eq!(parsed("at midnight run"), (90 * MINUTE, "run"));
        assert_eq!(parsed("23:30 look"), (HOUR, "look"));
    }

    #[test]
    fn days() {
        assert_eq!(parsed("tomorrow call"), (10 * HOUR + 30 * MINUTE, "call"));
        assert_eq!(parsed("tomorrow at 22:30 call"), (DAY, "call"));
        assert_eq!(parsed("at 22:30 tomorrow call"), (DAY, "call"));
        assert_eq!(parsed("on Monday at 22:30 to call"), (3 * DAY, "call"));
        assert_eq!(parsed("next fri 22:30 x"), (7 * DAY, "x"));
        assert_eq!(parsed("on 2026-12-20 at 22:30 pay"), (30 * DAY, "pay"));
        assert_eq!(parsed("today at 23:30 pay"), (HOUR, "pay"));
        // What follows is a place.
        let there = (10 * HOUR + 30 * MINUTE, "at the office");
        assert_eq!(parsed("tomorrow at the office"), there);
        assert_eq!(parsed("tomorrow at noon x"), (13 * HOUR + 30 * MINUTE, "x"));
    }

    #[test]
    fn deadlines() {
        /// The same Friday, 14:00.
        const AFTERNOON: i64 = NOW - 8 * HOUR - 30 * MINUTE;
        let by = |text: &str, now: i64| {
            let clock = Clock::new(now as u64, 0);
            let when = deadline(text, &clock).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(when.text, "", "{text}");
            clock.describe(when.at_ms)
        };
        for (text, expected) in [
            ("today", "today at 17:00"),
            ("end of day", "today at 17:00"),
            ("the end of the day", "today at 17:00"),
            ("EOD", "today at 17:00"),
            ("tonight", "today at 23:59"),
            ("tonight at 22:00", "today at 22:00"),
            ("tomorrow", "tomorrow at 17:00"),
            ("tomorrow 9:00", "tomorrow at 09:00"),
            ("eod tomorrow", "tomorrow at 17:00"),
            ("sunday eod", "on Sunday 2026-11-22 at 17:00"),
            ("sunday end of day", "on Sunday 2026-11-22 at 17:00"),
            ("end of sunday", "on Sunday 2026-11-22 at 17:00"),
            ("friday", "on Friday 2026-11-27 at 17:00"),
            ("2026-12-24", "on Thursday 2026-12-24 at 17:00"),
            ("16:00", "today at 16:00"),
            ("in 2 hours", "today at 16:00"),
        ] {
            assert_eq!(by(text, AFTERNOON), expected, "{text}");
        }
        // After work the day is not over yet.
        for text in ["today", "end of day", "eod", "tonight"] {
            assert_eq!(by(text, NOW), "today at 23:59", "{text}");
        }
        let clock = Clock::new(AFTERNOON as u64, 0);
        for text in [
            "end of week",
            "the sea",
            "end",
            "eod of week",
            "tonight we eat",
        ] {
            let read = deadline(text, &clock);
            assert!(read.is_err() || !read.unwrap().text.is_empty(), "{text}");
        }
        assert!(
            deadline("today at 9:00", &clock)
                .unwrap_err()
                .contains("over")
        );
    }

    #[test]
    fn the_clock_on_the_wall_counts() {
        let berlin = Clock::new(NOW as u64, 60);
        let when = parse("at 00:00 sleep", &berlin).unwrap();
        assert_eq!(when.at_ms - NOW, 30 * MINUTE);
        let when = parse("tomorrow at 00:00 sleep", &berlin).unwrap();
        assert_eq!(when.at_ms - NOW, 30 * MINUTE);
    }

    #[test]
    fn what_is_unclear_is_said() {
        assert!(error("stretch").contains("say `in 10 minutes`"));
        assert!(error("in a while").contains("how long"));
        assert!(error("in 0 minutes x").contains("how long"));
        assert!(error("at 25:00 x").contains("`25:00`"));
        assert!(error("tomorrow at 25:00 x").contains("`25:00`"));
        assert!(error("tomorrow at").contains("At what time?"));
        assert!(error("on fruday x").contains("`fruday`"));
        assert!(error("on 2026-02-30 x").contains("no day"));
        assert!(error("on 2026-11-01 x").contains("over"));
        assert!(error("in 800 days x").contains("too far"));
        assert!(error("in 99999999999999999 weeks x").contains("how long"));
        assert!(error("").contains("when"));
    }

    #[test]
    fn any_text_is_read_or_refused() {
        let pieces = [
            "in",
            "at",
            "on",
            "next",
            "tomorrow",
            "fri",
            "9",
            "15:30",
            "3pm",
            "pm",
            "10m",
            "1h30m",
            "half",
            "an",
            "hour",
            "and",
            "end",
            "of",
            "day",
            "eod",
            "tonight",
            "2026-12-24",
            "-",
            ":",
            "🙂",
            "ßé",
            "0",
            "99999999999999",
            "9999-99-99",
            "é5m",
            "a.m.",
            "5é",
            "",
        ];
        let mut random = crate::Context::default().random();
        for _ in 0..20_000 {
            let words: Vec<&str> = (0..random.below(7))
                .filter_map(|_| random.pick(&pieces).copied())
                .collect();
            for offset in [-720, 0, 840] {
                let clock = Clock::new(NOW as u64, offset);
                let text = words.join(" ");
                for when in [parse(&text, &clock), deadline(&text, &clock)]
                    .into_iter()
                    .flatten()
                {
                    assert!(
                        when.at_ms > NOW && when.at_ms - NOW <= AHEAD_MS_MAX,
                        "{words:?}"
                    );
                    assert!(!clock.describe(when.at_ms).is_empty());
                }
            }
        }
    }
}
