//! What came of a call, as a document in the words of a case's `expect`.

use serde_json::{Value, json};

use super::things::{bytes_document, headers_document, json_or_text, scope_word};
use crate::plugins::{
    CheckedSetting, Choice, Created, Effects, EndpointResponse, KvWrite, Level, LogLine, Rejection,
    Reply, Shown, TimerWrite, Verdict,
};

/// What a hook returns.
pub trait Told {
    /// A table with `result` or `error`; empty when there is nothing to say.
    fn told(&self) -> Value;
}

/// What is told already.
impl Told for Value {
    fn told(&self) -> Value {
        self.clone()
    }
}

fn result(value: Value) -> Value {
    json!({ "result": value })
}

impl<T: Told> Told for Result<T, String> {
    fn told(&self) -> Value {
        match self {
            Ok(value) => value.told(),
            Err(sentence) => json!({ "error": sentence }),
        }
    }
}

impl Told for () {
    fn told(&self) -> Value {
        json!({})
    }
}

impl Told for Option<Reply> {
    fn told(&self) -> Value {
        self.as_ref().map_or_else(
            || json!({}),
            |Reply { text, blocks }| {
                result(json!({ "text": text, "blocks": json_or_text(blocks) }))
            },
        )
    }
}

impl Told for Verdict {
    fn told(&self) -> Value {
        result(match self {
            Self::Allow => json!("allow"),
            Self::Change(patch) => {
                let data = patch.data.as_deref().map(json_or_text);
                json!({ "change": { "text": patch.text, "data": data } })
            }
            Self::Reject(rejection) => rejected(rejection),
            Self::Hold(reason) => json!({ "hold": reason }),
        })
    }
}

impl Told for Result<(), Rejection> {
    fn told(&self) -> Value {
        result(match self {
            Ok(()) => json!("allow"),
            Err(rejection) => rejected(rejection),
        })
    }
}

fn rejected(rejection: &Rejection) -> Value {
    json!({ "reject": {
        "code": rejection.code, "reason": rejection.reason,
        "retry_after_ms": rejection.retry_after_ms,
    } })
}

impl Told for Vec<Choice> {
    fn told(&self) -> Value {
        let choice = |choice: &Choice| json!({ "value": choice.value, "label": choice.label });
        result(self.iter().map(choice).collect())
    }
}

impl Told for Shown {
    fn told(&self) -> Value {
        result(shown(self))
    }
}

impl Told for Created {
    fn told(&self) -> Value {
        let mut value = shown(&self.shown);
        value["data"] = json_or_text(&self.data);
        result(value)
    }
}

fn shown(shown: &Shown) -> Value {
    json!({
        "state": json_or_text(&shown.state),
        "text": shown.view.text,
        "blocks": json_or_text(&shown.view.blocks),
    })
}

impl Told for EndpointResponse {
    fn told(&self) -> Value {
        let headers = self.headers.iter();
        let headers = headers.map(|(name, value)| (name.as_str(), json!(value)));
        result(json!({
            "status": self.status,
            "headers": headers_document(headers.collect()),
            "body": bytes_document(&self.body),
        }))
    }
}

impl Told for Vec<u32> {
    fn told(&self) -> Value {
        result(json!(self))
    }
}

impl Told for Vec<CheckedSetting> {
    fn told(&self) -> Value {
        let fault =
            |fault: &CheckedSetting| json!({ "setting": fault.setting, "detail": fault.detail });
        result(self.iter().map(fault).collect())
    }
}

/// The keys that a call wrote.
pub(super) fn kv_writes(effects: &Effects) -> impl Iterator<Item = Value> {
    effects.kv_writes.iter().map(|write| {
        let KvWrite {
            scope,
            key,
            value,
            ttl_ms,
        } = write;
        let mut document = match value {
            None => json!({ "do": "kv-delete" }),
            Some(bytes) => bytes_document(bytes),
        };
        if value.is_some() {
            document["do"] = "kv-set".into();
        }
        document["scope"] = scope_word(scope).into();
        document["key"] = key.as_str().into();
        document["ttl_ms"] = json!(ttl_ms);
        document
    })
}

/// The timers that a call set and cancelled, in the order of the calls.
pub(super) fn timer_writes(effects: &Effects) -> impl Iterator<Item = Value> {
    effects.timers.iter().map(|write| match write {
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
    })
}

/// A line of the plugin's log.
pub(super) fn line(line: &LogLine) -> String {
    let level = match line.level {
        Level::Debug => "debug",
        Level::Info => "info",
        Level::Warn => "warn",
        Level::Error => "error",
    };
    format!("{level}: {}", line.message)
}
