//! How a poll is shown: the same to everybody, whatever they voted.

use althing_plugin::blocks::{
    Block, button, heading, muted, progress, row, select, strong, text as plain,
};
use althing_plugin::dates::{DAY_MS, date_of, day_of};
use althing_plugin::{View, blocks, json};

use crate::poll::Poll;
use crate::votes::Votes;

/// How many voters of an option are named.
const NAMES_MAX: usize = 5;

/// Blocks with buttons while it is open, and a text that says the same.
pub fn view(poll: &Poll, votes: &Votes, now_ms: u64) -> View {
    let open = !votes.closed && !poll.is_over(now_ms);
    let counts: Vec<usize> = (0..poll.options.len())
        .map(|option| votes.count(option))
        .collect();
    let total: usize = counts.iter().sum();
    let voters = votes.voters();
    let mut shown = vec![heading(&poll.question)];
    shown.extend(match open && poll.hide_results {
        true => ballot(poll),
        false => results(poll, votes, open, &counts),
    });
    if !open {
        shown.push(strong(outcome(poll, &counts, voters)));
    }
    let notes = muted(notes(poll, votes, open, total)).users(&poll.asked_by);
    shown.push(match poll.closes_at_ms {
        Some(closes_at_ms) => notes.date_time(time(closes_at_ms), closes_at_ms),
        None => notes,
    });
    if open {
        let author = Some(&votes.author).filter(|author| !author.is_empty());
        let close = button("Close poll", "close").for_users(author);
        shown.push(close.for_admins().into());
    }
    View::new(text(poll, votes, open, &counts), shown)
}

/// How it stands, with buttons while it is open.
fn results(poll: &Poll, votes: &Votes, open: bool, counts: &[usize]) -> Vec<Block> {
    let mut shown = Vec::new();
    for (option, text) in poll.options.iter().enumerate() {
        // Of those who voted: where each has several votes, all of them may have chosen the same.
        let share = counts[option] as f64 / votes.voters().max(1) as f64;
        let bar = progress(text, share).detail(count_and_share(counts[option], share));
        shown.push(match open {
            true => row(blocks![bar, button("Vote", "vote").value(option)]),
            false => bar.into(),
        });
        if !poll.anonymous && counts[option] > 0 {
            let names = muted(names(votes.of(option), votes.nameless_of(option)));
            shown.push(names.users(votes.of(option).take(NAMES_MAX)));
        }
    }
    shown
}

/// What there is to choose, and nothing of what was chosen.
fn ballot(poll: &Poll) -> Vec<Block> {
    let options = poll.options.iter().enumerate();
    if poll.multiple {
        let choices = select("vote").placeholder("Your choices").multiple();
        let choices = options.fold(choices, |choices, (option, text)| {
            choices.option(text, option)
        });
        return blocks![choices];
    }
    let vote = |(option, text): (usize, &String)| {
        row(blocks![plain(text), button("Vote", "vote").value(option)])
    };
    let mut shown: Vec<Block> = options.map(vote).collect();
    shown.push(button("Take my vote back", "vote").value(json!([])).into());
    shown
}

/// `Lunch? Pizza 3, Sushi 1. 4 votes.`
fn text(poll: &Poll, votes: &Votes, open: bool, counts: &[usize]) -> String {
    let options: Vec<String> = poll
        .options
        .iter()
        .zip(counts)
        .map(|(option, count)| match open && poll.hide_results {
            true => option.clone(),
            false => format!("{option} {count}"),
        })
        .collect();
    let total = counts.iter().sum();
    let mut text = format!(
        "📊 {}\n{}\n{}",
        poll.question,
        options.join(", "),
        notes(poll, votes, open, total)
    );
    if !open {
        text.push('\n');
        text.push_str(&outcome(poll, counts, votes.voters()));
    }
    text
}

/// `4 votes from 3 people · several choices · anonymous · asked by @alice · closes …`
fn notes(poll: &Poll, votes: &Votes, open: bool, total: usize) -> String {
    let hidden = open && poll.hide_results;
    let mut notes = vec![match poll.multiple {
        _ if hidden => format!("{} voted", many(votes.voters(), "person", "people")),
        true => format!(
            "{} from {}",
            many(total, "vote", "votes"),
            many(votes.voters(), "person", "people")
        ),
        false => many(total, "vote", "votes"),
    }];
    match poll.choices_max {
        Some(most) => notes.push(format!("up to {most} choices")),
        None if poll.multiple => notes.push("several choices".to_owned()),
        None => {}
    }
    if poll.anonymous {
        notes.push("anonymous".to_owned());
    }
    if hidden {
        notes.push("results at the end".to_owned());
    }
    if let Some(asker) = &poll.asked_by {
        notes.push(format!("asked by @{asker}"));
    }
    match (open, poll.closes_at_ms) {
        (true, Some(closes_at_ms)) => notes.push(format!("closes {}", time(closes_at_ms))),
        (true, None) => {}
        (false, _) => notes.push("closed".to_owned()),
    }
    notes.join(" · ")
}

/// `Pizza wins with 3 of 4 votes.`; with several choices `Pizza wins with 3 votes from 4 people.`
fn outcome(poll: &Poll, counts: &[usize], voters: usize) -> String {
    let most = counts.iter().copied().max().unwrap_or_default();
    if most == 0 {
        return "Nobody voted.".to_owned();
    }
    let winners: Vec<&str> = poll
        .options
        .iter()
        .zip(counts)
        .filter(|(_, count)| **count == most)
        .map(|(option, _)| option.as_str())
        .collect();
    let votes = match poll.multiple {
        true => format!(
            "{} from {}",
            many(most, "vote", "votes"),
            many(voters, "person", "people")
        ),
        false => format!("{most} of {}", many(voters, "vote", "votes")),
    };
    match winners[..] {
        [winner] => format!("{winner} wins with {votes}."),
        _ => format!("A draw between {}, with {votes} each.", join_and(&winners)),
    }
}

fn count_and_share(count: usize, share: f64) -> String {
    format!("{} · {:.0} %", many(count, "vote", "votes"), share * 100.0)
}

/// `@alice, @bob and 3 others`.
fn names<'a>(voters: impl Iterator<Item = &'a str>, nameless: usize) -> String {
    let all: Vec<String> = voters.map(|voter| format!("@{voter}")).collect();
    let mut shown: Vec<String> = all.iter().take(NAMES_MAX).cloned().collect();
    match (all.len() - shown.len() + nameless, shown.len()) {
        (0, _) => {}
        (gone, 0) => shown.push(format!("{} who left", many(gone, "person", "people"))),
        (others, _) => shown.push(many(others, "other", "others")),
    }
    join_and(&shown.iter().map(String::as_str).collect::<Vec<_>>())
}

fn join_and(parts: &[&str]) -> String {
    match parts {
        [] => String::new(),
        [only] => (*only).to_owned(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

fn many(count: usize, one: &str, more: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { more })
}

/// `2026-11-20 22:30 UTC`: the same words for everybody.
fn time(ms: u64) -> String {
    let ms = i64::try_from(ms).unwrap_or(i64::MAX);
    let minutes = ms.rem_euclid(DAY_MS) / 60_000;
    format!(
        "{} {:02}:{:02} UTC",
        date_of(day_of(ms)),
        minutes / 60,
        minutes % 60
    )
}

#[cfg(test)]
mod tests {
    use althing_plugin::prelude::{Value, json, parse_json};

    use super::*;

    fn poll() -> Poll {
        Poll {
            question: "Lunch?".into(),
            options: vec!["Pizza".into(), "Sushi".into()],
            multiple: false,
            anonymous: false,
            choices_max: None,
            hide_results: false,
            closes_at_ms: Some(1_795_213_800_000),
            asked_by: None,
        }
    }

    fn votes(by_user: &[(&str, u16)]) -> Votes {
        Votes {
            by_user: by_user
                .iter()
                .map(|(user, bits)| ((*user).to_owned(), *bits))
                .collect(),
            ..Votes::new("alice")
        }
    }

    fn blocks_of(view: &View) -> Value {
        parse_json(&view.blocks).unwrap()
    }

    #[test]
    fn an_open_poll_has_bars_and_buttons() {
        let view = view(&poll(), &votes(&[("bob", 1), ("carol", 1), ("dave", 2)]), 0);
        assert_eq!(
            view.text,
            "📊 Lunch?\nPizza 2, Sushi 1\n3 votes · closes 2026-11-20 22:30 UTC"
        );
        assert_eq!(
            blocks_of(&view),
            json!([
                {"type": "text", "text": "Lunch?", "style": "heading"},
                {"type": "row", "blocks": [
                    {"type": "progress", "text": "Pizza", "value": 2.0 / 3.0, "detail": "2 votes · 67 %"},
                    {"type": "button", "text": "Vote", "action": "vote", "value": 0}]},
                {"type": "text", "text": "@bob and @carol", "style": "muted", "marks": [
                    {"text": "@bob", "user": "bob"}, {"text": "@carol", "user": "carol"}]},
                {"type": "row", "blocks": [
                    {"type": "progress", "text": "Sushi", "value": 1.0 / 3.0, "detail": "1 vote · 33 %"},
                    {"type": "button", "text": "Vote", "action": "vote", "value": 1}]},
                {"type": "text", "text": "@dave", "style": "muted", "marks": [
                    {"text": "@dave", "user": "dave"}]},
                {"type": "text", "text": "3 votes · closes 2026-11-20 22:30 UTC", "style": "muted", "marks": [
                    {"text": "2026-11-20 22:30 UTC", "at": 1_795_213_800_000_u64, "show": "date_time"}]},
                {"type": "button", "text": "Close poll", "action": "close",
                 "for": {"users": ["alice"], "role": "admin"}},
            ])
        );
    }

    #[test]
    fn with_several_choices_shares_are_of_those_who_voted() {
        let poll = Poll {
            multiple: true,
            ..poll()
        };
        // Both chose Pizza, and one of them Sushi as well.
        let mut votes = votes(&[("bob", 1), ("carol", 3)]);
        let shown = blocks_of(&view(&poll, &votes, 0));
        let bar = |place: usize| shown[place]["blocks"][0].clone();
        assert_eq!(
            (&bar(1)["value"], &bar(1)["detail"]),
            (&json!(1.0), &json!("2 votes · 100 %"))
        );
        assert_eq!(bar(3)["detail"], "1 vote · 50 %");
        votes.closed = true;
        let text = view(&poll, &votes, 0).text;
        assert!(
            text.ends_with("Pizza wins with 2 votes from 2 people."),
            "{text}"
        );
    }

    #[test]
    fn results_are_hidden_until_the_end() {
        for multiple in [false, true] {
            let poll = Poll {
                multiple,
                hide_results: true,
                closes_at_ms: None,
                ..poll()
            };
            let mut none = votes(&[("bob", 1), ("carol", 1)]);
            let mut other = votes(&[("bob", 2), ("dave", 2)]);
            let [one, two] = [&none, &other].map(|votes| view(&poll, votes, 0));
            assert_eq!((&one.text, &one.blocks), (&two.text, &two.blocks));
            assert!(
                one.text
                    .starts_with("📊 Lunch?\nPizza, Sushi\n2 people voted")
            );
            assert!(one.text.contains(" · results at the end"), "{}", one.text);
            assert!(one.blocks.contains("Pizza") && !one.blocks.contains("progress"));
            for votes in [&mut none, &mut other] {
                votes.closed = true;
            }
            assert!(view(&poll, &none, 0).text.contains("Pizza wins with 2"));
            assert!(view(&poll, &other, 0).blocks.contains("@bob and @dave"));
        }
    }

    #[test]
    fn a_closed_poll_has_an_outcome_and_no_buttons() {
        let mut closed = votes(&[("bob", 1), ("carol", 2)]);
        closed.closed = true;
        let shown = view(&poll(), &closed, 0);
        assert!(!shown.blocks.contains("button"));
        assert!(
            shown
                .text
                .ends_with("A draw between Pizza and Sushi, with 1 of 2 votes each.")
        );
        let late = view(&poll(), &votes(&[("bob", 2)]), 1_795_213_800_000);
        assert!(
            late.text
                .ends_with("1 vote · closed\nSushi wins with 1 of 1 vote.")
        );
        let empty = view(&poll(), &votes(&[]), u64::MAX);
        assert!(empty.text.ends_with("Nobody voted."));
    }

    #[test]
    fn an_anonymous_poll_names_nobody() {
        let poll = Poll {
            anonymous: true,
            multiple: true,
            asked_by: Some("zoe".into()),
            ..poll()
        };
        let shown = view(&poll, &votes(&[("bob", 3)]), 0);
        assert!(!shown.blocks.contains("bob"));
        assert!(
            shown
                .text
                .contains("2 votes from 1 person · several choices · anonymous · asked by @zoe")
        );
    }

    #[test]
    fn many_voters_are_counted_not_named() {
        let users = ["a", "b", "c", "d", "e", "f", "g"];
        let names = |count: usize, nameless| names(users.into_iter().take(count), nameless);
        assert_eq!(names(7, 0), "@a, @b, @c, @d, @e and 2 others");
        assert_eq!(names(7, 2), "@a, @b, @c, @d, @e and 4 others");
        assert_eq!(names(1, 1), "@a and 1 other");
        assert_eq!(names(0, 2), "2 people who left");
    }
}
