//! Asks a shadow what the active version was asked, and compares. Nobody waits for it, and nothing comes
//! of it: its writes are dropped, and it sees the values that the other one saw. What is kept of a
//! difference is what the two decided or how much they wrote, never what a message says.

use std::fmt::Write as _;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher, Hash};
use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, mpsc};

use super::aside::Aside;
use super::calls::calling;
use super::judge::Matter;
use super::{chain, gates};
use crate::app::{Again, App, Difference, Installed, Pair, Trial};
use crate::plugins::{
    self, Act, Call, Candidate, Choice, Command, Context, Created, Draft, Effects, EndpointRequest,
    EndpointResponse, Event, Fault, FaultKind, Hook, Interaction, Json, Output, Rejection, Reply,
    Seen, Shown, TimerWrite, Usage, Verdict,
};

/// What a version was asked, whole.
pub(super) enum Question {
    Send(Draft),
    Edit(Draft, Draft),
    Delete(Draft),
    Gate(gates::Question),
    Create {
        kind: String,
        data: Json,
    },
    Act {
        kind: String,
        data: Json,
        state: Json,
        action: String,
        value: Json,
    },
    Event(Event),
    Timer {
        name: String,
        payload: Json,
    },
    Command(Command),
    Completion(Command),
    Interaction(Interaction),
    Request(EndpointRequest),
    Rank {
        feed: String,
        argument: String,
        candidates: Vec<Candidate>,
        /// Candidates are large: those of one call wait.
        _place: OwnedSemaphorePermit,
    },
}

impl Question {
    async fn put(&self, call: Call<'_>) -> Result<Output<Said>, Fault> {
        match self {
            Self::Send(draft) => self.told(plugins::guard_send(call, draft).await),
            Self::Edit(draft, before) => self.told(plugins::guard_edit(call, draft, before).await),
            Self::Delete(draft) => self.told(plugins::guard_delete(call, draft).await),
            Self::Gate(question) => self.told(question.put(call).await),
            Self::Create { kind, data } => self.told(plugins::kind_create(call, kind, data).await),
            Self::Act {
                kind,
                data,
                state,
                action,
                value,
            } => {
                let act = Act {
                    kind,
                    data,
                    state,
                    action,
                    value,
                };
                self.told(plugins::kind_act(call, act).await)
            }
            Self::Event(event) => self.told(plugins::handle_event(call, event).await),
            Self::Timer { name, payload } => {
                // One that is only compared begins no long wait.
                let waits = Arc::default();
                self.told(plugins::run_schedule(call, name, payload, &waits).await)
            }
            Self::Command(command) => self.told(plugins::run_command(call, command).await),
            Self::Completion(command) => self.told(plugins::complete_command(call, command).await),
            Self::Interaction(interaction) => {
                self.told(plugins::handle_interaction(call, interaction).await)
            }
            Self::Request(request) => self.told(plugins::handle_request(call, request).await),
            Self::Rank {
                feed,
                argument,
                candidates,
                ..
            } => self.told(plugins::rank_feed(call, feed, argument, candidates).await),
        }
    }

    /// The outcome in a form that can be compared.
    fn told<T: Tell>(&self, outcome: Result<Output<T>, Fault>) -> Result<Output<Said>, Fault> {
        let output = outcome?;
        let mut said = output.value.said(self);
        said.add(&output.effects);
        Ok(Output {
            value: said,
            effects: output.effects,
            usage: output.usage,
            log: output.log,
        })
    }
}

/// What a version said, in a word or a sentence, and what tells it from another with the same words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Said {
    words: String,
    hash: u64,
}

impl Said {
    fn new(words: impl Into<String>, content: impl Hash) -> Self {
        Self {
            words: words.into(),
            hash: hash(content),
        }
    }

    fn failed(fault: &Fault) -> Self {
        Self::new(format!("failed: {}", fault.kind.code()), ())
    }

    /// Adds what a handler wrote.
    fn add(&mut self, effects: &Effects) {
        let asked = &effects.watched.asked;
        if effects.is_empty() && asked.is_empty() {
            return;
        }
        let mut parts = Vec::new();
        for what in ["send", "edit", "delete", "act", "attach"] {
            parts.push((
                asked.iter().filter(|asked| asked.what == what).count(),
                what,
            ));
        }
        parts.push((effects.kv_writes.len(), "write of a value"));
        parts.push((effects.timers.len(), "timer"));
        for (count, what) in parts.into_iter().filter(|(count, _)| *count > 0) {
            let _ = write!(self.words, ", {count} × {what}");
        }
        let asked: Vec<u64> = asked.iter().map(|asked| asked.hash).collect();
        let mut values: Vec<u64> = Vec::with_capacity(effects.kv_writes.len());
        for write in &effects.kv_writes {
            let scope = super::handlers::scope(&write.scope);
            values.push(hash((scope, &write.key, &write.value, write.ttl_ms)));
        }
        values.sort_unstable();
        let timers: Vec<u64> = effects.timers.iter().map(of_timer).collect();
        self.hash = hash((self.hash, asked, values, timers));
    }
}

/// When a timer is due depends on the moment of the call, which is the same for both.
fn of_timer(write: &TimerWrite) -> u64 {
    match write {
        TimerWrite::Set {
            name,
            at_ms,
            channel,
            payload,
        } => hash((name, at_ms, channel, payload)),
        TimerWrite::Cancel { name } => hash(name),
    }
}

fn hash(content: impl Hash) -> u64 {
    BuildHasherDefault::<DefaultHasher>::new().hash_one(content)
}

/// What a hook returns, as it is told.
pub(super) trait Tell {
    fn said(&self, question: &Question) -> Said;
}

impl Tell for Verdict {
    fn said(&self, question: &Question) -> Said {
        match self {
            Self::Allow => allowed(),
            Self::Reject(rejection) => rejected(rejection),
            Self::Hold(reason) => Said::new(format!("hold: {reason}"), ()),
            Self::Change(patch) => {
                // A change into what it is already is none.
                let (Question::Send(draft) | Question::Edit(draft, _)) = question else {
                    return allowed();
                };
                match chain::changes_nothing(draft, patch) {
                    true => allowed(),
                    false => Said::new("change", (&patch.text, &patch.data)),
                }
            }
        }
    }
}

fn allowed() -> Said {
    Said::new("allow", ())
}

fn rejected(rejection: &Rejection) -> Said {
    let Rejection { code, reason, .. } = rejection;
    Said::new(format!("reject {code}: {reason}"), ())
}

fn refused(sentence: &String) -> Said {
    Said::new("refuse", sentence)
}

impl Tell for Result<(), Rejection> {
    fn said(&self, _: &Question) -> Said {
        self.as_ref().map_or_else(rejected, |()| allowed())
    }
}

impl Tell for Result<(), String> {
    fn said(&self, _: &Question) -> Said {
        self.as_ref()
            .map_or_else(refused, |()| Said::new("done", ()))
    }
}

impl Tell for Result<Option<Reply>, String> {
    fn said(&self, _: &Question) -> Said {
        match self {
            Ok(None) => Said::new("done", ()),
            Ok(Some(reply)) => Said::new("done with a reply", (&reply.text, &reply.blocks)),
            Err(sentence) => refused(sentence),
        }
    }
}

impl Tell for Vec<Choice> {
    fn said(&self, _: &Question) -> Said {
        let choices: Vec<_> = self.iter().map(|c| (&c.value, &c.label)).collect();
        Said::new(format!("{} choices", choices.len()), choices)
    }
}

/// Everything that is shown and kept of a message of a kind.
fn parts(shown: &Shown) -> (&str, &str, &str) {
    (&shown.state, &shown.view.text, &shown.view.blocks)
}

impl Tell for Result<Created, String> {
    fn said(&self, _: &Question) -> Said {
        match self {
            Ok(created) => Said::new("create", (&created.data, parts(&created.shown))),
            Err(sentence) => refused(sentence),
        }
    }
}

impl Tell for Result<Shown, String> {
    fn said(&self, _: &Question) -> Said {
        match self {
            Ok(shown) => Said::new("act", parts(shown)),
            Err(sentence) => refused(sentence),
        }
    }
}

impl Tell for Result<Vec<u32>, String> {
    fn said(&self, _: &Question) -> Said {
        match self {
            Ok(places) => Said::new(format!("{} places", places.len()), places),
            Err(sentence) => refused(sentence),
        }
    }
}

impl Tell for Result<EndpointResponse, String> {
    fn said(&self, _: &Question) -> Said {
        match self {
            Ok(response) => Said::new(
                format!("answer {}", response.status),
                (&response.headers, &response.body),
            ),
            Err(sentence) => refused(sentence),
        }
    }
}

/// Has the shadow of `installed`, if there is one, asked what that was just asked.
pub(super) fn follow<T: Tell>(
    app: &App,
    installed: &Installed,
    hook: Hook,
    context: &Context,
    outcome: &Result<Output<T>, Fault>,
    question: impl FnOnce() -> Question,
) {
    let Some((shadow, trial)) = installed.shadow() else {
        return;
    };
    let question = question();
    let (said, usage, effects) = match outcome {
        Ok(output) => {
            let mut said = output.value.said(&question);
            said.add(&output.effects);
            (said, output.usage, Some(&output.effects))
        }
        // Nothing is known of what the plugin would have said.
        Err(fault) if fault.kind == FaultKind::Overloaded => return,
        Err(fault) => (Said::failed(fault), fault.usage, None),
    };
    let seen = effects.map(|effects| effects.watched.seen.clone());
    let asked = Asked {
        hook,
        context: context.clone(),
        question,
        active: said,
        usage,
        chat: Arc::new(Aside::new(shadow.chat.clone(), seen.unwrap_or_default())),
    };
    hand_over(app, shadow, trial, asked);
}

/// The same for a feed, unless the candidates of another call wait.
pub(super) fn follow_ranking(
    app: &App,
    installed: &Installed,
    context: &Context,
    outcome: &Result<Output<Result<Vec<u32>, String>>, Fault>,
    (feed, argument, candidates): (&str, &str, Vec<Candidate>),
) {
    let Some((_, trial)) = installed
        .shadow()
        .filter(|(shadow, _)| shadow.has(Hook::Feed))
    else {
        return;
    };
    let Some(place) = trial.ranking() else {
        return drop_one(app, trial, Hook::Feed);
    };
    follow(app, installed, Hook::Feed, context, outcome, || {
        Question::Rank {
            feed: feed.to_owned(),
            argument: argument.to_owned(),
            candidates,
            _place: place,
        }
    });
}

/// Has shadows asked that have a guard where the active version has none, which is as if that allowed
/// everything.
pub(super) fn follow_missing<'a>(
    app: &App,
    installs: impl Iterator<Item = &'a Arc<Installed>>,
    hook: Hook,
    context: impl Fn() -> Context,
    question: impl Fn() -> Question,
) {
    for installed in installs.filter(|installed| !installed.has(hook)) {
        let Some((shadow, trial)) = installed.shadow() else {
            continue;
        };
        let asked = Asked {
            hook,
            context: context(),
            question: question(),
            active: allowed(),
            usage: Usage::default(),
            chat: Arc::new(Aside::new(shadow.chat.clone(), Seen::default())),
        };
        hand_over(app, shadow, trial, asked);
    }
}

/// A call that is to be made again.
struct Asked {
    hook: Hook,
    context: Context,
    question: Question,
    active: Said,
    /// What the active version's call took.
    usage: Usage,
    chat: Arc<dyn plugins::Chat>,
}

fn hand_over(app: &App, shadow: &Arc<Installed>, trial: &Arc<Trial>, asked: Asked) {
    if !shadow.has(asked.hook) {
        return;
    }
    let hook = asked.hook;
    let (shadow, of) = (shadow.clone(), Arc::downgrade(trial));
    let again = move |app: Arc<App>| async move {
        // One that was given up meanwhile is of no interest.
        let Some(trial) = of.upgrade().filter(|trial| !trial.is_over()) else {
            return;
        };
        if ask(&app, &shadow, &trial, asked).await.is_none() {
            drop_one(&app, &trial, hook);
        }
    };
    if !trial.again(Box::new(|app| Box::pin(again(app)))) {
        drop_one(app, trial, hook);
    }
}

fn drop_one(app: &App, trial: &Trial, hook: Hook) {
    trial.compared.drop_one(hook);
    app.metrics.plugin_shadow_call("dropped");
}

/// Asks and compares; none for a call that could not be made.
async fn ask(app: &App, shadow: &Installed, trial: &Trial, asked: Asked) -> Option<()> {
    let Asked {
        hook,
        context,
        question,
        active,
        usage,
        chat,
    } = asked;
    let calling = calling(app, shadow, hook, (&context.channel, &context.actor)).ok()?;
    let call = Call {
        chat: &chat,
        ..calling.with(&context)
    };
    // What a trial said is kept in its own figures, not among the calls recorded of the install.
    let outcome = calling.note_judged(None, question.put(call).await);
    drop(question); // Its place, if it had one, is free.
    let (candidate, took) = match &outcome {
        Ok(output) => (output.value.clone(), output.usage),
        Err(fault) if fault.kind == FaultKind::Overloaded => return None,
        Err(fault) => (Said::failed(fault), fault.usage),
    };
    let is_same = active == candidate;
    let mut words = candidate.words;
    if !is_same && words == active.words {
        words.push_str(", with another content");
    }
    trial.compared.add(Pair {
        hook,
        active: usage,
        candidate: took,
        has_failed: outcome.is_err(),
        difference: (!is_same).then(|| Difference {
            at: app.clock.now(),
            hook,
            channel: context.channel,
            active: active.words,
            candidate: words,
        }),
    });
    app.metrics
        .plugin_shadow_call(if is_same { "same" } else { "different" });
    Some(())
}

/// Makes the calls of a shadow, one after the other, until it is not one any more.
pub(super) fn run(app: &Arc<App>, mut calls: mpsc::Receiver<Again>) {
    // The host must not live on for it.
    let (app, mut stopping) = (Arc::downgrade(app), app.stopping.subscribe());
    tokio::spawn(async move {
        loop {
            let call = tokio::select! {
                call = calls.recv() => call,
                _ = stopping.wait_for(|stopping| *stopping) => return,
            };
            match (call, app.upgrade()) {
                (Some(call), Some(app)) => call(app).await,
                _ => return,
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plugins::{Asked, Patch};

    #[test]
    fn a_change_into_what_it_is_already_is_none() {
        let draft = Draft {
            kind: "task".into(),
            text: "Call Bob".into(),
            data: r#"{"title":"Call Bob","items":[]}"#.into(),
        };
        let question = Question::Send(draft);
        let said = |text: Option<&str>, data: Option<&str>| {
            let [text, data] = [text, data].map(|part| part.map(str::to_owned));
            Verdict::Change(Patch { text, data }).said(&question).words
        };
        let allow = allowed().words;
        assert_eq!(said(None, None), allow);
        // Another way to write the same JSON is no other data.
        let same = r#"{"items": [], "title": "Call Bob"}"#;
        assert_eq!(said(Some("Call Bob"), Some(same)), allow);
        assert_eq!(said(Some("call Bob"), None), "change");
        assert_eq!(said(Some("Call Bob"), Some("{}")), "change");
    }

    #[test]
    fn all_that_a_handler_asked_for_is_counted() {
        let mut effects = Effects::default();
        let all = ["attach", "act", "delete", "edit", "send", "attach"];
        effects
            .watched
            .asked
            .extend(all.map(|what| Asked { what, hash: 0 }));
        let mut said = Said::new("done", ());
        said.add(&effects);
        let words = "done, 1 × send, 1 × edit, 1 × delete, 1 × act, 2 × attach";
        assert_eq!(said.words, words);
    }
}
