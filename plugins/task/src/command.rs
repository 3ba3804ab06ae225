//! `/task Send the offer @bob !high by friday 17:00`: reading it, and helping to write it.

use althing_plugin::Choice;
use althing_plugin::recurrence::Rule;
use althing_plugin::when::{self, Clock};

use crate::task::{NewTask, Priority};

/// The time of day of a task that repeats where none is said, in minutes: the end of the working day.
const EVENING: u32 = 17 * 60;

/// What to write, for those who didn't.
pub const USAGE: &str = "Say what is to be done, by whom and until when: `/task Send the offer @bob by \
    friday 17:00`. A day without a time ends at 17:00. `every week`, `every weekday` or `every monday at 9:00` behind it: once done it is due again. Several people are fine, and none: then anybody can take it. `!high` and `!low` say \
    how much it matters. Lines below that begin with `-` are items to tick off, others are notes.";

/// Reads what follows `/task`. The error is a sentence.
pub fn parse(text: &str, clock: &Clock) -> Result<NewTask, String> {
    let (first, more) = text.split_once('\n').unwrap_or((text, ""));
    let mut task = NewTask::default();
    let (title, due, repeat) = split_due(first, clock)?;
    (task.due_at_ms, task.repeat) = (due, repeat);
    let mut words = Vec::new();
    for word in title.split_whitespace() {
        match word {
            "!high" => task.priority = Priority::High,
            "!low" => task.priority = Priority::Low,
            "!normal" => task.priority = Priority::Normal,
            word => match mention(word) {
                Some(user) => task.assignees.push(user.to_owned()),
                None => words.push(word),
            },
        }
    }
    task.title = words.join(" ");
    let mut notes = Vec::new();
    for line in more.lines() {
        match line.trim_start().strip_prefix(['-', '*']) {
            Some(item) if !item.trim().is_empty() => task.items.push(item.trim().to_owned()),
            _ => notes.push(line),
        }
    }
    task.notes = notes.join("\n").trim().to_owned();
    if task.title.is_empty() {
        return Err(USAGE.to_owned());
    }
    Ok(task)
}

/// The user that a word names: `@bob`, also with a comma behind it.
pub fn mention(word: &str) -> Option<&str> {
    let user = word
        .strip_prefix('@')?
        .trim_end_matches([',', ';', ':', '!', '?']);
    (!user.is_empty()).then_some(user)
}

/// Takes the time off the end, and how it repeats. The first `by` or `every` counts of which all that follows is
/// that, but for people and priorities: “Lunch by the sea by friday” is due on Friday.
fn split_due(text: &str, clock: &Clock) -> Result<(String, Option<u64>, Option<Rule>), String> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let mut refused = None;
    let begins = |word: &str| is_by(word) || is_rule(word);
    for (at, word) in words.iter().enumerate().filter(|(_, word)| begins(word)) {
        let is_other = |word: &&&str| word.starts_with('@') || word.starts_with('!');
        let from = if is_by(word) { at + 1 } else { at };
        let (others, times): (Vec<&str>, Vec<&str>) = words[from..]
            .iter()
            .copied()
            .partition(|word| is_other(&word));
        match read_times(&times.join(" "), is_by(word), clock) {
            Ok(Some((due, rule))) => {
                let title = [&words[..at], &others].concat().join(" ");
                return Ok((title, Some(due), rule));
            }
            Ok(None) => {}
            // A time that is over is a slip; words that are no time are part of the title.
            Err(error) if error.starts_with("That") => refused = Some(error),
            Err(_) => {}
        }
    }
    match refused {
        Some(error) => Err(error),
        None => Ok((text.to_owned(), None, None)),
    }
}

/// Reads `friday 17:00`, `friday 17:00 every week` or `every monday at 9:00 until 2027-06-30`: when it is due first,
/// and how it repeats. `None` if there is more.
fn read_times(
    text: &str,
    says_due: bool,
    clock: &Clock,
) -> Result<Option<(u64, Option<Rule>)>, String> {
    let (mut rest, mut due, mut rule) = (text, None, None::<Rule>);
    if says_due {
        let when = when::deadline(rest, clock)?;
        (due, rest) = (Some(when.at_ms), when.text);
    }
    let mut minutes = None;
    if rest.split_whitespace().next().is_some_and(is_rule) {
        let (mut read, left) = Rule::read(rest)?;
        rest = left;
        loop {
            if let Some(left) = read.read_end(rest)? {
                rest = left;
            } else if due.is_none() && minutes.is_none() && !rest.is_empty() {
                // A day would be another than that of the rule.
                let (moment, left) = when::moment(rest, &at_midnight(clock))?;
                minutes = moment.minutes.filter(|_| moment.day == clock.today());
                if minutes.is_none() {
                    return Ok(None);
                }
                rest = left;
            } else {
                break;
            }
        }
        rule = Some(read);
    }
    let first = rule.as_ref().map(|rule| {
        let minutes = minutes.unwrap_or(EVENING);
        clock.at(rule.first_day(clock, Some(minutes)), minutes)
    });
    let due = due.or(first).filter(|_| rest.is_empty());
    Ok(due.map(|due| (due.unsigned_abs(), rule)))
}

/// The same day, before any of its times is over.
fn at_midnight(clock: &Clock) -> Clock {
    let midnight = clock.at(clock.today(), 0);
    Clock::of(
        midnight.saturating_sub(1).unsigned_abs(),
        clock.zone().clone(),
    )
}

/// What stands behind the last `by` in which no time was read: a sentence for whoever meant one.
pub fn doubt(text: &str) -> Option<String> {
    let first = text.lines().next()?;
    let words: Vec<&str> = first.split_whitespace().collect();
    let last = words.iter().rposition(|word| is_by(word))?;
    if last == 0 || last + 1 == words.len() {
        return None;
    }
    let unread = words[last..].join(" ");
    Some(format!(
        "I read no time in “{unread}”: it is part of the title, and the task is due at no time. Say `by friday`, \
         `by friday 17:00`, `by end of day` or `by 2027-01-31`."
    ))
}

fn is_rule(word: &str) -> bool {
    ["every", "daily", "weekly", "monthly", "yearly"]
        .iter()
        .any(|known| word.eq_ignore_ascii_case(known))
}

fn is_by(word: &str) -> bool {
    word.eq_ignore_ascii_case("by") || word.eq_ignore_ascii_case("due")
}

/// The last word, if it is the beginning of somebody's name: what stands before it, and the
/// beginning.
pub fn half_mention(text: &str) -> Option<(&str, &str)> {
    let at = text.rfind(char::is_whitespace).map_or(0, |at| {
        at + text[at..].chars().next().map_or(0, char::len_utf8)
    });
    let begun = text[at..].strip_prefix('@')?;
    Some((&text[..at], begun))
}

/// Completions for what is typed so far, without people.
pub fn complete(text: &str, clock: &Clock) -> Vec<Choice> {
    let trimmed = text.trim_end();
    if trimmed.is_empty() {
        let example = "Send the offer @bob by friday 17:00";
        return vec![Choice::new(example, example)];
    }
    // What is understood so far, for whoever has typed that much.
    if let Ok(task) = parse(text, clock)
        && let Some(due) = task.due_at_ms
    {
        let when = clock.describe(i64::try_from(due).unwrap_or(i64::MAX));
        let repeat = task.repeat.map(|rule| format!(", {}", rule.words()));
        let repeat = repeat.unwrap_or_default();
        let label = format!("{}: due {when} ({}){repeat}", task.title, clock.zone());
        return vec![Choice::new(text, label)];
    }
    [
        "by tomorrow 17:00",
        "by friday 17:00",
        "every monday at 9:00",
    ]
    .map(|when| Choice::new(format!("{trimmed} {when}"), when))
    .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: u64 = 3_600_000;
    /// Friday, 2026-11-20, 12:00 UTC.
    const NOON: u64 = 1_795_176_000_000;

    fn parsed(text: &str) -> NewTask {
        parse(text, &Clock::new(NOON, 0)).unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn people_times_and_priorities() {
        let task = parsed("Send the offer @bob, @carol !high by friday 17:00");
        assert_eq!(task.title, "Send the offer");
        assert_eq!(task.assignees, ["bob", "carol"]);
        assert_eq!(task.priority, Priority::High);
        assert_eq!(task.due_at_ms, Some(NOON + (7 * 24 + 5) * HOUR));
        let due = |text: &str| parsed(text).due_at_ms.map(|due| (due - NOON) / HOUR);
        assert_eq!(due("x by 17:00"), Some(5));
        assert_eq!(due("x by tomorrow @bob"), Some(29));
        assert_eq!(due("x due in 2 hours"), Some(2));
        assert_eq!(due("x by 2026-11-22"), Some(53));
        assert_eq!(due("x by today"), Some(5));
        assert_eq!(due("x by end of day @bob"), Some(5));
        assert_eq!(parsed("x by end of day @bob").title, "x");
        assert_eq!(due("x by tonight"), Some(11));
        assert_eq!(due("Stand by me"), None);
        assert_eq!(due("Lunch by the sea by tomorrow"), Some(29));
        assert_eq!(
            parsed("Lunch by the sea by tomorrow").title,
            "Lunch by the sea"
        );
        assert_eq!(parsed("x by tomorrow @bob").assignees, ["bob"]);
        assert_eq!(parsed("Mail to a@b.example").title, "Mail to a@b.example");
    }

    #[test]
    fn what_repeats_is_read() {
        let read = |text: &str| {
            let task = parsed(text);
            let words = task.repeat.map(|rule| rule.words()).unwrap_or_default();
            let hours = task.due_at_ms.map_or(0, |due| (due - NOON) / HOUR);
            (task.title, hours, words)
        };
        let weekdays = "every week on Monday, Tuesday, Wednesday, Thursday, Friday";
        for (text, title, hours, words) in [
            (
                "Plants @bob every monday at 9:00",
                "Plants",
                2 * 24 + 21,
                "every week on Monday",
            ),
            (
                "Report by friday 17:00 every 2 weeks",
                "Report",
                7 * 24 + 5,
                "every 2 weeks",
            ),
            (
                "Report by tomorrow every month @bob",
                "Report",
                29,
                "every month",
            ),
            ("Backup daily", "Backup", 5, "every day"),
            ("Backup every day at 11:00", "Backup", 23, "every day"),
            (
                "Dishes every weekday 5 times",
                "Dishes",
                5,
                &format!("{weekdays}, 5 times"),
            ),
            (
                "Dishes every day at 18 until 2027-06-30",
                "Dishes",
                6,
                "every day until 2027-06-30",
            ),
            (
                "Stand by every monday",
                "Stand by",
                3 * 24 + 5,
                "every week on Monday",
            ),
            (
                "Tell every customer by tomorrow",
                "Tell every customer",
                29,
                "",
            ),
            ("Tell every customer", "Tell every customer", 0, ""),
            (
                "Plants every monday on friday",
                "Plants every monday on friday",
                0,
                "",
            ),
        ] {
            assert_eq!(read(text), (title.into(), hours, words.into()), "{text}");
            parsed(text).check(&Clock::new(NOON, 0)).unwrap();
        }
        let unfit = parsed("Report by friday 17:00 every monday");
        assert!(
            unfit
                .check(&Clock::new(NOON, 0))
                .unwrap_err()
                .contains("first day")
        );
    }

    #[test]
    fn what_was_not_read_as_a_time_is_told() {
        let doubt = |text: &str| super::doubt(text).unwrap_or_default();
        assert!(doubt("Report by end of week @bob").contains("“by end of week @bob”"));
        assert!(doubt("Report by soon\nmore by friday").contains("“by soon”"));
        for clear in ["Report", "Rent is due", "By the sea", ""] {
            assert_eq!(super::doubt(clear), None, "{clear}");
        }
    }

    #[test]
    fn lines_below_are_items_and_notes() {
        let task = parsed("Shop by tomorrow\n- milk\n * bread\nIn the new shop\n-");
        assert_eq!(task.items, ["milk", "bread"]);
        assert_eq!(task.notes, "In the new shop\n-");
        assert_eq!(task.title, "Shop");
    }

    #[test]
    fn what_is_wrong_is_said() {
        let error = |text: &str| parse(text, &Clock::new(NOON, 0)).unwrap_err();
        assert_eq!(error("@bob by tomorrow"), USAGE);
        assert!(error("x by 2026-01-01").contains("over"));
        assert!(error("x by 2036-01-01").contains("too far"));
    }

    #[test]
    fn completion_shows_what_is_understood() {
        let clock = Clock::new(NOON, 0);
        let labels = |text: &str| -> Vec<String> {
            let choices = complete(text, &clock).into_iter();
            choices.map(|choice| choice.label).collect()
        };
        assert_eq!(
            labels("Rest by tomorrow 8:00"),
            ["Rest: due tomorrow at 08:00 (UTC)"]
        );
        assert_eq!(
            labels("Rest every week"),
            ["Rest: due today at 17:00 (UTC), every week"]
        );
        assert_eq!(labels("Rest").len(), 3);
        assert_eq!(labels(" ").len(), 1);
        assert_eq!(half_mention("Rest @bo"), Some(("Rest ", "bo")));
        assert_eq!(half_mention("@"), Some(("", "")));
        assert_eq!(half_mention("Rest\u{3000}@é"), Some(("Rest\u{3000}", "é")));
        assert_eq!(half_mention("Rest @bob "), None);
    }
}
