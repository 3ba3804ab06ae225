//! The puppet, a plugin that calls and returns what its settings say: whatever a target wants to cross
//! the boundary really does.

use std::sync::{Arc, LazyLock};

use althing::admission::Holder;
use althing::model::{AppId, OrgId};
use althing::plugins::{Context, Install, Linked, Role, inspect, link};

use crate::world::{ENGINE, block_on, workspace};

static LINKED: LazyLock<Arc<Linked>> = LazyLock::new(|| {
    let folder = std::env::var_os("ALTHING_PLUGINS_DIR")
        .map_or_else(|| workspace().join("target/plugins"), Into::into);
    let path = folder.join("puppet.wasm");
    let bytes = std::fs::read(&path).unwrap_or_else(|error| {
        panic!(
            "{}: {error}. Build the plugins first: cargo xtask plugins",
            path.display()
        )
    });
    let inspection = inspect(&ENGINE, &bytes).expect("the puppet is a plugin");
    block_on(link(&ENGINE, &inspection, inspection.needed)).expect("it can be linked")
});

/// The puppet with all that it needs, on new strings. Nothing is left of an install that is gone.
pub fn install(settings: &impl serde::Serialize) -> Install {
    let settings = serde_json::to_string(settings).expect("JSON");
    let holder = Holder {
        org: OrgId(1),
        app: AppId(1),
    };
    Install::new(&ENGINE, &LINKED, holder, "puppet", settings)
}

/// Where and when its calls are.
pub fn context() -> Context {
    Context {
        now_ms: 1_000_000,
        seed: 7,
        channel: crate::world::CHANNEL.into(),
        channel_type: "messaging".into(),
        actor: crate::world::USER.into(),
        actor_role: Role::Member,
    }
}
