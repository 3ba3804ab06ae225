//! The life of a plugin from a shell.

use serde_json::{Value, json};

use super::shell::{Shell, alone, not_found};

fn poll(install: Value) -> Value {
    json!({
        "name": "poll", "install": install,
        "component": {
            "name": "poll", "version": "1.1.0", "digest": "b".repeat(64), "title": "Polls", "bytes": 220_949,
            "description": "Votes in a channel.", "exports": ["commands", "message-kind"], "imports": ["kv"],
            "permissions": [{ "name": "kv", "reason": "Keeps votes.", "allows": "values that outlive a call" }],
            "commands": [{ "name": "poll", "usage": "<question>", "description": "Starts a poll.", "plugin": "poll" }],
            "kinds": [{ "name": "poll", "title": "Poll" }], "events": [],
            "config_schema": { "type": "object", "properties": {
                "closes_after_h": { "type": "integer", "default": 24, "description": "When polls close." } } },
        },
        "versions": [{ "digest": "b".repeat(64), "version": "1.1.0", "uploaded_at": "2026-01-02T03:04:05.000Z" }],
    })
}

#[test]
fn a_plugin_is_shown_with_all_that_matters() {
    let shell = Shell::with(|what, _| match what {
        "GET /v1/plugins/poll" => {
            let install = json!({ "digest": "b".repeat(64), "enabled": true, "grants": ["kv"], "order": 100,
                "on_fault": "closed", "config": { "closes_after_h": 48 } });
            (200, poll(install))
        }
        _ => not_found(),
    });
    let said = shell.run("plugin show poll");
    assert_eq!(said.code, 0, "{}", said.notes);
    let digest = "b".repeat(64);
    assert_eq!(
        said.out,
        format!(
            "\
poll 1.1.0: Polls
  Votes in a channel.

State         enabled
Order         100
On fault      closed: messages are refused when its guard fails
Hooks         commands, message-kind
Uses          kv
Command       /poll <question>: Starts a poll.
Message kind  poll (Poll)
Size          216 KiB
Digest        {digest}

Permissions
  kv  granted
      what for:  Keeps votes.
      allows:    values that outlive a call

Settings it knows
  closes_after_h  integer  default 24  When polls close.

Settings as they are
  closes_after_h  48

Versions, old to new
  1.1.0  bbbbbbbbbbbb  2026-01-02 03:04 UTC  installed
"
        )
    );
    let said = shell.run("plugin show chess");
    assert_eq!(said.code, 1);
    assert_eq!(
        said.notes,
        "error: Not found (404 not_found)\n  There is no such plugin.\n  request id: req_7\n"
    );
}

#[test]
fn nothing_is_enabled_before_it_has_what_it_needs() {
    let shell = Shell::with(|what, _| match what {
        "GET /v1/plugins/poll" => (200, poll(Value::Null)),
        "PUT /v1/plugins/poll" => (200, poll(Value::Null)),
        _ => not_found(),
    });
    let said = shell.run("plugin enable poll");
    assert_eq!((said.code, said.out.as_str()), (1, ""));
    assert!(
        said.notes.contains("what for:  Keeps votes."),
        "{}",
        said.notes
    );
    assert!(
        said.notes
            .ends_with("althing plugin enable poll --grant kv\n"),
        "{}",
        said.notes
    );
    assert_eq!(shell.asked().len(), 1, "it only looked");
    let said = shell.run("plugin enable poll --grant kv --set closes_after_h=2");
    assert_eq!(said.code, 0, "{}", said.notes);
    let asked = shell.asked();
    let expected = json!({ "enabled": true, "grants": ["kv"], "config": { "closes_after_h": 2 } });
    assert_eq!(asked[1], ("PUT /v1/plugins/poll".into(), expected));
    let said = shell.run("plugin disable poll");
    assert_eq!(said.code, 1, "what is not installed can't be switched off");
}

#[test]
fn a_component_is_uploaded_as_it_is() {
    let shell = Shell::with(|what, body| match what {
        "POST /v1/plugins" => {
            assert_eq!(*body, json!(8));
            (201, poll(Value::Null)["component"].clone())
        }
        "GET /v1/plugins/poll" => (200, poll(Value::Null)),
        _ => not_found(),
    });
    let file = shell.key.with_file_name("poll.wasm");
    std::fs::write(&file, b"\0asm\x0d\0\x01\0").unwrap();
    let said = shell.run(&format!("plugin upload {}", file.display()));
    assert_eq!(said.code, 0, "{}", said.notes);
    assert!(said.out.starts_with("poll 1.1.0: Polls\n"), "{}", said.out);
    assert_eq!(
        said.notes,
        "\nUploaded. To run it:\n  althing plugin enable poll --grant kv\n"
    );
}

#[test]
fn a_component_is_checked_without_a_host() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("none.wasm");
    std::fs::write(&file, b"not a component").unwrap();
    let said = alone(&format!("plugin check {}", file.display()));
    assert_eq!((said.code, said.out.as_str()), (1, ""));
    assert!(
        said.notes
            .starts_with("error: a host would not take this: "),
        "{}",
        said.notes
    );
    let said = alone(&format!("--json plugin check {}", file.display()));
    assert_eq!(
        serde_json::from_str::<Value>(&said.out).unwrap()["ok"],
        false
    );
    let said = alone("plugin check /nowhere/none.wasm");
    assert_eq!(said.code, 2, "{}", said.notes);
}

#[test]
fn the_log_is_printed_and_removal_is_asked_for() {
    let shell = Shell::with(|what, _| match what {
        "GET /v1/plugins/poll/log" => {
            let at = "2026-01-02T03:04:05.678Z";
            let line = |level, message| json!({ "at": at, "level": level, "message": message });
            (
                200,
                json!({ "lines": [line("info", "a\nb"), line("fault", "cpu_limit in events: \u{1b}[31mred")] }),
            )
        }
        "DELETE /v1/plugins/poll" => (204, Value::Null),
        _ => not_found(),
    });
    let said = shell.run("plugin log poll");
    assert_eq!(
        said.out,
        "2026-01-02T03:04:05.678Z  info   a b\n2026-01-02T03:04:05.678Z  fault  cpu_limit in events: \u{fffd}[31mred\n"
    );
    let said = shell.run("plugin remove poll --yes");
    assert_eq!((said.code, said.notes.as_str()), (0, "poll is removed.\n"));
    assert_eq!(shell.asked().last().unwrap().0, "DELETE /v1/plugins/poll");
}

fn tracker(install: Value) -> Value {
    let mut plugin = poll(install);
    plugin["name"] = json!("tracker");
    let component = &mut plugin["component"];
    component["name"] = json!("tracker");
    component["imports"] = json!(["http"]);
    component["permissions"] = json!([{ "name": "http", "reason": "Opens issues.", "allows": "requests",
        "hosts": ["api.tracker.example", "files.tracker.example"],
        "secrets": [{ "name": "token", "hosts": ["api.tracker.example"] }] }]);
    component["config_schema"] = json!({ "type": "object", "properties": {
        "colour": { "type": "string" },
        "token": { "type": "string", "secret": true, "title": "The tracker's token" } } });
    plugin
}

#[test]
fn decisions_are_printed() {
    let shell = Shell::with(|what, _| match what {
        "GET /v1/plugins/moderation/decisions?limit=2" => {
            let decision = json!({ "id": "dec_1", "at": "2026-01-02T03:04:05.000Z", "hook": "message-guard",
                "digest": "00", "channel_id": "lobby", "user_id": "bob", "outcome": "rejected",
                "code": "word_not_allowed", "reason": "Please be kind." });
            let failed = json!({ "id": "dec_0", "at": "2026-01-02T03:04:04.000Z", "hook": "message-guard",
                "digest": "00", "outcome": "failed", "reason": "trap" });
            (
                200,
                json!({ "decisions": [decision, failed], "next": "more" }),
            )
        }
        "GET /v1/plugins/quiet/decisions?limit=50" => (200, json!({ "decisions": [] })),
        _ => not_found(),
    });
    let said = shell.run("plugin decisions moderation --limit 2");
    let rows: Vec<Vec<&str>> = said
        .out
        .lines()
        .map(|line| {
            line.split("  ")
                .map(str::trim)
                .filter(|cell| !cell.is_empty())
                .collect()
        })
        .collect();
    assert_eq!(rows.len(), 3, "{}", said.out);
    assert_eq!(
        rows[1][2..].join("|"),
        "rejected|lobby|bob|word_not_allowed|Please be kind."
    );
    assert_eq!(rows[2][2..].join("|"), "failed|–|–|–|trap");
    let said = shell.run("plugin decisions quiet");
    assert_eq!((said.code, said.out.as_str()), (0, ""));
    assert!(
        said.notes.contains("let everything through"),
        "{}",
        said.notes
    );
}

#[test]
fn hosts_and_secrets_are_shown() {
    let shell = Shell::with(|what, _| match what {
        "GET /v1/plugins/tracker" => {
            let install = json!({ "digest": "b".repeat(64), "enabled": true, "order": 100, "on_fault": "closed",
                "grants": ["http:api.tracker.example"], "config": { "colour": "red" },
                "secrets": [{ "name": "token", "set": true }] });
            (200, tracker(install))
        }
        _ => not_found(),
    });
    let said = shell.run("plugin show tracker");
    assert_eq!(said.code, 0, "{}", said.notes);
    let (_, shown) = said.out.split_once("\nPermissions\n").unwrap();
    let (shown, _) = shown.split_once("\nVersions").unwrap();
    assert_eq!(
        shown,
        "  http  granted
      what for:  Opens issues.
      allows:    requests
      hosts:     api.tracker.example, files.tracker.example
      granted:   api.tracker.example
      secret:    token goes to api.tracker.example

Settings it knows
  colour  string
  token   secret    The tracker's token

Settings as they are
  colour  \"red\"
  token   (set)
"
    );
}

#[test]
fn a_secret_is_read_from_a_file() {
    let shell = Shell::with(|what, _| match what {
        "GET /v1/plugins/tracker" => {
            let install = json!({ "digest": "b".repeat(64), "enabled": true, "order": 100, "on_fault": "closed",
                "grants": ["http:api.tracker.example"], "config": { "colour": "red" } });
            (200, tracker(install))
        }
        "PUT /v1/plugins/tracker" => (200, tracker(Value::Null)),
        _ => not_found(),
    });
    let file = shell.key.with_file_name("token");
    std::fs::write(&file, "s3cr3t\n").unwrap();
    let enable = format!(
        "plugin enable tracker --secret-file token={}",
        file.display()
    );
    let said = shell.run(&enable);
    assert_eq!(said.code, 0, "{}", said.notes);
    assert!(!said.out.contains("s3cr3t") && !said.notes.contains("s3cr3t"));
    let asked = shell.asked().pop().unwrap().1;
    let config = json!({ "colour": "red", "token": "s3cr3t" });
    assert_eq!(asked, json!({ "enabled": true, "config": config }));
    // One host of those that it asks for.
    let said = shell.run("plugin enable tracker --grant http:files.tracker.example");
    assert_eq!(said.code, 0, "{}", said.notes);
    let asked = shell.asked().pop().unwrap().1;
    assert_eq!(asked["grants"], json!(["http:files.tracker.example"]));
    for bad in ["token", "=x", "token=", "token=/nowhere/token"] {
        let said = shell.run(&format!("plugin enable tracker --secret-file {bad}"));
        assert_eq!(said.code, 2, "{bad}: {}", said.notes);
    }
    std::fs::write(&file, "s".repeat(5_000)).unwrap();
    assert_eq!(shell.run(&enable).code, 2);
}

#[test]
fn a_project_is_made_whole_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let into = folder.path().display();
    let said = alone(&format!("plugin new dice --into {into}"));
    assert_eq!(said.code, 0, "{}", said.notes);
    assert_eq!(said.out, format!("{into}/dice\n"));
    let lib = folder.path().join("dice/src/lib.rs");
    std::fs::write(&lib, "mine").unwrap();
    let said = alone(&format!(
        "plugin new dice --hook message-guard --into {into}"
    ));
    assert_eq!(
        (said.code, said.notes),
        (
            2,
            format!("error: {into}/dice is there already; nothing was written\n")
        )
    );
    assert_eq!(std::fs::read_to_string(&lib).unwrap(), "mine");
    for name in ["Dice", "a/b", "..", "dice-", "1dice", &"d".repeat(65)] {
        let said = alone(&format!("plugin new {name} --into {into}"));
        assert_eq!(said.code, 2, "{name}: {}", said.notes);
        assert!(
            said.notes.contains("The manifest's `name` must be"),
            "{}",
            said.notes
        );
    }
    assert_eq!(
        alone(&format!("plugin new x --hook chess --into {into}")).code,
        2
    );
    let said = alone("plugin new dice --into /nowhere");
    assert_eq!((said.code, said.out.as_str()), (1, ""));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    let said = alone(&format!("plugin build {into}"));
    assert_eq!(said.code, 2, "{}", said.notes);
    assert!(
        said.notes.contains("there is no project of a plugin"),
        "{}",
        said.notes
    );
}
