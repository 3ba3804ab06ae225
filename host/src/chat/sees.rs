//! What a version's hooks let it see, whatever permissions it was granted: told to its tenant by name
//! and in words, kept with the version as it was uploaded, and consented to like a permission.
//!
//! Whoever enables a plugin that is new to the app consents to what that version sees. A later version
//! that sees more than the one that runs waits for consent to the rest. So what has run, runs or is on
//! trial was consented to, and need not be kept a second time.

use crate::plugins::{Hook, Hooks, Inspection, Manifest};
use crate::store::Version;
use crate::wire;

/// All that a version sees beyond what is addressed to it: its commands, buttons, kinds and routes.
pub(crate) fn described(hooks: Hooks, manifest: &Manifest) -> Vec<wire::Sight> {
    let mut sees = Vec::new();
    for hook in hooks.iter() {
        match hook {
            Hook::MessageGuard | Hook::MembershipGuard | Hook::SessionGuard | Hook::FileGuard => {
                sees.push(sight(hook.name().to_owned()))
            }
            Hook::Events => {
                let events = manifest.events.iter();
                sees.extend(events.map(|event| sight(format!("events:{event}"))));
            }
            Hook::Feed => {
                let kinds = manifest.feeds.iter().flat_map(|feed| &feed.kinds);
                let is_own = |kind: &str| manifest.kinds.iter().any(|own| own.name == kind);
                for kind in kinds.filter(|kind| !is_own(kind)) {
                    let sight = sight(format!("feed:{kind}"));
                    if !sees.contains(&sight) {
                        sees.push(sight);
                    }
                }
            }
            // What people do with the plugin itself.
            Hook::Commands
            | Hook::Interactions
            | Hook::MessageKind
            | Hook::Schedule
            | Hook::Endpoint
            | Hook::Lifecycle => {}
        }
    }
    sees
}

/// Whether a name is that of something that a version sees.
pub(super) fn is_seen(inspection: &Inspection, name: &str) -> bool {
    let sees = described(inspection.hooks, &inspection.manifest);
    sees.iter().any(|sight| sight.name == name)
}

fn sight(name: String) -> wire::Sight {
    let allows = in_words(&name).to_owned();
    wire::Sight { name, allows }
}

/// What is seen under a name, in words for those who consent to it.
pub(crate) fn in_words(name: &str) -> &'static str {
    match name {
        "message-guard" => {
            "Read every message before it is sent, edited or deleted, in every channel, direct and \
             private ones too, and change, refuse or hold it."
        }
        "membership-guard" => {
            "See who makes channels, comes into them or is given a role there, before it happens, \
             and refuse it."
        }
        "session-guard" => "See who connects, with name and `custom`, and refuse it.",
        "file-guard" => {
            "See every file before it is kept, by its name, kind, size and first 4 KiB, and refuse it."
        }
        "events:message.new" => {
            "Read every message that is sent, in every channel, direct and private ones too."
        }
        "events:message.updated" => {
            "Read every message that is changed, in every channel, direct and private ones too."
        }
        "events:message.deleted" => {
            "Learn which messages are deleted, whose they were and in which channel."
        }
        "events:member.added" => "Learn who comes into which channel.",
        "events:member.updated" => "Learn who is given which role in which channel.",
        "events:member.removed" => "Learn who leaves which channel.",
        "events:channel.updated" => {
            "Learn how channels are changed: their names, tags and the like."
        }
        name if name.starts_with("feed:") => {
            "Read messages of this type, in every channel that the reader of a feed may read, to order \
             the feed."
        }
        _ => "See what is called so in every channel.",
    }
}

/// What a version sees, as it was kept when it was uploaded.
fn stored(version: &Version) -> Vec<wire::Sight> {
    serde_json::from_str(&version.sees).unwrap_or_default()
}

/// What one version sees that another, of the same plugin, does not. It is nothing if there is no other.
pub(super) fn beyond(
    versions: &[Version],
    digest: &str,
    other: Option<&str>,
) -> Vec<wire::Permission> {
    let find = |digest: &str| {
        let version = versions.iter().find(|version| version.digest == digest);
        version.map(stored).unwrap_or_default()
    };
    let Some(known) = other.map(find) else {
        return Vec::new();
    };
    let more = find(digest).into_iter();
    let more = more.filter(|sight| known.iter().all(|known| known.name != sight.name));
    more.map(wanted).collect()
}

/// As it stands among what a version wants.
fn wanted(sight: wire::Sight) -> wire::Permission {
    wire::Permission {
        name: sight.name,
        reason: String::new(),
        allows: sight.allows,
        required: true,
        hosts: Vec::new(),
        paths: Vec::new(),
        secrets: Vec::new(),
    }
}
