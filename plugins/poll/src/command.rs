//! `/poll "Question" "A" "B" …`: reading it, and helping to write it.

use althing_plugin::Choice;

use crate::poll::NewPoll;

/// What to write, for those who didn't.
pub const USAGE: &str = "Put the question and each option in quotes: \
    `/poll \"Where do we have lunch?\" \"Pizza\" \"Sushi\"`. Then, if you like, `--multiple` for several \
    choices or `--max 2` for so many at most, `--anonymous` to hide who voted for what, `--hidden` to show \
    the results at the end alone, and `--for 2h` (`30m`, `3d`) to close it by itself.";

/// Reads what follows `/poll`. The error is a sentence.
pub fn parse(text: &str) -> Result<NewPoll, String> {
    let mut poll = NewPoll::default();
    let mut texts = Vec::new();
    let mut parts = split(text)?.into_iter();
    while let Some(part) = parts.next() {
        match part {
            Part::Quoted(text) => texts.push(text.to_owned()),
            Part::Word("--multiple") => poll.multiple = true,
            Part::Word("--anonymous") => poll.anonymous = true,
            Part::Word("--hidden") => poll.hide_results = true,
            Part::Word("--max") => match parts.next() {
                Some(Part::Word(number)) if number.parse::<usize>().is_ok() => {
                    poll.choices_max = number.parse().ok();
                }
                _ => return Err("How many choices at most? `--max 2`.".to_owned()),
            },
            Part::Word("--for") => match parts.next() {
                Some(Part::Word(length)) => poll.closes_in_s = Some(seconds(length)?),
                _ => return Err("For how long? `--for 30m`, `--for 2h` or `--for 3d`.".to_owned()),
            },
            Part::Word(word) if word.starts_with("--") => {
                return Err(format!(
                    "I don't know `{word}`: there are `--multiple`, `--max 2`, `--anonymous`, `--hidden` and \
                     `--for 2h`."
                ));
            }
            Part::Word(word) => {
                return Err(format!("“{word}” is not in quotes. {USAGE}"));
            }
        }
    }
    if texts.is_empty() {
        return Err(USAGE.to_owned());
    }
    poll.question = texts.remove(0);
    poll.options = texts;
    Ok(poll)
}

/// Completions for what is typed so far.
pub fn complete(text: &str) -> Vec<Choice> {
    let text = text.trim_end();
    if text.is_empty() {
        let start = "\"Question?\" \"First option\" \"Second option\"";
        return vec![Choice::new(start, start)];
    }
    let Ok(poll) = parse(text) else {
        return Vec::new();
    };
    if poll.options.len() < 2 {
        return Vec::new();
    }
    [
        (
            poll.multiple || poll.choices_max.is_some(),
            "--multiple",
            "several choices",
        ),
        (poll.anonymous, "--anonymous", "hide who voted for what"),
        (poll.hide_results, "--hidden", "show the results at the end"),
        (poll.closes_in_s.is_some(), "--for 1h", "close in an hour"),
        (poll.closes_in_s.is_some(), "--for 1d", "close in a day"),
    ]
    .into_iter()
    .filter(|(set, ..)| !set)
    .map(|(_, flag, label)| Choice::new(format!("{text} {flag}"), format!("{flag}: {label}")))
    .collect()
}

enum Part<'a> {
    Quoted(&'a str),
    Word(&'a str),
}

/// Takes a text apart at spaces and quotes; phones write quotes in many ways.
fn split(text: &str) -> Result<Vec<Part<'_>>, String> {
    let mut parts = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        if let Some(ends) = closing_quotes(first) {
            let inner = &rest[first.len_utf8()..];
            let end = inner
                .find(ends)
                .ok_or_else(|| format!("A quote is open: {}", clip(rest)))?;
            parts.push(Part::Quoted(&inner[..end]));
            let closing = inner[end..].chars().next().map_or(0, char::len_utf8);
            rest = &inner[end + closing..];
        } else {
            let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
            parts.push(Part::Word(&rest[..end]));
            rest = &rest[end..];
        }
        rest = rest.trim_start();
    }
    Ok(parts)
}

/// What ends a quotation that begins with `quote`.
fn closing_quotes(quote: char) -> Option<&'static [char]> {
    match quote {
        '"' | '“' | '„' | '”' => Some(&['"', '”', '“']),
        '«' => Some(&['»']),
        '»' => Some(&['«']),
        '「' => Some(&['」']),
        _ => None,
    }
}

/// `90s`, `30m`, `2h`, `3d`, `1w`.
fn seconds(length: &str) -> Result<u64, String> {
    let unclear = || format!("I don't know the length `{length}`: say `30m`, `2h` or `3d`.");
    let digits = length.trim_end_matches(|char: char| char.is_ascii_alphabetic());
    let unit = match &length[digits.len()..] {
        "s" => 1,
        "m" | "min" => 60,
        "h" => 60 * 60,
        "d" => 24 * 60 * 60,
        "w" => 7 * 24 * 60 * 60,
        _ => return Err(unclear()),
    };
    let number: u64 = digits.parse().map_err(|_| unclear())?;
    number.checked_mul(unit).ok_or_else(unclear)
}

fn clip(text: &str) -> &str {
    text.char_indices()
        .nth(40)
        .map_or(text, |(end, _)| &text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_and_flags() {
        let poll =
            parse("\"Lunch today?\" “Pizza Margherita” „Sushi“ \"Salad\" --multiple --for 2h")
                .unwrap();
        assert_eq!(poll.question, "Lunch today?");
        assert_eq!(poll.options, ["Pizza Margherita", "Sushi", "Salad"]);
        assert!(poll.multiple && !poll.anonymous);
        assert_eq!(poll.closes_in_s, Some(7200));
        let poll = parse("\"a\" \"b\" \"c\" \"d\" --max 2 --hidden").unwrap();
        assert_eq!((poll.choices_max, poll.hide_results), (Some(2), true));
    }

    #[test]
    fn what_is_wrong_is_said() {
        let error = |text: &str| parse(text).unwrap_err();
        assert_eq!(error(""), USAGE);
        assert!(error("Lunch? Pizza").starts_with("“Lunch?” is not in quotes."));
        assert!(error("\"Lunch? Pizza").starts_with("A quote is open: \"Lunch? Pizza"));
        assert!(error("\"a\" \"b\" \"c\" --secret").contains("`--secret`"));
        assert!(error("\"a\" \"b\" \"c\" --for").contains("how long"));
        assert!(error("\"a\" \"b\" \"c\" --max").contains("--max 2"));
        assert!(error("\"a\" \"b\" \"c\" --max some").contains("--max 2"));
        assert!(error("\"a\" \"b\" \"c\" --for ever").contains("`ever`"));
        assert!(error("\"a\" --for 99999999999999999999d").contains("length"));
    }

    #[test]
    fn completion_offers_what_is_left() {
        let values = |text: &str| -> Vec<String> {
            complete(text)
                .into_iter()
                .map(|choice| choice.value)
                .collect()
        };
        assert_eq!(values("").len(), 1);
        assert!(values("\"a\" \"b\"").is_empty());
        assert_eq!(
            values("\"a\" \"b\" \"c\" --multiple --for 1h "),
            [
                "\"a\" \"b\" \"c\" --multiple --for 1h --anonymous",
                "\"a\" \"b\" \"c\" --multiple --for 1h --hidden"
            ]
        );
    }
}
