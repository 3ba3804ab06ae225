//! A poll as clients see it: what may be in a new one, and what it becomes with defaults filled in.

use serde::{Deserialize, Serialize};

/// The name of the message kind.
pub const KIND: &str = "poll";

const QUESTION_CHARACTERS_MAX: usize = 300;
const OPTION_CHARACTERS_MAX: usize = 100;
const OPTIONS_MIN: usize = 2;
const OPTIONS_MAX: usize = 10;
const OPEN_S_MIN: u64 = 10;
const OPEN_S_MAX: u64 = 365 * 24 * 60 * 60;

/// The data of a new poll, as its author writes it.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct NewPoll {
    pub question: String,
    pub options: Vec<String>,
    #[serde(default)]
    pub multiple: bool,
    #[serde(default)]
    pub anonymous: bool,
    /// How many options a person may choose; several at least.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub choices_max: Option<usize>,
    /// Whether nobody sees how it stands before it is closed.
    #[serde(default, skip_serializing_if = "is_false")]
    pub hide_results: bool,
    /// Milliseconds since 1970-01-01 UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closes_at_ms: Option<u64>,
    /// Seconds from now; instead of `closes_at_ms`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closes_in_s: Option<u64>,
    /// For whom the plugin posts it. Nobody else may say so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked_by: Option<String>,
}

/// A checked poll.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Poll {
    pub question: String,
    pub options: Vec<String>,
    pub multiple: bool,
    pub anonymous: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub choices_max: Option<usize>,
    #[serde(default, skip_serializing_if = "is_false")]
    pub hide_results: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closes_at_ms: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked_by: Option<String>,
}

impl NewPoll {
    /// Checks it and fills in what is left out. The error is a sentence for its author.
    pub fn check(self, now_ms: u64) -> Result<Poll, String> {
        let question = check_text("The question", &self.question, QUESTION_CHARACTERS_MAX)?;
        let count = self.options.len();
        if !(OPTIONS_MIN..=OPTIONS_MAX).contains(&count) {
            return Err(format!(
                "A poll has {OPTIONS_MIN} to {OPTIONS_MAX} options; this one has {count}."
            ));
        }
        let mut options: Vec<String> = Vec::with_capacity(count);
        for option in &self.options {
            let option = check_text("An option", option, OPTION_CHARACTERS_MAX)?;
            if options
                .iter()
                .any(|other| other.to_lowercase() == option.to_lowercase())
            {
                return Err(format!("The option “{option}” is there twice."));
            }
            options.push(option);
        }
        if self
            .choices_max
            .is_some_and(|most| !(2..=count).contains(&most))
        {
            return Err(format!(
                "`choices_max` is 2 to {count}, the number of options; leave it out for one choice."
            ));
        }
        Ok(Poll {
            question,
            options,
            multiple: self.multiple || self.choices_max.is_some(),
            anonymous: self.anonymous,
            choices_max: self.choices_max,
            hide_results: self.hide_results,
            closes_at_ms: closing_time(self.closes_at_ms, self.closes_in_s, now_ms)?,
            asked_by: self.asked_by,
        })
    }
}

impl Poll {
    /// How many options a person may choose.
    pub fn choices_max(&self) -> usize {
        match self.multiple {
            true => self.choices_max.unwrap_or(self.options.len()),
            false => 1,
        }
    }

    /// Whether its time is over.
    pub fn is_over(&self, now_ms: u64) -> bool {
        self.closes_at_ms
            .is_some_and(|closes_at_ms| closes_at_ms <= now_ms)
    }
}

fn is_false(flag: &bool) -> bool {
    !flag
}

fn closing_time(at_ms: Option<u64>, in_s: Option<u64>, now_ms: u64) -> Result<Option<u64>, String> {
    let closes_at_ms = match (at_ms, in_s) {
        (None, None) => return Ok(None),
        (Some(_), Some(_)) => {
            return Err("Give `closes_at_ms` or `closes_in_s`, not both.".to_owned());
        }
        (Some(at_ms), None) if at_ms <= now_ms => {
            return Err("The time at which the poll closes is over.".to_owned());
        }
        (None, Some(in_s)) if in_s < OPEN_S_MIN => {
            return Err(format!("A poll is open for at least {OPEN_S_MIN} seconds."));
        }
        (Some(at_ms), None) => at_ms,
        (None, Some(in_s)) => now_ms.saturating_add(in_s.saturating_mul(1000)),
    };
    if closes_at_ms - now_ms > OPEN_S_MAX * 1000 {
        return Err("A poll is open for at most a year.".to_owned());
    }
    Ok(Some(closes_at_ms))
}

/// One line of text, without space around it.
fn check_text(what: &str, text: &str, characters_max: usize) -> Result<String, String> {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let characters = text.chars().count();
    if characters == 0 {
        return Err(format!("{what} is empty."));
    }
    if characters > characters_max {
        return Err(format!(
            "{what} has {characters} characters; {characters_max} are the most."
        ));
    }
    if text.chars().any(char::is_control) {
        return Err(format!("{what} has control characters in it."));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn new(question: &str, options: &[&str]) -> NewPoll {
        NewPoll {
            question: question.into(),
            options: options.iter().map(|&option| option.to_owned()).collect(),
            ..NewPoll::default()
        }
    }

    fn error(poll: NewPoll) -> String {
        poll.check(1_000_000).unwrap_err()
    }

    #[test]
    fn texts_are_trimmed_and_bounded() {
        let poll = new(" Lunch \n today? ", &[" Pizza", "Sushi "])
            .check(0)
            .unwrap();
        assert_eq!(poll.question, "Lunch today?");
        assert_eq!(poll.options, ["Pizza", "Sushi"]);
        assert_eq!(error(new(" ", &["a", "b"])), "The question is empty.");
        assert!(error(new(&"x".repeat(301), &["a", "b"])).contains("301 characters; 300"));
        assert!(error(new("x", &["a", &"b".repeat(101)])).starts_with("An option has 101"));
        assert!(error(new("x", &["a", "b\u{7}"])).contains("control"));
    }

    #[test]
    fn options_are_two_to_ten_and_all_different() {
        assert_eq!(
            error(new("x", &["a"])),
            "A poll has 2 to 10 options; this one has 1."
        );
        assert!(error(new("x", &["a"; 11])).contains("has 11"));
        assert_eq!(
            error(new("x", &["Ja", "ja "])),
            "The option “ja” is there twice."
        );
    }

    #[test]
    fn so_many_choices_are_several() {
        let with = |choices_max| {
            let poll = NewPoll {
                choices_max: Some(choices_max),
                ..new("x", &["a", "b", "c"])
            };
            poll.check(0)
                .map(|poll| (poll.multiple, poll.choices_max()))
        };
        assert_eq!(with(2), Ok((true, 2)));
        assert_eq!(with(3), Ok((true, 3)));
        for wrong in [0, 1, 4] {
            assert!(with(wrong).unwrap_err().contains("2 to 3"), "{wrong}");
        }
    }

    #[test]
    fn closing_times_are_in_the_future() {
        let closing = |at_ms, in_s| {
            let mut poll = new("x", &["a", "b"]);
            (poll.closes_at_ms, poll.closes_in_s) = (at_ms, in_s);
            poll.check(1_000_000).map(|poll| poll.closes_at_ms)
        };
        assert_eq!(closing(None, None), Ok(None));
        assert_eq!(closing(None, Some(60)), Ok(Some(1_060_000)));
        assert_eq!(closing(Some(1_010_000), None), Ok(Some(1_010_000)));
        assert_eq!(closing(Some(1_000_001), None), Ok(Some(1_000_001)));
        assert!(closing(Some(1_000_000), None).unwrap_err().contains("over"));
        assert!(closing(None, Some(9)).unwrap_err().contains("at least"));
        assert!(
            closing(None, Some(u64::MAX))
                .unwrap_err()
                .contains("at most")
        );
        assert!(closing(Some(1), Some(1)).unwrap_err().contains("not both"));
    }
}
