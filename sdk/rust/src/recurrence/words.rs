//! Rules as people write them: `every 2 weeks`, `every monday and thursday`, `daily`, `until 2027-06-30`.

use super::{Frequency, Rule, Weekday};
use crate::dates::read_day;
use crate::when::{Clock, WEEKDAYS};

impl Rule {
    /// Reads the rule at the start of `text`, and gives what follows it. The error is a sentence.
    ///
    /// `every week`, `every 2 weeks`, `every other month`, `every weekday`, `every monday and thursday`, `daily`,
    /// `weekly`, `monthly`, `yearly`; not when it ends, see [`Rule::read_end`].
    pub fn read(text: &str) -> Result<(Rule, &str), String> {
        let (word, rest) = next(text);
        let frequency = match word.as_str() {
            "every" => return every(rest),
            "daily" => Frequency::Daily,
            "weekly" => Frequency::Weekly,
            "monthly" => Frequency::Monthly,
            "yearly" => Frequency::Yearly,
            _ => return Err(UNCLEAR.to_owned()),
        };
        Ok((Rule::every(frequency, 1), rest))
    }

    /// Reads when it ends at the start of `text`, `until 2027-06-30` or `10 times`, and gives what follows; `None`
    /// where nothing is said of an end. The error is a sentence.
    pub fn read_end<'a>(&mut self, text: &'a str) -> Result<Option<&'a str>, String> {
        let ((first, after), unknown) = (next(text), "I don't know that day");
        let (second, rest) = next(after);
        if first == "until" {
            let day = read_day(&second);
            self.until = Some(day.ok_or_else(|| {
                format!("{unknown}: `until` goes with a date such as 2027-06-30.")
            })?);
            return Ok(Some(rest));
        }
        if second != "times" {
            return Ok(None);
        }
        let count = first.parse();
        self.count = Some(count.map_err(|_| format!("`{first}` is no number."))?);
        Ok(Some(rest))
    }

    /// The first day from today on that a series of this rule may begin on, so many minutes after midnight and not
    /// over yet; without `minutes`, as a whole day.
    pub fn first_day(&self, clock: &Clock, minutes: Option<u32>) -> i64 {
        let today = clock.today();
        let is_over = |day| minutes.is_some_and(|minutes| clock.at(day, minutes) <= clock.now_ms());
        let fits = |day| self.weekdays.is_empty() || self.weekdays.contains(&Weekday::of(day));
        let found = (today..today + 8).find(|day| fits(*day) && !is_over(*day));
        found.unwrap_or(today)
    }
}

const UNCLEAR: &str = "How often? `every week`, `every 2 weeks`, `every monday`.";

/// Reads what follows `every`.
fn every(text: &str) -> Result<(Rule, &str), String> {
    let (first, rest) = next(text);
    if let Some(frequency) = unit(&first) {
        return Ok((Rule::every(frequency, 1), rest));
    }
    let unclear = |word: &str| match word {
        "" => UNCLEAR.to_owned(),
        word => format!("I don't understand how often: every `{word}`?"),
    };
    let number = match first.as_str() {
        "other" | "second" => Some(2),
        word => word.parse().ok(),
    };
    if let Some(interval) = number {
        let (word, rest) = next(rest);
        let frequency = unit(&word).ok_or_else(|| unclear(&word))?;
        return Ok((Rule::every(frequency, interval), rest));
    }
    let mut weekly = Rule::every(Frequency::Weekly, 1);
    if first == "weekday" {
        weekly.weekdays = Weekday::ALL[..5].to_vec();
        return Ok((weekly, rest));
    }
    let mut left = text;
    loop {
        let (word, rest) = next(left);
        match weekday(&word) {
            Some(day) => weekly.weekdays.push(day),
            // Part of the list if a weekday follows it.
            None if word == "and" && !weekly.weekdays.is_empty() => {
                if weekday(&next(rest).0).is_none() {
                    break;
                }
            }
            None => break,
        }
        left = rest;
    }
    match weekly.weekdays.is_empty() {
        true => Err(unclear(&first)),
        false => Ok((weekly, left)),
    }
}

fn unit(word: &str) -> Option<Frequency> {
    Some(match word.trim_end_matches('s') {
        "day" => Frequency::Daily,
        "week" => Frequency::Weekly,
        "month" => Frequency::Monthly,
        "year" => Frequency::Yearly,
        _ => return None,
    })
}

fn weekday(word: &str) -> Option<Weekday> {
    let fits = |name: &&str| **name == *word || (word.len() == 3 && name.starts_with(word));
    Some(Weekday::ALL[WEEKDAYS.iter().position(fits)?])
}

/// The next word in lower case, without the comma after it, and what follows.
fn next(text: &str) -> (String, &str) {
    let text = text.trim_start();
    let end = text.find(char::is_whitespace).unwrap_or(text.len());
    let (word, rest) = text.split_at(end);
    (word.trim_end_matches(',').to_lowercase(), rest.trim_start())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (String, String) {
        let (mut rule, mut rest) = Rule::read(text).unwrap_or_else(|error| panic!("{error}"));
        while let Some(left) = rule.read_end(rest).unwrap() {
            rest = left;
        }
        (rule.words(), rest.to_owned())
    }

    #[test]
    fn rules_are_read_from_words() {
        for (text, words, rest) in [
            ("every week", "every week", ""),
            ("Every 2 weeks at 9", "every 2 weeks", "at 9"),
            ("every other month", "every 2 months", ""),
            ("daily x", "every day", "x"),
            ("yearly", "every year", ""),
            (
                "every monday, thu and Friday and then",
                "every week on Monday, Thursday, Friday",
                "and then",
            ),
            (
                "every weekday until 2027-06-30 at 9",
                "every week on Monday, Tuesday, Wednesday, Thursday, Friday until 2027-06-30",
                "at 9",
            ),
            ("every day 10 times", "every day, 10 times", ""),
        ] {
            assert_eq!(read(text), (words.to_owned(), rest.to_owned()), "{text}");
        }
    }

    #[test]
    fn what_is_no_rule_is_said() {
        let error = |text: &str| Rule::read(text).unwrap_err();
        assert_eq!(error("every"), UNCLEAR);
        assert_eq!(error("sometimes"), UNCLEAR);
        assert!(error("every blue moon").contains("`blue`"));
        assert!(error("every 2 moons").contains("`moons`"));
        let end = |text: &str| Rule::every(Frequency::Daily, 1).read_end(text).unwrap_err();
        assert!(end("until easter").contains("`until`"));
        assert!(end("many times").contains("`many`"));
        assert_eq!(Rule::every(Frequency::Daily, 1).read_end("at 9"), Ok(None));
    }

    #[test]
    fn a_series_begins_on_the_first_of_its_days() {
        // Friday, 2026-11-20, 12:00 UTC.
        let clock = Clock::new(1_795_176_000_000, 0);
        let first = |text: &str, minutes| {
            let (rule, _) = Rule::read(text).unwrap();
            rule.first_day(&clock, minutes) - clock.today()
        };
        assert_eq!(first("every week", Some(13 * 60)), 0);
        assert_eq!(first("every week", Some(12 * 60)), 1);
        assert_eq!(first("every friday", Some(13 * 60)), 0);
        assert_eq!(first("every friday", Some(11 * 60)), 7);
        assert_eq!(first("every friday", None), 0);
        assert_eq!(first("every monday and wed", None), 3);
    }
}
