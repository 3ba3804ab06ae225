//! The private state of a story: who has seen it, and whether it is over.

use althing_plugin::{Context, Role};
use serde::{Deserialize, Serialize};

use crate::crowd::Crowd;

/// The state of a story.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct Telling {
    /// Who told it.
    pub author: String,
    pub expires_at_ms: u64,
    /// It was ended before anybody deleted it.
    pub over: bool,
    pub seen: Crowd,
}

impl Telling {
    /// Whether nobody is to see it any more.
    pub fn is_over(&self, now_ms: u64) -> bool {
        self.over || self.expires_at_ms <= now_ms
    }

    /// Applies an action. The error is a sentence for the person.
    pub fn act(&mut self, ctx: &Context, action: &str) -> Result<(), String> {
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
            other => Err(format!("A story knows `seen`, not `{other}`.")),
        }
    }
}

#[cfg(test)]
mod tests {
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
        story.act(&at(1, "bob", Role::Member), "seen").unwrap();
        story.act(&at(2, "bob", Role::Member), "seen").unwrap();
        story.act(&at(3, "alice", Role::Owner), "seen").unwrap();
        assert_eq!(story.seen.count(), 1);
        assert!(story.act(&at(100, "carol", Role::Member), "seen").is_err());
        assert!(story.act(&at(4, "", Role::Server), "seen").is_err());
        assert!(story.act(&at(4, "alice", Role::Owner), "end").is_err());
        assert!(!story.is_over(99) && story.is_over(100));
        story.act(&at(5, "bot:feed", Role::Plugin), "end").unwrap();
        assert!(story.is_over(5));
        assert!(story.act(&at(6, "carol", Role::Member), "seen").is_err());
    }
}
