//! Asks guards about what they can only let pass or refuse: each once, in their order; the first that
//! objects decides. Of guards of messages that is what is asked here: that a message is deleted, and what a
//! channel is called.

use std::sync::Arc;

use super::calls::calling;
use super::chain::{self, Why};
use super::decisions::{self, Outcome, Silence};
use super::shadow::{self, Question, Tell};
use crate::app::{App, Installed};
use crate::clock;
use crate::error::{Code, Error, Result};
use crate::model::{AppId, Message};
use crate::plugins::case::Told;
use crate::plugins::{self, Call, Context, Draft, Fault, Hook, Output, Verdict};
use crate::store::proof::Member;
use crate::wire::OnFault;

/// What guards are asked about.
pub(super) trait Matter: Sync {
    /// What one of them says.
    type Answer: Tell + Told + Send;

    fn hook(&self) -> Hook;

    /// Asks one.
    fn put(
        &self,
        call: Call<'_>,
    ) -> impl Future<Output = Result<Output<Self::Answer>, Fault>> + Send;

    /// The same, for a shadow.
    fn again(&self) -> Question;

    /// What an answer comes to: there is nothing that could be changed, and nothing that could wait.
    fn answered(&self, installed: &Installed, answer: Self::Answer)
    -> Result<(), (Error, Outcome)>;

    /// The refusal for want of an answer.
    fn failed(&self, installed: &Installed) -> Error;
}

/// Asks those of `installs` that have the hook.
pub(super) async fn ask(
    app: &App,
    installs: &[&Arc<Installed>],
    context: &Context,
    matter: &impl Matter,
) -> Result<()> {
    let hook = matter.hook();
    let installs = installs.iter().copied();
    for installed in installs.clone().filter(|installed| installed.has(hook)) {
        let context = Context {
            seed: clock::random_u64(),
            ..context.clone()
        };
        let silence = match calling(app, installed, hook, &context.actor) {
            Ok(calling) => {
                let outcome = matter.put(calling.with(&context)).await;
                shadow::follow(app, installed, hook, &context, &outcome, || matter.again());
                match calling.note(outcome) {
                    Ok(output) => match matter.answered(installed, output.value) {
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
            OnFault::Closed | OnFault::Hold => return Err(matter.failed(installed)),
        }
    }
    let context = || context.clone();
    shadow::follow_missing(app, installs, hook, context, || matter.again());
    Ok(())
}

/// What guards of messages are asked about.
enum Words {
    Deletion(Draft),
    /// What a channel says of itself, and what it said before: nothing, if it is new.
    Channel(Draft, Draft),
}

impl Matter for Words {
    type Answer = Verdict;

    fn hook(&self) -> Hook {
        Hook::MessageGuard
    }

    async fn put(&self, call: Call<'_>) -> Result<Output<Verdict>, Fault> {
        match self {
            Self::Deletion(draft) => plugins::guard_delete(call, draft).await,
            Self::Channel(draft, before) => plugins::guard_edit(call, draft, before).await,
        }
    }

    fn again(&self) -> Question {
        match self {
            Self::Deletion(draft) => Question::Delete(draft.clone()),
            Self::Channel(draft, before) => Question::Edit(draft.clone(), before.clone()),
        }
    }

    fn answered(&self, installed: &Installed, verdict: Verdict) -> Result<(), (Error, Outcome)> {
        match verdict {
            Verdict::Allow => Ok(()),
            Verdict::Change(patch) => match self {
                Self::Deletion(_) => Ok(()),
                Self::Channel(draft, _) if chain::changes_nothing(draft, &patch) => Ok(()),
                Self::Channel(..) => Err(refused(chain::unchangeable(installed))),
            },
            Verdict::Reject(rejection) => {
                Err(refused(chain::rejected(Code::MessageRejected, rejection)))
            }
            Verdict::Hold(reason) => {
                let why = Why::new(&reason);
                let held = Outcome::Held {
                    reason: why.to_string(),
                };
                Err((Error::new(Code::MessageRejected, why.reason), held))
            }
        }
    }

    fn failed(&self, installed: &Installed) -> Error {
        chain::failed(installed)
    }
}

/// A refusal, and how it stands among the decisions.
pub(super) fn refused((error, why): (Error, Why)) -> (Error, Outcome) {
    let decided = Outcome::rejected(&error, &why);
    (error, decided)
}

/// Somebody deletes a message. To change or hold a deletion is to allow or refuse it.
pub async fn guard_delete(app: &App, member: &Member, message: &Message) -> Result<()> {
    let loadout = app.loadout(member.tenant().app());
    let context = chain::guard_context(app, member).await?;
    let matter = Words::Deletion(chain::draft_of(message));
    let installs: Vec<_> = chain::others(&loadout, member, &context).collect();
    ask(app, &installs, &context, &matter).await
}

/// What a channel is called, and what else it says of itself to those in it. To change or hold that is to
/// refuse it.
pub(super) async fn guard_channel(
    app: &App,
    id: AppId,
    context: &Context,
    draft: Draft,
    before: Draft,
) -> Result<()> {
    let loadout = app.loadout(id);
    let matter = Words::Channel(draft, before);
    let installs: Vec<_> = loadout.serving(&context.channel).collect();
    ask(app, &installs, context, &matter).await
}
