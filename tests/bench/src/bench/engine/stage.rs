//! An engine with guests on it, and calls of each sort.

use std::sync::Arc;

use althing::admission::Holder;
use althing::model::{AppId, OrgId};
use althing::plugins::{
    Act, Call, Chat, Context, Draft, Engine, Event, Install, Limits, Linked, Permission, Role,
    guard_send, handle_event, inspect, kind_act, link,
};
use anyhow::{Context as _, Result, anyhow, ensure};

use super::super::run::Options;
use super::chat::FakeChat;
use crate::component;

/// What calls need.
pub struct Stage {
    pub engine: Arc<Engine>,
    pub chat: Arc<dyn Chat>,
    pub context: Context,
    /// A message of the usual length, as the host hands it over.
    pub draft: Draft,
}

impl Stage {
    /// An engine with these limits.
    ///
    /// # Errors
    /// This machine has no room for it.
    pub fn new(limits: Limits) -> Result<Self> {
        let text = super::super::text(1);
        Ok(Self {
            engine: Engine::start(limits)?,
            chat: Arc::new(FakeChat::default()),
            context: Context {
                now_ms: 1_800_000_000_000,
                seed: 7,
                channel: "general".into(),
                channel_type: "messaging".into(),
                actor: "alice".into(),
                actor_role: Role::Member,
            },
            draft: Draft {
                kind: "text".into(),
                data: format!("\"{text}\""),
                text,
            },
        })
    }

    /// Compiles and links a component with all that it asks for.
    ///
    /// # Errors
    /// The engine refuses it.
    pub async fn link(&self, component: &[u8]) -> Result<Arc<Linked>> {
        let refused = |refusal: althing::plugins::Refusal| anyhow!("{}", refusal.detail);
        let inspection = inspect(&self.engine, component).map_err(refused)?;
        let grants = Permission::ALL.into_iter();
        let grants = grants.filter(|permission| inspection.needed.contains(*permission));
        link(&self.engine, &inspection, grants.collect())
            .await
            .map_err(refused)
    }

    /// An install of an app.
    pub fn install(&self, linked: &Arc<Linked>, app: usize, place: usize) -> Install {
        let id = format!("ins_{app}_{place}");
        let holder = Holder {
            org: OrgId(app as i64),
            app: AppId(app as i64),
        };
        Install::new(&self.engine, linked, holder, &id, "{}")
    }

    fn call<'a>(&'a self, install: &'a Install) -> Call<'a> {
        Call {
            install,
            chat: &self.chat,
            context: &self.context,
        }
    }

    /// Has a guard judge the message.
    ///
    /// # Errors
    /// A fault.
    pub async fn guard(&self, install: &Install) -> Result<()> {
        let judged = guard_send(self.call(install), &self.draft).await;
        judged.map(drop).map_err(|fault| anyhow!("{fault}"))
    }

    /// Has a handler handle a new message.
    ///
    /// # Errors
    /// A fault, or what the handler says.
    pub async fn event(&self, install: &Install, event: &Event) -> Result<()> {
        let handled = handle_event(self.call(install), event).await;
        let output = handled.map_err(|fault| anyhow!("{fault}"))?;
        output.value.map_err(|error| anyhow!("{error}"))
    }

    /// Applies an action to the state of a message.
    ///
    /// # Errors
    /// A fault, or what the plugin says.
    pub async fn act(&self, install: &Install, state: &String, value: &String) -> Result<()> {
        let act = Act {
            kind: "small-keeper-00",
            data: &"{}".to_owned(),
            state,
            action: "add",
            value,
        };
        let acted = kind_act(self.call(install), act).await;
        let output = acted.map_err(|fault| anyhow!("{fault}"))?;
        output.value.map(drop).map_err(|error| anyhow!("{error}"))
    }
}

/// A component that `cargo xtask plugins` has built.
///
/// # Errors
/// It is not there.
pub fn component(options: &Options, name: &str) -> Result<Vec<u8>> {
    component::read(&options.plugins.join(format!("{name}.wasm")))
}

/// The same plugin, with its instances kept for further calls.
///
/// # Errors
/// Its manifest doesn't say `keep_instances = false`.
pub fn keeping(component: &[u8]) -> Result<Vec<u8>> {
    component::with(
        component,
        "keep_instances = false",
        "keep_instances = true ",
    )
}

/// A `message.new` as handlers get it.
pub fn posted(text: &str) -> Event {
    let message = serde_json::json!({
        "id": "msg_0000000000000001", "channel_id": "general", "seq": 1, "from": "alice", "to": "*",
        "ts": "2026-01-01T00:00:00.000Z", "type": "text", "data": text,
    });
    Event {
        kind: "message.new".into(),
        seq: 1,
        ts_ms: 1_800_000_000_000,
        data: serde_json::json!({ "message": message }).to_string(),
    }
}

/// A number in one of the lines that the kernel keeps of this process or thread.
///
/// # Errors
/// The kernel doesn't say.
pub fn fault_count() -> Result<u64> {
    let stat = std::fs::read_to_string("/proc/thread-self/stat")?;
    let (_, fields) = stat.rsplit_once(')').context("no name in stat")?;
    let minor = fields.split_whitespace().nth(7).context("no faults")?;
    ensure!(!minor.is_empty(), "no faults");
    Ok(minor.parse()?)
}
