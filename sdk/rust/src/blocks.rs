//! Blocks: what a message looks like to the clients that know them (`docs/blocks.md`).
//!
//! ```
//! use althing_plugin::{blocks, blocks::*, View};
//!
//! let view = View::new(
//!     "Lunch? Pizza 2, Sushi 1",
//!     blocks![
//!         heading("Lunch?"),
//!         row(blocks![progress("Pizza", 0.67).detail("2 votes"), button("Vote", "vote").value(0)]),
//!         row(blocks![progress("Sushi", 0.33).detail("1 vote"), button("Vote", "vote").value(1)]),
//!     ],
//! );
//! assert!(view.blocks.starts_with(r#"[{"type":"text","text":"Lunch?","style":"heading"}"#));
//! ```
//!
//! Clients show people by their names and times on the reader's clock where a block says which pieces of its
//! words those are, and leave out controls that are for others:
//!
//! ```
//! use althing_plugin::{blocks::*, to_json};
//!
//! let due = muted("due 2026-11-20 16:00 UTC, for @bob")
//!     .date_time("2026-11-20 16:00 UTC", 1_795_190_400_000)
//!     .user("bob");
//! assert!(to_json(&due).contains(r#"{"text":"@bob","user":"bob"}"#));
//! let done = button("Done", "done").for_users(["bob"]).for_admins();
//! assert!(to_json(&done).contains(r#""for":{"users":["bob"],"role":"admin"}"#));
//! ```
//!
//! A press on a button, a choice in a menu and the sending of an input call the plugin with the
//! block's `action` and `value`: a message of a kind through `MessageKind`, others through
//! `Interactions`.

mod marks;
mod parts;

use serde::Serialize;

use marks::Marks;
pub use parts::{Button, Image, Input, Link, List, Map, Progress, Row, Select, Text};

/// One block of a message.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Block {
    /// Made by [`text`], [`heading`], [`strong`] and [`muted`].
    Text(Text),
    /// Made by [`divider`].
    Divider,
    /// Made by [`image`].
    Image(Image),
    /// Made by [`link`].
    Link(Link),
    /// Made by [`button`].
    Button(Button),
    /// Made by [`select`].
    Select(Select),
    /// Made by [`input`].
    Input(Input),
    /// Made by [`list`].
    List(List),
    /// Made by [`progress`].
    Progress(Progress),
    /// Made by [`map`].
    Map(Map),
    /// Made by [`row`].
    Row(Row),
}

/// A `Vec<Block>` of blocks of different types: `blocks![heading("Hi"), button("Go", "go")]`.
#[macro_export]
macro_rules! blocks {
    ($($block:expr),* $(,)?) => {
        ::std::vec![$($crate::blocks::Block::from($block)),*]
    };
}

/// A paragraph.
pub fn text(text: impl Into<String>) -> Block {
    styled(text, None)
}

/// A title.
pub fn heading(text: impl Into<String>) -> Block {
    styled(text, Some("heading"))
}

/// A paragraph that stands out.
pub fn strong(text: impl Into<String>) -> Block {
    styled(text, Some("strong"))
}

/// A paragraph that stands back: times, counts, notes.
pub fn muted(text: impl Into<String>) -> Block {
    styled(text, Some("muted"))
}

fn styled(text: impl Into<String>, style: Option<&'static str>) -> Block {
    Block::Text(Text {
        text: text.into(),
        style,
        marks: Marks::default(),
    })
}

/// A line between blocks.
pub fn divider() -> Block {
    Block::Divider
}

/// A picture; `alt` says what is in it to those who don't see it.
pub fn image(url: impl Into<String>, alt: impl Into<String>) -> Block {
    Block::Image(Image {
        url: url.into(),
        alt: alt.into(),
    })
}

/// A way to an `https` address; `text` says where it leads.
pub fn link(url: impl Into<String>, text: impl Into<String>) -> Block {
    Block::Link(Link {
        url: url.into(),
        text: text.into(),
        marks: Marks::default(),
    })
}

/// A list with a mark before each item.
pub fn list<T: Into<String>>(items: impl IntoIterator<Item = T>) -> Block {
    Block::List(List {
        items: items.into_iter().map(Into::into).collect(),
        marks: Marks::default(),
    })
}

/// Blocks side by side, where there is room. Rows don't hold rows.
pub fn row(blocks: impl IntoIterator<Item = Block>) -> Block {
    Block::Row(Row {
        blocks: blocks.into_iter().collect(),
    })
}

/// A button that calls the plugin with `action`.
pub fn button(text: impl Into<String>, action: impl Into<String>) -> Button {
    Button {
        text: text.into(),
        action: action.into(),
        value: None,
        style: None,
        marks: Marks::default(),
        readers: None,
    }
}

/// A menu that calls the plugin with `action` and the value of what was chosen.
pub fn select(action: impl Into<String>) -> Select {
    Select {
        action: action.into(),
        placeholder: None,
        options: Vec::new(),
        multiple: false,
        marks: Marks::default(),
        readers: None,
    }
}

/// A field for one line of text, sent with `action`.
pub fn input(action: impl Into<String>, label: impl Into<String>) -> Input {
    Input {
        action: action.into(),
        label: label.into(),
        placeholder: None,
        submit: None,
        marks: Marks::default(),
        readers: None,
    }
}

/// A bar filled to `value`, from 0 to 1.
pub fn progress(text: impl Into<String>, value: f64) -> Progress {
    Progress {
        text: text.into(),
        // Written so that a share of nothing, 0 / 0, is an empty bar.
        value: if value > 0.0 { value.min(1.0) } else { 0.0 },
        detail: None,
        marks: Marks::default(),
    }
}

/// A map with a pin at this place, in degrees of WGS 84. The caller checks that there is such a place:
/// -90 to 90, and -180 to 180.
pub fn map(latitude: f64, longitude: f64) -> Map {
    Map {
        latitude,
        longitude,
        label: None,
        accuracy_m: None,
        marks: Marks::default(),
    }
}

/// The JSON array that views and replies carry; an empty string for no blocks.
pub(crate) fn to_json(blocks: impl IntoIterator<Item = Block>) -> String {
    let blocks: Vec<Block> = blocks.into_iter().collect();
    if blocks.is_empty() {
        String::new()
    } else {
        crate::to_json(&blocks)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    #[test]
    fn blocks_carry_their_type_and_only_what_was_set() {
        let json = to_json(blocks![
            divider(),
            image("https://example.com/a.png", "A map"),
            button("Go", "go"),
            select("pick")
                .option("One", 1)
                .placeholder("Choose")
                .multiple(),
            input("note", "Note").submit("Save"),
            list(["a", "b"]),
            progress("Half", 0.5),
            map(52.52, -13.4).label("Office").accuracy_m(15.0),
            row(blocks![button("No", "no").value("x").danger()]),
        ]);
        let expected = serde_json::json!([
            {"type": "divider"},
            {"type": "image", "url": "https://example.com/a.png", "alt": "A map"},
            {"type": "button", "text": "Go", "action": "go"},
            {"type": "select", "action": "pick", "placeholder": "Choose",
             "options": [{"text": "One", "value": 1}], "multiple": true},
            {"type": "input", "action": "note", "label": "Note", "submit": "Save"},
            {"type": "list", "items": ["a", "b"]},
            {"type": "progress", "text": "Half", "value": 0.5},
            {"type": "map", "latitude": 52.52, "longitude": -13.4, "label": "Office",
             "accuracy_m": 15.0},
            {"type": "row", "blocks": [
                {"type": "button", "text": "No", "action": "no", "value": "x", "style": "danger"}]},
        ]);
        assert_eq!(serde_json::from_str::<Value>(&json).unwrap(), expected);
        assert_eq!(to_json([]), "");
    }

    #[test]
    fn marks_say_what_pieces_stand_for() {
        let blocks = blocks![
            muted("by @ann").user("ann").users(["bob", "ann"]),
            row(blocks![
                divider(),
                progress("@ann", 0.5).time("5", 5).date("today", 7)
            ])
            .user("ann"),
            select("pick")
                .option("@ann", 1)
                .user("ann")
                .for_users(["ann"]),
            button("Stop", "stop").for_users(["ann"]).for_admins(),
            input("say", "Say").for_admins(),
            button("Never", "never").for_users(Vec::<String>::new()),
        ];
        let [ann, bob] =
            ["ann", "bob"].map(|id| serde_json::json!({"text": format!("@{id}"), "user": id}));
        let expected = serde_json::json!([
            {"type": "text", "text": "by @ann", "style": "muted", "marks": [ann, bob]},
            {"type": "row", "blocks": [
                {"type": "divider"},
                {"type": "progress", "text": "@ann", "value": 0.5, "marks": [
                    {"text": "5", "at": 5, "show": "time"}, {"text": "today", "at": 7, "show": "date"}, ann]}]},
            {"type": "select", "action": "pick", "options": [{"text": "@ann", "value": 1}], "marks": [ann],
             "for": {"users": ["ann"]}},
            {"type": "button", "text": "Stop", "action": "stop", "for": {"users": ["ann"], "role": "admin"}},
            {"type": "input", "action": "say", "label": "Say", "for": {"users": [], "role": "admin"}},
            {"type": "button", "text": "Never", "action": "never", "for": {"users": []}},
        ]);
        let json = to_json(blocks);
        assert_eq!(serde_json::from_str::<Value>(&json).unwrap(), expected);
    }

    #[test]
    fn bars_stay_between_empty_and_full() {
        assert_eq!(progress("", 7.0).value, 1.0);
        assert_eq!(progress("", -1.0).value, 0.0);
        assert_eq!(progress("", f64::NAN).value, 0.0);
    }
}
