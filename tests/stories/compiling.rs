//! Compiling takes long, and holds up nobody but those who want it: apps take turns, too many are told
//! to come again, and a host that starts serves everybody else meanwhile.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use althing::config::Config;
use serde_json::json;
use tempfile::TempDir;

use crate::support::{
    App, Database, Person, TestHost, component, draft, eventually, rewritten, stories,
};

stories!(
    who_uploads_much_waits_for_itself,
    too_many_that_wait_are_told_so,
    no_message_passes_a_guard_that_is_not_loaded,
    a_host_without_room_at_its_start_tries_again,
);

/// A compiler that waits for leave each time, or until the story is over, with its code in a folder of
/// its own.
struct Gate(TempDir);

impl Gate {
    fn new() -> Self {
        let gate = Self(tempfile::tempdir().expect("a folder"));
        let script = format!(
            "#!/bin/sh\nuntil /bin/rmdir '{0}/leave' 2>/dev/null || [ -e '{0}/open' ] || [ ! -d '{0}' ]; do /bin/sleep 0.02; done\n\
             exec '{1}' \"$@\"\n",
            gate.0.path().display(),
            env!("CARGO_BIN_EXE_althing"),
        );
        std::fs::write(gate.program(), script).expect("a file");
        gate.may_run(true);
        gate
    }

    fn program(&self) -> PathBuf {
        self.0.path().join("compiler")
    }

    /// Whether the compiler can be run at all: it can't on a machine that has no room for another process.
    fn may_run(&self, may: bool) {
        let mode = std::fs::Permissions::from_mode(if may { 0o700 } else { 0o600 });
        std::fs::set_permissions(self.program(), mode).expect("a mode");
    }

    fn code(&self) -> PathBuf {
        self.0.path().join("code")
    }

    fn set(&self, config: &mut Config) {
        config.plugins.compiler = Some(self.program());
        config.plugins.code_dir = Some(self.code());
        config.server.request_timeout_ms = 60_000;
    }

    /// Lets one component through, and waits until its turn has come.
    async fn leave(&self) {
        let leave = self.0.path().join("leave");
        std::fs::create_dir(&leave).expect("a folder");
        eventually("the compiler goes on", async || {
            (!leave.exists()).then_some(())
        })
        .await;
    }

    fn open(&self) {
        std::fs::write(self.0.path().join("open"), "").expect("a file");
    }

    fn close(&self) {
        std::fs::remove_file(self.0.path().join("open")).expect("a file");
    }
}

/// The guard that does nothing, in its version 0.`minor`.0.
fn noop(minor: u8) -> Vec<u8> {
    let version = format!("version = \"0.{minor}.0\"");
    rewritten(&component("noop-guard"), "version = \"0.1.0\"", &version)
}

/// Uploads a version by itself; the status of the answer.
fn upload(app: &App, minor: u8) -> tokio::task::JoinHandle<u16> {
    let backend = app.backend.clone();
    tokio::spawn(async move { backend.upload(&noop(minor)).await.status })
}

/// Until so many components wait.
async fn waiting(host: &TestHost, count: usize) {
    let line = format!("althing_plugin_compiles_waiting {count}\n");
    eventually("they wait", async || {
        let figures = host.stranger().get("/metrics").await.text;
        figures.contains(&line).then_some(())
    })
    .await;
}

async fn who_uploads_much_waits_for_itself(database: Database) {
    let gate = Gate::new();
    let host = TestHost::with(&database, |config| {
        gate.set(config);
        config.plugins.compiles_waiting_per_app_max = 8;
    })
    .await;
    let many: Vec<_> = (1..=6).map(|minor| upload(&host.app, minor)).collect();
    // One is at it, and the others wait.
    waiting(&host, 5).await;
    let other = upload(&host.other, 9);
    waiting(&host, 6).await;
    for _ in 0..3 {
        gate.leave().await;
    }
    assert_eq!(other.await.expect("an answer"), 201);
    let left = many.iter().filter(|upload| !upload.is_finished()).count();
    assert!(left >= 3, "{left} of 6 wait");
    // Meanwhile everything else goes on.
    let [alice] = host.app.users(["alice"]).await;
    host.app.channel("general", &[&alice]).await;
    alice.send("general", "hello").await;
    gate.open();
    for upload in many {
        assert_eq!(upload.await.expect("an answer"), 201);
    }
}

async fn too_many_that_wait_are_told_so(database: Database) {
    let gate = Gate::new();
    let host = TestHost::with(&database, |config| {
        gate.set(config);
        config.plugins.compiles_waiting_per_app_max = 2;
    })
    .await;
    let many: Vec<_> = (1..=8).map(|minor| upload(&host.app, minor)).collect();
    eventually("five are refused", async || {
        let refused = many.iter().filter(|upload| upload.is_finished());
        (refused.count() == 5).then_some(())
    })
    .await;
    let answer = host.app.backend.upload(&noop(7)).await;
    let again = answer.header("retry-after").map(ToOwned::to_owned);
    answer.refused(503, "overloaded");
    assert!(again.is_some());
    // What can't be a plugin is told so at once, and another app has a line of its own.
    let no_plugin = host.app.backend.upload(b"no component").await;
    no_plugin.refused(422, "plugin_refused");
    let other = upload(&host.other, 1);
    gate.open();
    assert_eq!(other.await.expect("an answer"), 201);
    let mut taken = 0;
    for upload in many {
        taken += usize::from(upload.await.expect("an answer") == 201);
    }
    assert_eq!(taken, 3);
}

/// A host whose compiler goes by the gate, and Alice and Bob in `general`, where nobody says "red".
async fn moderated(database: &Database, gate: &Gate) -> (TestHost, [Person; 2]) {
    let host = TestHost::with(database, |config| {
        gate.set(config);
        config.plugins.load_wait_ms = 100;
    })
    .await;
    let rule = json!({ "patterns": [{ "pattern": "red", "action": "reject", "reason": "no" }] });
    host.app.plugin("moderation", rule).await;
    let people = host.app.users(["alice", "bob"]).await;
    host.app.channel("general", &people.each_ref()).await;
    (host, people)
}

async fn no_message_passes_a_guard_that_is_not_loaded(database: Database) {
    let gate = Gate::new();
    gate.open();
    let (host, [alice, bob]) = moderated(&database, &gate).await;
    let [dora] = host.other.users(["dora"]).await;
    host.other.channel("next-door", &[&dora]).await;
    bob.post("/v1/messages", draft("general", "red"))
        .await
        .refused(422, "message_rejected");
    gate.close();
    forget(&gate.code());
    host.restart().await;
    // An app without plugins is served at once; this one is told to come again.
    dora.send("next-door", "hello").await;
    let answer = bob.post("/v1/messages", draft("general", "red")).await;
    let again = answer.header("retry-after").map(ToOwned::to_owned);
    answer.refused(503, "unavailable");
    assert!(again.is_some());
    let mut socket = bob.open_socket().await;
    let params = json!({ "token": bob.credential() });
    socket
        .request("connect", params)
        .await
        .refused("unavailable");
    assert_eq!(socket.closed().await, 3000);
    let anybody = format!("/v1/apps/{}/x/moderation/", host.app.id);
    let anybody = host.stranger().get(anybody).await;
    anybody.refused(503, "unavailable");
    assert_eq!(host.stranger().get("/healthz").await.status, 200);
    host.stranger()
        .get("/readyz")
        .await
        .refused(503, "unavailable");
    gate.open();
    // From the first moment on it is guarded.
    eventually("the app is served", async || {
        let answer = bob.post("/v1/messages", draft("general", "red")).await;
        match answer.status {
            503 => None,
            _ => Some(answer.refused(422, "message_rejected")),
        }
    })
    .await;
    eventually("the host is ready", async || {
        let ready = host.stranger().get("/readyz").await.status;
        (ready == 200).then_some(())
    })
    .await;
    assert!(alice.history("general").await.is_empty());
    // Whoever comes while they are loaded waits.
    bob.send("general", "blue").await;
}

async fn a_host_without_room_at_its_start_tries_again(database: Database) {
    let gate = Gate::new();
    gate.open();
    let (host, [alice, bob]) = moderated(&database, &gate).await;
    forget(&gate.code());
    gate.may_run(false);
    host.restart().await;
    for _ in 0..3 {
        bob.post("/v1/messages", draft("general", "red"))
            .await
            .refused(503, "unavailable");
    }
    gate.may_run(true);
    eventually("the app is served", async || {
        let answer = bob.post("/v1/messages", draft("general", "red")).await;
        match answer.status {
            503 => None,
            _ => Some(answer.refused(422, "message_rejected")),
        }
    })
    .await;
    let plugin = host.app.backend.get("/v1/plugins/moderation").await.is(200);
    assert_eq!(plugin["install"].get("fault"), None, "{plugin}");
    assert!(alice.history("general").await.is_empty());
}

/// As after an upgrade of the engine, whose code is another.
fn forget(code: &Path) {
    std::fs::remove_dir_all(code).expect("a folder");
}
