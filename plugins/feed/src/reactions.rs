//! What people did with a post or a reel: its private state, and what they may do.
//!
//! The state goes to the plugin with every feed, so it is small: see [`Crowd`].

use althing_plugin::{Context, Role, Value};
use serde::{Deserialize, Serialize};

use crate::crowd::Crowd;

/// How many of those who like something are named, and how much room their names have.
const NAMES_MAX: usize = 50;
const NAMES_BYTES_MAX: usize = 2_000;

/// The state of a post or a reel.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct Reactions {
    /// Whose it is.
    pub author: String,
    pub likes: Crowd,
    /// The last of those who like it, old to new.
    pub names: Vec<String>,
    pub shares: Crowd,
    pub views: Crowd,
    pub comments: u64,
}

impl Reactions {
    /// None yet.
    pub fn new(author: String) -> Reactions {
        Reactions {
            author,
            ..Reactions::default()
        }
    }

    /// Applies an action. The error is a sentence for the person.
    pub fn act(&mut self, ctx: &Context, action: &str, value: &Value) -> Result<(), String> {
        if matches!(action, "comment" | "uncomment") {
            return self.comment(ctx, action, value);
        }
        if action == "forget" && ctx.actor_role == Role::Plugin {
            return self.forget(value);
        }
        if ctx.actor.is_empty() || ctx.actor_role == Role::Plugin {
            return Err("This is for people: name the user on whose behalf you act.".to_owned());
        }
        match action {
            "like" => self.like(&ctx.actor, value)?,
            // Doing it twice is no fault: a client may not know that the first try arrived.
            "share" => drop(self.shares.add(&ctx.actor)),
            "view" if ctx.actor == self.author => {}
            "view" => drop(self.views.add(&ctx.actor)),
            other => {
                return Err(format!(
                    "It knows `like`, `share` and `view`, not `{other}`."
                ));
            }
        }
        Ok(())
    }

    /// `true` likes it, `false` doesn't any more, and nothing is the other of what was.
    fn like(&mut self, user: &str, value: &Value) -> Result<(), String> {
        let likes = match value {
            Value::Bool(likes) => *likes,
            Value::Null => !self.likes.has(user),
            _ => return Err("`like` takes `true`, `false` or nothing.".to_owned()),
        };
        if likes && self.likes.add(user) {
            self.names.push(user.to_owned());
            let too_many = |names: &[String]| {
                let bytes: usize = names.iter().map(String::len).sum();
                names.len() > NAMES_MAX || bytes > NAMES_BYTES_MAX
            };
            while too_many(&self.names) {
                self.names.remove(0);
            }
        } else if !likes && self.likes.remove(user) {
            self.names.retain(|name| name != user);
        }
        Ok(())
    }

    /// People have left the channel. Whoever is named is so no more, and their like goes with the name:
    /// they may come back and like it again. Marks name nobody, and whoever has one counts once.
    fn forget(&mut self, value: &Value) -> Result<(), String> {
        let users = value.as_array().ok_or("Whom? A list of user ids.")?;
        for user in users.iter().filter_map(Value::as_str) {
            if let Some(place) = self.names.iter().position(|name| name == user) {
                self.names.remove(place);
                self.likes.remove(user);
            }
        }
        Ok(())
    }

    /// The plugin itself counts comments; the value is the channel that they are in.
    fn comment(&mut self, ctx: &Context, action: &str, value: &Value) -> Result<(), String> {
        if ctx.actor_role != Role::Plugin {
            return Err("Comments are messages of the type `comment`.".to_owned());
        }
        if value.as_str() != Some(ctx.channel.as_str()) {
            return Err("The comment is in another channel.".to_owned());
        }
        self.comments = match action {
            "comment" => self.comments.saturating_add(1),
            _ => self.comments.saturating_sub(1),
        };
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use althing_plugin::prelude::json;
    use althing_plugin::to_json;

    use super::*;

    fn by(user: &str, role: Role) -> Context {
        Context {
            actor: user.into(),
            actor_role: role,
            channel: "alice".into(),
            ..Context::default()
        }
    }

    fn person(user: &str) -> Context {
        by(user, Role::Member)
    }

    #[test]
    fn likes_are_given_and_taken_back() {
        let mut post = Reactions::new("alice".into());
        let mut like = |user: &str, value: Value| {
            post.act(&person(user), "like", &value).unwrap();
            (post.likes.count(), post.names.join(" "))
        };
        assert_eq!(like("bob", Value::Null), (1, "bob".into()));
        assert_eq!(like("carol", json!(true)), (2, "bob carol".into()));
        assert_eq!(like("carol", json!(true)), (2, "bob carol".into()));
        assert_eq!(like("bob", Value::Null), (1, "carol".into()));
        assert_eq!(like("bob", json!(false)), (1, "carol".into()));
        assert!(post.act(&person("bob"), "like", &json!(1)).is_err());
    }

    #[test]
    fn everybody_counts_once() {
        let mut reel = Reactions::new("alice".into());
        for action in ["view", "view", "share", "share"] {
            reel.act(&person("bob"), action, &Value::Null).unwrap();
        }
        // One's own look does not count.
        reel.act(&person("alice"), "view", &Value::Null).unwrap();
        assert_eq!((reel.views.count(), reel.shares.count()), (1, 1));
    }

    #[test]
    fn only_people_react_and_only_the_plugin_counts_comments() {
        let mut post = Reactions::new("alice".into());
        for (ctx, action) in [
            (by("", Role::Server), "like"),
            (by("bot:feed", Role::Plugin), "like"),
            (person("bob"), "comment"),
            (by("bob", Role::Server), "uncomment"),
            (person("bob"), "steal"),
        ] {
            assert!(post.act(&ctx, action, &json!("alice")).is_err(), "{action}");
        }
        assert_eq!(post, Reactions::new("alice".into()));
        let bot = by("bot:feed", Role::Plugin);
        post.act(&bot, "comment", &json!("alice")).unwrap();
        assert!(post.act(&bot, "comment", &json!("elsewhere")).is_err());
        assert_eq!(post.comments, 1);
        post.act(&bot, "uncomment", &json!("alice")).unwrap();
        post.act(&bot, "uncomment", &json!("alice")).unwrap();
        assert_eq!(post.comments, 0);
    }

    #[test]
    fn who_left_is_forgotten() {
        let mut post = Reactions::new("alice".into());
        for user in ["bob", "carol"] {
            for action in ["like", "share", "view"] {
                post.act(&person(user), action, &Value::Null).unwrap();
            }
        }
        let bot = by("bot:feed", Role::Plugin);
        let before = post.clone();
        for (ctx, users) in [
            (person("carol"), json!(["bob"])),
            (by("bob", Role::Server), json!(["bob"])),
            (bot.clone(), json!("bob")),
        ] {
            assert!(post.act(&ctx, "forget", &users).is_err());
        }
        assert_eq!(post, before);
        for _ in 0..2 {
            post.act(&bot, "forget", &json!(["bob", "zoe"])).unwrap();
            assert!(!to_json(&post).contains("bob"));
            assert_eq!(
                (post.likes.count(), post.names.join(" ")),
                (1, "carol".into())
            );
            assert_eq!((post.shares.count(), post.views.count()), (2, 2));
        }
        // Who comes back counts once in each.
        for action in ["like", "share", "view"] {
            post.act(&person("bob"), action, &Value::Null).unwrap();
        }
        let counts = [&post.likes, &post.shares, &post.views].map(Crowd::count);
        assert_eq!(counts, [2, 2, 2]);
    }

    #[test]
    fn a_post_that_everybody_likes_stays_small() {
        let mut post = Reactions::new("a".repeat(128));
        for number in 0..3_000 {
            let user = format!("{number:0>128}");
            for action in ["like", "share", "view"] {
                post.act(&person(&user), action, &Value::Null).unwrap();
            }
        }
        assert_eq!(post.likes.count(), 3_000);
        assert!(to_json(&post).len() < 21_000, "{}", to_json(&post).len());
    }
}
