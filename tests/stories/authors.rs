//! What a plugin's author does without a host: checks a component, and runs it against recorded calls.

use std::path::Path;

use serde_json::{Value, json};

use crate::support::{althing, component, rewritten};

/// A folder with a component and cases, and a shell in it.
struct Desk(tempfile::TempDir);

impl Desk {
    fn with(files: &[(&str, &[u8])]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        for (path, bytes) in files {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap_or(Path::new("/"))).expect("a folder");
            std::fs::write(path, bytes).expect("a file");
        }
        Self(folder)
    }

    /// The exit code, what was printed, and what was said about it.
    fn run(&self, line: &str) -> (i32, String, String) {
        let done = althing()
            .args(line.split(' '))
            .current_dir(self.0.path())
            .output()
            .expect("althing runs");
        let text = |bytes| String::from_utf8(bytes).expect("text");
        (
            done.status.code().unwrap_or(-1),
            text(done.stdout),
            text(done.stderr),
        )
    }

    /// What comes of a case for the hostile guest.
    fn outcome(case: &str) -> Value {
        let desk = Self::with(&[
            ("hostile.wasm", &component("hostile")),
            ("case.toml", case.as_bytes()),
        ]);
        let (_, out, notes) = desk.run("--json plugin test hostile.wasm case.toml");
        let all: Value = serde_json::from_str(&out).unwrap_or_else(|e| panic!("{e}: {out}{notes}"));
        all["cases"][0].clone()
    }
}

#[test]
fn code_is_kept_for_the_next_look() {
    let desk = Desk::with(&[("noop.wasm", &component("noop-guard"))]);
    let check = || {
        let mut althing = althing();
        althing.env("XDG_CACHE_HOME", desk.0.path().join("cache"));
        let althing = althing.args(["plugin", "check", "noop.wasm"]);
        althing.current_dir(desk.0.path()).output().expect("runs")
    };
    let code = desk.0.path().join("cache/althing/plugin-code");
    let first = check();
    assert!(first.status.success(), "{first:?}");
    let kept: Vec<_> = code.read_dir().expect("code").flatten().collect();
    let [kept] = &kept[..] else {
        panic!("{kept:?}")
    };
    // Code that somebody has changed is made anew, not run.
    let good = std::fs::read(kept.path()).expect("code");
    let mut changed = good.clone();
    *changed.last_mut().expect("code") ^= 1;
    for found in [good.clone(), changed] {
        std::fs::write(kept.path(), found).expect("code");
        assert_eq!(check(), first);
        assert!(std::fs::read(kept.path()).expect("code") == good);
    }
}

fn told(deed: &str, given: &str) -> Value {
    let case = format!(
        "hook = \"commands\"\ninput = {{ name = \"hostile\", text = \"{deed}\" }}\n{given}\n"
    );
    Desk::outcome(&case)["outcome"].clone()
}

#[test]
fn a_call_finds_what_the_case_gives() {
    // The deed writes k1 and k3, removes k2, and lists what begins with k.
    let kv = "[[given.kv]]\nkey = 'k0'\nvalue = 1\n[[given.kv]]\nkey = 'k2'\ntext = 'x'";
    assert_eq!(told("list", kv)["result"]["text"], "k0,k1,k3");
    let elsewhere = "[[given.kv]]\nkey = 'k0'\nvalue = 1\nscope = 'user:alice'";
    assert_eq!(told("list", elsewhere)["result"]["text"], "k1,k3");
    let counted = "[[given.counters]]\nkey = 'key'\nsum = 7";
    assert_eq!(told("count 2", counted)["result"]["text"], "9");
    assert_eq!(told("sum", "")["result"]["text"], "0");
    assert_eq!(told("config", "[config]")["result"]["text"], "{}");
}

#[test]
fn what_a_call_writes_is_told_and_what_a_guard_writes_is_not() {
    let sent = told("sends 1", "");
    assert_eq!(sent["writes"][0]["do"], "send", "{sent}");
    let denied = told(
        "deletes 1",
        "[[given.messages]]\nid = 'msg_1'\nfrom = 'bob'",
    );
    assert!(
        denied["result"]["text"]
            .as_str()
            .is_some_and(|text| text.contains("Denied")),
        "{denied}"
    );
    let own = told(
        "deletes 1",
        "[[given.messages]]\nid = 'msg_1'\nfrom = 'bot:hostile'",
    );
    assert_eq!(
        own,
        json!({ "writes": [{ "do": "delete", "id": "msg_1" }] })
    );
    let timer = told("timers 1", "");
    // What is empty, as the channel and the payload here, is left out.
    let set = json!({ "do": "timer-set", "name": "timer 0", "at_ms": 1 });
    assert_eq!(timer["writes"], json!([set]));
    let guard = Desk::outcome("hook = 'message-guard'\ninput = { text = 'sends 1' }");
    assert!(
        guard["outcome"]["result"]["hold"]
            .as_str()
            .is_some_and(|why| why.contains("Denied")),
        "{guard}"
    );
    assert_eq!(guard["outcome"].get("writes"), None);
}

#[test]
fn the_limits_are_those_of_a_host() {
    for (deed, fault) in [
        ("loop", "cpu_limit"),
        ("trap", "trap"),
        ("calls 2000", "host_call_limit"),
    ] {
        let case = format!("hook = 'message-guard'\ninput = {{ text = '{deed}' }}");
        let tried = Desk::outcome(&case);
        assert_eq!(tried["outcome"], json!({ "fault": fault }), "{deed}");
        assert_eq!(tried["ok"], false);
        let expected = format!("{case}\nexpect = {{ fault = '{fault}' }}");
        assert_eq!(Desk::outcome(&expected)["ok"], true, "{deed}");
    }
}

#[test]
fn requests_are_answered_by_the_case_alone() {
    let case = "hook = \"commands\"\n[input]\nname = \"fetch\"\ntext = \"GET https://localhost:11111/x token\"\n";
    let answer =
        "[[given.http]]\nurl = \"https://localhost:11111/x\"\nstatus = 201\nbody = \"yes\"\n";
    let desk = Desk::with(&[
        ("courier.wasm", &component("courier")),
        ("cases/asked.toml", format!("{case}{answer}").as_bytes()),
        ("cases/alone.toml", case.as_bytes()),
    ]);
    let (code, out, notes) = desk.run("--json plugin test courier.wasm");
    assert_eq!(code, 1, "{notes}");
    let all: Value = serde_json::from_str(&out).expect("JSON");
    let (alone, asked) = (&all["cases"][0]["outcome"], &all["cases"][1]["outcome"]);
    assert_eq!(asked["result"]["text"], "201 yes");
    assert_eq!(
        asked["requests"][0]["headers"]["authorization"],
        json!({ "secret": "token", "prefix": "Bearer " })
    );
    let text = alone["result"]["text"].as_str().unwrap_or_default();
    assert!(text.contains("no answer"), "{alone}");
}

#[test]
fn an_answer_comes_as_the_case_has_it() {
    let case = r#"
hook = "schedule"
input = { name = "answer/msg_2", payload = { tries = 0 } }
context = { actor = "", role = "none" }
config = { endpoint = "https://models.example/v1", model = "clever-1" }

[[given.messages]]
id = "msg_2"
from = "bot:assistant"
text = "…"

[[given.kv]]
scope = "channel:general"
key = "job/msg_2"
value = { asker = "alice", question = "Why?", message = "msg_1" }

[[given.messages]]
id = "msg_1"
from = "alice"
text = "@assistant Why?"
seq = 1

[[given.http]]
method = "POST"
url = "https://models.example/v1/chat/completions"
headers = { content-type = "text/event-stream" }
pieces = [
    'data: {"choices":[{"delta":{"content":"Be"}}]}',
    "\n\ndata: {",
    '"choices":[{"delta":{"content":"cause."}}]}',
    "\n\n",
]
"#;
    let tried = |more: &str| {
        let desk = Desk::with(&[
            ("assistant.wasm", &component("assistant")),
            ("cases/why.toml", format!("{case}{more}").as_bytes()),
        ]);
        let (_, out, notes) = desk.run("--json plugin test assistant.wasm");
        let all: Value = serde_json::from_str(&out).unwrap_or_else(|e| panic!("{e}: {out}{notes}"));
        all["cases"][0]["outcome"].clone()
    };
    let texts = |list: &Value| -> Vec<String> {
        let list = list.as_array().expect("a list").iter();
        list.filter_map(|entry| Some(entry["text"].as_str()?.to_owned()))
            .collect()
    };
    let cut = tried("cut = true\n");
    assert_eq!(
        texts(&cut["progress"]),
        ["…", "…", "Be …", "Be …", "Because. …"]
    );
    assert_eq!(
        texts(&cut["writes"]),
        ["Because.\n\n(My model broke off here.)"]
    );
    assert_eq!(
        cut["requests"][0]["headers"]["authorization"],
        json!({ "secret": "api_key", "prefix": "Bearer " })
    );
}

#[test]
fn differences_are_shown_by_their_place() {
    let desk = Desk::with(&[
        ("hostile.wasm", &component("hostile")),
        (
            "cases/a.toml",
            b"hook = 'commands'\ninput = { name = 'hostile', text = 'sum' }\nexpect = { result = { text = '1' } }",
        ),
        (
            "cases/b.json",
            br#"{ "hook": "commands", "input": { "name": "hostile", "text": "sum" }, "expect": { "result": { "text": "0" } } }"#,
        ),
    ]);
    let (code, out, notes) = desk.run("plugin test hostile.wasm");
    assert_eq!(
        (code, out.as_str(), notes.as_str()),
        (
            1,
            "a  FAILED\nb  ok\n\na: - expected, + what came\n  - result.text = \"1\"\n  + result.text = \"0\"\n",
            "error: one case failed\n"
        )
    );
    let (code, out, _) = desk.run("plugin test hostile.wasm cases/b.json --figures");
    assert_eq!(code, 0);
    assert!(out.starts_with("CASE      CPU"), "{out}");
}

#[test]
fn a_case_that_can_not_be_read_runs_nothing() {
    for (case, says) in [
        ("hook = 'commands'\ninptu = {}", "inptu"),
        ("hook = 'chess'", "hook = `chess` is none of: message-guard"),
        (
            "hook = 'commands'\ncall = 'walk'",
            "call = `walk` is none of: run, complete",
        ),
        (
            "hook = 'commands'\ninput = { name = 'x', txt = 'y' }",
            "input.txt: unknown field",
        ),
        (
            "hook = 'commands'\ninput = { name = 'x' }\nexpect = { reslt = 1 }",
            "expect.reslt is none of",
        ),
        (
            "hook = 'commands'\ninput = { name = 'x' }\nconfig = { colour = 1 }",
            "config.colour is not a setting",
        ),
        (
            "hook = 'commands'\ninput = { name = 'x' }\ncontext = { role = 'king' }",
            "context.role is `king`",
        ),
        (
            "hook = 'commands'\ninput = { name = 'x' }\n[[given.kv]]\nkey = 'a'",
            "given.kv `a` needs one of",
        ),
        (
            "hook = 'commands'\ninput = { name = 'x' }\n[[given.kv]]\nkey = 'a'\nvalue = 1\nscope = 'moon:1'",
            "the scope `moon:1` is none of",
        ),
    ] {
        let desk = Desk::with(&[
            ("hostile.wasm", &component("hostile")),
            ("cases/case.toml", case.as_bytes()),
        ]);
        let (code, out, notes) = desk.run("plugin test hostile.wasm");
        assert_eq!((code, out.as_str()), (2, ""), "{case}: {notes}");
        assert!(
            notes.contains("case.toml: ") && notes.contains(says),
            "{case}: {notes}"
        );
    }
    let desk = Desk::with(&[("hostile.wasm", &component("hostile"))]);
    let (code, _, notes) = desk.run("plugin test hostile.wasm");
    assert_eq!(code, 2);
    assert!(notes.contains("cases: can't be read"), "{notes}");
}

#[test]
fn a_version_is_compared_with_the_one_before() {
    let old = component("poll");
    let new = rewritten(&old, "version = \"0.1.0\"", "version = \"0.2.0\"");
    let worse = rewritten(&new, "name = \"poll\"\nusage", "name = \"pool\"\nusage");
    let desk = Desk::with(&[
        ("old.wasm", &old),
        ("new.wasm", &new),
        ("worse.wasm", &worse),
    ]);
    let (code, out, notes) = desk.run("plugin check new.wasm --before old.wasm");
    assert_eq!(code, 0, "{notes}");
    assert!(out.contains("nothing that its users would notice"), "{out}");
    let (code, out, _) = desk.run("plugin check old.wasm --before new.wasm");
    assert_eq!(code, 0);
    assert!(out.contains("goes back from 0.2.0 to 0.1.0"), "{out}");
    let (code, out, notes) = desk.run("plugin check worse.wasm --before old.wasm");
    assert_eq!(code, 1, "{notes}");
    assert!(out.contains("BREAKS  the command `poll` is gone"), "{out}");
    assert!(out.contains("the command `pool` is new"), "{out}");
    let (_, out, _) = desk.run("--json plugin check worse.wasm --before old.wasm");
    let all: Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!(all["changes"][0]["breaks"], true);
}
