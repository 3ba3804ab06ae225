//! A call as it went: what came of it, and the case that makes it again.

use serde_json::{Value, json};

use super::tape::{Asked, Noted, Noticed};
use super::told::{self, Told};
use super::{Written, WrittenContext};
use crate::plugins::{Context, Effects, Fault, Hook, Output, Usage};

/// A call as it went.
pub struct Recorded {
    /// In the words of a case's `expect`, with all that is empty.
    pub outcome: Value,
    /// `ok`, `error` for a sentence that it failed with, or the code of its fault.
    pub end: &'static str,
    /// What the plugin logged, and why it failed if it did.
    pub log: Vec<String>,
    /// What it took.
    pub usage: Usage,
    /// What it asked that the recording played to it has no answer to.
    pub unknown: Vec<String>,
    /// False if it was too much to note all of it.
    pub whole: bool,
    /// What it asked and was told takes so many bytes as JSON.
    pub bytes: usize,
    call: Option<Noticed>,
    asked: Vec<Asked>,
    served: u32,
}

impl Recorded {
    pub(super) fn new<T: Told>(
        noted: Noted,
        whole: bool,
        outcome: &Result<Output<T>, Fault>,
    ) -> Self {
        let (mut document, usage, lines) = match outcome {
            Ok(output) => (output.value.told(), output.usage, &output.log),
            Err(fault) => (
                json!({ "fault": fault.kind.code() }),
                fault.usage,
                &fault.log,
            ),
        };
        let mut log: Vec<String> = lines.iter().map(told::line).collect();
        let end = match outcome {
            Ok(_) if document.get("error").is_some() => "error",
            Ok(_) => "ok",
            Err(fault) => {
                log.push(format!("fault: {fault}"));
                fault.kind.code()
            }
        };
        let effects = outcome.as_ref().map(|output| &output.effects).ok();
        document["writes"] = effects
            .map_or_else(Vec::new, |e| writes(e, &noted.asked))
            .into();
        document["requests"] = requests(&noted.asked).into();
        document["progress"] = progress(&noted.asked).into();
        let Noted {
            call,
            asked,
            served,
            unknown,
            bytes,
            ..
        } = noted;
        Self {
            outcome: document,
            end,
            log,
            usage,
            unknown,
            whole,
            bytes,
            call,
            asked,
            served,
        }
    }

    /// The hook, and which of its functions.
    pub fn function(&self) -> Option<(Hook, &'static str)> {
        self.call.as_ref().map(|call| call.input.function())
    }

    /// When, where and by whom.
    pub fn context(&self) -> Option<&Context> {
        self.call.as_ref().map(|call| &call.context)
    }

    /// What was called, and what it asked and was told; `None` if not all of it was noted.
    pub fn into_call(self) -> Option<(Noticed, Vec<Asked>)> {
        self.call.filter(|_| self.whole).zip(Some(self.asked))
    }

    /// What came of it for people to read and compare: without what is empty.
    pub fn brief(&self) -> Value {
        super::compact(self.outcome.clone())
    }

    /// The call as a case, JSON; `None` if not all of it was noted. `grants` is what the tenant had
    /// granted, `about` what the case says of itself.
    pub fn case(&self, grants: &[String], mut about: Value) -> Option<String> {
        let call = self.call.as_ref().filter(|_| self.whole)?;
        let (hook, function) = call.input.function();
        about["log"] = json!(self.log);
        if self.served > 0 {
            about["served_before"] = self.served.into();
        }
        let written = Written {
            hook: hook.name().to_owned(),
            call: Some(function.to_owned()),
            context: WrittenContext::from(&call.context),
            config: super::Document(call.config.to_string()),
            input: call.input.write(),
            given: Default::default(),
            grants: Some(grants.to_vec()),
            answers: Some(self.asked.clone()),
            expect: self.outcome.clone(),
            recorded: Some(about),
        };
        serde_json::to_string(&written).ok()
    }
}

/// Keys first, then messages, then timers: each kind in the order of the calls.
fn writes(effects: &Effects, asked: &[Asked]) -> Vec<Value> {
    let chat = asked.iter().filter_map(|asked| {
        let what = match asked.function.as_str() {
            "chat-write.progress" => return None,
            "chat-attach.attach" => "attach",
            function => function.strip_prefix("chat-write.")?,
        };
        // What an error undid was answered all the same.
        if effects.chat.is_empty() || asked.unanswered || asked.error.is_some() {
            return None;
        }
        let mut document = asked.arguments.clone();
        document["do"] = what.into();
        Some(document)
    });
    let kv = told::kv_writes(effects);
    kv.chain(chat).chain(told::timer_writes(effects)).collect()
}

/// What it sent to the outside.
fn requests(asked: &[Asked]) -> Vec<Value> {
    let is_sent = |asked: &&Asked| matches!(asked.function.as_str(), "http.send" | "http.open");
    let sent = asked.iter().filter(is_sent);
    sent.map(|asked| asked.arguments.clone()).collect()
}

/// What it showed of messages that are not done.
fn progress(asked: &[Asked]) -> Vec<Value> {
    let shown = asked
        .iter()
        .filter(|asked| asked.function == "chat-write.progress" && asked.error.is_none());
    shown.map(|asked| asked.arguments.clone()).collect()
}
