//! A plugin that misbehaves on request: the first word of the text that a hook is given names the
//! misbehaviour, the second is its size. The host's tests use it to break each limit once.
//! Whatever it survives it answers with a short report.

mod deeds;

wit_bindgen::generate!({ path: "../../../wit", world: "plugin" });

use althing::plugin::types::{Context, Draft, Json, Rejection, Reply, View};
use exports::althing::plugin::{
    commands, endpoint, events, feed, file_guard, interactions, lifecycle, membership_guard,
    message_guard, message_kind, schedule, session_guard,
};

#[used]
#[unsafe(link_section = "althing:manifest")]
static MANIFEST: [u8; include_bytes!("../plugin.toml").len()] = *include_bytes!("../plugin.toml");

struct Hostile;

export!(Hostile);

fn judge(text: &str) -> message_guard::Verdict {
    match text.split_once(' ') {
        Some(("say", reason)) => message_guard::Verdict::Reject(message_guard::Rejection {
            code: "said".into(),
            reason: reason.into(),
            retry_after_ms: None,
        }),
        Some(("code", code)) => message_guard::Verdict::Reject(message_guard::Rejection {
            code: code.into(),
            reason: "because".into(),
            retry_after_ms: Some(1),
        }),
        Some(("patch", bytes)) => message_guard::Verdict::Change(message_guard::Patch {
            text: Some("x".repeat(bytes.parse().unwrap_or(0))),
            data: None,
        }),
        _ => match deeds::commit(text) {
            report if report.is_empty() => message_guard::Verdict::Allow,
            report => message_guard::Verdict::Hold(report),
        },
    }
}

/// The order in a document: the text of an event's message, a string, or the document as it is.
fn order(document: &str) -> &str {
    let (_, text) = document.split_once("\"data\":\"").unwrap_or(("", document));
    let text = text.strip_prefix('"').unwrap_or(text);
    text.split('"').next().unwrap_or_default()
}

impl message_guard::Guest for Hostile {
    fn before_send(_: Context, message: Draft) -> message_guard::Verdict {
        judge(&message.text)
    }

    fn before_edit(_: Context, message: Draft, _: Draft) -> message_guard::Verdict {
        judge(&message.text)
    }

    fn before_delete(_: Context, message: Draft) -> message_guard::Verdict {
        judge(&message.text)
    }
}

impl events::Guest for Hostile {
    fn handle(_: Context, event: events::Event) -> Result<(), String> {
        match deeds::commit(order(&event.data)) {
            report if report.is_empty() => Ok(()),
            report => Err(report),
        }
    }
}

impl commands::Guest for Hostile {
    fn run(_: Context, command: commands::Command) -> Result<Option<Reply>, String> {
        if command.text == "fail after writing" {
            deeds::commit("set 1 1");
            return Err("failed after writing".into());
        }
        let text = deeds::commit(&command.text);
        Ok((!text.is_empty()).then(|| Reply {
            text,
            blocks: String::new(),
        }))
    }

    fn complete(_: Context, command: commands::Command) -> Vec<commands::Choice> {
        let many: usize = command.text.parse().unwrap_or(0);
        if many > 0 {
            let choice = commands::Choice {
                value: "v".into(),
                label: "l".into(),
            };
            return vec![choice; many];
        }
        vec![commands::Choice {
            value: deeds::commit(&command.text),
            label: "report".into(),
        }]
    }
}

impl interactions::Guest for Hostile {
    fn handle(_: Context, interaction: interactions::Interaction) -> Result<Option<Reply>, String> {
        Ok(Some(Reply {
            text: deeds::commit(order(&interaction.value)),
            blocks: String::new(),
        }))
    }
}

impl message_kind::Guest for Hostile {
    fn create(_: Context, _: String, data: Json) -> Result<message_kind::Created, String> {
        let text = deeds::commit(order(&data));
        let view = View {
            text,
            blocks: field(&data, "blocks").replace('\'', "\""),
        };
        // A document is kept to be shown later.
        let state = match data.starts_with('{') {
            true => data,
            false => "{}".into(),
        };
        let shown = message_kind::Shown { state, view };
        Ok(message_kind::Created {
            data: "{}".into(),
            shown,
        })
    }

    fn act(
        _: Context,
        _: String,
        _: Json,
        state: Json,
        action: String,
        value: Json,
    ) -> Result<message_kind::Shown, String> {
        let view = View {
            text: match action.as_str() {
                "reveal" => state.clone(),
                "quote" => value,
                _ => deeds::commit(&action),
            },
            blocks: String::new(),
        };
        Ok(message_kind::Shown { state, view })
    }
}

impl schedule::Guest for Hostile {
    fn run(_: Context, name: String, _: Json) -> Result<(), String> {
        match deeds::commit(&name) {
            report if report.is_empty() => Ok(()),
            report => Err(report),
        }
    }
}

/// Leave, unless there is something to report.
fn leave(order: &str) -> Result<(), Rejection> {
    match judge(order) {
        message_guard::Verdict::Allow => Ok(()),
        message_guard::Verdict::Reject(rejection) => Err(rejection),
        message_guard::Verdict::Change(_) => Err(rejection("changed".into())),
        message_guard::Verdict::Hold(report) => Err(rejection(report)),
    }
}

fn rejection(reason: String) -> Rejection {
    Rejection {
        code: "reported".into(),
        reason,
        retry_after_ms: None,
    }
}

/// The order in a document's field; a field that isn't there orders nothing.
fn field<'d>(document: &'d str, name: &str) -> &'d str {
    let start = format!("\"{name}\":\"");
    let (_, rest) = document.split_once(&start).unwrap_or_default();
    rest.split('"').next().unwrap_or_default()
}

impl membership_guard::Guest for Hostile {
    fn before_seat(_: Context, seat: membership_guard::Seat) -> Result<(), Rejection> {
        leave(&seat.user)
    }

    fn before_create(
        _: Context,
        channel: Json,
        seats: Vec<membership_guard::Seat>,
    ) -> Result<(), Rejection> {
        leave(field(&channel, "name"))?;
        leave(field(&channel.replace("\"tags\":[", "\"tag\":"), "tag"))?;
        seats.into_iter().try_for_each(|seat| leave(&seat.user))
    }
}

impl session_guard::Guest for Hostile {
    fn before_connect(_: Context, user: Json) -> Result<(), Rejection> {
        leave(field(&user, "name"))
    }
}

impl file_guard::Guest for Hostile {
    fn before_keep(_: Context, file: file_guard::File, head: Vec<u8>) -> Result<(), Rejection> {
        leave(&file.name)?;
        leave(&String::from_utf8_lossy(&head))
    }
}

impl endpoint::Guest for Hostile {
    fn handle(_: Context, request: endpoint::Request) -> Result<endpoint::Response, String> {
        let order = request.path.trim_matches('/').replace('/', " ");
        let order = order.strip_prefix("open ").unwrap_or(&order).to_owned();
        if order == "fail" {
            deeds::commit("list");
            return Err("failed after writing".into());
        }
        let number = |word: &str| order.strip_prefix(word).and_then(|n| n.parse().ok());
        let status = number("status ").unwrap_or(200);
        let mut headers = vec![("content-type".into(), "text/plain".into())];
        match order.as_str() {
            "headers" => {
                for (name, value) in [
                    ("set-cookie", "a=b"),
                    ("content-length", "1"),
                    ("transfer-encoding", "chunked"),
                    ("x-fine", "yes"),
                    ("x-split", "a\r\nset-cookie: c=d"),
                    ("access-control-allow-origin", "*"),
                    ("content-security-policy", "default-src *"),
                ] {
                    headers.push((name.into(), value.into()));
                }
            }
            "echo" => {
                let lines = request.headers.iter().map(|(n, v)| format!("{n}: {v}\n"));
                let mut body: String = lines.collect();
                body = format!(
                    "{} {}?{}\n{body}",
                    request.method, request.path, request.query
                );
                body.push_str(&String::from_utf8_lossy(&request.body));
                return Ok(endpoint::Response {
                    status,
                    headers,
                    body: body.into_bytes(),
                });
            }
            _ => {}
        }
        Ok(endpoint::Response {
            status,
            headers,
            body: deeds::commit(&order).into_bytes(),
        })
    }
}

impl feed::Guest for Hostile {
    fn rank(
        context: Context,
        _: String,
        argument: String,
        candidates: Vec<feed::Candidate>,
    ) -> Result<Vec<u32>, String> {
        let places = 0..u32::try_from(candidates.len()).unwrap_or(u32::MAX);
        match argument.as_str() {
            "places" => return Ok(vec![u32::MAX, 0, 0, 1_000_000]),
            "backwards" => return Ok(places.rev().collect()),
            "by chance" => {
                let mut places: Vec<u32> = places.collect();
                places.sort_by_key(|place| (u64::from(*place) + 1).wrapping_mul(context.seed | 1));
                return Ok(places);
            }
            "given" => {
                let given = candidates.iter().map(|one| {
                    let message = &one.message;
                    format!("{} {} {}", message.sender, message.content.text, one.state)
                });
                return Err(format!("given: {}", given.collect::<Vec<_>>().join(",")));
            }
            "asked" => {
                let Context {
                    now_ms,
                    actor,
                    actor_role,
                    channel,
                    ..
                } = context;
                return Err(format!("{now_ms} {actor} {actor_role:?} {channel}"));
            }
            _ => {}
        }
        match deeds::commit(&argument) {
            report if report.is_empty() => Ok((0..).take(candidates.len()).collect()),
            report => Err(report),
        }
    }
}

impl lifecycle::Guest for Hostile {
    fn check(_: Context, settings: Json) -> Vec<lifecycle::SettingFault> {
        match deeds::commit(field(&settings, "check")) {
            report if report.is_empty() => Vec::new(),
            detail => vec![lifecycle::SettingFault {
                setting: "check".into(),
                detail,
            }],
        }
    }

    fn start(_: Context, previous: Option<String>) -> Result<(), String> {
        let order = deeds::commit("config");
        let order = field(&order, "start").replace("previous", &previous.unwrap_or_default());
        match deeds::commit(&order) {
            report if report.is_empty() => Ok(()),
            report => Err(report),
        }
    }
}
