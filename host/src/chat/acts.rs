//! What becomes of an act on a message of a plugin's kind: a vote, a tick, a new title.
//!
//! The kind's plugin says what the message is then. Words that it did not hold before are for the
//! guards to judge, as in an edit: nobody gets them past a filter, whatever the plugin does with
//! them. Acts without any, which most are, cost no call of a guard.

use super::calls::{asked, at_fault};
use super::chain::{self, Content};
use super::interact::shown;
use super::words::{self, Made};
use crate::app::{App, Installed};
use crate::error::{Code, Error, Result};
use crate::model::Message;
use crate::plugins::{self, Act, Hook};
use crate::store::MessageChange;
use crate::store::proof::Member;

/// Has the kind's plugin apply an action to a message, and the guards judge what it brings.
pub(super) async fn apply(
    app: &App,
    installed: &Installed,
    member: &Member,
    message: &Message,
    action: &str,
    value: &str,
) -> Result<MessageChange> {
    let context = chain::context(app, member);
    let calling = asked(app, installed, Hook::MessageKind, &context.actor)?;
    let state = message.state.clone().unwrap_or_else(|| "null".into());
    let value = value.to_owned();
    let act = Act {
        kind: &message.kind,
        data: &message.data,
        state: &state,
        action,
        value: &value,
    };
    let answer = plugins::kind_act(calling.with(&context), act).await;
    let answer = calling.note(answer);
    let answer = answer.map_err(|fault| at_fault(installed, &fault))?.value;
    let answer = answer.map_err(|sentence| Error::new(Code::ActionRefused, sentence))?;
    let shown = shown(app, installed, answer)?;
    let known = [context.channel.as_str(), context.actor.as_str()];
    let made = Made {
        data: &message.data,
        view: &shown.view,
        state: &shown.state,
    };
    let words = words::new_in_act(message, &known, &value, made);
    if !words.is_empty() {
        let content = Content {
            file: None,
            kind: message.kind.clone(),
            text: shown.text,
            words,
            data: message.data.clone(),
            view: Some(shown.view.clone()),
            state: Some(shown.state.clone()),
        };
        chain::guard_act(app, member, content, message).await?;
    }
    Ok(MessageChange {
        view: Some(Some(shown.view)),
        state: Some(shown.state),
        data: None,
        edited: false,
    })
}
