//! `/post …` and `/story …`: reading them, and helping to write them.

use althing_plugin::Choice;

use crate::kinds::{Post, Story};
use crate::media::{Link, Media, Type};

/// What to write after `/post`.
pub const POST_USAGE: &str = "Write what you want to post, and if you like the address of a picture, a \
    video or a page: `/post Good morning! https://example.com/sun.jpg`.";
/// What to write after `/story`.
pub const STORY_USAGE: &str = "Write your story, and if you like how long it lasts and the address of a \
    picture or a video: `/story 6h On the train https://example.com/window.jpg`.";

const IMAGES: [&str; 7] = ["jpg", "jpeg", "png", "gif", "webp", "avif", "svg"];
const VIDEOS: [&str; 4] = ["mp4", "webm", "mov", "m3u8"];

/// Reads a post. Pictures and videos are taken out of the text; the first other address is its link.
pub fn post(text: &str) -> Result<Post, String> {
    if matches!(text.trim(), "" | "help") {
        return Err(POST_USAGE.to_owned());
    }
    let (text, media) = split(text);
    let link = text
        .split_whitespace()
        .find(|word| word.starts_with("https://"));
    Ok(Post {
        link: link.map(|url| Link {
            url: url.to_owned(),
            title: String::new(),
        }),
        text,
        media,
        ..Post::default()
    })
}

/// Reads a story.
pub fn story(text: &str) -> Result<Story, String> {
    let text = text.trim();
    if matches!(text, "" | "help") {
        return Err(STORY_USAGE.to_owned());
    }
    let (first, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    let (lasts_s, text) = match seconds(first) {
        Some(lasts_s) => (Some(lasts_s), rest),
        None => (None, text),
    };
    let (text, mut media) = split(text);
    if media.len() > 1 {
        return Err("A story has one picture or video.".to_owned());
    }
    Ok(Story {
        text,
        media: media.pop(),
        lasts_s,
        ..Story::default()
    })
}

/// Completions for what is typed so far.
pub fn complete(name: &str, text: &str) -> Vec<Choice> {
    match (name, text.trim()) {
        ("story", "") => ["1h ", "6h ", "24h "]
            .map(|length| Choice::new(length, format!("{length}…")))
            .into(),
        _ => Vec::new(),
    }
}

/// The text without the addresses of pictures and videos, and these.
fn split(text: &str) -> (String, Vec<Media>) {
    let mut media = Vec::new();
    let lines: Vec<String> = text
        .lines()
        .map(|line| {
            let words = line.split(' ').filter(|word| match type_of(word) {
                Some(kind) => {
                    media.push(Media::at(kind, word));
                    false
                }
                None => true,
            });
            words.collect::<Vec<_>>().join(" ")
        })
        .collect();
    (lines.join("\n").trim().to_owned(), media)
}

fn type_of(word: &str) -> Option<Type> {
    let address = word.strip_prefix("https://")?;
    let path = address.split(['?', '#']).next()?;
    let (_, ending) = path.rsplit_once('/')?.1.rsplit_once('.')?;
    let ending = ending.to_ascii_lowercase();
    if IMAGES.contains(&ending.as_str()) {
        Some(Type::Image)
    } else if VIDEOS.contains(&ending.as_str()) {
        Some(Type::Video)
    } else {
        None
    }
}

/// `30m`, `6h`, `1d`.
fn seconds(length: &str) -> Option<u64> {
    let unit = match length.chars().last()? {
        'm' => 60,
        'h' => 60 * 60,
        'd' => 24 * 60 * 60,
        _ => return None,
    };
    let number: u64 = length[..length.len() - 1].parse().ok()?;
    number.checked_mul(unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_become_media_and_links() {
        let made =
            post("Good  morning!\nhttps://example.com/sun.JPG?x=1 see https://example.com/a")
                .unwrap();
        assert_eq!(made.text, "Good  morning!\nsee https://example.com/a");
        assert_eq!(
            made.media,
            [Media::at(Type::Image, "https://example.com/sun.JPG?x=1")]
        );
        assert_eq!(made.link.unwrap().url, "https://example.com/a");
        let video = post("https://example.com/a.mp4").unwrap();
        assert_eq!(video.media[0].kind, Type::Video);
        assert_eq!(post("https://jpg").unwrap().media, []);
        assert_eq!(post(" help "), Err(POST_USAGE.into()));
    }

    #[test]
    fn a_story_may_say_how_long_it_lasts() {
        let lasts = |text: &str| story(text).map(|story| (story.lasts_s, story.text));
        assert_eq!(
            lasts("6h On the train"),
            Ok((Some(21_600), "On the train".into()))
        );
        assert_eq!(lasts("On the train"), Ok((None, "On the train".into())));
        assert_eq!(lasts("30 minutes"), Ok((None, "30 minutes".into())));
        assert_eq!(lasts("h m é"), Ok((None, "h m é".into())));
        assert_eq!(lasts("99999999999999999999h x").unwrap().0, None);
        assert!(lasts("").is_err());
        let two = "https://example.com/a.jpg https://example.com/b.jpg";
        assert!(lasts(two).is_err());
    }
}
