//! The checks of a manifest's fields, one for each kind of field. Each names the field at fault.

use std::collections::BTreeSet;

use super::super::grants::Permission;
use super::super::refusal::Refusal;
use super::{CommandInfo, EVENTS, FeedInfo, KindInfo};

const COMMAND_BYTES_MAX: usize = 32;
const VERSION_BYTES_MAX: usize = 64;
const COMMANDS_MAX: usize = 32;
const KINDS_MAX: usize = 16;
const FEEDS_MAX: usize = 16;
const FEED_KINDS_MAX: usize = 8;
const PATHS_MAX: usize = 20;
const PATH_BYTES_MAX: usize = 200;
pub(super) const NAME_BYTES_MAX: usize = 64;
pub(super) const TITLE_BYTES_MAX: usize = 80;
pub(super) const SENTENCE_BYTES_MAX: usize = 200;
pub(super) const DESCRIPTION_BYTES_MAX: usize = 2_000;

/// Kinds of message that the host itself has.
const OWN_KINDS: [&str; 6] = ["text", "image", "video", "audio", "file", "channel"];

pub(super) fn check_events(events: &[String]) -> Result<(), Refusal> {
    check_unique("events", events.iter().map(String::as_str))?;
    for (at, event) in events.iter().enumerate() {
        if !EVENTS.contains(&event.as_str()) {
            let detail = format!("is none of: {}", EVENTS.join(", "));
            return Err(Refusal::manifest(format!("events[{at}]"), detail));
        }
    }
    Ok(())
}

pub(super) fn check_commands(commands: &[CommandInfo]) -> Result<(), Refusal> {
    check_count("commands", commands.len(), COMMANDS_MAX)?;
    check_unique(
        "commands",
        commands.iter().map(|command| command.name.as_str()),
    )?;
    for (at, command) in commands.iter().enumerate() {
        let field = |name| format!("commands[{at}].{name}");
        check_name(&field("name"), &command.name, COMMAND_BYTES_MAX)?;
        check_text(&field("usage"), &command.usage, 0, SENTENCE_BYTES_MAX)?;
        check_text(
            &field("description"),
            &command.description,
            1,
            SENTENCE_BYTES_MAX,
        )?;
    }
    Ok(())
}

pub(super) fn check_kinds(kinds: &[KindInfo]) -> Result<(), Refusal> {
    check_count("kinds", kinds.len(), KINDS_MAX)?;
    check_unique("kinds", kinds.iter().map(|kind| kind.name.as_str()))?;
    for (at, kind) in kinds.iter().enumerate() {
        let field = format!("kinds[{at}].name");
        check_name(&field, &kind.name, NAME_BYTES_MAX)?;
        if OWN_KINDS.contains(&kind.name.as_str()) {
            return Err(Refusal::manifest(
                field,
                "is a kind that the host itself has",
            ));
        }
        check_text(
            &format!("kinds[{at}].title"),
            &kind.title,
            1,
            TITLE_BYTES_MAX,
        )?;
    }
    Ok(())
}

/// A feed is made of kinds that the plugin has, or the host.
pub(super) fn check_feeds(feeds: &[FeedInfo], kinds: &[KindInfo]) -> Result<(), Refusal> {
    check_count("feeds", feeds.len(), FEEDS_MAX)?;
    check_unique("feeds", feeds.iter().map(|feed| feed.name.as_str()))?;
    for (at, feed) in feeds.iter().enumerate() {
        let field = |name| format!("feeds[{at}].{name}");
        check_name(&field("name"), &feed.name, NAME_BYTES_MAX)?;
        check_text(&field("title"), &feed.title, 1, TITLE_BYTES_MAX)?;
        check_count(&field("kinds"), feed.kinds.len(), FEED_KINDS_MAX)?;
        check_unique(&field("kinds"), feed.kinds.iter().map(String::as_str))?;
        let is_known = |kind: &String| {
            OWN_KINDS.contains(&kind.as_str()) || kinds.iter().any(|own| own.name == *kind)
        };
        if feed.kinds.is_empty() || !feed.kinds.iter().all(is_known) {
            let detail = "must be kinds of the plugin or of the host, at least one";
            return Err(Refusal::manifest(field("kinds"), detail));
        }
    }
    Ok(())
}

/// Routes that anybody may ask.
pub(super) fn check_paths(
    field: &str,
    permission: Permission,
    paths: &[String],
) -> Result<(), Refusal> {
    let refuse = |detail: &str| Err(Refusal::manifest(field, detail));
    match (permission, paths) {
        (Permission::PublicRoutes, []) => return refuse("must name the routes to open"),
        (Permission::PublicRoutes, _) => {}
        (_, []) => return Ok(()),
        _ => return refuse("is for `public-routes` alone"),
    }
    check_count(field, paths.len(), PATHS_MAX)?;
    check_unique(field, paths.iter().map(String::as_str))?;
    for path in paths {
        let start = path.strip_suffix("/*").unwrap_or(path);
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-._~%".contains(&byte);
        let climbs = start.split('/').any(|part| matches!(part, "." | ".."));
        let fits = path.starts_with('/') && path.len() <= PATH_BYTES_MAX && !climbs;
        if !fits || !start.bytes().all(is_plain) {
            return refuse(
                "must be paths such as `/hook`, or `/feed/*` for all below it, at most 200 bytes",
            );
        }
    }
    Ok(())
}

pub(super) fn check_name(field: &str, name: &str, bytes_max: usize) -> Result<(), Refusal> {
    let is_plain = |byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
    let begins = name.starts_with(|first: char| first.is_ascii_lowercase());
    if begins && name.len() <= bytes_max && name.bytes().all(is_plain) && !name.ends_with('-') {
        return Ok(());
    }
    let detail = format!(
        "must be lower-case letters, digits and `-`, from a letter to a letter or digit, at most \
         {bytes_max} bytes"
    );
    Err(Refusal::manifest(field, detail))
}

/// `MAJOR.MINOR.PATCH`, with `-` and `+` parts as semantic versioning has them.
pub(super) fn check_version(version: &str) -> Result<(), Refusal> {
    let is_number = |part: &str| {
        let digits = part.bytes().all(|byte| byte.is_ascii_digit());
        digits && (1..=9).contains(&part.len()) && (part == "0" || !part.starts_with('0'))
    };
    let is_label = |part: &str| {
        !part.is_empty()
            && part
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    let (version_core, build) = version.split_once('+').unwrap_or((version, "0"));
    let (numbers, pre) = version_core.split_once('-').unwrap_or((version_core, "0"));
    if version.len() <= VERSION_BYTES_MAX
        && numbers.split('.').count() == 3
        && numbers.split('.').all(is_number)
        && pre.split('.').all(is_label)
        && build.split('.').all(is_label)
    {
        return Ok(());
    }
    Err(Refusal::manifest(
        "version",
        "must be a semantic version such as 1.4.0",
    ))
}

pub(super) fn check_text(
    field: &str,
    text: &str,
    min: usize,
    bytes_max: usize,
) -> Result<(), Refusal> {
    let is_shown = |c: char| !c.is_control() || c == '\n';
    let is_blank = min > 0 && text.trim().is_empty();
    if !is_blank && text.len() <= bytes_max && text.chars().all(is_shown) {
        return Ok(());
    }
    let detail = format!("must have {min} to {bytes_max} bytes without control characters");
    Err(Refusal::manifest(field, detail))
}

pub(super) fn check_count(field: &str, count: usize, max: usize) -> Result<(), Refusal> {
    if count > max {
        return Err(Refusal::manifest(
            field,
            format!("has {count} entries; at most {max}"),
        ));
    }
    Ok(())
}

pub(super) fn check_unique<'a>(
    field: &str,
    names: impl Iterator<Item = &'a str>,
) -> Result<(), Refusal> {
    let mut seen = BTreeSet::new();
    for name in names {
        if !seen.insert(name) {
            return Err(Refusal::manifest(field, format!("has `{name}` twice")));
        }
    }
    Ok(())
}
