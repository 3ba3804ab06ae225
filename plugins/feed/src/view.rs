//! How posts, stories, reels and comments are shown: the same to everybody. For clients that draw
//! them in a way of their own a block `reactions` has the numbers; others skip it.

use althing_plugin::blocks::{Block, button, image, muted, row, strong, text};
use althing_plugin::dates::{DAY_MS, date_of, day_of};
use althing_plugin::{Value, View, blocks, json, parse_json, to_json};

use crate::kinds::{Comment, Post, Reel, Story};
use crate::media::{Media, Type};
use crate::reactions::Reactions;
use crate::settings::Settings;

/// How many of those who like something are named in words.
const NAMED_MAX: usize = 3;

/// A post with what people did with it.
pub fn post(post: &Post, reactions: &Reactions, settings: &Settings) -> View {
    let mut shown = Shown::default();
    shown.author(post.posted_by.as_deref());
    shown.words(&post.text);
    post.media.iter().for_each(|media| shown.media(media));
    if let Some(link) = &post.link {
        shown.note("🔗", &link.words());
    }
    if post.share_of.is_some() {
        shown.note("↪", "shares a post");
    }
    if post.close_friends {
        shown.note("★", "for close friends");
    }
    shown.reactions(reactions, settings, &["like", "share"]);
    shown.done()
}

/// A reel.
pub fn reel(reel: &Reel, reactions: &Reactions, settings: &Settings) -> View {
    let mut shown = Shown::default();
    shown.words(&reel.caption);
    if let Some(cover) = &reel.cover {
        shown.media(cover);
    }
    shown.media(&reel.video);
    shown.reactions(reactions, settings, &["like", "share"]);
    shown.done()
}

/// A story; nothing of it once it is over.
pub fn story(story: &Story, over: bool) -> View {
    let mut shown = Shown::default();
    if over {
        shown.note("", "This story is over.");
        return shown.done();
    }
    shown.author(story.posted_by.as_deref());
    shown.words(&story.text);
    if let Some(media) = &story.media {
        shown.media(media);
    }
    if story.close_friends {
        shown.note("★", "for close friends");
    }
    let until = time(story.expires_at_ms);
    shown.marked_note("⏳", &format!("until {until}"), |note| {
        note.date_time(&until, story.expires_at_ms)
    });
    shown.done()
}

/// A comment.
pub fn comment(comment: &Comment) -> View {
    let words = format!("💬 {}", comment.text);
    View::new(&words, blocks![text(&comment.text)])
}

/// What is shown so far, in words and in blocks.
#[derive(Default)]
struct Shown {
    lines: Vec<String>,
    blocks: Vec<Block>,
    /// For clients that draw it themselves.
    numbers: Option<Value>,
}

impl Shown {
    fn author(&mut self, user: Option<&str>) {
        if let Some(user) = user {
            self.lines.push(format!("@{user}:"));
            self.blocks.push(strong(format!("@{user}")).user(user));
        }
    }

    fn words(&mut self, words: &str) {
        if !words.is_empty() {
            self.lines.push(words.to_owned());
            self.blocks.push(text(words));
        }
    }

    fn note(&mut self, mark: &str, words: &str) {
        self.marked_note(mark, words, |note| note);
    }

    /// A note that says what its words stand for.
    fn marked_note(&mut self, mark: &str, words: &str, marked: impl FnOnce(Block) -> Block) {
        let line = format!("{mark} {words}").trim_start().to_owned();
        self.blocks.push(marked(muted(&line)));
        self.lines.push(line);
    }

    fn media(&mut self, media: &Media) {
        let words = media.words();
        // The address is in the words, too, for guards that look at where links lead.
        match (media.kind, &media.url) {
            (Type::Image, Some(url)) => {
                self.lines.push(format!("🖼 {words} {url}"));
                self.blocks.push(image(url, &media.alt));
            }
            (Type::Image, None) => self.note("🖼", &words),
            (Type::Video, Some(url)) => self.note("▶", &format!("{words} {url}")),
            (Type::Video, None) => self.note("▶", &words),
        }
    }

    fn reactions(&mut self, reactions: &Reactions, settings: &Settings, actions: &[&str]) {
        let names: &[String] = match settings.name_likers {
            true => &reactions.names,
            false => &[],
        };
        let (likes, shares) = (reactions.likes.count(), reactions.shares.count());
        let views = roughly(reactions.views.count());
        let counts = [
            (likes, "like", "likes"),
            (reactions.comments, "comment", "comments"),
            (shares, "share", "shares"),
            (views, "view", "views"),
        ];
        let counts = counts.iter().filter(|(count, ..)| *count > 0);
        let counts: Vec<String> = counts
            .map(|(count, one, more)| format!("{count} {}", if *count == 1 { one } else { more }))
            .collect();
        if likes > 0 && !names.is_empty() {
            let named = names.iter().rev().take(NAMED_MAX);
            self.marked_note("♥", &liked_by(names, likes), |note| note.users(named));
        }
        if !counts.is_empty() {
            self.note("", &counts.join(" · "));
        }
        let buttons = actions.iter().map(|action| match *action {
            "like" => Block::from(button(numbered("♥ Like", likes), "like")),
            _ => Block::from(button(numbered("↪ Share", shares), "share")),
        });
        self.blocks.push(row(buttons));
        self.numbers = Some(json!({
            "type": "reactions",
            "author": reactions.author,
            "likes": likes,
            "liked_by": names,
            "comments": reactions.comments,
            "shares": shares,
            "views": views,
        }));
    }

    fn done(self) -> View {
        let mut view = View::new(self.lines.join("\n"), self.blocks);
        if let Some(numbers) = self.numbers {
            let mut blocks: Vec<Value> = parse_json(&view.blocks).unwrap_or_default();
            blocks.push(numbers);
            view.blocks = to_json(&blocks);
        }
        view
    }
}

/// A number with all but its first digit as zeros. Everybody who watches is told when what is shown
/// changes, and the thousandth view is no news.
fn roughly(count: u64) -> u64 {
    let unit = 10_u64.pow(count.checked_ilog10().unwrap_or(0));
    count / unit * unit
}

fn numbered(words: &str, count: u64) -> String {
    match count {
        0 => words.to_owned(),
        count => format!("{words} {count}"),
    }
}

/// `@carol, @bob and 8 others`: the last first.
fn liked_by(names: &[String], likes: u64) -> String {
    let named: Vec<String> = names
        .iter()
        .rev()
        .take(NAMED_MAX)
        .map(|name| format!("@{name}"))
        .collect();
    let others = likes.saturating_sub(named.len() as u64);
    match (others, named.split_last()) {
        (0, Some((last, []))) => last.clone(),
        (0, Some((last, first))) => format!("{} and {last}", first.join(", ")),
        (1, _) => format!("{} and 1 other", named.join(", ")),
        (others, _) => format!("{} and {others} others", named.join(", ")),
    }
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
    use super::*;

    fn liked(names: &[&str]) -> Reactions {
        let mut reactions = Reactions::new("alice".into());
        for name in names {
            reactions.likes.add(name);
            reactions.names.push((*name).to_owned());
        }
        reactions
    }

    #[test]
    fn a_post_has_buttons_and_numbers() {
        let made = Post {
            text: "Good morning!".into(),
            media: vec![Media {
                alt: "The sun".into(),
                ..Media::at(Type::Image, "https://example.com/sun.jpg")
            }],
            ..Post::default()
        };
        let mut reactions = liked(&["bob", "carol"]);
        reactions.comments = 1;
        let view = post(&made, &reactions, &Settings::default());
        assert_eq!(
            view.text,
            "Good morning!\n🖼 Picture: The sun https://example.com/sun.jpg\n♥ @carol and @bob\n2 likes · 1 comment"
        );
        assert_eq!(
            parse_json::<Value>(&view.blocks).unwrap(),
            json!([
                {"type": "text", "text": "Good morning!"},
                {"type": "image", "url": "https://example.com/sun.jpg", "alt": "The sun"},
                {"type": "text", "text": "♥ @carol and @bob", "style": "muted", "marks": [
                    {"text": "@carol", "user": "carol"}, {"text": "@bob", "user": "bob"}]},
                {"type": "text", "text": "2 likes · 1 comment", "style": "muted"},
                {"type": "row", "blocks": [
                    {"type": "button", "text": "♥ Like 2", "action": "like"},
                    {"type": "button", "text": "↪ Share", "action": "share"}]},
                {"type": "reactions", "author": "alice", "likes": 2, "liked_by": ["bob", "carol"],
                 "comments": 1, "shares": 0, "views": 0},
            ])
        );
    }

    #[test]
    fn names_are_shown_if_the_tenant_likes() {
        let quiet = Settings {
            name_likers: false,
            ..Settings::default()
        };
        let made = Post {
            text: "x".into(),
            ..Post::default()
        };
        let view = post(&made, &liked(&["bob"]), &quiet);
        assert!(!view.blocks.contains("bob") && !view.text.contains("bob"));
        assert!(view.text.contains("1 like"));
    }

    #[test]
    fn nothing_is_left_of_a_story_that_is_over() {
        let told = Story {
            text: "On the train".into(),
            expires_at_ms: 1_795_213_800_000,
            close_friends: true,
            ..Story::default()
        };
        assert_eq!(
            story(&told, false).text,
            "On the train\n★ for close friends\n⏳ until 2026-11-20 22:30 UTC"
        );
        let until =
            r#""marks":[{"text":"2026-11-20 22:30 UTC","at":1795213800000,"show":"date_time"}]"#;
        assert!(story(&told, false).blocks.contains(until));
        let over = story(&told, true);
        assert!(!over.text.contains("train") && !over.blocks.contains("train"));
    }

    #[test]
    fn everything_that_somebody_wrote_is_in_the_words() {
        // Guards look at the words.
        let video = Media {
            alt: "one".into(),
            ..Media::at(Type::Video, "https://example.com/two.mp4")
        };
        let view = reel(
            &Reel {
                video,
                caption: "three".into(),
                duration_s: 5,
                cover: Some(Media {
                    alt: "four".into(),
                    ..Media::at(Type::Image, "https://example.com/c.jpg")
                }),
            },
            &liked(&[]),
            &Settings::default(),
        );
        for word in ["one", "two.mp4", "three", "four", "c.jpg"] {
            assert!(view.text.contains(word), "{word}: {}", view.text);
        }
    }

    #[test]
    fn views_are_told_of_when_they_are_news() {
        for (count, shown) in [
            (0, 0),
            (9, 9),
            (10, 10),
            (19, 10),
            (20, 20),
            (99, 90),
            (100, 100),
        ] {
            assert_eq!(roughly(count), shown);
        }
        assert_eq!(roughly(u64::MAX), 10_000_000_000_000_000_000);
        let mut told: Vec<u64> = (0..=100_000).map(roughly).collect();
        told.dedup();
        assert_eq!(told.len(), 47);
    }

    #[test]
    fn many_are_counted_not_named() {
        let names = ["a", "b", "c", "d"].map(str::to_owned);
        assert_eq!(liked_by(&names, 100_000), "@d, @c, @b and 99997 others");
        assert_eq!(liked_by(&names, 4), "@d, @c, @b and 1 other");
        assert_eq!(liked_by(&names[..1], 1), "@a");
    }
}
