//! Asks a shadow what the active version was asked, and compares. Nobody waits for it, and nothing comes
//! of it: its writes are dropped, and what the other one was told it is told, too. What is kept of a
//! difference is what the two decided or how much they wrote, never what a message says.

use std::fmt::Write as _;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::sync::Arc;

use serde_json::{Value, json};
use tokio::sync::{OwnedSemaphorePermit, mpsc};

use super::calls::calling;
use crate::app::{Again, App, Difference, Installed, Pair, Trial};
use crate::plugins::case::{self, Input, Noticed, Recorded, Tape};
use crate::plugins::{Call, Chat, Context, Draft, FaultKind, Hook, Usage};

/// The most that a call may have asked and been told to be made again, and may ask then: so much may wait of
/// each.
pub(super) const TOLD_BYTES_MAX: usize = 256 * 1024;

/// A shadow that is to be asked what is about to be asked.
pub(super) struct Follower<'a> {
    pub shadow: &'a Arc<Installed>,
    trial: &'a Arc<Trial>,
    /// Of a feed: the place of its candidates.
    place: Option<OwnedSemaphorePermit>,
}

/// The shadow of `installed`, if there is one that has the hook.
pub(super) fn follower<'a>(
    app: &App,
    installed: &'a Installed,
    hook: Hook,
) -> Option<Follower<'a>> {
    let (shadow, trial) = installed.shadow()?;
    if !shadow.has(hook) {
        return None;
    }
    let mut place = None;
    if hook == Hook::Feed {
        // Candidates are large: those of one call wait.
        place = trial.ranking();
        if place.is_none() {
            drop_one(app, trial, hook);
            return None;
        }
    }
    Some(Follower {
        shadow,
        trial,
        place,
    })
}

/// What a version said: a word or a sentence, and what tells it from another with the same words.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Said {
    words: String,
    hash: u64,
}

impl Said {
    /// `outcome` is in the words of a case's `expect`.
    fn new(input: &Input, mut outcome: Value) -> Self {
        if changes_nothing(input, &outcome["result"]["change"]) {
            outcome["result"] = "allow".into();
        }
        if let Some(fields) = outcome.as_object_mut() {
            // How often it shows what it has so far depends on the moment.
            fields.remove("progress");
        }
        let mut words = in_words(input, &outcome);
        add_counts(&mut words, &outcome);
        let document = case::compact(outcome).to_string();
        Self {
            words,
            hash: BuildHasherDefault::<DefaultHasher>::new().hash_one(document),
        }
    }
}

/// Whether a change of a guard makes what it was shown into what it is already. That is none.
fn changes_nothing(input: &Input, change: &Value) -> bool {
    let draft: &Draft = match input {
        Input::BeforeSend(draft) | Input::BeforeEdit { after: draft, .. } => draft,
        Input::BeforeDelete(_) => return !change.is_null(),
        _ => return false,
    };
    let (text, data) = (&change["text"], &change["data"]);
    let same_data = || serde_json::from_str(&draft.data).is_ok_and(|same: Value| same == *data);
    change.is_object()
        && (text.is_null() || *text == *draft.text)
        && (data.is_null() || same_data())
}

fn in_words(input: &Input, outcome: &Value) -> String {
    if let Some(code) = outcome["fault"].as_str() {
        return format!("failed: {code}");
    }
    if !outcome["error"].is_null() {
        return "refuse".into();
    }
    let result = &outcome["result"];
    let length = result.as_array().map_or(0, Vec::len);
    match input {
        Input::Complete(_) => format!("{length} choices"),
        Input::Rank(_) => format!("{length} places"),
        Input::Create { .. } => "create".into(),
        Input::Act(_) => "act".into(),
        Input::Request(_) => format!("answer {}", result["status"]),
        Input::Run(_) | Input::Interaction(_) if !result.is_null() => "done with a reply".into(),
        _ => verdict(result).unwrap_or_else(|| "done".into()),
    }
}

/// What a guard says; none if it is no guard.
fn verdict(result: &Value) -> Option<String> {
    if let Some(word) = result.as_str() {
        return Some(word.to_owned());
    }
    let (what, said) = result.as_object()?.iter().next()?;
    let text = |field: &Value| field.as_str().unwrap_or_default().to_owned();
    Some(match what.as_str() {
        "reject" => format!("reject {}: {}", text(&said["code"]), text(&said["reason"])),
        "hold" => format!("hold: {}", text(said)),
        what => what.to_owned(),
    })
}

/// Adds how much it wrote and sent.
fn add_counts(words: &mut String, outcome: &Value) {
    let list = |name: &str| outcome[name].as_array().map_or(&[][..], Vec::as_slice);
    let written = |named: &[&str]| {
        let which = |write: &&Value| {
            write["do"]
                .as_str()
                .is_some_and(|what| named.contains(&what))
        };
        list("writes").iter().filter(which).count()
    };
    for (count, what) in [
        (written(&["send"]), "send"),
        (written(&["edit"]), "edit"),
        (written(&["delete"]), "delete"),
        (written(&["act"]), "act"),
        (written(&["attach"]), "attach"),
        (written(&["kv-set", "kv-delete"]), "write of a value"),
        (written(&["timer-set", "timer-cancel"]), "timer"),
        (list("requests").len(), "request"),
    ] {
        if count > 0 {
            let _ = write!(words, ", {count} × {what}");
        }
    }
}

/// Has a shadow asked what was asked in the call that was recorded.
pub(super) fn follow(app: &App, follower: Follower<'_>, recorded: Recorded) {
    // Nothing is known of what the plugin would have said.
    if recorded.end == FaultKind::Overloaded.code() {
        return;
    }
    let Some((hook, _)) = recorded.function() else {
        return; // It was not called after all.
    };
    let outcome = recorded.outcome.clone();
    let (usage, bytes) = (recorded.usage, recorded.bytes);
    let call = recorded.into_call().filter(|_| bytes <= TOLD_BYTES_MAX);
    let Some((Noticed { context, input, .. }, told)) = call else {
        return drop_one(app, follower.trial, hook);
    };
    let asked = Asked {
        active: Said::new(&input, outcome),
        context,
        input,
        told,
        usage,
        place: follower.place,
    };
    hand_over(app, follower.shadow, follower.trial, asked);
}

/// Has the shadow of a version asked that was asked nothing, for want of the hook or because it wants no
/// such event. That is as if it had done nothing, or allowed everything.
pub(super) fn follow_silent(
    app: &App,
    installed: &Installed,
    context: impl FnOnce() -> Context,
    input: impl FnOnce() -> Input,
) {
    let Some((shadow, trial)) = installed.shadow() else {
        return;
    };
    let input = input();
    let (hook, _) = input.function();
    if !shadow.has(hook) {
        return;
    }
    let nothing = match hook {
        Hook::Events => json!({}),
        _ => json!({ "result": "allow" }),
    };
    let asked = Asked {
        active: Said::new(&input, nothing),
        context: context(),
        input,
        told: Vec::new(),
        usage: Usage::default(),
        place: None,
    };
    hand_over(app, shadow, trial, asked);
}

/// A call that is to be made again.
struct Asked {
    context: Context,
    input: Input,
    /// What the active version asked and was told.
    told: Vec<case::Asked>,
    active: Said,
    /// What the active version's call took.
    usage: Usage,
    place: Option<OwnedSemaphorePermit>,
}

fn hand_over(app: &App, shadow: &Arc<Installed>, trial: &Arc<Trial>, asked: Asked) {
    let (hook, _) = asked.input.function();
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
        context,
        input,
        told,
        active,
        usage,
        place,
    } = asked;
    let (hook, _) = input.function();
    let calling = calling(app, shadow, hook, (&context.channel, &context.actor)).ok()?;
    let tape = Arc::new(Tape::beside(shadow.chat.clone(), told, TOLD_BYTES_MAX));
    let chat: Arc<dyn Chat> = tape.clone();
    let call = Call {
        chat: &chat,
        ..calling.with(&context)
    };
    let outcome = input.make(call).await;
    let recorded = tape.end(&outcome);
    let has_failed = calling.note(outcome).is_err();
    if recorded.end == FaultKind::Overloaded.code() || !recorded.whole {
        return None;
    }
    let candidate = Said::new(&input, recorded.outcome);
    drop((input, place)); // Another may have the place, if it had one.
    let is_same = active == candidate;
    let mut words = candidate.words;
    if !is_same && words == active.words {
        words.push_str(", with another content");
    }
    trial.compared.add(Pair {
        hook,
        active: usage,
        candidate: recorded.usage,
        has_failed,
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

    #[test]
    fn a_change_into_what_it_is_already_is_none() {
        let input = Input::BeforeSend(Draft {
            kind: "task".into(),
            text: "Call Bob".into(),
            data: r#"{"title":"Call Bob","items":[]}"#.into(),
        });
        let said = |text: Option<&str>, data: Option<Value>| {
            let change = json!({ "text": text, "data": data });
            Said::new(&input, json!({ "result": { "change": change } })).words
        };
        assert_eq!(said(None, None), "allow");
        // Another way to write the same JSON is no other data.
        let same = json!({ "items": [], "title": "Call Bob" });
        assert_eq!(said(Some("Call Bob"), Some(same)), "allow");
        assert_eq!(said(Some("call Bob"), None), "change");
        assert_eq!(said(Some("Call Bob"), Some(json!({}))), "change");
    }

    #[test]
    fn all_that_a_handler_asked_for_is_counted() {
        let all = [
            "attach",
            "act",
            "kv-set",
            "delete",
            "edit",
            "send",
            "attach",
            "kv-delete",
        ];
        let writes: Vec<Value> = all.iter().map(|what| json!({ "do": what })).collect();
        let input = Input::Start { previous: None };
        let outcome = json!({ "writes": writes, "requests": [{}] });
        let words = "done, 1 × send, 1 × edit, 1 × delete, 1 × act, 2 × attach, 2 × write of a value, \
                     1 × request";
        assert_eq!(Said::new(&input, outcome).words, words);
    }

    #[test]
    fn what_differs_is_told_without_its_content() {
        let input = Input::Seat(crate::plugins::Seat {
            user: "bob".into(),
            before: crate::plugins::Role::None,
            after: crate::plugins::Role::Member,
        });
        let said = |outcome: Value| Said::new(&input, outcome);
        let reject = json!({ "reject": { "code": "full", "reason": "No." } });
        assert_eq!(said(json!({ "result": reject })).words, "reject full: No.");
        assert_eq!(
            said(json!({ "result": { "hold": "why" } })).words,
            "hold: why"
        );
        assert_eq!(said(json!({ "fault": "trap" })).words, "failed: trap");
        let [one, other] = ["a", "b"].map(|sentence| said(json!({ "error": sentence })));
        assert_eq!(one.words, other.words);
        assert_ne!(one, other);
    }
}
