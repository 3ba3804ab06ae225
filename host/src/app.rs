//! What the verbs work with: the open store, the hub, the plugin engine, and what is kept in memory
//! because it is asked for all the time. Nothing in here is the only copy of anything.

use std::collections::HashMap;
use std::fs::DirBuilder;
use std::num::NonZero;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use ring::hmac;
use ring::rand::SystemRandom;
use tokio::sync::{Notify, mpsc, watch};
use tokio_util::task::TaskTracker;

use crate::address::Origins;
use crate::admission::{Holder, Places, Sizes};
use crate::clock::Clock;
use crate::config::{self, Config};
use crate::egress;
use crate::error::{Code, Error, Result};
use crate::files::Files;
use crate::hub::Hub;
use crate::metrics::Metrics;
use crate::model::{self, AppId, MessageId};
use crate::plugins;
use crate::secrets::{
    Credential, CredentialDigest, CredentialKind, MasterKey, SealContext, Sealer, load_or_create,
};
use crate::store::{self, Committed, Store};
use crate::tokens::{KeySetError, KeySets, VerifyingKey};

mod breaker;
mod decided;
mod grown;
mod health;
mod loading;
mod loadout;
mod rates;
mod recordings;
mod seats;
mod trial;
mod turns;

pub use breaker::{Admitted, Breaker, Turn};
pub use decided::Decided;
pub use grown::Grown;
pub use health::{Breakers, GivenUp, GivenUps};
pub use loading::Loading;
pub use loadout::{Installed, Loadout, PluginLog};
pub use rates::{Left, Rates, Whose, Wrote};
pub use recordings::{RecordedCall, Recordings, Standing};
pub use seats::Seats;
pub use trial::{Again, Compared, Difference, HookCompared, Pair, Trial};
pub use turns::Turns;

/// The host's state, shared by everything that serves a request.
pub struct App {
    pub config: Config,
    pub clock: Clock,
    pub store: Store,
    pub files: Files,
    pub hub: Arc<Hub>,
    pub engine: Arc<plugins::Engine>,
    pub egress: egress::Client,
    /// The key sets that apps publish, as far as they were asked for lately.
    pub key_sets: KeySets,
    pub metrics: Metrics,
    pub sealer: Sealer,
    /// The digest of the operator's key.
    pub operator: CredentialDigest,
    pub cursor_key: hmac::Key,
    /// Who sits where, as far as it was asked lately.
    pub seats: Seats,
    pub rates: Rates,
    issuers: moka::sync::Cache<AppId, Arc<Issuer>>,
    loadouts: RwLock<HashMap<AppId, Arc<Loadout>>>,
    origins: RwLock<Vec<Origins>>,
    /// The apps whose logs have grown, for those who handle their events.
    pub grown: Grown,
    /// Whose turn it is to act on a message.
    pub turns: Turns<MessageId>,
    /// Places for components that are looked into and need no compiling.
    pub reading: Places,
    /// Places for those that are compiled.
    pub compiling: Places,
    /// Places for those that wait to be.
    pub to_compile: Places,
    /// The apps whose plugins are still to be loaded.
    pub loading: Loading,
    /// Whose turn it is to change an app's plugins.
    pub installing: Turns<AppId>,
    /// What plugins decided.
    pub decided: Decided,
    /// Calls of plugins that somebody wanted recorded.
    pub recordings: Recordings,
    /// Hooks that failed too often.
    pub given_up: GivenUps,
    /// Rung when a timer was set.
    pub timers_changed: Notify,
    /// Rung when a channel or a plugin was removed, and what is left of it is now to be.
    pub removed: Notify,
    /// What a host that stops waits for: the sockets that are open, and requests that go on without
    /// the one who made them.
    pub under_way: TaskTracker,
    /// True from the moment the host begins to stop.
    pub stopping: watch::Sender<bool>,
}

/// An app and the keys that verify its users' tokens.
pub struct Issuer {
    pub app: model::App,
    pub keys: Vec<VerifyingKey>,
}

impl App {
    /// Opens everything that `config` names. The receiver yields what the store commits; it goes to
    /// `chat::deliver::run`.
    ///
    /// # Errors
    /// A sentence for the operator.
    pub async fn open(
        config: Config,
        clock: Clock,
    ) -> Result<(Arc<App>, mpsc::Receiver<Committed>), String> {
        let folder = &config.paths.data_dir;
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .map_err(|e| format!("can't make the folder {}: {e}", folder.display()))?;
        let random = SystemRandom::new();
        let operator = operator_key(&config.operator_key_file(), &random)?;
        let master = MasterKey::load_or_create(&config.secret_key_file(), &random)
            .map_err(|e| e.to_string())?;
        let (store, committed) =
            Store::open(&store::Settings::from(&config), clock.clone()).await?;
        let folder = config.files_dir();
        let files = Files::in_folder(&folder)
            .map_err(|e| format!("can't use the folder {} for files: {e}", folder.display()))?;
        let compiler = compiler(&config, &master)
            .map_err(|e| format!("can't set up the plugins' compiler: {e}"))?;
        let percent = config.limits.org_share_percent;
        let limits = plugins::Limits {
            org_share_percent: percent,
            ..plugin_limits(&config.plugins)
        };
        let engine = plugins::Engine::start_with(limits, Some(compiler))
            .map_err(|e| format!("can't start the plugin engine: {e}"))?;
        let outwards = || egress::Client::new(&config.egress, percent, egress::Resolver::System);
        let (egress, key_sets) = (outwards()?, KeySets::new(outwards()?, &config.sessions));
        let processors = std::thread::available_parallelism().map_or(1, NonZero::get);
        let app = Arc::new(App {
            cursor_key: hmac::Key::new(hmac::HMAC_SHA256, master.derive("cursor").expose()),
            sealer: Sealer::new(&master),
            operator,
            hub: Arc::default(),
            engine,
            egress,
            key_sets,
            metrics: Metrics::default(),
            seats: Seats::default(),
            rates: Rates::new(&config.limits),
            issuers: moka::sync::Cache::builder()
                .max_capacity(10_000)
                .time_to_live(Duration::from_secs(10))
                .build(),
            loadouts: RwLock::default(),
            origins: RwLock::default(),
            grown: Grown::default(),
            turns: Turns::default(),
            reading: Places::new(Sizes::of_orgs(processors, percent)),
            compiling: Places::new(Sizes::of_orgs(config.plugins.compiles_max, percent)),
            to_compile: Places::new(Sizes::new(
                config.plugins.compiles_waiting_max,
                percent,
                config.plugins.compiles_waiting_per_app_max,
            )),
            loading: Loading::default(),
            installing: Turns::default(),
            decided: Decided::default(),
            recordings: Recordings::new(&config.plugins),
            given_up: GivenUps::default(),
            timers_changed: Notify::new(),
            removed: Notify::new(),
            under_way: TaskTracker::new(),
            stopping: watch::Sender::new(false),
            config,
            clock,
            store,
            files,
        });
        app.load_origins().await.map_err(|e| e.to_string())?;
        Ok((app, committed))
    }

    /// Waits until the host begins to stop.
    pub async fn stopped(&self) {
        // The sender lives as long as this does.
        let _ = self
            .stopping
            .subscribe()
            .wait_for(|stopping| *stopping)
            .await;
    }

    /// An app as the one who holds places. To be kept where it is asked for often.
    ///
    /// # Errors
    /// `not_found` if there is no such app.
    pub async fn holder(&self, id: AppId) -> Result<Holder> {
        let found = self.store.find_app(id).await?;
        found
            .map(|app| Holder::from(&app))
            .ok_or_else(|| Error::not_found("app"))
    }

    /// An app with the keys that verify its users' tokens.
    pub async fn issuer(&self, id: AppId) -> Result<Option<Arc<Issuer>>> {
        if let Some(issuer) = self.issuers.get(&id) {
            return Ok(Some(issuer));
        }
        let Some(app) = self.store.find_app(id).await? else {
            return Ok(None);
        };
        let mut keys = Vec::new();
        for key in self.store.list_signing_keys(id).await? {
            keys.push(self.verifying_key(id, &key)?);
        }
        let issuer = Arc::new(Issuer { app, keys });
        self.issuers.insert(id, issuer.clone());
        Ok(Some(issuer))
    }

    /// The key of this name that an app publishes, if it does.
    ///
    /// # Errors
    /// Why its key set can't be had.
    pub async fn published_key(
        &self,
        app: &model::App,
        kid: &str,
    ) -> Result<Option<VerifyingKey>, KeySetError> {
        match &app.jwks_url {
            Some(url) => {
                self.key_sets
                    .find(app.into(), url, kid, self.clock.now())
                    .await
            }
            None => Ok(None),
        }
    }

    /// Forgets what is kept of an app, after it was changed.
    pub async fn forget_issuer(&self, id: AppId) -> Result<()> {
        self.issuers.invalidate(&id);
        self.load_origins().await
    }

    /// The secret of a signing key that was sealed.
    pub fn unseal(
        &self,
        app: AppId,
        key: &model::SigningKey,
    ) -> Result<crate::secrets::Secret<Vec<u8>>> {
        let context = SealContext {
            app_id: &app.to_string(),
            key_id: &key.kid,
        };
        self.sealer
            .open(context, &key.material)
            .map_err(Error::internal)
    }

    fn verifying_key(&self, app: AppId, key: &model::SigningKey) -> Result<VerifyingKey> {
        if key.algorithm == "HS256" {
            let secret = self.unseal(app, key)?;
            return VerifyingKey::from_secret(&key.kid, secret.expose()).map_err(Error::internal);
        }
        let text = std::str::from_utf8(&key.material).map_err(Error::internal)?;
        VerifyingKey::from_public(text, Some(&key.kid)).map_err(Error::internal)
    }

    /// Whether some app allows pages of this origin: all that can be said of a browser's preflight,
    /// which names no app.
    pub fn knows_origin(&self, origin: &[u8]) -> bool {
        self.origins
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
            .any(|of_app| of_app.allows(origin))
    }

    async fn load_origins(&self) -> Result<()> {
        let lists = self.store.list_origins().await?;
        let all = lists
            .iter()
            .filter_map(|list| Origins::parse(&list.0).ok())
            .filter(|of_app| of_app.iter().next().is_some());
        *self.origins.write().unwrap_or_else(PoisonError::into_inner) = all.collect();
        Ok(())
    }

    /// Waits until the plugins of an app are loaded, for `plugins.load_wait_ms` at most.
    ///
    /// # Errors
    /// `unavailable` when they are not by then.
    pub async fn loaded(&self, id: AppId) -> Result<()> {
        if !self.loading.contains(id) {
            return Ok(());
        }
        let most = Duration::from_millis(self.config.plugins.load_wait_ms);
        let loaded = tokio::time::timeout(most, self.loading.wait(id)).await;
        loaded.map_err(|_| {
            let detail = "The app's plugins are not loaded yet.";
            Error::new(Code::Unavailable, detail).retry_after_ms(1_000)
        })
    }

    /// The plugins that run in an app.
    pub fn loadout(&self, id: AppId) -> Arc<Loadout> {
        self.loadouts
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&id)
            .cloned()
            .unwrap_or_default()
    }

    /// Every app with plugins.
    pub fn loadouts(&self) -> Vec<(AppId, Arc<Loadout>)> {
        let loadouts = self.loadouts.read().unwrap_or_else(PoisonError::into_inner);
        loadouts
            .iter()
            .map(|(id, loadout)| (*id, loadout.clone()))
            .collect()
    }

    /// Puts an app's plugins into use. Calls that are running keep what they began with.
    pub fn set_loadout(&self, id: AppId, loadout: Loadout) {
        let mut loadouts = self
            .loadouts
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        match loadout.logs.is_empty() {
            true => drop(loadouts.remove(&id)),
            false => drop(loadouts.insert(id, Arc::new(loadout))),
        }
        drop(loadouts);
        self.grown.ring(id);
        self.timers_changed.notify_one();
    }
}

/// The engine's limits, where the settings name them; the rest is as the engine has it.
pub fn plugin_limits(settings: &config::Plugins) -> plugins::Limits {
    let small = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    let whole = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
    let default = plugins::Limits::default();
    // 0 goes by the machine.
    let or = |n: usize, default: u32| if n == 0 { default } else { small(n) };
    plugins::Limits {
        component_bytes_max: small(settings.component_bytes_max),
        memory_bytes_max: small(settings.memory_bytes_max),
        guard_cpu_ms_max: whole(settings.guard_cpu_ms),
        guard_wall_ms_max: whole(settings.guard_wall_ms),
        kind_cpu_ms_max: whole(settings.guard_cpu_ms),
        kind_wall_ms_max: whole(settings.guard_wall_ms),
        request_cpu_ms_max: whole(settings.handler_cpu_ms),
        request_wall_ms_max: whole(settings.handler_wall_ms),
        event_cpu_ms_max: whole(settings.handler_cpu_ms),
        event_wall_ms_max: whole(settings.handler_wall_ms),
        busy_ms_max: whole(settings.busy_ms),
        stream_cpu_ms_max: whole(settings.stream_cpu_ms),
        stream_wall_ms_max: whole(settings.stream_wall_ms),
        stream_host_calls_max: settings.host_calls_max.saturating_mul(5),
        long_calls_max: or(settings.long_calls_max, default.long_calls_max),
        app_long_calls_max: or(settings.long_calls_per_app_max, default.app_long_calls_max),
        stream_calls_max: small(settings.stream_calls_max),
        app_stream_calls_max: small(settings.stream_calls_per_app_max),
        progress_interval_ms_min: whole(settings.progress_interval_ms),
        progress_bytes_per_s_max: small(settings.progress_bytes_per_second),
        concurrent_calls_max: small(settings.concurrent_calls_max),
        app_concurrent_calls_max: small(settings.concurrent_calls_per_app_max),
        compile_cpu_s_max: whole(settings.compile_cpu_s),
        compile_memory_bytes_max: settings.compile_memory_bytes_max,
        compiled_bytes_max: settings.compiled_bytes_max,
        kept_instances_max: small(settings.kept_instances_max),
        aside_calls_max: settings.shadow_calls_max,
        host_calls_max: settings.host_calls_max,
        host_call_bytes_max: small(settings.hostcall_bytes_max),
        http_requests_max: settings.http_requests_max,
        ..default
    }
}

fn compiler(config: &Config, master: &MasterKey) -> std::io::Result<plugins::Compiler> {
    let settings = &config.plugins;
    let program = match &settings.compiler {
        Some(program) => program.clone(),
        None => plugins::this_program()?,
    };
    let folder = match &settings.code_dir {
        Some(folder) => folder.clone(),
        None => config.paths.data_dir.join("plugin-code"),
    };
    let key = master.derive("plugin code");
    plugins::Compiler::new(program, folder, settings.code_bytes_max, key.expose())
}

fn operator_key(path: &Path, random: &SystemRandom) -> Result<CredentialDigest, String> {
    let text = load_or_create(path, random, |random| {
        Credential::generate(CredentialKind::Operator, random).map(|key| key.text().clone())
    })
    .map_err(|e| e.to_string())?;
    let key = Credential::parse(text.expose()).map_err(|e| format!("{}: {e}", path.display()))?;
    if key.kind() != CredentialKind::Operator {
        return Err(format!("{}: this is not an operator key", path.display()));
    }
    Ok(key.digest())
}
