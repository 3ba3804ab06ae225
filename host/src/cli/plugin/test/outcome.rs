//! What came of a call, as a document in the words of a case's `expect`, and where two of them
//! differ. What is empty is left out, on both sides, so that a case says what matters.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::case::{Action, Input, Ranking, scope_word};
use super::given::{Given, Written};
use crate::plugins::{
    self, Act, Call, Created, Effects, Fault, KvWrite, Level, LogLine, Output, Rejection, Reply,
    Shown, TimerWrite, Usage, Verdict,
};

/// What came of a call.
pub struct Outcome {
    /// `result`, `error` or `fault`; `writes`; `requests`; `progress`.
    pub document: Value,
    /// What the plugin logged, and why it failed if it did.
    pub log: Vec<String>,
}

/// Makes the call that `input` is.
pub async fn of(call: Call<'_>, input: &Input, given: &Given) -> (Outcome, Usage) {
    let result = |value: Value| json!({ "result": value });
    let (end, effects, usage, log) = match input {
        Input::BeforeSend(draft) => told(plugins::guard_send(call, draft).await, verdict),
        Input::BeforeEdit(after, before) => {
            told(plugins::guard_edit(call, after, before).await, verdict)
        }
        Input::BeforeDelete(draft) => told(plugins::guard_delete(call, draft).await, verdict),
        Input::Event(event) => told(plugins::handle_event(call, event).await, done),
        Input::Run(command) => told(plugins::run_command(call, command).await, reply),
        Input::Complete(command) => told(plugins::complete_command(call, command).await, |found| {
            let found = found
                .iter()
                .map(|c| json!({ "value": c.value, "label": c.label }));
            result(found.collect())
        }),
        Input::Interaction(pressed) => {
            told(plugins::handle_interaction(call, pressed).await, reply)
        }
        Input::Create { kind, data } => {
            told(plugins::kind_create(call, kind, data).await, |created| {
                or_error(created, |Created { data, shown }| {
                    let mut value = shown_document(&shown);
                    value["data"] = json_or_text(&data);
                    result(value)
                })
            })
        }
        Input::Act(action) => {
            let Action {
                kind,
                data,
                state,
                action,
                value,
            } = action;
            let act = Act {
                kind,
                data,
                state,
                action,
                value,
            };
            told(plugins::kind_act(call, act).await, |shown| {
                or_error(shown, |shown| result(shown_document(&shown)))
            })
        }
        Input::Timer { name, payload } => {
            let waits = Arc::default();
            told(
                plugins::run_schedule(call, name, payload, &waits).await,
                done,
            )
        }
        Input::Seat(seat) => told(plugins::guard_seat(call, seat).await, leave),
        Input::CreateChannel { channel, seats } => {
            told(plugins::guard_create(call, channel, seats).await, leave)
        }
        Input::Connect { user } => told(plugins::guard_connect(call, user).await, leave),
        Input::Keep(file, head) => told(plugins::guard_file(call, file, head).await, leave),
        Input::Request(request) => told(plugins::handle_request(call, request).await, |response| {
            or_error(response, |response| {
                let mut value = json!({ "status": response.status });
                let headers = response.headers.into_iter();
                value["headers"] = headers.map(|(name, value)| (name, json!(value))).collect();
                value["body"] = bytes_document(&response.body);
                result(value)
            })
        }),
        Input::Rank(ranking) => {
            let Ranking {
                feed,
                argument,
                candidates,
            } = ranking;
            let ranked = plugins::rank_feed(call, feed, argument, candidates).await;
            told(ranked, |places| {
                or_error(places, |places| result(json!(places)))
            })
        }
        Input::CheckSettings(settings) => {
            told(plugins::check_settings(call, settings).await, |faults| {
                let fault = |fault: &plugins::CheckedSetting| json!({ "setting": fault.setting, "detail": fault.detail });
                result(faults.iter().map(fault).collect())
            })
        }
        Input::Start { previous } => told(plugins::start(call, previous.as_deref()).await, done),
    };
    let mut document = end;
    document["writes"] = writes(&effects).into();
    document["requests"] = given.requests().into();
    document["progress"] = given.progress().into();
    let document = compact(document);
    (Outcome { document, log }, usage)
}

/// The end of a call in the words of a case.
fn told<T>(
    ended: Result<Output<T>, Fault>,
    document: impl FnOnce(T) -> Value,
) -> (Value, Effects, Usage, Vec<String>) {
    match ended {
        Ok(output) => {
            let log = output.log.iter().map(line).collect();
            (document(output.value), output.effects, output.usage, log)
        }
        Err(fault) => {
            let mut log: Vec<String> = fault.log.iter().map(line).collect();
            log.push(format!("fault: {fault}"));
            let document = json!({ "fault": fault.kind.code() });
            (document, Effects::default(), fault.usage, log)
        }
    }
}

fn line(line: &LogLine) -> String {
    let level = match line.level {
        Level::Debug => "debug",
        Level::Info => "info",
        Level::Warn => "warn",
        Level::Error => "error",
    };
    format!("{level}: {}", line.message)
}

fn or_error<T>(ended: Result<T, String>, document: impl FnOnce(T) -> Value) -> Value {
    match ended {
        Ok(value) => document(value),
        Err(sentence) => json!({ "error": sentence }),
    }
}

fn done(ended: Result<(), String>) -> Value {
    or_error(ended, |()| json!({}))
}

fn reply(ended: Result<Option<Reply>, String>) -> Value {
    or_error(ended, |reply| match reply {
        None => json!({}),
        Some(Reply { text, blocks }) => {
            json!({ "result": { "text": text, "blocks": json_or_text(&blocks) } })
        }
    })
}

fn verdict(verdict: Verdict) -> Value {
    let value = match verdict {
        Verdict::Allow => json!("allow"),
        Verdict::Change(patch) => {
            let data = patch.data.as_deref().map(json_or_text);
            json!({ "change": { "text": patch.text, "data": data } })
        }
        Verdict::Reject(rejection) => rejected(&rejection),
        Verdict::Hold(reason) => json!({ "hold": reason }),
    };
    json!({ "result": value })
}

fn leave(leave: Result<(), Rejection>) -> Value {
    let value = leave.map_or_else(|rejection| rejected(&rejection), |()| json!("allow"));
    json!({ "result": value })
}

fn rejected(rejection: &Rejection) -> Value {
    json!({ "reject": {
        "code": rejection.code, "reason": rejection.reason,
        "retry_after_ms": rejection.retry_after_ms,
    } })
}

fn shown_document(shown: &Shown) -> Value {
    json!({
        "state": json_or_text(&shown.state),
        "text": shown.view.text,
        "blocks": json_or_text(&shown.view.blocks),
    })
}

/// Keys first, then messages, then timers: each kind in the order of the calls.
fn writes(effects: &Effects) -> Vec<Value> {
    let kv = effects.kv_writes.iter().map(|write| {
        let KvWrite {
            scope,
            key,
            value,
            ttl_ms,
        } = write;
        let mut document = json!({ "scope": scope_word(scope), "key": key, "ttl_ms": ttl_ms });
        match value {
            None => document["do"] = "kv-delete".into(),
            Some(bytes) => {
                document["do"] = "kv-set".into();
                if let Value::Object(value) = bytes_document(bytes) {
                    document
                        .as_object_mut()
                        .into_iter()
                        .for_each(|document| document.extend(value.clone()));
                }
            }
        }
        document
    });
    let chat = effects.chat.iter().filter_map(|effect| {
        let written = effect.downcast_ref::<Written>()?;
        Some(written.document.clone())
    });
    let timers = effects.timers.iter().map(|write| match write {
        TimerWrite::Set {
            name,
            at_ms,
            channel,
            payload,
        } => json!({
            "do": "timer-set", "name": name, "at_ms": at_ms, "channel": channel,
            "payload": json_or_text(payload),
        }),
        TimerWrite::Cancel { name } => json!({ "do": "timer-cancel", "name": name }),
    });
    kv.chain(chat).chain(timers).collect()
}

/// What a plugin gave as JSON; as text if it isn't.
pub fn json_or_text(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| text.into())
}

/// Bytes under a name that says how they are shown: `value` for JSON, `text`, `base64`.
pub fn bytes_document(bytes: &[u8]) -> Value {
    use base64::Engine as _;
    match (
        serde_json::from_slice::<Value>(bytes),
        std::str::from_utf8(bytes),
    ) {
        (Ok(value), _) => json!({ "value": value }),
        (_, Ok(text)) => json!({ "text": text }),
        _ => json!({ "base64": base64::engine::general_purpose::STANDARD.encode(bytes) }),
    }
}

/// Without what is empty: fields that are null, an empty text, list or table.
pub fn compact(value: Value) -> Value {
    let is_empty = |value: &Value| match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        _ => false,
    };
    match value {
        Value::Object(fields) => {
            let fields = fields
                .into_iter()
                .map(|(name, value)| (name, compact(value)));
            Value::Object(
                fields
                    .filter(|(_, value)| !is_empty(value))
                    .collect::<Map<_, _>>(),
            )
        }
        Value::Array(items) => items.into_iter().map(compact).collect(),
        value => value,
    }
}

/// A place where two documents differ.
#[derive(Debug, PartialEq)]
pub struct Difference {
    /// Such as `writes[0].text`.
    pub place: String,
    pub expected: Option<Value>,
    pub came: Option<Value>,
}

impl Difference {
    /// For people: at most two lines.
    pub fn lines(&self) -> String {
        let line = |mark: char, value: &Value| {
            let text = format!("{} = {value}", self.place);
            format!("  {mark} {}\n", crate::cli::screen::plain(&text))
        };
        let expected = self.expected.as_ref().map(|value| line('-', value));
        let came = self.came.as_ref().map(|value| line('+', value));
        expected.into_iter().chain(came).collect()
    }

    /// For programs.
    pub fn document(&self) -> Value {
        json!({ "place": self.place, "expected": self.expected, "came": self.came })
    }
}

/// Where what came differs from what was expected, by place.
pub fn differences(expected: &Value, came: &Value) -> Vec<Difference> {
    let expected = leaves(compact(expected.clone()));
    let came = leaves(compact(came.clone()));
    let places: std::collections::BTreeSet<&Vec<Step>> =
        expected.keys().chain(came.keys()).collect();
    places
        .into_iter()
        .filter(|place| expected.get(*place) != came.get(*place))
        .map(|place| Difference {
            place: shown(place),
            expected: expected.get(place).cloned(),
            came: came.get(place).cloned(),
        })
        .collect()
}

/// A way into a document; lists are in the order of their numbers.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Item(usize),
    Field(String),
}

fn shown(place: &[Step]) -> String {
    let mut text = String::new();
    for step in place {
        match step {
            Step::Item(at) => text.push_str(&format!("[{at}]")),
            Step::Field(name) if text.is_empty() => text.push_str(name),
            Step::Field(name) => text.push_str(&format!(".{name}")),
        }
    }
    text
}

fn leaves(value: Value) -> BTreeMap<Vec<Step>, Value> {
    fn walk(at: &mut Vec<Step>, value: Value, found: &mut BTreeMap<Vec<Step>, Value>) {
        match value {
            Value::Object(fields) if !fields.is_empty() => {
                for (name, value) in fields {
                    at.push(Step::Field(name));
                    walk(at, value, found);
                    at.pop();
                }
            }
            Value::Array(items) if !items.is_empty() => {
                for (place, value) in items.into_iter().enumerate() {
                    at.push(Step::Item(place));
                    walk(at, value, found);
                    at.pop();
                }
            }
            // An empty document has no leaf.
            Value::Object(_) if at.is_empty() => {}
            leaf => {
                found.insert(at.clone(), leaf);
            }
        }
    }
    let mut found = BTreeMap::new();
    walk(&mut Vec::new(), value, &mut found);
    found
}
