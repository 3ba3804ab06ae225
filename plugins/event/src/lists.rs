//! `/calendar`: what is coming up, and the address for calendar apps. Only the one who asked sees it.

use althing_plugin::blocks::{Block, list, muted, strong};
use althing_plugin::{Choice, Context, Reply, blocks, chat};

use crate::event::Occurrence;
use crate::listing::{self, Found};
use crate::routes;
use crate::settings::Settings;
use crate::subscription;

/// Dates that one answer lists.
const LINES_MAX: usize = 15;
/// How far ahead they are looked for: a year.
const AHEAD_MS: u64 = 366 * 24 * 60 * 60 * 1000;

const USAGE: &str = "`/calendar` lists what is coming up in your channels, `/calendar here` in this one. \
    `/calendar cancel friday Team lunch`, `/calendar move friday Team lunch to saturday 13:00 at Café Roma` and \
    `/calendar restore friday Team lunch` change one date. `/calendar link` makes an address under which a \
    calendar app follows it, `/calendar unlink` takes that back.";

/// Answers `/calendar …`.
pub fn reply(ctx: &Context, settings: &Settings, text: &str) -> Result<Reply, String> {
    if ctx.actor.is_empty() {
        return Err("Calendars are for people: name the user on whose behalf you ask.".to_owned());
    }
    match text.to_lowercase().as_str() {
        "" => upcoming(ctx, settings, listing::channels_of(&ctx.actor)?),
        "here" | "channel" => upcoming(ctx, settings, vec![ctx.channel.clone()]),
        "link" => link(ctx, settings),
        "unlink" => Ok(Reply::text(match subscription::revoke(&ctx.actor)? {
            true => "Your calendar's address works no more.",
            false => "Your calendar has no address.",
        })),
        _ => Err(USAGE.to_owned()),
    }
}

fn upcoming(ctx: &Context, settings: &Settings, channels: Vec<String>) -> Result<Reply, String> {
    let events = listing::of_channels(&channels, ctx.now_ms)?;
    let to_ms = ctx.now_ms + AHEAD_MS;
    let dates = listing::dates(&events, ctx.now_ms, to_ms, None, LINES_MAX);
    if dates.is_empty() {
        return Ok(Reply::text("Nothing is coming up."));
    }
    let channels = dates.iter().map(|(at, _)| events[*at].channel.as_str());
    let others = channels.filter(|channel| *channel != ctx.channel);
    let names = chat::channel_names(others)?;
    let clock = settings.clock(ctx.now_ms);
    let when = |found: &Found, start_ms: i64, zone: &str| {
        let when = clock.describe(start_ms);
        match found.event.plan.all_day {
            true => when.trim_end_matches(" at 00:00").to_owned(),
            false => format!("{when}{zone}"),
        }
    };
    let line = |found: &Found, date: &Occurrence, when: String| {
        let plan = &found.event.plan;
        let place = match found.event.place_on(date.day) {
            "" => String::new(),
            place => format!(", {place}"),
        };
        let channel = match names.get(found.channel.as_str()) {
            None => String::new(),
            Some(name) => format!(" in {name}"),
        };
        format!("{}: {when}{place}{channel}", plan.title)
    };
    let (mut told, mut lines, mut times) = (Vec::new(), Vec::new(), Vec::new());
    let zone = format!(" {}", clock.zone());
    for (at, date) in &dates {
        let (found, start_ms) = (&events[*at], date.start_ms);
        told.push(line(found, date, when(found, start_ms, "")));
        // Where each is shown on the reader's own clock, it says by itself which clock it is.
        let alone = when(found, start_ms, &zone);
        lines.push(line(found, date, alone.clone()));
        if !found.event.plan.all_day {
            times.push((alone, start_ms.max(0) as u64));
        }
    }
    let text = format!("Coming up ({}):\n{}", clock.zone(), told.join("\n"));
    let mark = |shown: Block, (piece, at_ms)| shown.date_time(piece, at_ms);
    let shown = times.into_iter().fold(list(lines), mark);
    Ok(Reply::text(text).with_blocks([strong("Coming up"), shown]))
}

fn link(ctx: &Context, settings: &Settings) -> Result<Reply, String> {
    let path = routes::path_of(&subscription::renew(ctx, &ctx.actor)?);
    let address = routes::address(settings, &path);
    let note = match settings.feed_address.is_empty() {
        false => {
            "Give it to your calendar app, and to nobody else: whoever has it sees your events. The one \
            before works no more."
        }
        true => {
            "Ask those who run this place what comes before it. Whoever has the whole address sees your events. \
            The one before works no more."
        }
    };
    let text = format!("Your calendar's address:\n{address}\n{note}");
    Ok(Reply::text(text).with_blocks(blocks![
        strong("Your calendar's address"),
        althing_plugin::blocks::text(address),
        muted(note)
    ]))
}

/// Completions for what follows `/calendar`.
pub fn complete(text: &str) -> Vec<Choice> {
    let typed = text.trim().to_lowercase();
    [
        ("here", "here: what is coming up in this channel"),
        (
            "cancel ",
            "cancel …: a date in this channel doesn't take place",
        ),
        (
            "move ",
            "move …: a date in this channel gets another time or place",
        ),
        ("restore ", "restore …: a date is as its series has it"),
        ("link", "link: an address for your calendar app"),
        ("unlink", "unlink: take the address back"),
    ]
    .into_iter()
    .filter(|(value, _)| value.starts_with(&typed))
    .map(|(value, label)| Choice::new(value, label))
    .collect()
}
