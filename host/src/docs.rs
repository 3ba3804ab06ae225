//! The documents say what the code does: every code, event and method that there is stands in them.

use crate::error::Code;
use crate::hub::Close;
use crate::model::EventKind;
use crate::plugins;
use crate::socket::METHODS;

const ERRORS: &str = include_str!("../../docs/errors.md");
const EVENTS: &str = include_str!("../../docs/events.md");
const SOCKET: &str = include_str!("../../docs/socket.md");
const REFERENCE: &str = include_str!("../../docs/plugins/reference.md");
const OPERATING: &str = include_str!("../../docs/operating.md");

/// The events that are in no log.
const PASSING: [&str; 9] = [
    "typing.start",
    "typing.stop",
    "message.progress",
    "message.read",
    "user.presence.changed",
    "channel.deleted",
    "notification.added_to_channel",
    "notification.message_approved",
    "notification.message_rejected",
];

fn lines_that_begin(text: &'static str, start: &'static str) -> impl Iterator<Item = &'static str> {
    text.lines()
        .filter_map(move |line| line.strip_prefix(start))
        .filter_map(|rest| rest.split('`').next())
}

#[test]
fn errors_are_those_of_the_code() {
    let documented: Vec<&str> = lines_that_begin(ERRORS, "### `").collect();
    let known: Vec<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
    assert_eq!(documented, known);
}

#[test]
fn events_are_those_of_the_code() {
    let documented: Vec<&str> = lines_that_begin(EVENTS, "### `").collect();
    let known: Vec<&str> = EventKind::ALL
        .iter()
        .map(|kind| kind.as_str())
        .chain(PASSING)
        .collect();
    assert_eq!(documented, known);
}

#[test]
fn close_codes_are_those_of_the_code() {
    let documented: Vec<String> = SOCKET
        .lines()
        .filter(|line| line.starts_with("| 3"))
        .map(|line| line.split('|').take(3).collect())
        .collect();
    let known: Vec<String> = Close::ALL
        .iter()
        .map(|close| format!(" {}  {} ", close.code, close.reason))
        .collect();
    assert_eq!(documented, known);
}

#[test]
fn methods_are_those_of_the_socket() {
    let mut documented: Vec<&str> = lines_that_begin(SOCKET, "| `").collect();
    let mut known: Vec<&str> = METHODS.to_vec();
    documented.sort_unstable();
    known.sort_unstable();
    assert_eq!(documented, known);
}

#[test]
fn figures_are_those_that_are_kept() {
    let metrics = crate::metrics::Metrics::default();
    metrics.request("GET", "/", 200, 0.1);
    metrics.closed(Close::SLOW);
    metrics.catchups(true);
    metrics.plugin_call("events", "ok", &crate::plugins::Usage::default());
    metrics.plugin_http_request("answered");
    metrics.plugin_shadow_call("same");
    let consumption = crate::metrics::Consumption::default();
    let usage = crate::plugins::Usage::default();
    let fault = Some(crate::plugins::FaultKind::Trap);
    consumption.add(crate::plugins::Hook::Events, &usage, fault);
    let own = [
        ("a".to_owned(), crate::plugins::Figure::Counter(1)),
        ("b".to_owned(), crate::plugins::Figure::Gauge(1)),
    ];
    let text = metrics.encode(&[crate::metrics::OfInstall {
        app: "app_1".into(),
        plugin: "poll".into(),
        consumption: consumption.into(),
        own: own.into(),
    }]);
    let mut known: Vec<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next())
        .collect();
    let documented: Vec<&str> = lines_that_begin(OPERATING, "| `althing_").collect();
    let mut documented: Vec<String> = documented
        .iter()
        .map(|name| format!("althing_{}", name.trim_end_matches("_total")))
        .collect();
    documented.sort_unstable();
    known.sort_unstable();
    assert_eq!(documented, known);
}

/// The page is made from `wit/`, but what it says besides is the host's to know.
#[test]
fn the_reference_of_plugins_says_what_the_host_does() {
    let lines = |start: &'static str| {
        REFERENCE
            .lines()
            .filter_map(move |line| line.strip_prefix(start))
    };
    let headings: Vec<&str> = lines("### ").collect();
    for hook in plugins::Hook::ALL {
        assert!(headings.contains(&hook.name()), "no hook {}", hook.name());
    }
    for permission in plugins::Permission::ALL {
        let words = crate::chat::grants::allows(permission);
        if permission.is_interface() {
            let row = format!("| Permission | `{}`: “{words}” |", permission.name());
            assert!(REFERENCE.contains(&row), "not told: {row}");
        }
    }
    let example = include_str!("../../deploy/althing.example.toml");
    for word in REFERENCE
        .split('`')
        .filter_map(|word| word.strip_prefix("plugins."))
    {
        let setting = format!("#{word} = ");
        assert!(
            example.contains(&setting),
            "there is no setting plugins.{word}"
        );
    }
}

/// What tenants read before they consent to what a plugin sees.
#[test]
fn what_plugins_see_is_told() {
    let hooks = [
        "message-guard",
        "membership-guard",
        "session-guard",
        "file-guard",
    ];
    let hooks = hooks.map(str::to_owned).into_iter();
    let events = plugins::EVENTS.map(|event| format!("events:{event}"));
    for name in hooks.chain(events) {
        let row = format!("| `{name}` | {} |", crate::chat::sees::in_words(&name));
        assert!(OPERATING.contains(&row), "not told: {row}");
    }
    let words = crate::chat::sees::in_words("feed:text");
    assert!(OPERATING.contains(words), "not told: {words}");
}

#[test]
fn examples_are_json() {
    for text in [ERRORS, EVENTS, SOCKET] {
        for example in text
            .split("```json\n")
            .skip(1)
            .filter_map(|rest| rest.split("```").next())
        {
            let checked = serde_json::from_str::<serde_json::Value>(example);
            assert!(checked.is_ok(), "{checked:?} in\n{example}");
        }
    }
}
