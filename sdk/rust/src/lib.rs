//! Write plugins for the Althing chat host in Rust.
//!
//! A plugin is a library crate with `crate-type = ["cdylib"]`: a type that implements one trait for
//! each hook, a `plugin.toml` that says what the plugin is and what it needs, and one [`plugin!`]
//! that puts them together. `docs/plugins/first-plugin.md` walks through it.
//!
//! ```
//! use althing_plugin::prelude::*;
//!
//! struct Polite;
//!
//! impl MessageGuard for Polite {
//!     fn before_send(_ctx: &Context, message: Draft) -> Verdict {
//!         if message.text.contains("please") {
//!             Verdict::Allow
//!         } else {
//!             Verdict::reject("not_polite", "Say please.")
//!         }
//!     }
//! }
//!
//! // At the end of lib.rs:
//! // althing_plugin::plugin!(Polite: MessageGuard, manifest = "plugin.toml");
//!
//! let asked = Draft::text("A coffee, please.");
//! assert!(matches!(Polite::before_send(&Context::default(), asked), Verdict::Allow));
//! ```
//!
//! Every call gets a fresh instance of the component, so a `static` forgets: what must outlive a
//! call goes to [`kv`]. With `keep_instances = true` in the manifest a `static` may remember, for
//! what is dear to prepare, but need not. The host's functions ([`config()`], [`kv`], [`chat`], [`http`] …) exist
//! only inside the host and panic elsewhere: keep them at the edge, and plain `cargo test` can test
//! all that lies behind it.
//!
//! Use `BTreeMap` rather than `HashMap` for keys that come from users: a component has no randomness
//! of its own, so every instance hashes alike and an attacker can choose keys that collide.

mod bindings;
pub mod blocks;
pub mod chat;
mod config;
mod context;
pub mod counters;
pub mod dates;
pub mod endpoint;
mod error;
mod event;
mod hooks;
pub mod http;
mod json;
pub mod kv;
pub mod leaving;
pub mod log;
mod message;
pub mod metrics;
mod plugin;
pub mod prelude;
mod random;
pub mod recurrence;
#[cfg(target_arch = "wasm32")]
mod runtime;
pub mod sse;
pub mod timers;
pub mod when;

pub use bindings::commands::{Choice, Command};
pub use bindings::events::Event;
pub use bindings::feed::Candidate;
pub use bindings::file_guard::File;
pub use bindings::interactions::Interaction;
pub use bindings::lifecycle::SettingFault;
pub use bindings::membership_guard::Seat;
pub use bindings::message_guard::{Patch, Verdict};
pub use bindings::message_kind::{Created, Shown};
pub use bindings::types::{Context, Draft, Message, Rejection, Reply, Role, View};
pub use config::config;
pub use error::{Error, Result};
pub use event::{Attached, MemberChange, Posted};
pub use hooks::{
    Commands, Endpoint, Events, Feed, FileGuard, Interactions, Lifecycle, MembershipGuard,
    MessageGuard, MessageKind, Schedule, SessionGuard,
};
pub use json::{parse_json, to_json};
pub use random::Random;
pub use serde_json::{Value, json};

/// What [`plugin!`] expands to; not for plugins.
#[doc(hidden)]
pub use bindings::hooks as __hooks;

/// The guides' examples compile and run with the crate's own.
#[cfg(doctest)]
mod guides {
    #[doc = include_str!("../../../docs/plugins/first-plugin.md")]
    mod first_plugin {}
    #[doc = include_str!("../../../docs/blocks.md")]
    mod blocks {}
    #[doc = include_str!("../../../docs/plugins/requests.md")]
    mod requests {}
    #[doc = include_str!("../../../docs/plugins/feeds.md")]
    mod feeds {}
}
