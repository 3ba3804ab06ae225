//! Every way to break the rules, in every hook: whatever a component does, a call ends as a value, and
//! nothing of it is left.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use althing::plugins::{
    Act, Call, Chat, Command, EndpointRequest, Engine, Event, Fault, Install, Interaction, Limits,
    Role, Seat, UploadedFile, Verdict, check_settings, complete_command, guard_connect,
    guard_create, guard_delete, guard_edit, guard_file, guard_seat, guard_send, handle_event,
    handle_interaction, handle_request, inspect, kind_act, kind_create, link, rank_feed,
    run_command, run_schedule, start,
};
use althing_corpus::{Contract, MISDEEDS, Specimen};
use proptest::prelude::*;

use super::chat::FakeChat;
use super::support::{context, draft, guest, holder, patient};

fn contract() -> Contract {
    Contract::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../wit")).unwrap()
}

/// Little time for each call, so that what loops is soon through.
fn hasty() -> Limits {
    Limits {
        guard_cpu_ms_max: 3,
        kind_cpu_ms_max: 3,
        completion_cpu_ms_max: 3,
        request_cpu_ms_max: 3,
        event_cpu_ms_max: 3,
        probe_cpu_ms_max: 20,
        ..patient()
    }
}

/// Calls each function of a hook once.
async fn call_all(hook: &str, call: Call<'_>) -> Vec<Result<(), Fault>> {
    let json = || "{}".to_owned();
    let command = Command {
        name: "a".into(),
        text: "b".into(),
    };
    let seat = Seat {
        user: "bob".into(),
        before: Role::None,
        after: Role::Member,
    };
    let act = Act {
        kind: "a",
        data: &json(),
        state: &json(),
        action: "b",
        value: &json(),
    };
    let file = UploadedFile {
        name: "a".into(),
        media_type: "image/png".into(),
        bytes: 1,
        sha256: "0".repeat(64),
    };
    let event = Event {
        kind: "message.new".into(),
        seq: 1,
        ts_ms: 1,
        data: json(),
    };
    let interaction = Interaction {
        message_id: "msg_1".into(),
        action: "a".into(),
        value: json(),
    };
    let request = EndpointRequest {
        method: "GET".into(),
        path: "/".into(),
        query: String::new(),
        headers: vec![("a".into(), "b".into())],
        body: vec![1, 2, 3],
    };
    fn ended<T>(result: Result<T, Fault>) -> Result<(), Fault> {
        result.map(drop)
    }
    match hook {
        "message-guard" => vec![
            ended(guard_send(call, &draft("a")).await),
            ended(guard_edit(call, &draft("a"), &draft("b")).await),
            ended(guard_delete(call, &draft("a")).await),
        ],
        "events" => vec![ended(handle_event(call, &event).await)],
        "commands" => vec![
            ended(run_command(call, &command).await),
            ended(complete_command(call, &command).await),
        ],
        "interactions" => vec![ended(handle_interaction(call, &interaction).await)],
        "message-kind" => vec![
            ended(kind_create(call, "a", &json()).await),
            ended(kind_act(call, act).await),
        ],
        "schedule" => vec![ended(
            run_schedule(call, "a", &json(), &Arc::default()).await,
        )],
        "membership-guard" => vec![
            ended(guard_seat(call, &seat).await),
            ended(guard_create(call, &json(), &[seat.clone(), seat.clone()]).await),
        ],
        "session-guard" => vec![ended(guard_connect(call, &json()).await)],
        "file-guard" => vec![ended(guard_file(call, &file, &[1; 4096]).await)],
        "endpoint" => vec![ended(handle_request(call, &request).await)],
        "feed" => vec![ended(rank_feed(call, "a", "b", &[]).await)],
        "lifecycle" => vec![
            ended(check_settings(call, &json()).await),
            ended(start(call, Some("1.0.0")).await),
        ],
        other => panic!("nobody calls the hook `{other}` here"),
    }
}

/// What comes of a specimen: why it was refused, or how its calls ended.
async fn tried(engine: &Arc<Engine>, specimen: &Specimen) -> Vec<&'static str> {
    let inspection = match inspect(engine, &specimen.bytes) {
        Ok(inspection) => inspection,
        Err(refusal) => return vec![refusal.code],
    };
    let linked = match link(engine, &inspection, inspection.needed).await {
        Ok(linked) => linked,
        Err(refusal) => return vec![refusal.code],
    };
    let install = Install::new(engine, &linked, holder("app_1"), "install_bad", "{}");
    let chat: Arc<dyn Chat> = Arc::new(FakeChat::default());
    let call = Call {
        install: &install,
        chat: &chat,
        context: &context(),
    };
    let ended = call_all(&specimen.hook, call).await;
    let code = |ended: &Result<(), Fault>| ended.as_ref().map_or_else(|f| f.kind.code(), |()| "ok");
    ended.iter().map(code).collect()
}

/// How a misdeed may end: what stops it, or why it comes to nothing.
fn expected(misdeed: &str) -> &'static [&'static str] {
    const TRAP: &str = "trap";
    const CPU: &str = "cpu_limit";
    const MEMORY: &str = "memory_limit";
    const CALLS: &str = "host_call_limit";
    const OUTPUT: &str = "bad_output";
    match misdeed {
        // Where a document is due, nothing is none.
        "nothing" | "has as much memory as it may" => &["ok", OUTPUT],
        "loops"
        | "counts for ever"
        | "fills its memory again and again"
        | "copies its memory to and fro"
        | "jumps through a table for ever"
        | "loops when it should give room"
        | "loops after it has returned" => &[CPU, "ok"],
        "calls itself" | "calls itself with a large frame" => &[TRAP, CPU],
        "grows its memory for ever"
        | "grows its memory and uses it"
        | "grows its table for ever"
        | "wants all memory at once" => &[MEMORY, CPU, "plugin_not_compiled", "plugin_too_large"],
        "calls the host for ever" | "passes more than it may" => &[CALLS, CPU, TRAP],
        "calls the host while it should give room" | "calls the host after it has returned" => {
            &[TRAP, "ok"]
        }
        "loops as it begins" | "traps as it begins" | "grows as it begins" => {
            &["plugin_probe_failed"]
        }
        "has more memory than it may" => &["plugin_not_compiled", "plugin_too_large"],
        "traps after it has returned" => &[TRAP, "ok"],
        // Whether what comes back is something depends on what it should be.
        lie if lie.starts_with("returns") => &[TRAP, OUTPUT, CALLS, "ok"],
        lie if lie.starts_with("gives") => &[TRAP, OUTPUT, "ok"],
        _ => &[TRAP],
    }
}

/// In a process of its own: what memory it has would be that of the tests beside it, too.
#[tokio::test(flavor = "multi_thread")]
async fn whatever_a_component_does_the_call_ends_as_a_value() {
    const ALONE: &str = "ALTHING_CORPUS_ALONE";
    if std::env::var_os(ALONE).is_some() {
        return try_all().await;
    }
    let test = "corpus::whatever_a_component_does_the_call_ends_as_a_value";
    let ran = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(ALONE, "1")
        .output()
        .unwrap();
    let [told, failed] = [&ran.stdout, &ran.stderr].map(|text| String::from_utf8_lossy(text));
    assert!(ran.status.success(), "{told}{failed}");
    assert!(told.contains("1 passed"), "{told}");
}

async fn try_all() {
    let engine = Engine::start(hasty()).unwrap();
    let neighbour = neighbour(&engine).await;
    let contract = contract();
    assert!(MISDEEDS.len() >= 40, "{} misdeeds", MISDEEDS.len());
    let mut faults = Vec::new();
    let mut ends: BTreeMap<&str, u32> = BTreeMap::new();
    let mut resident = Vec::new();
    for round in 0..2 {
        for specimen in contract.specimens() {
            let specimen = specimen.unwrap();
            let ended = tried(&engine, &specimen).await;
            let may = expected(specimen.misdeed);
            if ended.iter().any(|end| !may.contains(end)) {
                let (hook, misdeed) = (&specimen.hook, specimen.misdeed);
                faults.push(format!("{hook}: {misdeed}: {ended:?}, not {may:?}"));
            }
            for end in ended {
                *ends.entry(end).or_default() += 1;
            }
        }
        let passed = neighbour.guard("hello").await;
        assert_eq!(passed, Some(Verdict::Allow), "round {round}");
        resident.push(resident_bytes());
    }
    assert!(faults.is_empty(), "{}\n{ends:?}", faults.join("\n"));
    for stopped in ["ok", "trap", "cpu_limit", "memory_limit", "host_call_limit"] {
        assert!(ends.contains_key(stopped), "{stopped} is in none: {ends:?}");
    }
    // The first round warms what stays warm; the second leaves nothing more.
    let grown = resident[1].saturating_sub(resident[0]);
    assert!(grown < 48 << 20, "{resident:?}");
}

struct Neighbour {
    install: Install,
    chat: Arc<dyn Chat>,
}

async fn neighbour(engine: &Arc<Engine>) -> Neighbour {
    let inspection = inspect(engine, &guest("noop-guard")).unwrap();
    let linked = link(engine, &inspection, inspection.needed).await.unwrap();
    Neighbour {
        install: Install::new(engine, &linked, holder("app_2"), "install_good", "{}"),
        chat: Arc::new(FakeChat::default()),
    }
}

impl Neighbour {
    async fn guard(&self, text: &str) -> Option<Verdict> {
        let call = Call {
            install: &self.install,
            chat: &self.chat,
            context: &context(),
        };
        guard_send(call, &draft(text))
            .await
            .ok()
            .map(|output| output.value)
    }
}

/// The memory that this process has now.
fn resident_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .unwrap();
    let kib: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kib * 1024
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    /// Whatever lies in a guest's memory where its result should be.
    #[test]
    fn any_bytes_may_come_back(
        memory in proptest::collection::vec(any::<u8>(), 0..256),
        small in any::<bool>(),
        address in 0u32..512,
        which in any::<proptest::sample::Index>(),
    ) {
        thread_local! {
            static READY: (Arc<Engine>, Contract, tokio::runtime::Runtime) = (
                Engine::start(hasty()).unwrap(),
                contract(),
                tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap(),
            );
        }
        READY.with(|(engine, contract, runtime)| {
            // Numbers that are likely to be addresses and lengths.
            let memory: Vec<u8> = match small {
                true => memory.iter().flat_map(|byte| [*byte, 0, 0, 0]).collect(),
                false => memory,
            };
            let hooks: Vec<&str> = contract.hooks().collect();
            let hook = *which.get(&hooks);
            let specimen = Specimen {
                hook: hook.to_owned(),
                misdeed: "any",
                bytes: contract.returning(hook, &memory, address & !3).unwrap(),
            };
            for end in runtime.block_on(tried(engine, &specimen)) {
                let known = ["ok", "trap", "bad_output", "host_call_limit", "cpu_limit"];
                prop_assert!(known.contains(&end), "{end}");
            }
            Ok(())
        })?;
    }

    /// A component with some bytes changed, cut out or put in is refused, or is one.
    #[test]
    fn broken_components_are_refused(
        changes in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>(), 0u8..3), 1..8),
        which in any::<proptest::sample::Index>(),
    ) {
        thread_local! {
            static READY: (Arc<Engine>, Vec<Vec<u8>>) = (
                Engine::start(hasty()).unwrap(),
                contract().specimens().step_by(53).map(|made| made.unwrap().bytes).collect(),
            );
        }
        READY.with(|(engine, good)| {
            let mut bytes = which.get(good).clone();
            for (at, byte, what) in changes {
                let at = at.index(bytes.len());
                match what {
                    0 => bytes[at] = byte,
                    1 => drop(bytes.remove(at)),
                    _ => bytes.insert(at, byte),
                }
            }
            drop(inspect(engine, &bytes));
        });
    }
}
