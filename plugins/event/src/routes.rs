//! The plugin's own routes: events as JSON for an app's own screens, as calendar files for people.

use althing_plugin::endpoint::{Request, Response};
use althing_plugin::{Context, Error, Role, chat, json};

use crate::answers::Answers;
use crate::ics::{self, ATTENDEES_MAX, Entry, Person};
use crate::listing::{self, Found};
use crate::range;
use crate::settings::Settings;
use crate::subscription;

const DAY_MS: u64 = 24 * 60 * 60 * 1000;
const CALENDAR: &str = "text/calendar; charset=utf-8";
/// What a calendar may have; the host passes on 256 KiB.
const FILE_BYTES_MAX: usize = 240 * 1024;

/// Who asks.
enum Caller<'a> {
    Backend,
    User(&'a str),
    Stranger,
}

/// Answers a request.
pub fn answer(ctx: &Context, settings: &Settings, request: &Request) -> Result<Response, String> {
    let caller = match ctx.actor_role {
        Role::Server => Caller::Backend,
        _ if !ctx.actor.is_empty() => Caller::User(&ctx.actor),
        _ => Caller::Stranger,
    };
    let path = request.segments().unwrap_or_default();
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    let method = if request.method == "HEAD" {
        "GET"
    } else {
        request.method.as_str()
    };
    let user = match caller {
        Caller::User(user) => Some(user),
        _ => None,
    };
    match (&caller, method, &path[..]) {
        // An open route tells nobody more than its token does, whoever asks.
        (_, "GET", ["feed", file]) => feed(ctx, settings, file),
        (Caller::Stranger, ..) => Ok(no_route()),
        (_, "GET", ["events"]) => range::answer(ctx, user, request),
        (_, "GET", ["events", id]) => Ok(match listing::find(user, id)? {
            Some(found) => Response::json(&found.document()),
            None => no_event(),
        }),
        (Caller::User(user), "GET", ["calendar.ics"]) => calendar_of(ctx, settings, user),
        (Caller::User(user), _, ["subscription"]) => subscribe(ctx, settings, user, method),
        (_, "GET", [file]) => match file.strip_suffix(".ics") {
            Some(id) => one(user, id),
            None => Ok(no_route()),
        },
        _ => Ok(no_route()),
    }
}

fn no_route() -> Response {
    Response::problem(404, "not_found", "There is no such route.")
}

fn no_event() -> Response {
    Response::problem(404, "not_found", "There is no such event.")
}

/// `GET /<message id>.ics`: one event, with those who answered.
fn one(user: Option<&str>, id: &str) -> Result<Response, String> {
    let Some(found) = listing::find(user, id)? else {
        return Ok(no_event());
    };
    let entry = Entry {
        id: &found.id,
        event: &found.event,
        people: people(&found.event.answers)?,
    };
    let file = ics::calendar(None, &[entry], FILE_BYTES_MAX);
    let name = format!("attachment; filename=\"{}.ics\"", found.id);
    Ok(Response::of(CALENDAR, file).with_header("content-disposition", name))
}

/// Those who answered, with their names.
fn people(answers: &Answers) -> Result<Vec<Person>, Error> {
    let lists = [
        (&answers.going, "ACCEPTED"),
        (&answers.waiting, "NEEDS-ACTION"),
        (&answers.maybe, "TENTATIVE"),
        (&answers.no, "DECLINED"),
    ];
    let all = lists
        .iter()
        .flat_map(|(list, status)| list.iter().map(|id| (id, *status)));
    let mut people = Vec::new();
    for (id, status) in all.take(ATTENDEES_MAX) {
        let name = match chat::user(id) {
            Ok(user) => user.name,
            Err(Error::NotFound(_)) => continue,
            Err(error) => return Err(error),
        };
        people.push(Person {
            id: id.clone(),
            name,
            status,
        });
    }
    Ok(people)
}

/// `GET /feed/<token>.ics`: a person's calendar for an app outside.
fn feed(ctx: &Context, settings: &Settings, file: &str) -> Result<Response, String> {
    let token = file.strip_suffix(".ics").unwrap_or(file);
    match subscription::find(token)? {
        Some(user) => calendar_of(ctx, settings, &user),
        None => Ok(Response::problem(
            404,
            "not_found",
            "There is no such calendar.",
        )),
    }
}

/// A person's calendar: the events of their channels but those they have said no to.
fn calendar_of(ctx: &Context, settings: &Settings, user: &str) -> Result<Response, String> {
    let from_ms = ctx.now_ms.saturating_sub(settings.keep_days * DAY_MS);
    let mut events = listing::calendar(&listing::channels_of(user)?, from_ms, ctx.now_ms)?;
    events.retain(|found| !found.event.answers.no.iter().any(|known| known == user));
    let name = match chat::user(user)?.name {
        name if name.trim().is_empty() => user.to_owned(),
        name => name,
    };
    let person = |found: &'_ Found| Person {
        id: user.to_owned(),
        name: name.clone(),
        status: own_status(&found.event.answers, user),
    };
    let entries = events.iter().map(|found| Entry {
        id: &found.id,
        event: &found.event,
        people: vec![person(found)],
    });
    let file = ics::calendar(Some(&name), &entries.collect::<Vec<_>>(), FILE_BYTES_MAX);
    Ok(Response::of(CALENDAR, file).with_header("cache-control", "private, no-store"))
}

fn own_status(answers: &Answers, user: &str) -> &'static str {
    let has = |list: &[String]| list.iter().any(|known| known == user);
    match () {
        () if has(&answers.going) => "ACCEPTED",
        () if has(&answers.maybe) => "TENTATIVE",
        () => "NEEDS-ACTION",
    }
}

/// `/subscription`: whether there is an address for calendar apps, a new one, and none.
fn subscribe(
    ctx: &Context,
    settings: &Settings,
    user: &str,
    method: &str,
) -> Result<Response, String> {
    Ok(match method {
        "GET" => Response::json(&json!({ "active": subscription::is_set(user)? })),
        "POST" => {
            let path = path_of(&subscription::renew(ctx, user)?);
            let mut made = json!({ "path": path });
            if !settings.feed_address.is_empty() {
                made["url"] = address(settings, &path).into();
            }
            let answer = Response::json(&made).with_status(201);
            answer.with_header("cache-control", "no-store")
        }
        "DELETE" => {
            subscription::revoke(user)?;
            Response::status(204)
        }
        _ => Response::problem(
            405,
            "method_not_allowed",
            "There are GET, POST and DELETE here.",
        ),
    })
}

/// What follows the plugin's open address.
pub fn path_of(token: &str) -> String {
    format!("/feed/{token}.ics")
}

/// The whole address, if the settings say where the plugin is.
pub fn address(settings: &Settings, path: &str) -> String {
    format!("{}{path}", settings.feed_address.trim_end_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_put_together() {
        let mut settings = Settings::default();
        assert_eq!(address(&settings, &path_of("abc")), "/feed/abc.ics");
        settings.feed_address = "https://chat.example/v1/apps/app_1/x/event/".into();
        let whole = "https://chat.example/v1/apps/app_1/x/event/feed/abc.ics";
        assert_eq!(address(&settings, &path_of("abc")), whole);
    }
}
