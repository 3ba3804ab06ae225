//! Pictures, videos and links, and the checks of texts that all kinds share.

use serde::{Deserialize, Serialize};

const URL_BYTES_MAX: usize = 2_000;
const ALT_CHARACTERS_MAX: usize = 500;
const TITLE_CHARACTERS_MAX: usize = 200;

/// What a piece of media is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Type {
    Image,
    Video,
}

/// A picture or a video: at an address, or a file that was uploaded to the app.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Media {
    #[serde(rename = "type")]
    pub kind: Type,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The id of an attachment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// What is in it, for those who don't see it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub alt: String,
}

/// A page elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Link {
    pub url: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub title: String,
}

impl Media {
    /// A picture or video at this address.
    pub fn at(kind: Type, url: &str) -> Media {
        Media {
            kind,
            url: Some(url.to_owned()),
            file: None,
            alt: String::new(),
        }
    }

    /// Checks it. The error is a sentence.
    pub fn check(mut self) -> Result<Media, String> {
        match (&self.url, &self.file) {
            (Some(url), None) => check_url(url)?,
            (None, Some(file)) => check_file(file)?,
            _ => return Err("Media has either a `url` or a `file`.".to_owned()),
        }
        self.alt = line("The description of media", &self.alt, ALT_CHARACTERS_MAX)?;
        Ok(self)
    }

    /// What it is, in words.
    pub fn words(&self) -> String {
        let what = match self.kind {
            Type::Image => "Picture",
            Type::Video => "Video",
        };
        match self.alt.as_str() {
            "" => what.to_owned(),
            alt => format!("{what}: {alt}"),
        }
    }
}

impl Link {
    /// Checks it. The error is a sentence.
    pub fn check(mut self) -> Result<Link, String> {
        check_url(&self.url)?;
        self.title = line("The title of a link", &self.title, TITLE_CHARACTERS_MAX)?;
        Ok(self)
    }

    /// Its title and address.
    pub fn words(&self) -> String {
        match self.title.as_str() {
            "" => self.url.clone(),
            title => format!("{title}: {}", self.url),
        }
    }
}

fn check_url(url: &str) -> Result<(), String> {
    let host = url.strip_prefix("https://").unwrap_or_default();
    let plain = url
        .chars()
        .all(|c| !c.is_whitespace() && !c.is_control() && !matches!(c, '"' | '<' | '>' | '\\'));
    if host.is_empty() || host.starts_with('/') || !plain || url.len() > URL_BYTES_MAX {
        return Err(format!(
            "An address begins with `https://` and has at most {URL_BYTES_MAX} bytes without spaces."
        ));
    }
    Ok(())
}

fn check_file(id: &str) -> Result<(), String> {
    check_id("fil_", id).map_err(|()| "A `file` is the id of an attachment, `fil_…`.".to_owned())
}

/// Whether it is an id of the host's: this prefix and 16 hex digits.
pub fn check_id(prefix: &str, id: &str) -> Result<(), ()> {
    let digits = id.strip_prefix(prefix).unwrap_or_default();
    let is_hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    match digits.len() == 16 && digits.bytes().all(is_hex) {
        true => Ok(()),
        false => Err(()),
    }
}

/// One line, without space around it; perhaps empty.
pub fn line(what: &str, text: &str, characters_max: usize) -> Result<String, String> {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    check_text(what, &text, characters_max)?;
    Ok(text)
}

/// Lines, without space around them; perhaps empty.
pub fn paragraph(what: &str, text: &str, characters_max: usize) -> Result<String, String> {
    let text = text.trim();
    check_text(what, &text.replace(['\n', '\t'], " "), characters_max)?;
    Ok(text.to_owned())
}

fn check_text(what: &str, text: &str, characters_max: usize) -> Result<(), String> {
    let characters = text.chars().count();
    if characters > characters_max {
        return Err(format!(
            "{what} has {characters} characters; {characters_max} are the most."
        ));
    }
    if text.chars().any(char::is_control) {
        return Err(format!("{what} has control characters in it."));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn media_is_at_an_address_or_a_file() {
        let good = Media::at(Type::Image, "https://example.com/a.jpg");
        assert_eq!(good.clone().check(), Ok(good.clone()));
        let file = Media {
            url: None,
            file: Some("fil_0123456789abcdef".into()),
            ..good.clone()
        };
        assert!(file.clone().check().is_ok());
        let both = Media {
            url: good.url.clone(),
            ..file.clone()
        };
        assert!(both.check().is_err());
        for id in [
            "fil_",
            "fil_0123456789ABCDEF",
            "msg_0123456789abcdef",
            "../x",
        ] {
            let file = Media {
                file: Some(id.into()),
                ..file.clone()
            };
            assert!(file.check().is_err(), "{id}");
        }
    }

    #[test]
    fn addresses_are_https_and_plain() {
        for url in [
            "",
            "http://example.com",
            "https://",
            "https:///x",
            "javascript:alert(1)",
            "https://a b",
            "https://a\"onerror=",
            &format!("https://{}", "x".repeat(2_000)),
        ] {
            assert!(check_url(url).is_err(), "{url}");
        }
        assert!(check_url("https://example.com/a?b=c#d").is_ok());
    }

    #[test]
    fn texts_are_trimmed_and_bounded() {
        assert_eq!(line("x", " a \n b ", 3), Ok("a b".into()));
        assert_eq!(paragraph("x", " a\nb ", 3), Ok("a\nb".into()));
        assert!(line("It", "abcd", 3).unwrap_err().starts_with("It has 4"));
        assert!(
            paragraph("It", "a\u{7}", 3)
                .unwrap_err()
                .contains("control")
        );
    }
}
