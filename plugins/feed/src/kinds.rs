//! Posts, stories, reels and comments as clients see them: what may be in a new one, and what it
//! becomes.

use althing_plugin::Context;
use serde::{Deserialize, Serialize};

use crate::media::{Link, Media, Type, check_id, line, paragraph};
use crate::settings::Settings;

pub const POST: &str = "post";
pub const STORY: &str = "story";
pub const REEL: &str = "reel";
pub const COMMENT: &str = "comment";

const POST_CHARACTERS_MAX: usize = 5_000;
const MEDIA_MAX: usize = 10;
const STORY_CHARACTERS_MAX: usize = 500;
const CAPTION_CHARACTERS_MAX: usize = 1_000;
const COMMENT_CHARACTERS_MAX: usize = 1_000;
const STORY_MS_MIN: u64 = 60_000;

/// A post. What the plugin fills in may be there already: a guard may hand back what it was shown.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Post {
    #[serde(skip_serializing_if = "String::is_empty")]
    pub text: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub media: Vec<Media>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub link: Option<Link>,
    /// The message that is passed on, by its id. Who may see that one sees it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub share_of: Option<String>,
    #[serde(skip_serializing_if = "is_false")]
    pub close_friends: bool,
    /// For whom the plugin posts it. Nobody else may say so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub posted_by: Option<String>,
}

/// A story.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Story {
    #[serde(skip_serializing_if = "String::is_empty")]
    pub text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub media: Option<Media>,
    /// Of a new one: how long it lasts, if less than the tenant has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lasts_s: Option<u64>,
    /// When it is over, in milliseconds since 1970-01-01 UTC.
    pub expires_at_ms: u64,
    #[serde(skip_serializing_if = "is_false")]
    pub close_friends: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub posted_by: Option<String>,
}

/// A reel.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Reel {
    pub video: Media,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub caption: String,
    /// How long it is, as its client says.
    pub duration_s: u64,
    /// A picture to show before it plays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cover: Option<Media>,
}

/// A comment.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Comment {
    /// The post or reel, by its id; in the same channel.
    pub on: String,
    pub text: String,
}

fn is_false(flag: &bool) -> bool {
    !flag
}

/// Whether it is for close friends, which its channel decides.
fn audience(ctx: &Context, settings: &Settings, said: bool) -> Result<bool, String> {
    let is_close = settings.is_close(ctx);
    match said && !is_close {
        true => Err("This channel is not the one of close friends.".to_owned()),
        false => Ok(is_close),
    }
}

/// When a story is over.
fn end(
    ctx: &Context,
    settings: &Settings,
    lasts_s: Option<u64>,
    at_ms: u64,
) -> Result<u64, String> {
    let most_ms = settings.story_hours * 3_600_000;
    let lasts_ms = match (lasts_s, at_ms) {
        (None, 0) => most_ms,
        (Some(seconds), 0) => seconds.saturating_mul(1000),
        (None, at_ms) => at_ms.saturating_sub(ctx.now_ms),
        (Some(_), _) => return Err("Give `lasts_s` or `expires_at_ms`, not both.".to_owned()),
    };
    if !(STORY_MS_MIN..=most_ms).contains(&lasts_ms) {
        return Err(format!(
            "A story lasts a minute to {} hours.",
            settings.story_hours
        ));
    }
    Ok(ctx.now_ms.saturating_add(lasts_ms))
}

fn check_media(kind: Option<Type>, media: Media) -> Result<Media, String> {
    let media = media.check()?;
    match kind {
        Some(kind) if kind != media.kind => Err(match kind {
            Type::Image => "A cover is a picture.".to_owned(),
            Type::Video => "A reel is a video.".to_owned(),
        }),
        _ => Ok(media),
    }
}

impl Post {
    /// Checks a new one. Gives it and whose it is; the error is a sentence.
    pub fn check(self, ctx: &Context, settings: &Settings) -> Result<(Post, String), String> {
        settings.check_poster(ctx)?;
        let author = ctx.author("posted_by", self.posted_by.as_deref())?;
        let close_friends = audience(ctx, settings, self.close_friends)?;
        if self.media.len() > MEDIA_MAX {
            return Err(format!(
                "A post has at most {MEDIA_MAX} pictures and videos."
            ));
        }
        let media = self.media.into_iter().map(|media| check_media(None, media));
        let post = Post {
            text: paragraph("The text", &self.text, POST_CHARACTERS_MAX)?,
            media: media.collect::<Result<_, _>>()?,
            link: self.link.map(Link::check).transpose()?,
            share_of: self.share_of,
            close_friends,
            posted_by: self.posted_by,
        };
        if let Some(id) = &post.share_of {
            check_message(id)?;
        }
        let nothing = post.text.is_empty() && post.media.is_empty();
        if nothing && post.link.is_none() && post.share_of.is_none() {
            return Err("A post has a text, a picture, a video or a link.".to_owned());
        }
        Ok((post, author))
    }
}

impl Story {
    /// The same.
    pub fn check(self, ctx: &Context, settings: &Settings) -> Result<(Story, String), String> {
        settings.check_poster(ctx)?;
        let author = ctx.author("posted_by", self.posted_by.as_deref())?;
        let close_friends = audience(ctx, settings, self.close_friends)?;
        let story = Story {
            text: paragraph("The text", &self.text, STORY_CHARACTERS_MAX)?,
            media: self
                .media
                .map(|media| check_media(None, media))
                .transpose()?,
            lasts_s: None,
            expires_at_ms: end(ctx, settings, self.lasts_s, self.expires_at_ms)?,
            close_friends,
            posted_by: self.posted_by,
        };
        if story.text.is_empty() && story.media.is_none() {
            return Err("A story has a text, a picture or a video.".to_owned());
        }
        Ok((story, author))
    }
}

impl Reel {
    /// The same.
    pub fn check(self, ctx: &Context, settings: &Settings) -> Result<(Reel, String), String> {
        settings.check_poster(ctx)?;
        if !(1..=settings.reel_seconds).contains(&self.duration_s) {
            return Err(format!(
                "A reel lasts 1 to {} seconds.",
                settings.reel_seconds
            ));
        }
        let cover = self
            .cover
            .map(|cover| check_media(Some(Type::Image), cover));
        let reel = Reel {
            video: check_media(Some(Type::Video), self.video)?,
            caption: paragraph("The caption", &self.caption, CAPTION_CHARACTERS_MAX)?,
            duration_s: self.duration_s,
            cover: cover.transpose()?,
        };
        Ok((reel, ctx.actor.clone()))
    }
}

impl Comment {
    /// The same. Whether there is such a post is seen when it is counted.
    pub fn check(self, ctx: &Context) -> Result<(Comment, String), String> {
        check_message(&self.on)?;
        let text = line("The comment", &self.text, COMMENT_CHARACTERS_MAX)?;
        if text.is_empty() {
            return Err("The comment is empty.".to_owned());
        }
        Ok((Comment { on: self.on, text }, ctx.actor.clone()))
    }
}

fn check_message(id: &str) -> Result<(), String> {
    check_id("msg_", id).map_err(|()| "A message is named by its id, `msg_…`.".to_owned())
}

#[cfg(test)]
mod tests {
    use althing_plugin::prelude::{Role, json, parse_json};
    use serde::de::DeserializeOwned;

    use super::*;

    fn by(user: &str, role: Role, channel_type: &str) -> Context {
        Context {
            actor: user.into(),
            actor_role: role,
            channel_type: channel_type.into(),
            now_ms: 1_000,
            ..Context::default()
        }
    }

    fn read<T: DeserializeOwned>(data: althing_plugin::Value) -> Result<T, String> {
        parse_json(&data.to_string())
    }

    fn post(ctx: &Context, data: althing_plugin::Value) -> Result<(Post, String), String> {
        read::<Post>(data)?.check(ctx, &Settings::default())
    }

    #[test]
    fn a_post_has_something_in_it() {
        let alice = by("alice", Role::Owner, "profile");
        let (made, author) = post(&alice, json!({ "text": " Hello\nthere " })).unwrap();
        assert_eq!(
            (made.text.as_str(), author.as_str()),
            ("Hello\nthere", "alice")
        );
        assert!(post(&alice, json!({})).is_err());
        assert!(post(&alice, json!({ "text": " " })).is_err());
        assert!(post(&alice, json!({ "text": "x".repeat(5_001) })).is_err());
        assert!(post(&alice, json!({ "share_of": "msg_0123456789abcdef" })).is_ok());
        assert!(post(&alice, json!({ "share_of": "msg_1" })).is_err());
        let picture = json!({ "type": "image", "url": "https://example.com/a.jpg" });
        assert!(post(&alice, json!({ "media": vec![picture.clone(); 10] })).is_ok());
        assert!(post(&alice, json!({ "media": vec![picture; 11] })).is_err());
        assert!(post(&alice, json!({ "link": { "url": "ftp://x" } })).is_err());
        assert!(post(&alice, json!({ "text": "x", "colour": 1 })).is_err());
    }

    #[test]
    fn in_the_channel_of_one_person_only_that_one_posts() {
        let hello = json!({ "text": "hello" });
        let may = |role, channel: &str| post(&by("bob", role, channel), hello.clone()).is_ok();
        assert!(may(Role::Owner, "profile") && may(Role::Admin, "close-friends"));
        assert!(may(Role::Server, "profile") && may(Role::Plugin, "profile"));
        assert!(!may(Role::Member, "profile") && !may(Role::Member, "close-friends"));
        assert!(may(Role::Member, "messaging"));
    }

    #[test]
    fn nobody_speaks_for_others() {
        let data = json!({ "text": "hello", "posted_by": "bob" });
        assert!(post(&by("alice", Role::Owner, "profile"), data.clone()).is_err());
        let (_, author) = post(&by("bot:feed", Role::Plugin, "profile"), data).unwrap();
        assert_eq!(author, "bob");
        let marked = json!({ "text": "hello", "close_friends": true });
        assert!(post(&by("alice", Role::Owner, "profile"), marked).is_err());
        let hello = json!({ "text": "hello" });
        let close = |channel| {
            post(&by("alice", Role::Owner, channel), hello.clone())
                .unwrap()
                .0
        };
        assert!(close("close-friends").close_friends && !close("profile").close_friends);
    }

    #[test]
    fn a_story_ends() {
        let alice = by("alice", Role::Owner, "profile");
        let story = |data| read::<Story>(data)?.check(&alice, &Settings::default());
        let ends = |data| story(data).map(|(story, _)| story.expires_at_ms);
        assert_eq!(ends(json!({ "text": "x" })), Ok(86_401_000));
        assert_eq!(ends(json!({ "text": "x", "lasts_s": 60 })), Ok(61_000));
        assert!(ends(json!({ "text": "x", "lasts_s": 59 })).is_err());
        assert!(ends(json!({ "text": "x", "lasts_s": 86_401 })).is_err());
        assert!(ends(json!({ "text": "x", "lasts_s": u64::MAX })).is_err());
        assert_eq!(
            ends(json!({ "text": "x", "expires_at_ms": 61_000 })),
            Ok(61_000)
        );
        assert!(ends(json!({ "text": "x", "expires_at_ms": 5 })).is_err());
        assert!(ends(json!({ "text": "x", "expires_at_ms": 90_000_000 })).is_err());
        assert!(ends(json!({ "text": "x", "expires_at_ms": 61_000, "lasts_s": 60 })).is_err());
        assert!(ends(json!({})).is_err());
    }

    #[test]
    fn a_reel_is_a_short_video() {
        let alice = by("alice", Role::Owner, "profile");
        let reel = |kind: &str, seconds: u64| {
            let video = json!({ "type": kind, "url": "https://example.com/a.mp4" });
            let data = json!({ "video": video, "duration_s": seconds });
            read::<Reel>(data)?.check(&alice, &Settings::default())
        };
        assert!(reel("video", 90).is_ok());
        assert!(reel("video", 91).is_err() && reel("video", 0).is_err());
        assert!(reel("image", 10).is_err());
    }

    #[test]
    fn a_comment_is_on_something() {
        let bob = by("bob", Role::Member, "profile");
        let comment =
            |on: &str, text: &str| read::<Comment>(json!({ "on": on, "text": text }))?.check(&bob);
        assert!(comment("msg_0123456789abcdef", "nice").is_ok());
        assert!(comment("msg_0123456789abcdef", " ").is_err());
        assert!(comment("", "nice").is_err());
    }
}
