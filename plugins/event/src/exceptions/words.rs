//! How it is told which dates of a series are different.

use althing_plugin::dates::date_of;

use crate::event::{Event, Occurrence};
use crate::view;

/// Of the dates left out, and of those moved, as many are shown.
const SHOWN_MAX: usize = 5;

impl Event {
    /// `Not on 2026-12-11`, `On Friday 2026-12-18, 14:00–15:00 Europe/Berlin`: what is different of the dates that are
    /// not over, the next first, in a bounded number of lines.
    pub fn exceptions_in_words(&self, now_ms: u64) -> Vec<String> {
        let (zone, now_ms) = (self.plan.zone(), i64::try_from(now_ms).unwrap_or(i64::MAX));
        let mut lines = Vec::new();
        let skipped = self.skipped.iter();
        let skipped: Vec<String> = skipped
            .filter(|day| self.plan.occurrence(&zone, **day).end_ms > now_ms)
            .map(|day| date_of(*day).to_string())
            .collect();
        let shown = &skipped[..skipped.len().min(SHOWN_MAX)];
        match (shown, skipped.len() - shown.len()) {
            ([], _) => {}
            (shown, 0) => lines.push(format!("Not on {}", shown.join(", "))),
            (shown, more) => lines.push(format!("Not on {} and {more} more", shown.join(", "))),
        }
        let moved = self
            .moved
            .iter()
            .map(|moved| self.occurrence(&zone, moved.day));
        let mut moved: Vec<Occurrence> = moved.filter(|date| date.end_ms > now_ms).collect();
        moved.sort_unstable_by_key(|date| (date.start_ms, date.day));
        let shown = moved.iter().take(SHOWN_MAX);
        lines.extend(shown.map(|date| self.date_in_words(date.day)));
        if moved.len() > SHOWN_MAX {
            let more = moved.len() - SHOWN_MAX;
            lines.push(format!("{more} more at another time or place"));
        }
        lines
    }

    /// `On Friday 2026-12-18, 14:00–15:00 Europe/Berlin`, and `instead of …` if it was on another day.
    pub fn date_in_words(&self, day: i64) -> String {
        let date = self.plan_on(day);
        let mut words = format!("On {}", view::when(&date));
        if date.day() != day {
            words.push_str(&format!(" instead of {}", date_of(day)));
        }
        if date.place != self.plan.place {
            words.push_str(match date.place.as_str() {
                "" => ", at no place",
                _ => ", ",
            });
            words.push_str(&date.place);
        }
        words
    }
}
