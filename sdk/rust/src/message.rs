//! Making and reading the records of the hooks without ceremony.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::blocks::Block;
use crate::json::{parse_json, to_json};
use crate::{
    Choice, Created, Draft, Interaction, Patch, Rejection, Reply, Shown, Verdict, View, blocks,
};

impl Draft {
    /// A text message.
    pub fn text(text: impl Into<String>) -> Draft {
        let text = text.into();
        Draft {
            kind: "text".to_owned(),
            data: to_json(&text),
            text,
        }
    }

    /// The data, read as `T`. The error is a phrase for the sender.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, String> {
        parse_json(&self.data)
    }
}

impl Rejection {
    /// A short stable code for programs (lower-case letters, digits and `_`, at most 64 bytes) and a
    /// sentence for the person (at most 500 bytes).
    pub fn new(code: impl Into<String>, reason: impl Into<String>) -> Rejection {
        Rejection {
            code: code.into(),
            reason: reason.into(),
            retry_after_ms: None,
        }
    }
}

impl Verdict {
    /// A refusal: a short stable code for programs (lower-case letters, digits and `_`, at most 64
    /// bytes) and a sentence for the sender (at most 500 bytes).
    pub fn reject(code: impl Into<String>, reason: impl Into<String>) -> Verdict {
        Verdict::Reject(Rejection::new(code, reason))
    }

    /// A refusal for now: trying again makes sense after `retry_after_ms` milliseconds.
    pub fn reject_for_now(
        code: impl Into<String>,
        reason: impl Into<String>,
        retry_after_ms: u32,
    ) -> Verdict {
        Verdict::Reject(Rejection {
            code: code.into(),
            reason: reason.into(),
            retry_after_ms: Some(retry_after_ms),
        })
    }

    /// Kept for a person to look at; `reason` is a sentence for the sender.
    pub fn hold(reason: impl Into<String>) -> Verdict {
        Verdict::Hold(reason.into())
    }

    /// The same refusal or hold, with what only reviewers see, such as which rule it was (at most 500
    /// bytes). A refusal that has this can be appealed by its sender: the message then waits for a
    /// person's decision.
    pub fn for_reviewers(mut self, details: impl std::fmt::Display) -> Verdict {
        match &mut self {
            Verdict::Reject(Rejection { reason, .. }) | Verdict::Hold(reason) => {
                *reason = format!("{}\n{details}", reason.replace('\n', " "));
            }
            Verdict::Allow | Verdict::Change(_) => {}
        }
        self
    }

    /// Sent with another text.
    pub fn change_text(text: impl Into<String>) -> Verdict {
        Verdict::Change(Patch {
            text: Some(text.into()),
            data: None,
        })
    }

    /// Sent with other data: for a message of a kind.
    pub fn change_data<T: Serialize + ?Sized>(data: &T) -> Verdict {
        Verdict::Change(Patch {
            text: None,
            data: Some(to_json(data)),
        })
    }
}

impl View {
    /// Blocks, and plain text that says the same.
    pub fn new(text: impl Into<String>, blocks: impl IntoIterator<Item = Block>) -> View {
        View {
            text: text.into(),
            blocks: blocks::to_json(blocks),
        }
    }
}

impl Reply {
    /// A text that only the person who asked sees.
    pub fn text(text: impl Into<String>) -> Reply {
        Reply {
            text: text.into(),
            blocks: String::new(),
        }
    }

    /// The same reply, shown with `blocks` by the clients that know them.
    pub fn with_blocks(mut self, blocks: impl IntoIterator<Item = Block>) -> Reply {
        self.blocks = blocks::to_json(blocks);
        self
    }
}

impl Choice {
    /// A way to go on typing: what replaces the arguments, and what a person reads.
    pub fn new(value: impl Into<String>, label: impl Into<String>) -> Choice {
        Choice {
            value: value.into(),
            label: label.into(),
        }
    }
}

impl Interaction {
    /// The value, read as `T`. The error is a phrase for the person who pressed.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, String> {
        parse_json(&self.value)
    }
}

impl Shown {
    /// The state to keep and how the message is shown with it.
    pub fn new<T: Serialize + ?Sized>(state: &T, view: View) -> Shown {
        Shown {
            state: to_json(state),
            view,
        }
    }
}

impl Created {
    /// The checked data with defaults filled in, and what everybody sees.
    pub fn new<T: Serialize + ?Sized>(data: &T, shown: Shown) -> Created {
        Created {
            data: to_json(data),
            shown,
        }
    }
}
