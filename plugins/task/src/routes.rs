//! The plugin's own routes: lists of tasks for the screens of an app's own site.

use althing_plugin::endpoint::{Request, Response};
use althing_plugin::{Context, Role, Value, dates, json};

use crate::listing::{self, Found, Viewer, Wanted, Wish};
use crate::settings::Settings;

const LIMIT: usize = 50;
const LIMIT_MAX: usize = 100;

/// Answers a request.
pub fn answer(ctx: &Context, settings: &Settings, request: &Request) -> Result<Response, String> {
    let viewer = match ctx.actor_role {
        Role::Server => Viewer::Backend,
        _ if !ctx.actor.is_empty() => Viewer::User(&ctx.actor),
        _ => return Ok(no_route()),
    };
    let path = request.segments().unwrap_or_default();
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    if !matches!(request.method.as_str(), "GET" | "HEAD") {
        return Ok(Response::problem(
            405,
            "method_not_allowed",
            "Tasks are read here; change them with actions of their messages.",
        ));
    }
    match path[..] {
        ["tasks"] => match wanted(request, settings, &viewer) {
            Ok(wanted) => list(&viewer, &wanted),
            Err(detail) => Ok(Response::problem(400, "invalid", detail)),
        },
        ["tasks", id] => Ok(match listing::find(&viewer, id)? {
            Some(found) => Response::json(&found.document()),
            None => Response::problem(404, "not_found", "There is no such task."),
        }),
        _ => Ok(no_route()),
    }
}

fn no_route() -> Response {
    Response::problem(404, "not_found", "There is no such route.")
}

fn list(viewer: &Viewer<'_>, wanted: &Wanted) -> Result<Response, String> {
    let page = listing::read(viewer, wanted)?;
    let tasks: Vec<Value> = page.tasks.iter().map(Found::document).collect();
    let mut answer = json!({ "tasks": tasks });
    if let Some(next) = page.next {
        answer["next"] = next.into();
    }
    Ok(Response::json(&answer))
}

/// Reads a query. The error says what is wrong with it.
fn wanted(request: &Request, settings: &Settings, viewer: &Viewer<'_>) -> Result<Wanted, String> {
    let mut wanted = Wanted {
        limit: LIMIT,
        ..Wanted::default()
    };
    for (name, value) in request.params() {
        match name.as_str() {
            "assignee" => wanted.assignee = Some(value),
            "channel_id" => wanted.channel = Some(value),
            "status" => {
                let known = "must be `unfinished`, `open`, `doing`, `done` or `all`";
                wanted.status = Wish::read(&value).ok_or(format!("`status` {known}."))?;
            }
            "before" => wanted.before_ms = Some(time(&value, settings)?),
            "limit" => {
                let number = value.parse().ok();
                let fits = number.filter(|limit| (1..=LIMIT_MAX).contains(limit));
                wanted.limit = fits.ok_or(format!("`limit` must be 1 to {LIMIT_MAX}."))?;
            }
            "after" => wanted.after = Some(value),
            other => return Err(format!("There is no parameter `{other}`.")),
        }
    }
    // Of a user's own tasks nobody has to be named.
    if let (Viewer::User(user), None, None) = (viewer, &wanted.assignee, &wanted.channel) {
        wanted.assignee = Some((*user).to_owned());
    }
    match wanted.fits_after() {
        true => Ok(wanted),
        false => {
            Err("`after` must be the `next` of the page before, with the same filters.".into())
        }
    }
}

/// Milliseconds since 1970, or the beginning of a day where the app's people are.
fn time(text: &str, settings: &Settings) -> Result<u64, String> {
    let day = || {
        let day = dates::read_day(text)?;
        u64::try_from(settings.clock(0).at(day, 0)).ok()
    };
    let ms = text.parse().ok().or_else(day);
    ms.ok_or_else(|| {
        "`before` must be milliseconds since 1970-01-01 UTC, or a date such as 2026-12-24.".into()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::Status;

    fn asked(query: &str, viewer: &Viewer<'_>) -> Result<Wanted, String> {
        let request = Request {
            method: "GET".into(),
            path: "/tasks".into(),
            query: query.into(),
            headers: Vec::new(),
            body: Vec::new(),
        };
        let settings = Settings {
            time_zone: "Europe/Berlin".into(),
            ..Settings::default()
        };
        wanted(&request, &settings, viewer)
    }

    #[test]
    fn queries_are_read() {
        let all = asked("", &Viewer::Backend).unwrap();
        assert_eq!((all.assignee, all.channel, all.limit), (None, None, LIMIT));
        let mine = asked("", &Viewer::User("bob")).unwrap();
        assert_eq!(mine.assignee.as_deref(), Some("bob"));
        let some = "assignee=a%26b&status=done&before=2026-12-24&limit=7&channel_id=general";
        let some = asked(some, &Viewer::User("bob")).unwrap();
        assert_eq!(some.assignee.as_deref(), Some("a&b"));
        assert_eq!(some.status, Wish::Only(Status::Done));
        assert_eq!(
            some.before_ms,
            Some(1_798_066_800_000),
            "midnight in Berlin"
        );
        assert_eq!(some.limit, 7);
    }

    #[test]
    fn what_is_wrong_with_a_query_is_said() {
        for (query, part) in [
            ("colour=red", "`colour`"),
            ("status=lost", "`status`"),
            ("before=soon", "`before`"),
            ("before=2026-13-01", "`before`"),
            ("limit=0", "`limit`"),
            ("limit=101", "`limit`"),
            ("after=x", "`after`"),
            ("after=d/0000000000000/msg_1/c", "`after`"),
        ] {
            let error = asked(query, &Viewer::Backend).unwrap_err();
            assert!(error.contains(part), "{query}: {error}");
        }
        assert!(asked("after=o/0000000000000/msg_1/c", &Viewer::Backend).is_ok());
    }
}
