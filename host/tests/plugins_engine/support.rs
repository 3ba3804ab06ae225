//! Guests, an engine and an install to call them with, and shorthand for one call of each class.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use althing::admission::Holder;
use althing::model::{AppId, OrgId};
use althing::plugins::{
    Call, Chat, Command, Context, Draft, Engine, Fault, FaultKind, Grants, Install, Limits, Output,
    Permission, Reply, Role, Verdict, guard_send, inspect, link, run_command,
};

use super::chat::FakeChat;

/// A built guest, as `cargo xtask plugins` leaves it.
pub fn guest(name: &str) -> Vec<u8> {
    let built = || Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("plugins");
    let folder = std::env::var_os("ALTHING_PLUGINS_DIR").map_or_else(built, PathBuf::from);
    let path = folder.join(format!("{name}.wasm"));
    std::fs::read(&path).unwrap_or_else(|error| {
        panic!(
            "{}: {error}. Build the guests first: cargo xtask plugins --languages",
            path.display()
        )
    })
}

/// The default limits, but with time enough for an unoptimised host on a machine that is busy with
/// other tests. Tests about time set their own.
pub fn patient() -> Limits {
    Limits {
        guard_cpu_ms_max: 10_000,
        kind_cpu_ms_max: 10_000,
        completion_cpu_ms_max: 10_000,
        request_cpu_ms_max: 10_000,
        guard_wall_ms_max: 20_000,
        kind_wall_ms_max: 20_000,
        completion_wall_ms_max: 20_000,
        request_wall_ms_max: 20_000,
        ..Limits::default()
    }
}

/// An app with the hostile plugin, everything granted but moderation.
pub struct App {
    pub engine: Arc<Engine>,
    pub install: Install,
    pub chat: Arc<FakeChat>,
}

pub async fn app() -> App {
    app_with(patient()).await
}

pub async fn app_with(limits: Limits) -> App {
    let engine = Engine::start(limits).unwrap();
    let install = install(&engine, "app_1", "install_1").await;
    let chat = Arc::new(FakeChat::default());
    App {
        engine,
        install,
        chat,
    }
}

/// The app with the number that ends its name, of an org for itself; in `app_7_of_1` of the first one.
pub fn holder(app: &str) -> Holder {
    let mut numbers = app.split('_').filter_map(|part| part.parse().ok());
    let app = numbers.next().unwrap_or(0);
    Holder {
        org: OrgId(numbers.next().unwrap_or(app)),
        app: AppId(app),
    }
}

pub async fn install(engine: &Arc<Engine>, app: &str, id: &str) -> Install {
    let inspection = inspect(engine, &guest("hostile")).unwrap();
    let linked = link(engine, &inspection, all_but_moderation())
        .await
        .unwrap();
    Install::new(engine, &linked, holder(app), id, "{\"colour\":\"red\"}")
}

/// Every interface that there is to link.
pub fn all_but_moderation() -> Grants {
    Permission::ALL
        .into_iter()
        .filter(|p| p.is_interface())
        .collect()
}

pub fn context() -> Context {
    Context {
        now_ms: 1_000_000,
        seed: 7,
        channel: "general".into(),
        channel_type: "messaging".into(),
        actor: "alice".into(),
        actor_role: Role::Member,
    }
}

pub fn draft(text: &str) -> Draft {
    Draft {
        kind: "text".into(),
        text: text.into(),
        data: "\"\"".into(),
    }
}

impl App {
    /// Has the guard judge a message that says `order`.
    pub async fn guard(&self, order: &str) -> Result<Output<Verdict>, Fault> {
        let chat: Arc<dyn Chat> = self.chat.clone();
        let call = Call {
            install: &self.install,
            chat: &chat,
            context: &context(),
        };
        guard_send(call, &draft(order)).await
    }

    /// Runs the command with the arguments `order`.
    pub async fn command(
        &self,
        order: &str,
    ) -> Result<Output<Result<Option<Reply>, String>>, Fault> {
        let chat: Arc<dyn Chat> = self.chat.clone();
        let call = Call {
            install: &self.install,
            chat: &chat,
            context: &context(),
        };
        let command = Command {
            name: "hostile".into(),
            text: order.into(),
        };
        run_command(call, &command).await
    }

    /// The fault that a guard ends in; and a good message passes after it.
    pub async fn guard_fault(&self, order: &str) -> Fault {
        let Err(fault) = self.guard(order).await else {
            panic!("`{order}` should end in a fault");
        };
        assert_eq!(self.guard("hello").await.unwrap().value, Verdict::Allow);
        fault
    }

    /// What a command reports: nothing if the host did all that was asked.
    pub async fn report(&self, order: &str) -> String {
        let output = self.command(order).await.unwrap();
        output
            .value
            .unwrap()
            .map_or(String::new(), |reply| reply.text)
    }
}

/// Fails unless `fault` is of `kind`, and shows it then.
#[track_caller]
pub fn assert_kind(fault: &Fault, kind: FaultKind) {
    assert_eq!(fault.kind, kind, "{fault}; {:?}", fault.usage);
}
