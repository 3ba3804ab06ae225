//! A plugin on strings: its settings say which functions of the host it calls, and what its hooks
//! return. The fuzz targets pull them. What came of its calls is the last line of its log.

mod asks;

wit_bindgen::generate!({
    path: "../../../wit",
    world: "plugin",
    additional_derives: [serde::Deserialize],
});

use althing::plugin::types::{Context, Draft, Json, Rejection, Reply};
use exports::althing::plugin::{
    commands, endpoint, events, feed, file_guard, interactions, lifecycle, membership_guard,
    message_guard, message_kind, schedule, session_guard,
};
use serde::Deserialize;
use serde::de::DeserializeOwned;

#[used]
#[unsafe(link_section = "althing:manifest")]
static MANIFEST: [u8; include_bytes!("../plugin.toml").len()] = *include_bytes!("../plugin.toml");

struct Puppet;

export!(Puppet);

/// What the settings say.
#[derive(Deserialize)]
struct Strings<T> {
    #[serde(default)]
    asks: Vec<asks::Ask>,
    answer: T,
}

fn play<T: DeserializeOwned>() -> T {
    let settings = althing::plugin::config::get();
    // Settings that don't fit are a trap, which the targets take for a fault of their own.
    let strings: Strings<T> = serde_json::from_str(&settings).expect("strings");
    asks::ask_all(strings.asks);
    strings.answer
}

impl message_guard::Guest for Puppet {
    fn before_send(_: Context, _: Draft) -> message_guard::Verdict {
        play()
    }

    fn before_edit(_: Context, _: Draft, _: Draft) -> message_guard::Verdict {
        play()
    }

    fn before_delete(_: Context, _: Draft) -> message_guard::Verdict {
        play()
    }
}

impl events::Guest for Puppet {
    fn handle(_: Context, _: events::Event) -> Result<(), String> {
        play()
    }
}

impl commands::Guest for Puppet {
    fn run(_: Context, _: commands::Command) -> Result<Option<Reply>, String> {
        play()
    }

    fn complete(_: Context, _: commands::Command) -> Vec<commands::Choice> {
        play()
    }
}

impl interactions::Guest for Puppet {
    fn handle(_: Context, _: interactions::Interaction) -> Result<Option<Reply>, String> {
        play()
    }
}

impl message_kind::Guest for Puppet {
    fn create(_: Context, _: String, _: Json) -> Result<message_kind::Created, String> {
        play()
    }

    fn act(
        _: Context,
        _: String,
        _: Json,
        _: Json,
        _: String,
        _: Json,
    ) -> Result<message_kind::Shown, String> {
        play()
    }
}

impl schedule::Guest for Puppet {
    fn run(_: Context, _: String, _: Json) -> Result<(), String> {
        play()
    }
}

impl membership_guard::Guest for Puppet {
    fn before_seat(_: Context, _: membership_guard::Seat) -> Result<(), Rejection> {
        play()
    }

    fn before_create(_: Context, _: Json, _: Vec<membership_guard::Seat>) -> Result<(), Rejection> {
        play()
    }
}

impl session_guard::Guest for Puppet {
    fn before_connect(_: Context, _: Json) -> Result<(), Rejection> {
        play()
    }
}

impl file_guard::Guest for Puppet {
    fn before_keep(_: Context, _: file_guard::File, _: Vec<u8>) -> Result<(), Rejection> {
        play()
    }
}

impl endpoint::Guest for Puppet {
    fn handle(_: Context, _: endpoint::Request) -> Result<endpoint::Response, String> {
        play()
    }
}

impl feed::Guest for Puppet {
    fn rank(_: Context, _: String, _: String, _: Vec<feed::Candidate>) -> Result<Vec<u32>, String> {
        play()
    }
}

impl lifecycle::Guest for Puppet {
    fn check(_: Context, _: Json) -> Vec<lifecycle::SettingFault> {
        play()
    }

    fn start(_: Context, _: Option<String>) -> Result<(), String> {
        play()
    }
}
