//! What must come of what a hook returns, said once more and in another way than the host says it.

use serde_json::Value;

use super::answer::{
    Answer, Blocks, Choice, Created, Document, Patch, Rejection, Response, SettingFault, Shown,
    Text, Verdict, View,
};
use crate::world::ENGINE;

/// What is left of it; none if it is no answer.
pub fn check(answer: Answer) -> Option<Answer> {
    Some(match answer {
        Answer::BeforeSend(verdict) => Answer::BeforeSend(self::verdict(verdict)?),
        Answer::BeforeEdit(verdict) => Answer::BeforeEdit(self::verdict(verdict)?),
        Answer::BeforeDelete(verdict) => Answer::BeforeDelete(self::verdict(verdict)?),
        Answer::Event(ended) => Answer::Event(or_sentence(ended, Some)?),
        Answer::Timer(ended) => Answer::Timer(or_sentence(ended, Some)?),
        Answer::Start(ended) => Answer::Start(or_sentence(ended, Some)?),
        Answer::Run(reply) => Answer::Run(or_sentence(reply, perhaps)?),
        Answer::Interaction(reply) => Answer::Interaction(or_sentence(reply, perhaps)?),
        Answer::Create(created) => Answer::Create(or_sentence(created, self::created)?),
        Answer::Act(shown) => Answer::Act(or_sentence(shown, self::shown)?),
        Answer::BeforeSeat(leave) => Answer::BeforeSeat(self::leave(leave)?),
        Answer::BeforeCreate(leave) => Answer::BeforeCreate(self::leave(leave)?),
        Answer::BeforeConnect(leave) => Answer::BeforeConnect(self::leave(leave)?),
        Answer::BeforeKeep(leave) => Answer::BeforeKeep(self::leave(leave)?),
        Answer::Request(response) => Answer::Request(or_sentence(response, self::response)?),
        Answer::Rank(places) => Answer::Rank(or_sentence(places, Some)?),
        Answer::Complete(choices) => {
            let choices = choices.into_iter().take(choices_max());
            Answer::Complete(choices.map(choice).collect::<Option<_>>()?)
        }
        Answer::Check(faults) => {
            let faults = faults.into_iter().take(choices_max());
            Answer::Check(faults.map(fault).collect())
        }
    })
}

fn choices_max() -> usize {
    ENGINE.limits().choices_max as usize
}

fn or_sentence<T>(
    result: Result<T, Text>,
    check: impl FnOnce(T) -> Option<T>,
) -> Option<Result<T, Text>> {
    match result {
        Ok(value) => check(value).map(Ok),
        Err(sentence) => Some(Err(self::sentence(sentence))),
    }
}

fn perhaps(view: Option<View>) -> Option<Option<View>> {
    match view {
        Some(view) => self::view(view).map(Some),
        None => Some(None),
    }
}

/// As many characters as fit.
fn sentence(Text(text): Text) -> Text {
    let bytes_max = ENGINE.limits().sentence_bytes_max as usize;
    let mut kept = String::new();
    for character in text.chars() {
        if kept.len() + character.len_utf8() > bytes_max {
            break;
        }
        kept.push(character);
    }
    Text(kept)
}

fn reason(Text(text): Text) -> Text {
    match text.split_once('\n') {
        Some((first, second)) => {
            let [first, second] = [first, second].map(|part| sentence(Text(part.to_owned())).0);
            Text(format!("{first}\n{second}"))
        }
        None => sentence(Text(text)),
    }
}

fn text(text: Text) -> Option<Text> {
    fits(&text.0).then_some(text)
}

fn fits(text: &str) -> bool {
    text.len() <= ENGINE.limits().output_bytes_max as usize
}

/// What the rest of the host can read, and every client.
fn document(document: Document) -> Option<Document> {
    let is_json = serde_json::from_str::<Value>(&document.0).is_ok();
    (is_json && fits(&document.0)).then_some(document)
}

fn blocks(blocks: Blocks) -> Option<Blocks> {
    let is_list = blocks.0.is_empty() || serde_json::from_str::<Vec<Value>>(&blocks.0).is_ok();
    (is_list && fits(&blocks.0)).then_some(blocks)
}

fn verdict(verdict: Verdict) -> Option<Verdict> {
    Some(match verdict {
        Verdict::Allow => Verdict::Allow,
        Verdict::Hold(why) => Verdict::Hold(reason(why)),
        Verdict::Reject(rejection) => Verdict::Reject(self::rejection(rejection)?),
        Verdict::Change(Patch { text, data }) => Verdict::Change(Patch {
            text: match text {
                Some(text) => Some(self::text(text)?),
                None => None,
            },
            data: match data {
                Some(data) => Some(document(data)?),
                None => None,
            },
        }),
    })
}

fn rejection(rejection: Rejection) -> Option<Rejection> {
    let code = &rejection.code;
    let plain = |character| matches!(character, 'a'..='z' | '0'..='9' | '_');
    if code.is_empty() || code.len() > 64 || !code.chars().all(plain) {
        return None;
    }
    let reason = reason(rejection.reason);
    Some(Rejection {
        reason,
        ..rejection
    })
}

fn leave(leave: Result<(), Rejection>) -> Option<Result<(), Rejection>> {
    match leave {
        Ok(()) => Some(Ok(())),
        Err(refusal) => rejection(refusal).map(Err),
    }
}

fn view(view: View) -> Option<View> {
    Some(View {
        text: text(view.text)?,
        blocks: blocks(view.blocks)?,
    })
}

fn shown(shown: Shown) -> Option<Shown> {
    Some(Shown {
        state: document(shown.state)?,
        view: view(shown.view)?,
    })
}

fn created(created: Created) -> Option<Created> {
    Some(Created {
        data: document(created.data)?,
        shown: shown(created.shown)?,
    })
}

fn response(response: Response) -> Option<Response> {
    let body_max = ENGINE.limits().endpoint_body_bytes_max as usize;
    let fits = (200..600).contains(&response.status) && response.body.len() <= body_max;
    fits.then_some(response)
}

fn choice(choice: Choice) -> Option<Choice> {
    Some(Choice {
        value: text(choice.value)?,
        label: sentence(choice.label),
    })
}

fn fault(fault: SettingFault) -> SettingFault {
    SettingFault {
        setting: sentence(fault.setting),
        detail: sentence(fault.detail),
    }
}
