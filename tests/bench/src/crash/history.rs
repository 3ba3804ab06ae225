//! What everybody did and was told, and what the log holds in the end.

/// An entry of a channel's log, as whoever it was shown to saw it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub seq: i64,
    /// Such as `message.new`.
    pub event: String,
    /// The message's id; empty for entries that are no message.
    pub id: String,
    /// Who sent it, or whom it is about.
    pub user: String,
    pub client_id: Option<String>,
    /// The message's text.
    pub text: String,
}

impl Entry {
    /// Whether a plugin's bot user sent it.
    pub fn is_by_plugin(&self) -> bool {
        self.user.starts_with("bot:")
    }
}

/// A message that somebody wanted to send, under an id of its own, as often as it took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    pub channel: String,
    pub user: String,
    pub client_id: String,
    pub text: String,
    /// Every acknowledgement that came.
    pub acks: Vec<Ack>,
    /// The refusal, if it was one that no retry changes.
    pub refused: Option<String>,
}

/// What an acknowledgement said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ack {
    pub seq: i64,
    pub id: String,
    pub text: String,
}

/// All that one reader got of one channel, in the order in which it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stream {
    pub reader: String,
    pub channel: String,
    pub steps: Vec<Step>,
}

/// Something that a reader got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// The answer to `subscribe`, without its events.
    Subscribed {
        since: Option<i64>,
        recovered: bool,
        head: i64,
    },
    /// An event, of that answer or live.
    Seen(Entry),
}

/// A channel's log in the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    pub channel: String,
    pub head: i64,
    pub entries: Vec<Entry>,
}

/// A message that a plugin must have sent exactly once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effect {
    pub channel: String,
    pub text: String,
}

/// Everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct History {
    pub attempts: Vec<Attempt>,
    pub streams: Vec<Stream>,
    pub logs: Vec<Log>,
    pub effects: Vec<Effect>,
}
