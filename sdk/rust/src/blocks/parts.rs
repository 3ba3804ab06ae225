//! The blocks with their fields, and what can be set on them after they are made.

use serde::Serialize;
use serde_json::Value;

use super::Block;
use super::marks::{Marks, Readers};

/// A text and its style.
#[derive(Clone, Debug, Serialize)]
pub struct Text {
    pub(super) text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) style: Option<&'static str>,
    #[serde(skip_serializing_if = "Marks::is_empty")]
    pub(super) marks: Marks,
}

/// A picture.
#[derive(Clone, Debug, Serialize)]
pub struct Image {
    pub(super) url: String,
    pub(super) alt: String,
}

/// A link.
#[derive(Clone, Debug, Serialize)]
pub struct Link {
    pub(super) url: String,
    pub(super) text: String,
    #[serde(skip_serializing_if = "Marks::is_empty")]
    pub(super) marks: Marks,
}

/// A button.
#[derive(Clone, Debug, Serialize)]
#[must_use]
pub struct Button {
    pub(super) text: String,
    pub(super) action: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) value: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) style: Option<&'static str>,
    #[serde(skip_serializing_if = "Marks::is_empty")]
    pub(super) marks: Marks,
    #[serde(rename = "for", skip_serializing_if = "Option::is_none")]
    pub(super) readers: Option<Readers>,
}

impl Button {
    /// What the plugin gets with the action; `null` unless it is set.
    pub fn value(mut self, value: impl Into<Value>) -> Button {
        self.value = Some(value.into());
        self
    }

    /// What most people want. One to a message.
    pub fn primary(mut self) -> Button {
        self.style = Some("primary");
        self
    }

    /// What can't be taken back.
    pub fn danger(mut self) -> Button {
        self.style = Some("danger");
        self
    }
}

/// A menu.
#[derive(Clone, Debug, Serialize)]
#[must_use]
pub struct Select {
    pub(super) action: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) placeholder: Option<String>,
    pub(super) options: Vec<Choosable>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) multiple: bool,
    #[serde(skip_serializing_if = "Marks::is_empty")]
    pub(super) marks: Marks,
    #[serde(rename = "for", skip_serializing_if = "Option::is_none")]
    pub(super) readers: Option<Readers>,
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct Choosable {
    text: String,
    value: Value,
}

impl Select {
    /// One more thing to choose.
    pub fn option(mut self, text: impl Into<String>, value: impl Into<Value>) -> Select {
        self.options.push(Choosable {
            text: text.into(),
            value: value.into(),
        });
        self
    }

    /// What is shown while nothing is chosen.
    pub fn placeholder(mut self, text: impl Into<String>) -> Select {
        self.placeholder = Some(text.into());
        self
    }

    /// Any number can be chosen; the plugin gets an array of values.
    pub fn multiple(mut self) -> Select {
        self.multiple = true;
        self
    }
}

/// A text field.
#[derive(Clone, Debug, Serialize)]
#[must_use]
pub struct Input {
    pub(super) action: String,
    pub(super) label: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) placeholder: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) submit: Option<String>,
    #[serde(skip_serializing_if = "Marks::is_empty")]
    pub(super) marks: Marks,
    #[serde(rename = "for", skip_serializing_if = "Option::is_none")]
    pub(super) readers: Option<Readers>,
}

impl Input {
    /// What is shown while the field is empty.
    pub fn placeholder(mut self, text: impl Into<String>) -> Input {
        self.placeholder = Some(text.into());
        self
    }

    /// The words on the button that sends it.
    pub fn submit(mut self, text: impl Into<String>) -> Input {
        self.submit = Some(text.into());
        self
    }
}

/// A list of texts.
#[derive(Clone, Debug, Serialize)]
pub struct List {
    pub(super) items: Vec<String>,
    #[serde(skip_serializing_if = "Marks::is_empty")]
    pub(super) marks: Marks,
}

/// A bar.
#[derive(Clone, Debug, Serialize)]
#[must_use]
pub struct Progress {
    pub(super) text: String,
    pub(super) value: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) detail: Option<String>,
    #[serde(skip_serializing_if = "Marks::is_empty")]
    pub(super) marks: Marks,
}

impl Progress {
    /// A note at the bar's end, such as `3 votes`.
    pub fn detail(mut self, text: impl Into<String>) -> Progress {
        self.detail = Some(text.into());
        self
    }
}

/// A map with a pin.
#[derive(Clone, Debug, Serialize)]
#[must_use]
pub struct Map {
    pub(super) latitude: f64,
    pub(super) longitude: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) label: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) accuracy_m: Option<f64>,
    #[serde(skip_serializing_if = "Marks::is_empty")]
    pub(super) marks: Marks,
}

impl Map {
    /// What stands at the pin.
    pub fn label(mut self, text: impl Into<String>) -> Map {
        self.label = Some(text.into());
        self
    }

    /// How far from the pin it may be, in metres: clients draw a circle.
    pub fn accuracy_m(mut self, metres: f64) -> Map {
        self.accuracy_m = Some(metres);
        self
    }
}

/// Blocks side by side.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    pub(super) blocks: Vec<Block>,
}

macro_rules! into_block {
    ($($name:ident)*) => {
        $(impl From<$name> for Block {
            fn from(block: $name) -> Block {
                Block::$name(block)
            }
        })*
    };
}

into_block!(Button Select Input Progress Map);
