//! What pieces of a block's words stand for, and for whom its controls are.

use serde::Serialize;

use super::{Block, Button, Input, Link, List, Map, Progress, Select, Text};

/// The marks of a block: clients show a name, or a time on the reader's own clock, in place of each piece.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(transparent)]
pub(super) struct Marks(Vec<Mark>);

#[derive(Clone, Debug, Serialize)]
struct Mark {
    text: String,
    #[serde(flatten)]
    stands_for: StandsFor,
}

#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
enum StandsFor {
    User { user: String },
    Time { at: u64, show: &'static str },
}

impl Marks {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A piece is marked once, however often it stands in the words.
    fn add(&mut self, text: String, stands_for: StandsFor) {
        if self.0.iter().all(|mark| mark.text != text) {
            self.0.push(Mark { text, stands_for });
        }
    }
}

/// For whom a control is.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Readers {
    users: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
}

/// The methods that all blocks with words have.
macro_rules! marked {
    ($($name:ident)*) => {
        $(impl $name {
            /// `@` and this user's id in the words stand for the user: clients show the name.
            pub fn user(self, id: &str) -> $name {
                self.user_as(format!("@{id}"), id)
            }

            /// This piece of the words stands for a user, where it isn't `@` and the id.
            pub fn user_as(self, piece: impl Into<String>, id: &str) -> $name {
                self.marked(piece.into(), StandsFor::User { user: id.to_owned() })
            }

            /// The same for each of these users.
            pub fn users<T: AsRef<str>>(self, ids: impl IntoIterator<Item = T>) -> $name {
                ids.into_iter().fold(self, |block, id| block.user(id.as_ref()))
            }

            /// This piece of the words is a date and a time: clients show it on the reader's clock. If it
            /// names a time zone, so does the piece. `at_ms` is in milliseconds since 1970.
            pub fn date_time(self, piece: impl Into<String>, at_ms: u64) -> $name {
                self.marked(piece.into(), StandsFor::Time { at: at_ms, show: "date_time" })
            }

            /// The same for a piece that is the date alone.
            pub fn date(self, piece: impl Into<String>, at_ms: u64) -> $name {
                self.marked(piece.into(), StandsFor::Time { at: at_ms, show: "date" })
            }

            /// The same for a piece that is the time of day alone.
            pub fn time(self, piece: impl Into<String>, at_ms: u64) -> $name {
                self.marked(piece.into(), StandsFor::Time { at: at_ms, show: "time" })
            }
        })*
    };
}

macro_rules! holds_marks {
    ($($name:ident)*) => {
        $(impl $name {
            fn marked(mut self, piece: String, stands_for: StandsFor) -> $name {
                self.marks.add(piece, stands_for);
                self
            }
        })*
    };
}

/// The methods of blocks that do something.
macro_rules! controls {
    ($($name:ident)*) => {
        $(impl $name {
            /// Only for these users, and others who are named so: clients leave it out for everybody else.
            /// The plugin checks all the same who acts.
            pub fn for_users<T: Into<String>>(mut self, ids: impl IntoIterator<Item = T>) -> $name {
                let readers = self.readers.get_or_insert_default();
                readers.users.extend(ids.into_iter().map(Into::into));
                self
            }

            /// Only for the channel's admins and its owner, and others who are named so.
            pub fn for_admins(mut self) -> $name {
                self.readers.get_or_insert_default().role = Some("admin");
                self
            }
        })*
    };
}

marked!(Block Button Select Input Progress Map);
holds_marks!(Text Link List Button Select Input Progress Map);
controls!(Button Select Input);

impl Block {
    /// Of a row each block is marked; a picture and a line have no words of the plugin's.
    fn marked(self, piece: String, stands_for: StandsFor) -> Block {
        match self {
            Block::Text(block) => Block::Text(block.marked(piece, stands_for)),
            Block::Link(block) => Block::Link(block.marked(piece, stands_for)),
            Block::List(block) => Block::List(block.marked(piece, stands_for)),
            Block::Button(block) => Block::Button(block.marked(piece, stands_for)),
            Block::Select(block) => Block::Select(block.marked(piece, stands_for)),
            Block::Input(block) => Block::Input(block.marked(piece, stands_for)),
            Block::Progress(block) => Block::Progress(block.marked(piece, stands_for)),
            Block::Map(block) => Block::Map(block.marked(piece, stands_for)),
            Block::Row(mut row) => {
                let mark = |block: Block| block.marked(piece.clone(), stands_for.clone());
                row.blocks = row.blocks.into_iter().map(mark).collect();
                Block::Row(row)
            }
            Block::Image(_) | Block::Divider => self,
        }
    }
}
