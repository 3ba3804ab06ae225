//! `/tasks`: lists in the chat, which only the one who asked sees; and completion.

use althing_plugin::blocks::{list, muted, strong, text as plain};
use althing_plugin::{Choice, Context, Error, Reply, blocks, chat};

use crate::command::mention;
use crate::listing::{self, Found, Page, Viewer, Wanted, Wish};
use crate::settings::Settings;
use crate::task::Status;
use crate::view;

/// Tasks that one answer lists.
const LINES_MAX: usize = 20;
/// Completions that a client shows.
const CHOICES_MAX: usize = 20;

const USAGE: &str = "`/tasks` lists your tasks, `/tasks @bob` Bob's and `/tasks here` those of this \
    channel. With `done` behind it, those that are finished.";

/// Answers `/tasks …`.
pub fn reply(ctx: &Context, settings: &Settings, text: &str) -> Result<Reply, String> {
    if ctx.actor.is_empty() {
        return Err("Lists are for people: name the user on whose behalf you ask.".to_owned());
    }
    let mut wanted = Wanted {
        limit: LINES_MAX,
        ..Wanted::default()
    };
    let mut whose = None;
    for word in text.split_whitespace() {
        match word {
            "done" => wanted.status = Wish::Only(Status::Done),
            "here" | "channel" => {
                whose = Some("Tasks of this channel".to_owned());
                wanted.channel = Some(ctx.channel.clone());
            }
            "me" | "mine" => {}
            word => {
                let user = mention(word).ok_or(USAGE)?;
                whose = Some(format!("Tasks of @{user}"));
                wanted.assignee = Some(user.to_owned());
            }
        }
    }
    if wanted.assignee.is_none() && wanted.channel.is_none() {
        wanted.assignee = Some(ctx.actor.clone());
    }
    let page = listing::read(&Viewer::User(&ctx.actor), &wanted)?;
    let whose = whose.unwrap_or_else(|| "Your tasks".to_owned());
    let of = wanted.assignee.as_deref();
    Ok(shown(ctx, settings, &whose, of, &page)?)
}

/// The list, with `of` for the one whose it is.
fn shown(
    ctx: &Context,
    settings: &Settings,
    whose: &str,
    of: Option<&str>,
    page: &Page,
) -> Result<Reply, Error> {
    if page.tasks.is_empty() {
        let text = format!("{whose}: none.");
        return Ok(Reply::text(&text).with_blocks([plain(&text).users(of)]));
    }
    let channels = page.tasks.iter().map(|found| found.channel.as_str());
    let others = channels.filter(|channel| *channel != ctx.channel);
    let names = chat::channel_names(others)?;
    let clock = settings.clock(ctx.now_ms);
    let lines = |when: &dyn Fn(u64) -> String| -> Vec<String> {
        let line = |found: &Found| match names.get(found.channel.as_str()) {
            None => view::line(&found.task, when),
            Some(name) => format!("{} in {name}", view::line(&found.task, when)),
        };
        page.tasks.iter().map(line).collect()
    };
    let more = if page.next.is_some() {
        "There are more."
    } else {
        ""
    };
    let told = lines(&|at_ms| clock.describe(i64::try_from(at_ms).unwrap_or(i64::MAX)));
    let text = format!("{whose} ({}):\n{}\n{more}", clock.zone(), told.join("\n"));
    let timed = |at_ms| view::time_and_zone(at_ms, &clock);
    let mut shown = list(lines(&timed));
    for found in &page.tasks {
        shown = shown.users(&found.task.assignees);
        if let Some(due) = found.task.due_at_ms {
            shown = shown.date_time(timed(due), due);
        }
    }
    let whose = strong(whose).users(of);
    let mut blocks = blocks![whose, shown];
    if !more.is_empty() {
        blocks.push(muted(more));
    }
    Ok(Reply::text(text.trim_end()).with_blocks(blocks))
}

/// Completions for what follows `/tasks`.
pub fn complete(text: &str) -> Vec<Choice> {
    let typed = text.trim().to_lowercase();
    [
        ("here", "here: the tasks of this channel"),
        ("done", "done: what you have finished"),
        ("@", "@…: the tasks of somebody"),
    ]
    .into_iter()
    .filter(|(value, _)| value.starts_with(&typed))
    .map(|(value, label)| Choice::new(value, label))
    .collect()
}

/// People of the channel whose ids begin so, put behind what stands there.
pub fn people(ctx: &Context, before: &str, begun: &str) -> Vec<Choice> {
    let found = find_people(&ctx.channel, begun).unwrap_or_default();
    found
        .into_iter()
        .map(|user| Choice::new(format!("{before}@{user} "), format!("@{user}")))
        .collect()
}

fn find_people(channel: &str, begun: &str) -> Result<Vec<String>, Error> {
    // The list is in the order of ids: those that begin so follow one another.
    let mut found = Vec::new();
    if chat::member(channel, begun).is_ok_and(|member| member.is_some()) {
        found.push(begun.to_owned());
    }
    let after = (!begun.is_empty()).then_some(begun);
    let members = chat::members(channel, after, CHOICES_MAX as u32)?;
    let theirs = members.into_iter().map(|member| member.user);
    found.extend(theirs.take_while(|user| user.starts_with(begun)));
    found.retain(|user| !user.starts_with("bot:"));
    found.truncate(CHOICES_MAX);
    Ok(found)
}
