//! Command lines, from their arguments to what they print and what they ask of a host.

mod plugins;
mod shell;

use clap::CommandFactory;
use ring::rand::SystemRandom;
use serde_json::{Value, json};

use super::Arguments;
use crate::secrets::Credential;
use shell::{Shell, alone, not_found};

#[test]
fn every_command_is_sound_and_has_help_with_an_example() {
    fn look(command: &clap::Command, path: &str) {
        if command.is_hide_set() {
            return; // For the host itself.
        }
        let path = format!("{path} {}", command.get_name());
        assert!(command.get_about().is_some(), "{path}");
        if !command.has_subcommands() {
            let help = command
                .get_after_help()
                .unwrap_or_else(|| panic!("{path} has no example"))
                .to_string();
            assert!(
                help.contains(path.trim()),
                "the example of {path} shows another command"
            );
        }
        for argument in command.get_arguments() {
            assert!(
                argument.get_help().is_some(),
                "{path} {}",
                argument.get_id()
            );
        }
        command
            .get_subcommands()
            .filter(|c| c.get_name() != "help")
            .for_each(|command| look(command, &path));
    }
    let command = Arguments::command();
    command.clone().debug_assert();
    command
        .get_subcommands()
        .filter(|sub| !sub.is_hide_set())
        .for_each(|sub| look(sub, "althing"));
}

#[test]
fn a_secret_stands_alone_on_standard_output() {
    let shell = Shell::with(|what, body| match what {
        "POST /v1/orgs" => {
            assert_eq!(
                *body,
                json!({ "name": "Acme", "email": "ops@acme.example" })
            );
            let org = json!({ "id": "org_1", "name": "Acme", "email": "e", "banner": null, "created_at": "2026-01-01T…" });
            (201, json!({ "org": org, "key": "ogk_secret" }))
        }
        "POST /v1/orgs/org_1/apps" => {
            assert_eq!(
                *body,
                json!({ "name": "Shop", "allowed_ips": ["10.0.0.0/8"] })
            );
            (
                201,
                json!({ "app": { "id": "app_1", "name": "Shop", "created_at": "x" }, "key": "srk_secret" }),
            )
        }
        "POST /v1/apps/app_1/keys/key_1/rotate" => {
            assert_eq!(*body, json!({ "overlap_s": 60 }));
            (
                200,
                json!({ "id": "key_2", "name": "first key", "hint": "abcd", "created_at": "x", "secret": "srk_new" }),
            )
        }
        _ => not_found(),
    });
    let said = shell.run("org create Acme --email ops@acme.example");
    assert_eq!((said.code, said.out.as_str()), (0, "ogk_secret\n"));
    assert_eq!(
        said.notes,
        "Made the org `Acme`: org_1. Its key is shown this once:\n"
    );
    let said = shell.run("app create Shop --org org_1 --allow-ip 10.0.0.0/8");
    assert_eq!((said.code, said.out.as_str()), (0, "srk_secret\n"));
    let said = shell.run("app keys rotate app_1 key_1 --overlap-s 60");
    assert_eq!(
        (said.code, said.out.as_str()),
        (0, "srk_new\n"),
        "{}",
        said.notes
    );
    assert!(
        said.notes.contains("key_1 works for 60 s more"),
        "{}",
        said.notes
    );
    let said = shell.run("--json org create Acme --email ops@acme.example");
    assert_eq!(
        serde_json::from_str::<Value>(&said.out).unwrap()["key"],
        "ogk_secret"
    );
}

#[test]
fn lists_are_read_to_their_end() {
    let shell = Shell::with(|what, _| match what {
        "GET /v1/orgs/org_1/apps" => {
            let app =
                json!({ "id": "app_1", "name": "One", "created_at": "2026-01-02T03:04:05.000Z" });
            (200, json!({ "apps": [app], "next": "a b" }))
        }
        "GET /v1/orgs/org_1/apps?next=a+b" => {
            let app = json!({ "id": "app_2", "name": "Two", "allowed_ips": ["10.0.0.0/8"], "created_at": "2026-01-03T" });
            (200, json!({ "apps": [app] }))
        }
        _ => not_found(),
    });
    let said = shell.run("app list --org org_1");
    assert_eq!(
        said.out,
        "ID     NAME  SERVER KEYS FROM  PAGES FROM  MADE\n\
         app_1  One   –                 –           2026-01-02\n\
         app_2  Two   10.0.0.0/8        –           2026-01-03\n"
    );
    let said = shell.run("--json app list --org org_1");
    assert_eq!(
        serde_json::from_str::<Value>(&said.out).unwrap()["apps"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
}

#[test]
fn what_waits_is_shown_and_decided() {
    let shell = Shell::with(|what, body| match what {
        "GET /v1/held" => {
            let held = json!({ "id": "hld_1", "channel_id": "lobby", "from": "bob\u{1b}[1m", "type": "text",
                "data": "buy now", "plugin": "moderation", "reason": "Someone looks first.",
                "details": "spam score 97", "appeal": "My town.", "created_at": "2026-01-02T03:04:05.000Z" });
            (200, json!({ "held": [held] }))
        }
        "POST /v1/held/hld_1/approve" => (201, json!({ "id": "msg_1" })),
        "POST /v1/held/hld_1/reject" => {
            assert_eq!(*body, json!({ "reason": "Unkind." }));
            (204, Value::Null)
        }
        _ => not_found(),
    });
    assert_eq!(
        shell.run("held list").out,
        "hld_1  2026-01-02 03:04 UTC  bob\u{fffd}[1m in lobby, held by moderation\n  buy now\n    \
         Told the sender: Someone looks first.\n    For reviewers: spam score 97\n    \
         The sender says: My town.\n"
    );
    let said = shell.run("held approve hld_1");
    assert_eq!(
        (said.code, said.out.as_str()),
        (0, "It is in its channel now.\n")
    );
    let said = shell.run("held reject hld_1 --reason Unkind.");
    assert_eq!((said.code, said.out.as_str()), (0, "It is dropped.\n"));
    assert_eq!(shell.run("held approve hld_2").code, 1);
}

#[test]
fn what_can_not_be_followed_ends_with_2_and_asks_nobody() {
    let shell = Shell::with(|_, _| panic!("asked"));
    let open = shell.key.with_file_name("open.key");
    std::fs::write(&open, &shell.secret).unwrap();
    std::fs::set_permissions(&open, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    let bad = shell.key.with_file_name("bad.key");
    std::fs::copy(&shell.key, &bad).unwrap();
    std::fs::write(&bad, shell.secret.replace("srk_", "srk_x")).unwrap();
    for (line, why) in [
        (
            format!("plugin list --url {} --key-file /nowhere/key", shell.url),
            "no such key file",
        ),
        (
            format!(
                "plugin list --url {} --key-file {}",
                shell.url,
                open.display()
            ),
            "chmod 600",
        ),
        (
            format!(
                "plugin list --url {} --key-file {}",
                shell.url,
                bad.display()
            ),
            "not a key",
        ),
        (
            format!(
                "plugin list --url ftp://h --key-file {}",
                shell.key.display()
            ),
            "--url",
        ),
        (
            format!("plugin show ../x --url {}", shell.url),
            "letters, digits",
        ),
        (
            "plugin enable poll --grant kv --grant-all".to_owned(),
            "cannot be used with",
        ),
        ("nonsense".to_owned(), "unrecognized subcommand"),
    ] {
        let said = alone(&line);
        assert_eq!(said.code, 2, "{line}: {}", said.notes);
        assert!(said.notes.contains(why), "{line}: {}", said.notes);
        assert!(!said.notes.contains(&shell.secret), "{line}");
    }
}

#[test]
fn hosts_that_are_none_are_told_from_hosts_that_refuse() {
    let shell = Shell::with(|what, _| match what {
        "GET /v1/plugins" => (200, json!("hello")),
        "GET /v1/plugins/a" => (500, json!("hello")),
        _ => not_found(),
    });
    assert!(shell.run("plugin list").notes.contains("doesn't know"));
    assert!(shell.run("plugin show a").notes.contains("is --url right?"));
    let gone = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let said = alone(&format!(
        "plugin list --url http://{gone} --key-file {}",
        shell.key.display()
    ));
    assert_eq!(said.code, 1);
    assert!(said.notes.contains("can't reach"), "{}", said.notes);
}

#[test]
fn settings_are_checked_and_the_operators_key_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("althing.toml");
    std::fs::write(&file, format!("data_dir = {:?}\n", folder.path())).unwrap();
    let file = file.display();
    for line in [
        format!("check-config --config {file}"),
        format!("--config {file} check-config"),
    ] {
        let said = alone(&line);
        assert_eq!(
            (said.code, said.out.as_str()),
            (0, "ok\n"),
            "{}",
            said.notes
        );
    }
    let said = alone(&format!("operator-key --config {file}"));
    let key = folder.path().join("operator.key");
    assert_eq!((said.code, said.out), (0, format!("{}\n", key.display())));
    assert!(said.notes.contains("first start"), "{}", said.notes);
    assert_eq!(
        alone(&format!("operator-key --show --config {file}")).code,
        1
    );
    let made = Credential::load_or_create_operator(&key, &SystemRandom::new()).unwrap();
    let said = alone(&format!("operator-key --config {file}"));
    assert!(
        !said.out.contains("opk_") && !said.notes.contains("opk_"),
        "{} {}",
        said.out,
        said.notes
    );
    let said = alone(&format!("operator-key --show --config {file}"));
    assert_eq!(said.out.trim(), made.text().expose());
    std::fs::write(file.to_string(), "[socket]\nframe_bytes_max = 1\n[servr]\n").unwrap();
    let said = alone(&format!("check-config --config {file}"));
    assert_eq!(
        (said.code, said.out.lines().count()),
        (1, 2),
        "{}",
        said.out
    );
    assert_eq!(said.notes, "error: the settings have 2 faults\n");
}
