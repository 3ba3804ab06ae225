//! What a handler asked for. Nothing of it has happened when the call ends: the chat layer commits
//! it in one transaction with the handler's place in the log, after checking that what the handler
//! read has not changed meanwhile, or drops all of it.

use std::any::Any;

use super::types::Scope;

/// Something that the chat layer prepared for a plugin and will commit. Only the chat layer knows
/// what is in it.
pub type Effect = Box<dyn Any + Send + Sync>;

/// All that one call wrote, and what it read to get there.
#[derive(Default)]
pub struct Effects {
    /// What committed values the call saw, each key once. Lists of keys are not in here.
    pub kv_reads: Vec<KvRead>,
    /// The last write of each key.
    pub kv_writes: Vec<KvWrite>,
    /// Messages sent, edited, deleted, acted on and added to, in the order of the calls.
    pub chat: Vec<Effect>,
    /// Timers set and cancelled, in the order of the calls.
    pub timers: Vec<TimerWrite>,
    /// Whether it sent something to the outside.
    pub reached_out: bool,
}

impl Effects {
    /// True if the call wrote nothing.
    pub fn is_empty(&self) -> bool {
        self.kv_writes.is_empty() && self.chat.is_empty() && self.timers.is_empty()
    }

    /// True if nobody could tell that there was a call: it may be made again.
    pub fn leave_no_trace(&self) -> bool {
        self.is_empty() && !self.reached_out
    }
}

/// A key that a call read: the commit fails if its version is another by then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KvRead {
    /// Whose value it is.
    pub scope: Scope,
    /// 1 to `kv_key_bytes_max` bytes.
    pub key: String,
    /// `None` if there was no such key.
    pub version: Option<u64>,
}

/// A key that a call wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KvWrite {
    /// Whose value it is; its owner was there when the call looked.
    pub scope: Scope,
    /// 1 to `kv_key_bytes_max` bytes.
    pub key: String,
    /// `None` deletes the key.
    pub value: Option<Vec<u8>>,
    /// How long the value is kept, from the commit on; `None` for ever.
    pub ttl_ms: Option<u64>,
}

/// A timer that a call set or cancelled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TimerWrite {
    /// Sets the timer, or moves it.
    Set {
        /// 1 to 128 bytes.
        name: String,
        /// Milliseconds since 1970-01-01 UTC; may be past, which means at once.
        at_ms: u64,
        /// The channel of the call's context; may be empty.
        channel: String,
        /// Well-formed JSON, at most `timer_payload_bytes_max`.
        payload: String,
    },
    /// Removes the timer, if there is one.
    Cancel {
        /// 1 to 128 bytes.
        name: String,
    },
}
