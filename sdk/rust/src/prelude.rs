//! `use althing_plugin::prelude::*;` brings in what nearly every plugin uses.

pub use crate::blocks::{self, Block};
pub use crate::chat::{self, Post};
pub use crate::{
    Candidate, Choice, Command, Commands, Context, Created, Draft, Endpoint, Event, Events, Feed,
    File, FileGuard, Interaction, Interactions, Lifecycle, MembershipGuard, Message, MessageGuard,
    MessageKind, Patch, Rejection, Reply, Role, Schedule, Seat, SessionGuard, SettingFault, Shown,
    Value, Verdict, View, config, counters, endpoint, http, json, kv, log, metrics, parse_json,
    timers, to_json,
};
