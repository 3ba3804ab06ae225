//! How long: `10 minutes`, `1h30m`.

use super::Words;

const SECOND_MS: i64 = 1000;

/// `10 minutes`, `an hour and 30 minutes`, `1h30m`, `half an hour`: in milliseconds.
pub fn read(words: &mut Words<'_>) -> Result<i64, String> {
    let unclear = || {
        "I don't understand how long: say `in 10 minutes`, `in 2 hours` or `in 3 days`.".to_owned()
    };
    let mut total = 0_i64;
    let mut parts = 0;
    loop {
        let before = *words;
        if parts > 0 {
            words.skip(&["and"]);
        }
        match span(words) {
            Some(span) => total = total.checked_add(span).ok_or_else(unclear)?,
            None => {
                *words = before;
                break;
            }
        }
        parts += 1;
    }
    if parts == 0 || total < SECOND_MS {
        Err(unclear())
    } else {
        Ok(total)
    }
}

/// One number and its unit, in one word or two.
fn span(words: &mut Words<'_>) -> Option<i64> {
    if words.skip(&["half"]) {
        words.skip(&["a", "an"]);
        return Some(unit(&words.take()?)? / 2);
    }
    let first = words.take()?;
    if matches!(first.as_str(), "a" | "an" | "one") {
        return unit(&words.take()?);
    }
    let digits = first
        .find(|char: char| !char.is_ascii_digit())
        .unwrap_or(first.len());
    let number: i64 = first[..digits].parse().ok()?;
    match &first[digits..] {
        "" => number.checked_mul(unit(&words.take()?)?),
        // `1h30m`: the rest is the next part.
        written => {
            let end = written
                .find(|char: char| char.is_ascii_digit())
                .unwrap_or(written.len());
            let mut span = number.checked_mul(unit(&written[..end])?)?;
            if end < written.len() {
                let mut rest = Words {
                    rest: &written[end..],
                };
                span = span.checked_add(self::span(&mut rest)?)?;
            }
            Some(span)
        }
    }
}

fn unit(word: &str) -> Option<i64> {
    let seconds = match word {
        "s" | "sec" | "secs" | "second" | "seconds" => 1,
        "m" | "min" | "mins" | "minute" | "minutes" => 60,
        "h" | "hr" | "hrs" | "hour" | "hours" => 60 * 60,
        "d" | "day" | "days" => 24 * 60 * 60,
        "w" | "week" | "weeks" => 7 * 24 * 60 * 60,
        _ => return None,
    };
    Some(seconds * SECOND_MS)
}
