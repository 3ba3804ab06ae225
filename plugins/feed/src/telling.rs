//! The private state of a story: who has seen it, and whether it is over. Who that is, is told to
//! nobody but whoever told the story.

use althing_plugin::{Context, Role, Value};
use serde::{Deserialize, Serialize};

/// How many are known by name, and how much room their names have: the state goes to the plugin with
/// every feed.
const NAMES_MAX: usize = 1_000;
const NAMES_BYTES_MAX: usize = 16_000;

/// The state of a story.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
pub struct Telling {
    /// Who told it.
    pub author: String,
    pub expires_at_ms: u64,
    /// It was ended before anybody deleted it.
    #[serde(default)]
    pub over: bool,
    #[serde(default)]
    pub seen: Seen,
}

/// Who has seen a story.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
pub struct Seen {
    pub count: u64,
    /// The last of them, old to new.
    pub users: Vec<String>,
}

impl Seen {
    /// Whether the user is among the last of them.
    pub fn has(&self, user: &str) -> bool {
        self.users.iter().any(|known| known == user)
    }

    /// Takes note of a user. Whoever is further back counts once more.
    pub fn add(&mut self, user: &str) {
        if self.has(user) {
            return;
        }
        self.count += 1;
        self.users.push(user.to_owned());
        let mut bytes: usize = self.users.iter().map(String::len).sum();
        while self.users.len() > NAMES_MAX || bytes > NAMES_BYTES_MAX {
            bytes -= self.users.remove(0).len();
        }
    }

    /// Lets a user go who left the channel: without the name they would count twice if they came back.
    fn remove(&mut self, user: &str) {
        if let Some(place) = self.users.iter().position(|known| known == user) {
            self.users.remove(place);
            self.count = self.count.saturating_sub(1);
        }
    }
}

impl Telling {
    /// Whether nobody is to see it any more.
    pub fn is_over(&self, now_ms: u64) -> bool {
        self.over || self.expires_at_ms <= now_ms
    }

    /// Applies an action. The error is a sentence for the person.
    pub fn act(&mut self, ctx: &Context, action: &str, value: &Value) -> Result<(), String> {
        match action {
            "seen" if self.is_over(ctx.now_ms) => Err("This story is over.".to_owned()),
            "seen" if ctx.actor.is_empty() || ctx.actor_role == Role::Plugin => {
                Err("Name the user who has seen it.".to_owned())
            }
            "seen" => {
                if ctx.actor != self.author {
                    self.seen.add(&ctx.actor);
                }
                Ok(())
            }
            "end" if ctx.actor_role == Role::Plugin => {
                self.over = true;
                Ok(())
            }
            "forget" if ctx.actor_role == Role::Plugin => {
                let users = value.as_array().ok_or("Whom? A list of user ids.")?;
                let users = users.iter().filter_map(Value::as_str);
                users.for_each(|user| self.seen.remove(user));
                Ok(())
            }
            other => Err(format!("A story knows `seen`, not `{other}`.")),
        }
    }
}

#[cfg(test)]
mod tests {
    use althing_plugin::prelude::json;

    use super::*;

    fn at(now_ms: u64, user: &str, role: Role) -> Context {
        Context {
            now_ms,
            actor: user.into(),
            actor_role: role,
            ..Context::default()
        }
    }

    #[test]
    fn a_story_is_seen_until_it_is_over() {
        let mut story = Telling {
            author: "alice".into(),
            expires_at_ms: 100,
            ..Telling::default()
        };
        story
            .act(&at(1, "bob", Role::Member), "seen", &Value::Null)
            .unwrap();
        story
            .act(&at(2, "bob", Role::Member), "seen", &Value::Null)
            .unwrap();
        story
            .act(&at(3, "alice", Role::Owner), "seen", &Value::Null)
            .unwrap();
        assert_eq!(
            (story.seen.count, story.seen.users.join(" ")),
            (1, "bob".to_owned())
        );
        assert!(
            story
                .act(&at(100, "carol", Role::Member), "seen", &Value::Null)
                .is_err()
        );
        assert!(
            story
                .act(&at(4, "", Role::Server), "seen", &Value::Null)
                .is_err()
        );
        assert!(
            story
                .act(&at(4, "alice", Role::Owner), "end", &Value::Null)
                .is_err()
        );
        assert!(!story.is_over(99) && story.is_over(100));
        story
            .act(&at(5, "bot:feed", Role::Plugin), "end", &Value::Null)
            .unwrap();
        assert!(story.is_over(5));
        assert!(
            story
                .act(&at(6, "carol", Role::Member), "seen", &Value::Null)
                .is_err()
        );
    }

    #[test]
    fn who_left_is_forgotten() {
        let mut story = Telling {
            expires_at_ms: 100,
            ..Telling::default()
        };
        for user in ["bob", "carol"] {
            let seen = story.act(&at(1, user, Role::Member), "seen", &Value::Null);
            seen.unwrap();
        }
        let users = json!(["bob", "zoe"]);
        for role in [Role::Owner, Role::Server] {
            assert!(story.act(&at(2, "alice", role), "forget", &users).is_err());
        }
        assert_eq!(story.seen.count, 2);
        // Over or not.
        for now_ms in [2, 200] {
            let bot = at(now_ms, "bot:feed", Role::Plugin);
            story.act(&bot, "forget", &users).unwrap();
            assert_eq!(
                (story.seen.count, story.seen.users.join(" ")),
                (1, "carol".into())
            );
        }
    }

    #[test]
    fn everybody_is_named_once_and_the_last_are_kept() {
        let mut seen = Seen::default();
        for user in ["bob", "carol", "bob"] {
            seen.add(user);
        }
        assert_eq!((seen.count, seen.users.join(" ")), (2, "bob carol".into()));
        assert!(seen.has("carol") && !seen.has("alice"));
        for number in 0..2_000 {
            seen.add(&format!("user-{number}"));
        }
        assert_eq!((seen.count, seen.users.len()), (2_002, NAMES_MAX));
        assert!(!seen.has("bob") && seen.has("user-1999"));
        for number in 0..500 {
            seen.add(&format!("{number:0>128}"));
        }
        assert_eq!(seen.users.len(), NAMES_BYTES_MAX / 128);
        assert!(althing_plugin::to_json(&seen).len() < 17_000);
    }
}
