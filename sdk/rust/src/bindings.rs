//! What `wit-bindgen` makes of `wit/`: the host's functions once, and one world for each hook.
//!
//! A world for each hook (`wit/hooks.wit` of this crate), because a component has to export exactly
//! the interfaces that it implements: `plugin!` picks the export macros it needs. All worlds share
//! the types of the first.

mod imports {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "althing:plugin/imports",
        generate_all,
    });
}

pub use imports::althing::plugin::{
    chat_read, chat_write, config, counters, http, kv, log, metrics, timers, types,
};

/// The bindings of one hook, in a module of its name.
macro_rules! hook {
    ($module:ident, $world:literal) => {
        pub mod $module {
            wit_bindgen::generate!({
                path: ["../../wit", "wit"],
                world: $world,
                with: { "althing:plugin/types@0.1.0": crate::bindings::types },
                pub_export_macro: true,
                export_macro_name: "export",
            });
        }
    };
}

pub mod hooks {
    hook!(message_guard, "althing:hooks/message-guard");
    hook!(events, "althing:hooks/events");
    hook!(commands, "althing:hooks/commands");
    hook!(interactions, "althing:hooks/interactions");
    hook!(message_kind, "althing:hooks/message-kind");
    hook!(schedule, "althing:hooks/schedule");
    hook!(membership_guard, "althing:hooks/membership-guard");
    hook!(session_guard, "althing:hooks/session-guard");
    hook!(file_guard, "althing:hooks/file-guard");
    hook!(endpoint, "althing:hooks/endpoint");
    hook!(feed, "althing:hooks/feed");
    hook!(lifecycle, "althing:hooks/lifecycle");
}

pub use hooks::{
    commands::exports::althing::plugin::commands, endpoint::exports::althing::plugin::endpoint,
    events::exports::althing::plugin::events, feed::exports::althing::plugin::feed,
    file_guard::exports::althing::plugin::file_guard,
    interactions::exports::althing::plugin::interactions,
    lifecycle::exports::althing::plugin::lifecycle,
    membership_guard::exports::althing::plugin::membership_guard,
    message_guard::exports::althing::plugin::message_guard,
    message_kind::exports::althing::plugin::message_kind,
    schedule::exports::althing::plugin::schedule,
    session_guard::exports::althing::plugin::session_guard,
};
