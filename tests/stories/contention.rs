//! Somebody else is quicker than a plugin's call: what the call has read is changed before it is through, there is no
//! room any more for what it keeps, or its plugin is another one. It lands later, once, or not at all.

use std::time::Duration;

use althing::address::Networks;
use althing::config::Config;
use serde_json::{Value, json};

use crate::support::{
    Database, Outside, Person, TestHost, component, eventually, rewritten, stories,
};

stories!(
    an_event_that_comes_too_late_again_and_again_waits,
    a_timer_that_comes_too_late_waits,
    what_a_canary_is_too_late_with_is_its_own,
    what_is_too_much_when_it_lands_is_given_up,
    a_request_lands_only_where_it_began,
);

const TELLER: &str = "/v1/plugins/teller";
const PAUSE: Duration = Duration::from_secs(1);

/// Servers on this machine may be asked, and take their time.
fn outgoing(config: &mut Config) {
    let here = Networks::loopback();
    config.egress.allowed_networks = here.clone();
    config.egress.plain_http_networks = here;
    config.egress.timeout_ms = 60_000;
    config.plugins.handler_wall_ms = 60_000;
    config.server.request_timeout_ms = 60_000;
}

/// The teller, which asks `outside` between what it reads and what it writes.
struct Scene {
    host: TestHost,
    outside: Outside,
    teller: Vec<u8>,
    alice: Person,
}

impl Scene {
    async fn of(host: TestHost) -> Self {
        let outside = Outside::start().await;
        let teller = rewritten(&component("teller"), "localhost:11111", &outside.host());
        host.app.install(&teller, json!({})).await;
        let [alice] = host.app.users(["alice"]).await;
        host.app.channel("general", &[&alice]).await;
        Self {
            host,
            outside,
            teller,
            alice,
        }
    }

    /// Another version, which says so.
    fn other(&self) -> Vec<u8> {
        let other = rewritten(&self.teller, "version = \"0.1.0\"", "version = \"0.2.0\"");
        rewritten(&other, "by the first", "by the other")
    }

    /// An order to count, which is not done before `outside` lets it go.
    fn order(&self, what: &str) -> String {
        format!("{what} {}", self.outside.url("/held"))
    }

    async fn types(&self, channel: &str, line: &str) -> Value {
        self.alice.types(channel, line).await.is(200)
    }

    /// Counts at once.
    async fn count(&self, channel: &str, what: &str) -> String {
        let line = format!("/count {what} {}", self.outside.url("/"));
        let answer = self.types(channel, &line).await;
        answer["reply"]["text"].as_str().expect("a count").into()
    }

    /// Until so many calls have begun that are not done at once.
    async fn begun(&self, calls: usize) {
        eventually("the call has begun", async || {
            (self.outside.held() >= calls).then_some(())
        })
        .await;
        assert_eq!(self.outside.held(), calls);
    }

    /// Has the last of so many calls come too late, in what it counts.
    async fn is_quicker_than(&self, calls: usize, channel: &str, what: &str) {
        self.begun(calls).await;
        self.count(channel, what).await;
        self.outside.set("too early");
        self.outside.let_go();
    }

    /// After its pause the call is made once more, and is through.
    async fn goes_on(&self, calls: usize) {
        // Something that takes as long as a call that does not wait.
        self.count("general", "goats").await;
        self.outside.set("in time");
        self.host.pass(PAUSE).await;
        self.begun(calls).await;
        self.outside.let_go();
    }

    /// Until the log of the plugin, or of its version on trial, has a line with these words.
    async fn logged(&self, log: &str, words: &str) {
        eventually("it is in the log", async || {
            let log = self.host.app.backend.get(format!("{TELLER}/{log}")).await;
            log.is(200).to_string().contains(words).then_some(())
        })
        .await;
    }

    /// The last thing that the plugin has said in a channel.
    async fn said(&self, channel: &str) -> String {
        eventually("it says so", async || {
            let history = self.alice.history(channel).await;
            let last = history.last().filter(|last| last["from"] == "bot:teller")?;
            last["data"].as_str().map(ToOwned::to_owned)
        })
        .await
    }
}

async fn an_event_that_comes_too_late_again_and_again_waits(database: Database) {
    let host = TestHost::timeless_with(&database, outgoing).await;
    let scene = Scene::of(host).await;
    let event = format!("count {}", scene.order("sheep"));
    scene.alice.send("general", &event).await;
    for calls in 1..=3 {
        scene.is_quicker_than(calls, "general", "sheep").await;
    }
    scene.logged("log", "was changed 3 times").await;
    scene.goes_on(4).await;
    assert_eq!(scene.said("general").await, "sheep 4 by the first, in time");
}

async fn a_timer_that_comes_too_late_waits(database: Database) {
    const DUE: &str = "SELECT COALESCE(MAX(due_at), 0) FROM plugin_timers";
    let host = TestHost::timeless_with(&database, outgoing).await;
    let scene = Scene::of(host).await;
    let line = format!("/count later {}", scene.order("sheep"));
    scene.types("general", &line).await;
    scene.begun(1).await;
    let due = database.number(DUE).await;
    scene.is_quicker_than(1, "general", "sheep").await;
    eventually("it is due later", async || {
        (database.number(DUE).await > due).then_some(())
    })
    .await;
    scene.goes_on(2).await;
    assert_eq!(scene.said("general").await, "sheep 2 by the first, in time");
}

/// The active version takes over what a canary fails on, not what others hold up.
async fn what_a_canary_is_too_late_with_is_its_own(database: Database) {
    let host = TestHost::timeless_with(&database, outgoing).await;
    let scene = Scene::of(host).await;
    let backend = &scene.host.app.backend;
    let other = backend.upload(&scene.other()).await.is(201);
    let canary = json!({
        "mode": "canary", "percent": 99, "consent": true, "digest": other["digest"],
    });
    let rollout = format!("{TELLER}/rollout");
    backend.put(rollout, canary).await.is(200);
    // One of these is among its channels.
    let mut rooms = 0..100;
    let room = loop {
        let name = format!("room-{}", rooms.next().expect("a room of its own"));
        scene.host.app.channel(&name, &[&scene.alice]).await;
        if scene.count(&name, "cows").await.contains("by the other") {
            break name;
        }
    };
    let event = format!("count {}", scene.order("sheep"));
    scene.alice.send(&room, &event).await;
    for calls in 1..=3 {
        scene.is_quicker_than(calls, &room, "sheep").await;
    }
    scene.logged("rollout/log", "was changed 3 times").await;
    scene.goes_on(4).await;
    assert_eq!(scene.said(&room).await, "sheep 4 by the other, in time");
}

/// The calls found room; it was taken before they were through. It would be so the next time, too.
async fn what_is_too_much_when_it_lands_is_given_up(database: Database) {
    let host = TestHost::timeless_with(&database, |config| {
        outgoing(config);
        config.plugins.kv_keys_max = 2;
    })
    .await;
    host.expect_plugin_faults();
    let scene = Scene::of(host).await;
    let (host, outside) = (&scene.host, &scene.outside);
    let order = scene.order("sheep");
    let event = format!("count {order}");
    scene.alice.send("general", &event).await;
    scene.begun(1).await;
    let line = format!("/count later {order}");
    scene.types("general", &line).await;
    scene.begun(2).await;
    for what in ["cows", "goats"] {
        scene.count("general", what).await;
    }
    outside.let_go();
    for words in ["gave up on message.new", "timer later: what it did"] {
        scene.logged("log", words).await;
    }
    eventually("the timer is gone", async || {
        let timers = "SELECT COUNT(*) FROM plugin_timers";
        (database.number(timers).await == 0).then_some(())
    })
    .await;
    assert_eq!(outside.held(), 2, "each was called once");
    // Nobody waits behind them.
    let event = format!("count goats {}", outside.url("/"));
    scene.alice.send("general", &event).await;
    assert_eq!(scene.said("general").await, "goats 2 by the first, hello");
    let keys = "SELECT CAST(SUM(kv_keys) AS BIGINT) FROM installs";
    assert_eq!(database.number(keys).await, 2);
    let given_up = host.figure("althing_plugin_events_given_up_total").await;
    assert_eq!(given_up, 1);
}

/// Whoever waits for the answer gets that of the plugin as it is now, and it counts once.
async fn a_request_lands_only_where_it_began(database: Database) {
    let host = TestHost::with(&database, outgoing).await;
    let scene = Scene::of(host).await;
    let (outside, backend) = (&scene.outside, &scene.host.app.backend);
    let other = backend.upload(&scene.other()).await.is(201);
    let order = scene.order("sheep");
    let line = format!("/count {order}");
    let mut begun = 0;
    for (change, says) in [
        (json!({ "order": 7 }), "sheep 1 by the first, hello"),
        (json!({ "order": 8 }), "sheep 2 by the first, hello"),
        (
            json!({ "digest": other["digest"], "consent": true }),
            "sheep 3 by the other, hello",
        ),
    ] {
        let asked = async {
            if begun == 2 {
                let body = Some(("text/plain", order.clone().into_bytes()));
                let answer = scene.alice.raw("POST", "/v1/x/teller/", body).await;
                return answer.raw_is(200);
            }
            let answer = scene.types("general", &line).await;
            answer["reply"]["text"].as_str().expect("a count").into()
        };
        let changed = async {
            scene.begun(begun + 1).await;
            backend.put(TELLER, change).await.is(200);
            outside.let_go();
            scene.begun(begun + 2).await;
            outside.let_go();
        };
        let (told, ()) = tokio::join!(asked, changed);
        assert_eq!(told, says);
        begun += 2;
    }
    // Nothing lands of a plugin that is gone.
    let removed = async {
        scene.begun(begun + 1).await;
        backend.delete(TELLER).await.is(204);
        outside.let_go();
    };
    let (answer, ()) = tokio::join!(scene.alice.types("general", &line), removed);
    answer.refused(404, "not_found");
}
