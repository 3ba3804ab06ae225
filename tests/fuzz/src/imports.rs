//! Whatever a plugin asks of the host, in whatever order and from whichever hook, it hears what a simple
//! model of the host says: it reads back what it wrote, every quota holds, and a class of call that may
//! not write writes nothing.

mod ask;
mod model;

use std::sync::Arc;

use althing::plugins::{
    Call, Chat, Command, Draft, Effects, Event, Fault, FaultKind, LogLine, Output,
    complete_command, guard_send, handle_event, kind_create, rank_feed, run_command, run_schedule,
};
use arbitrary::{Arbitrary as _, Unstructured};
use serde::Serialize;
use serde_json::{Value, json};

use crate::puppet;
use crate::world::{ENGINE, World, block_on};
use ask::{Ask, Committed};
use model::Model;

/// A kind of call, by what it may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    Guard,
    Kind,
    Feed,
    Completion,
    Command,
    Event,
    Timer,
}

made!(Class [Guard, Kind, Feed, Completion, Command, Event, Timer]);

/// One call: from which hook, what there was before, what it asks, and whether it fails in the end.
#[derive(Debug)]
struct Script {
    class: Class,
    committed: Vec<Committed>,
    fails: bool,
    asks: Vec<Ask>,
}

made!(Script {
    class,
    committed,
    fails,
    asks
});

#[derive(Serialize)]
struct Strings<'a> {
    asks: &'a [Ask],
    answer: Value,
}

/// What came of a call, whatever its hook.
struct Ended {
    effects: Effects,
    log: Vec<LogLine>,
}

/// Has the puppet ask, and the model.
pub fn run(bytes: &[u8]) {
    let Ok(script) = Script::arbitrary(&mut Unstructured::new(bytes)) else {
        return;
    };
    let kv = script.committed.iter().map(Committed::entry).collect();
    let mut model = Model::new(script.class, &kv);
    let told: Vec<String> = script.asks.iter().map(|ask| model.answer(ask)).collect();
    let install = puppet::install(&Strings {
        asks: &script.asks,
        answer: script.class.answer(script.fails),
    });
    let context = puppet::context();
    let chat: Arc<dyn Chat> = Arc::new(World { kv: kv.clone() });
    let call = Call {
        install: &install,
        chat: &chat,
        context: &context,
    };
    let ended = block_on(script.class.call(call));
    // Its settings and its report are calls, too.
    let calls = 1 + script.asks.len() + usize::from(!script.asks.is_empty());
    if calls > ENGINE.limits().host_calls_max as usize {
        let fault = ended.err().expect("more calls than it may make");
        assert_eq!(fault.kind, FaultKind::HostCallLimit, "{fault}");
        return;
    }
    let ended = ended.unwrap_or_else(|fault| panic!("{fault} of {script:?}"));
    if !told.is_empty() {
        let report = ended.log.last().expect("a report");
        assert_eq!(report.message, told.join("\n"), "of {script:?}");
    }
    assert_eq!(ENGINE.figures("puppet").all(), model.figures);
    model.check(&ended.effects, script.fails);
}

impl Class {
    fn may_read(self) -> bool {
        !matches!(self, Self::Kind | Self::Feed)
    }

    fn may_count(self) -> bool {
        self == Self::Guard || self.may_write()
    }

    fn may_write(self) -> bool {
        matches!(self, Self::Command | Self::Event | Self::Timer)
    }

    /// What its hook returns; where it can't fail, it doesn't.
    fn answer(self, fails: bool) -> Value {
        match self {
            Self::Guard => json!("Allow"),
            Self::Completion => json!([]),
            _ if fails => json!({ "Err": "in the end" }),
            Self::Kind => {
                let shown = json!({ "state": "{}", "view": { "text": "", "blocks": "" } });
                json!({ "Ok": { "data": "{}", "shown": shown } })
            }
            Self::Feed => json!({ "Ok": [] }),
            Self::Command | Self::Event | Self::Timer => json!({ "Ok": null }),
        }
    }

    async fn call(self, call: Call<'_>) -> Result<Ended, Fault> {
        fn ended<T>(output: Output<T>) -> Ended {
            let Output { effects, log, .. } = output;
            Ended { effects, log }
        }
        let json = "{}".to_owned();
        let command = Command {
            name: "puppet".into(),
            text: String::new(),
        };
        match self {
            Self::Guard => {
                let draft = Draft {
                    kind: "text".into(),
                    text: "a".into(),
                    data: "\"a\"".into(),
                };
                guard_send(call, &draft).await.map(ended)
            }
            Self::Kind => kind_create(call, "puppet", &json).await.map(ended),
            Self::Feed => rank_feed(call, "puppet", "", &[]).await.map(ended),
            Self::Completion => complete_command(call, &command).await.map(ended),
            Self::Command => run_command(call, &command).await.map(ended),
            Self::Event => {
                let event = Event {
                    kind: "message.new".into(),
                    seq: 1,
                    ts_ms: 1,
                    data: json,
                };
                handle_event(call, &event).await.map(ended)
            }
            Self::Timer => {
                let waits = Arc::default();
                run_schedule(call, "t", &json, &waits).await.map(ended)
            }
        }
    }
}
