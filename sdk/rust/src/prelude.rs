//! `use althing_plugin::prelude::*;` brings in what nearly every plugin uses.

pub use crate::blocks::{self, Block};
pub use crate::chat::{self, Post};
pub use crate::{
    Choice, Command, Commands, Context, Created, Draft, Event, Events, Interaction, Interactions,
    Message, MessageGuard, MessageKind, Patch, Rejection, Reply, Role, Schedule, Shown, Value,
    Verdict, View, config, counters, http, json, kv, log, parse_json, timers, to_json,
};
