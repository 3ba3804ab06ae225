//! How much and how often one person sends: counted by the host, over a sliding window.

use std::time::Duration;

use althing_plugin::{Context, Draft, Verdict, counters};

use crate::fold::Folded;
use crate::settings::Settings;

/// Counts a message that the other rules let through. Refused ones aren't counted, so that whoever
/// waits as long as the refusal says gets through, however often they tried before.
pub fn check(rules: &Settings, ctx: &Context, message: &Draft) -> Option<Verdict> {
    let sent = counter("sent", &[&ctx.channel, &ctx.actor]);
    let window = Duration::from_secs(rules.flood_seconds.into());
    if is_over(rules.flood_messages, &sent, window) {
        return Some(Verdict::reject_for_now(
            "too_many_messages",
            format!(
                "At most {} here. Wait a little.",
                rate("message", rules.flood_messages, rules.flood_seconds)
            ),
            millis(window),
        ));
    }
    // In any channel: who posts one text all over the place is meant too.
    let same = counter("same", &[&ctx.actor, &message.kind, &content(message)]);
    let same_window = Duration::from_secs(rules.repeat_seconds.into());
    if is_over(rules.repeats, &same, same_window) {
        return Some(Verdict::reject_for_now(
            "repeated_message",
            "You have sent this several times already.",
            millis(same_window),
        ));
    }
    if rules.flood_messages > 0 {
        counters::add(&sent, 1, window);
    }
    if rules.repeats > 0 {
        counters::add(&same, 1, same_window);
    }
    None
}

fn is_over(max: u32, counter: &str, window: Duration) -> bool {
    max > 0 && counters::sum(counter, window) >= max
}

/// What makes two messages the same to a reader.
fn content(message: &Draft) -> String {
    match message.kind.as_str() {
        "text" => Folded::new(message.text.trim()).text().to_owned(),
        _ => message.data.clone(),
    }
}

/// A counter's name, short enough for the host whatever goes into it (FNV-1a, 64 bits).
fn counter(what: &str, parts: &[&str]) -> String {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for part in parts {
        for byte in part.len().to_le_bytes().iter().chain(part.as_bytes()) {
            hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    format!("{what}/{hash:016x}")
}

/// `1 message in 10 seconds`.
fn rate(what: &str, count: u32, seconds: u32) -> String {
    let many = |count: u32| if count == 1 { "" } else { "s" };
    format!(
        "{count} {what}{} in {seconds} second{}",
        many(count),
        many(seconds)
    )
}

fn millis(window: Duration) -> u32 {
    u32::try_from(window.as_millis()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_short_and_their_own() {
        let long = "x".repeat(1000);
        assert!(counter("sent", &[&long, &long]).len() <= 128);
        assert_ne!(counter("sent", &["ab", "c"]), counter("sent", &["a", "bc"]));
    }

    #[test]
    fn texts_are_the_same_when_they_read_the_same() {
        assert_eq!(
            content(&Draft::text("Buy  NOW ")),
            content(&Draft::text("buy now"))
        );
    }

    #[test]
    fn rates_read_well() {
        assert_eq!(rate("message", 1, 30), "1 message in 30 seconds");
        assert_eq!(rate("message", 8, 1), "8 messages in 1 second");
    }
}
