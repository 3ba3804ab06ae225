//! The votes of a poll: its private state, and what people may do with it.

use std::collections::BTreeMap;

use althing_plugin::{Context, Role, Value, to_json};
use serde::{Deserialize, Serialize};

use crate::poll::Poll;

/// The state grows with every voter, and the host keeps no more of it than 64 KiB.
const STATE_BYTES_MAX: usize = 60_000;

/// Who asked, who voted for what, and whether it is over.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
pub struct Votes {
    /// The user who asked.
    pub author: String,
    pub closed: bool,
    /// For each voter the options, as the bits of a number: bit 0 is the first option.
    pub by_user: BTreeMap<String, u16>,
    /// The same of voters who left the channel after the end: they count, but nobody knows their names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub nameless: Vec<u16>,
}

impl Votes {
    /// No votes yet.
    pub fn new(author: &str) -> Votes {
        Votes {
            author: author.to_owned(),
            ..Votes::default()
        }
    }

    /// How many chose an option.
    pub fn count(&self, option: usize) -> usize {
        self.of(option).count() + self.nameless_of(option)
    }

    /// How many who are not known by name chose an option.
    pub fn nameless_of(&self, option: usize) -> usize {
        let chosen = |options: &&u16| **options & (1 << option) != 0;
        self.nameless.iter().filter(chosen).count()
    }

    /// How many voted.
    pub fn voters(&self) -> usize {
        self.by_user.len() + self.nameless.len()
    }

    /// Who chose an option, by user id.
    pub fn of(&self, option: usize) -> impl Iterator<Item = &str> {
        let chosen = move |(_, options): &(&String, &u16)| **options & (1 << option) != 0;
        self.by_user
            .iter()
            .filter(chosen)
            .map(|(user, _)| user.as_str())
    }

    /// Applies an action. The error is a sentence for the person.
    pub fn act(
        &mut self,
        ctx: &Context,
        poll: &Poll,
        action: &str,
        value: &Value,
    ) -> Result<(), String> {
        match action {
            "vote" => self.vote(ctx, poll, value),
            "close" => self.close(ctx),
            "forget" if ctx.actor_role == Role::Plugin => self.forget(ctx, poll, value),
            other => Err(format!("A poll knows `vote` and `close`, not `{other}`.")),
        }
    }

    /// One choice: a new vote moves the old one, the same again takes it back. Several: each vote
    /// switches one option on or off. A list is all that somebody chooses, as is every vote while nobody
    /// sees how it stands: who can't see their vote can't tell what the same again would do.
    fn vote(&mut self, ctx: &Context, poll: &Poll, value: &Value) -> Result<(), String> {
        if self.closed || poll.is_over(ctx.now_ms) {
            return Err("This poll is closed.".to_owned());
        }
        if ctx.actor.is_empty() {
            return Err("Votes are for people: name the user on whose behalf you vote.".to_owned());
        }
        let before = self.by_user.get(&ctx.actor).copied().unwrap_or_default();
        let after = match value {
            Value::Array(options) => bits_of(poll, options)?,
            option => {
                let bit = 1 << option_of(poll, option)?;
                match (poll.multiple, before == bit) {
                    _ if poll.hide_results => bit,
                    (true, _) => before ^ bit,
                    (false, true) => 0,
                    (false, false) => bit,
                }
            }
        };
        let most = poll.choices_max();
        if after.count_ones() as usize > most {
            return Err(match most {
                1 => "Choose one option.".to_owned(),
                _ => format!("Choose {most} options at most."),
            });
        }
        if after == 0 {
            self.by_user.remove(&ctx.actor);
        } else {
            self.by_user.insert(ctx.actor.clone(), after);
        }
        if before == 0 && to_json(self).len() > STATE_BYTES_MAX {
            return Err("This poll has as many voters as it can hold.".to_owned());
        }
        Ok(())
    }

    /// People have left the channel. As long as the poll is open their votes go: they may come back and
    /// vote again. After that the outcome stays what it was.
    fn forget(&mut self, ctx: &Context, poll: &Poll, value: &Value) -> Result<(), String> {
        let users = value.as_array().ok_or("Whom? A list of user ids.")?;
        let is_over = self.closed || poll.is_over(ctx.now_ms);
        for user in users.iter().filter_map(Value::as_str) {
            let options = self.by_user.remove(user);
            self.nameless.extend(options.filter(|_| is_over));
        }
        // In no order that tells who left when.
        self.nameless.sort_unstable();
        Ok(())
    }

    fn close(&mut self, ctx: &Context) -> Result<(), String> {
        let is_author = !ctx.actor.is_empty() && ctx.actor == self.author;
        let is_plugin = ctx.actor_role == Role::Plugin;
        if !is_author && !is_plugin && !ctx.may_moderate() {
            return Err(
                "Only whoever asked and the channel's admins can close this poll.".to_owned(),
            );
        }
        // The plugin's timer may come after a person.
        if self.closed && !is_plugin {
            return Err("This poll is closed already.".to_owned());
        }
        self.closed = true;
        Ok(())
    }
}

/// The options that a vote lists, as bits.
fn bits_of(poll: &Poll, options: &[Value]) -> Result<u16, String> {
    options
        .iter()
        .try_fold(0, |bits, option| Ok(bits | 1 << option_of(poll, option)?))
}

/// The option that a vote names: its place from 0, as a number or in digits.
fn option_of(poll: &Poll, value: &Value) -> Result<usize, String> {
    let number = match value {
        Value::Number(number) => number.as_u64(),
        Value::String(digits) => digits.parse().ok(),
        _ => None,
    };
    number
        .and_then(|number| usize::try_from(number).ok())
        .filter(|option| *option < poll.options.len())
        .ok_or_else(|| format!("A vote is a number from 0 to {}.", poll.options.len() - 1))
}

#[cfg(test)]
mod tests {
    use althing_plugin::prelude::json;

    use super::*;

    fn poll(multiple: bool) -> Poll {
        Poll {
            question: "Lunch?".into(),
            options: vec!["Pizza".into(), "Sushi".into(), "Salad".into()],
            multiple,
            anonymous: false,
            choices_max: None,
            hide_results: false,
            closes_at_ms: Some(5_000),
            asked_by: None,
        }
    }

    fn by(user: &str, role: Role) -> Context {
        Context {
            actor: user.into(),
            actor_role: role,
            now_ms: 1_000,
            ..Context::default()
        }
    }

    fn counts(votes: &Votes) -> [usize; 3] {
        [votes.count(0), votes.count(1), votes.count(2)]
    }

    #[test]
    fn one_choice_moves_and_is_taken_back() {
        let mut votes = Votes::new("alice");
        let mut vote = |user: &str, option: Value| {
            votes
                .act(&by(user, Role::Member), &poll(false), "vote", &option)
                .unwrap();
            counts(&votes)
        };
        assert_eq!(vote("bob", json!(0)), [1, 0, 0]);
        assert_eq!(vote("carol", json!("2")), [1, 0, 1]);
        assert_eq!(vote("bob", json!(2)), [0, 0, 2]);
        assert_eq!(vote("bob", json!(2)), [0, 0, 1]);
        assert_eq!(votes.of(2).collect::<Vec<_>>(), ["carol"]);
    }

    #[test]
    fn several_choices_switch_on_and_off() {
        let mut votes = Votes::new("alice");
        let mut vote = |option: usize| {
            votes
                .act(
                    &by("bob", Role::Member),
                    &poll(true),
                    "vote",
                    &json!(option),
                )
                .unwrap();
            counts(&votes)
        };
        assert_eq!(vote(0), [1, 0, 0]);
        assert_eq!(vote(2), [1, 0, 1]);
        assert_eq!(vote(0), [0, 0, 1]);
        assert_eq!(vote(2), [0, 0, 0]);
        assert!(votes.by_user.is_empty());
    }

    #[test]
    fn a_list_is_all_that_somebody_chooses() {
        let mut votes = Votes::new("alice");
        let mut vote = |poll: &Poll, value: Value| {
            votes
                .act(&by("bob", Role::Member), poll, "vote", &value)
                .map(|()| counts(&votes))
        };
        let two = Poll {
            choices_max: Some(2),
            ..poll(true)
        };
        assert_eq!(vote(&two, json!([0, 2])), Ok([1, 0, 1]));
        assert_eq!(vote(&two, json!([2, "1", 2])), Ok([0, 1, 1]));
        let refused = Err("Choose 2 options at most.".to_owned());
        assert_eq!(vote(&two, json!([0, 1, 2])), refused);
        assert_eq!(vote(&two, json!(0)), refused);
        assert_eq!(vote(&two, json!(1)), Ok([0, 0, 1]));
        assert_eq!(vote(&two, json!([])), Ok([0, 0, 0]));
        assert_eq!(vote(&poll(false), json!([1])), Ok([0, 1, 0]));
        assert_eq!(
            vote(&poll(false), json!([0, 1])),
            Err("Choose one option.".to_owned())
        );
    }

    #[test]
    fn where_nobody_sees_votes_the_same_again_changes_nothing() {
        for multiple in [false, true] {
            let poll = Poll {
                hide_results: true,
                ..poll(multiple)
            };
            let mut votes = Votes::new("alice");
            for (value, expected) in [
                (json!(0), [1, 0, 0]),
                (json!(0), [1, 0, 0]),
                (json!(2), [0, 0, 1]),
                (json!([]), [0, 0, 0]),
            ] {
                let bob = by("bob", Role::Member);
                votes.act(&bob, &poll, "vote", &value).unwrap();
                assert_eq!(counts(&votes), expected);
            }
        }
    }

    #[test]
    fn votes_that_make_no_sense_change_nothing() {
        let mut votes = Votes::new("alice");
        for value in [
            json!(3),
            json!(-1),
            json!(0.5),
            json!("x"),
            json!(null),
            json!([3]),
            json!({"0": 1}),
        ] {
            let error = votes.act(&by("bob", Role::Member), &poll(false), "vote", &value);
            assert_eq!(error, Err("A vote is a number from 0 to 2.".into()));
        }
        assert!(
            votes
                .act(&by("", Role::Server), &poll(false), "vote", &json!(0))
                .is_err()
        );
        assert!(
            votes
                .act(&by("bob", Role::Member), &poll(false), "steal", &json!(0))
                .is_err()
        );
        assert_eq!(votes, Votes::new("alice"));
    }

    #[test]
    fn who_left_is_forgotten() {
        let mut votes = Votes::new("alice");
        for (user, option) in [("bob", 0), ("carol", 1), ("dave", 1)] {
            let vote = json!(option);
            votes
                .act(&by(user, Role::Member), &poll(false), "vote", &vote)
                .unwrap();
        }
        let mut forget = |now_ms: u64, users: Value| {
            let ctx = Context {
                now_ms,
                ..by("bot:poll", Role::Plugin)
            };
            votes.act(&ctx, &poll(false), "forget", &users).unwrap();
            (counts(&votes), votes.voters(), votes.by_user.len())
        };
        assert_eq!(forget(1_000, json!(["bob", "zoe"])), ([0, 2, 0], 2, 2));
        assert_eq!(forget(5_000, json!(["dave"])), ([0, 2, 0], 2, 1));
        assert_eq!(forget(5_000, json!(["dave"])), ([0, 2, 0], 2, 1));
        assert!(!to_json(&votes).contains("dave"));
        for (user, role) in [("alice", Role::Owner), ("", Role::Server)] {
            let users = json!(["carol"]);
            let forgetting = votes.act(&by(user, role), &poll(false), "forget", &users);
            assert!(forgetting.is_err());
        }
    }

    #[test]
    fn only_some_may_close() {
        let close = |user: &str, role| {
            let mut votes = Votes::new("alice");
            votes
                .act(&by(user, role), &poll(false), "close", &Value::Null)
                .is_ok()
        };
        assert!(close("alice", Role::Member));
        assert!(close("bob", Role::Admin));
        assert!(close("", Role::Plugin));
        assert!(close("", Role::Server));
        assert!(!close("bob", Role::Member));
        assert!(!close("", Role::None));
    }

    #[test]
    fn closed_is_closed() {
        let mut votes = Votes::new("alice");
        let late = Context {
            now_ms: 5_000,
            ..by("bob", Role::Member)
        };
        assert!(votes.act(&late, &poll(false), "vote", &json!(0)).is_err());
        votes
            .act(
                &by("alice", Role::Member),
                &poll(false),
                "close",
                &Value::Null,
            )
            .unwrap();
        let error = votes.act(&by("bob", Role::Member), &poll(false), "vote", &json!(0));
        assert_eq!(error, Err("This poll is closed.".into()));
        assert!(
            votes
                .act(
                    &by("alice", Role::Member),
                    &poll(false),
                    "close",
                    &Value::Null
                )
                .is_err()
        );
        assert!(
            votes
                .act(&by("", Role::Plugin), &poll(false), "close", &Value::Null)
                .is_ok()
        );
    }

    #[test]
    fn a_full_poll_says_so_and_voters_can_still_move() {
        let mut votes = Votes::new("alice");
        let vote = |votes: &mut Votes, number: usize, option: usize| {
            let user = format!("{number:0>128}");
            votes.act(
                &by(&user, Role::Member),
                &poll(false),
                "vote",
                &json!(option),
            )
        };
        let full = (0..).find(|number| {
            vote(&mut votes.clone(), *number, 0).is_err() || vote(&mut votes, *number, 0).is_err()
        });
        assert!(full.is_some_and(|voters| voters > 400));
        assert!(to_json(&votes).len() <= STATE_BYTES_MAX);
        vote(&mut votes, 0, 1).unwrap();
        assert_eq!(votes.count(1), 1);
    }
}
