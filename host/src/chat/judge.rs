//! Asks guards about what they can only let pass or refuse: each once, in their order; the first that
//! objects decides. Of guards of messages that is what is asked here: that a message is deleted, and what a
//! channel is called.

use std::sync::Arc;

use super::calls::calling;
use super::chain::{self, Why};
use super::decisions::{self, Outcome, Silence};
use super::shadow;
use crate::app::{App, Installed};
use crate::clock;
use crate::error::{Code, Error, Result};
use crate::model::{AppId, Message};
use crate::plugins::case::Input;
use crate::plugins::{self, Context, Draft, Hook, Verdict};
use crate::store::proof::Member;
use crate::wire::OnFault;

/// Asks those of `installs` that have the hook.
pub(super) async fn ask(
    app: &App,
    installs: &[&Arc<Installed>],
    context: &Context,
    input: &Input,
) -> Result<()> {
    let (hook, _) = input.function();
    for installed in installs.iter().filter(|installed| installed.has(hook)) {
        let context = Context {
            seed: clock::random_u64(),
            ..context.clone()
        };
        let silence = match calling(app, installed, hook, &context.actor) {
            Ok(calling) => {
                let outcome = plugins::guard(calling.with(&context), input).await;
                match calling.note(outcome) {
                    Ok(output) => match judged(installed, input, output.value) {
                        Ok(()) => continue,
                        Err((error, decided)) => {
                            decisions::note(app, installed, hook, &context, decided);
                            return Err(error);
                        }
                    },
                    Err(fault) => Silence::Fault(fault),
                }
            }
            Err(resting) => Silence::Resting(resting),
        };
        match decisions::silent(app, installed, hook, &context, silence)? {
            OnFault::Open => {}
            OnFault::Closed | OnFault::Hold => return Err(failed(installed, hook)),
        }
    }
    for installed in installs.iter().filter(|installed| !installed.has(hook)) {
        shadow::follow_silent(app, installed, || context.clone(), || input.clone());
    }
    Ok(())
}

/// What a verdict comes to: there is nothing that could be changed, and nothing that could wait. To change or
/// hold is to refuse; to change a deletion is to allow it.
fn judged(installed: &Installed, input: &Input, verdict: Verdict) -> Result<(), (Error, Outcome)> {
    let (hook, _) = input.function();
    match verdict {
        Verdict::Allow => Ok(()),
        Verdict::Change(patch) => match input {
            Input::BeforeEdit { after, .. } if !chain::changes_nothing(after, &patch) => {
                Err(refused(chain::unchangeable(installed)))
            }
            _ => Ok(()),
        },
        Verdict::Reject(rejection) => Err(refused(chain::rejected(refusal(hook), rejection))),
        Verdict::Hold(reason) => {
            let why = Why::new(&reason);
            let held = Outcome::Held {
                reason: why.to_string(),
            };
            Err((Error::new(refusal(hook), why.reason), held))
        }
    }
}

fn refusal(hook: Hook) -> Code {
    match hook {
        Hook::MembershipGuard => Code::MembershipRejected,
        Hook::SessionGuard => Code::SessionRejected,
        Hook::FileGuard => Code::FileRejected,
        _ => Code::MessageRejected,
    }
}

/// A refusal, and how it stands among the decisions.
fn refused((error, why): (Error, Why)) -> (Error, Outcome) {
    let decided = Outcome::rejected(&error, &why);
    (error, decided)
}

/// The refusal for want of an answer.
fn failed(installed: &Installed, hook: Hook) -> Error {
    if hook == Hook::MessageGuard {
        return chain::failed(installed);
    }
    let detail = format!("The plugin `{}`, which must agree, failed.", installed.name);
    Error::new(Code::PluginFailed, detail).retry_after_ms(1000)
}

/// Somebody deletes a message. To change or hold a deletion is to allow or refuse it.
pub async fn guard_delete(app: &App, member: &Member, message: &Message) -> Result<()> {
    let loadout = app.loadout(member.tenant().app());
    let context = chain::guard_context(app, member).await?;
    let input = Input::BeforeDelete(chain::draft_of(message));
    let installs: Vec<_> = chain::others(&loadout, member, &context).collect();
    ask(app, &installs, &context, &input).await
}

/// What a channel is called, and what else it says of itself to those in it. `before` is what it said before:
/// nothing, if it is new. To change or hold that is to refuse it.
pub(super) async fn guard_channel(
    app: &App,
    id: AppId,
    context: &Context,
    after: Draft,
    before: Draft,
) -> Result<()> {
    let loadout = app.loadout(id);
    let input = Input::BeforeEdit { after, before };
    let installs: Vec<_> = loadout.serving(&context.channel).collect();
    ask(app, &installs, context, &input).await
}
