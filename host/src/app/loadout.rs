//! The plugins of one app as they run: loaded, in order, with what they offer.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use super::health::Breakers;
use super::trial::Trial;
use crate::admission::Holder;
use crate::metrics::Consumption;
use crate::model::{Millis, Quarantine, UserId};
use crate::plugins;
use crate::store;
use crate::wire::OnFault;

/// The plugins of an app that are enabled.
#[derive(Default)]
pub struct Loadout {
    /// In the order of the chain of guards.
    pub installs: Vec<Arc<Installed>>,
    /// Which one a message kind belongs to, if only in some channels.
    pub kinds: HashMap<String, Arc<Installed>>,
    /// Which one a slash command belongs to, if only in some channels.
    pub commands: HashMap<String, Arc<Installed>>,
    /// Which one a feed belongs to, in the version that runs.
    pub feeds: HashMap<String, Arc<Installed>>,
    /// The logs of all installs by name, also of those that were switched off: their last lines may
    /// say why.
    pub logs: HashMap<String, Arc<PluginLog>>,
    /// What the calls of all installs took, by name.
    pub consumption: HashMap<String, Arc<Consumption>>,
    /// The versions on trial, by name; also those whose trial has ended.
    pub trials: HashMap<String, Arc<Trial>>,
}

impl Loadout {
    /// The installs in the order of the chain of guards, each in the version that serves a channel, which is
    /// named as `chat::chain::place` has it, here as below.
    pub fn serving<'a>(&'a self, channel: &str) -> impl Iterator<Item = &'a Arc<Installed>> {
        let installs = self.installs.iter();
        installs.map(move |installed| installed.serving(channel))
    }

    /// What a message kind belongs to in a channel.
    pub fn kind(&self, kind: &str, channel: &str) -> Option<&Arc<Installed>> {
        let installed = self.kinds.get(kind)?.serving(channel);
        let mut kinds = installed.manifest()?.kinds.iter();
        kinds.any(|known| known.name == kind).then_some(installed)
    }

    /// What a slash command belongs to in a channel.
    pub fn command(&self, command: &str, channel: &str) -> Option<&Arc<Installed>> {
        let installed = self.commands.get(command)?.serving(channel);
        let mut commands = installed.manifest()?.commands.iter();
        commands
            .any(|known| known.name == command)
            .then_some(installed)
    }
}

/// A plugin that runs in an app, in one version.
pub struct Installed {
    pub row: store::Install,
    /// Whose places its calls take.
    pub holder: Holder,
    pub on_fault: OnFault,
    /// The user by whom it writes.
    pub bot: UserId,
    /// Its name, shared.
    pub name: Arc<str>,
    /// What it is; none when that could not be found out. It then counts as a guard that fails.
    pub inspection: Option<Arc<plugins::Inspection>>,
    /// Why it does not run, else what runs.
    pub install: Result<plugins::Install, String>,
    /// What it asks of the chat goes through here.
    pub chat: Arc<dyn plugins::Chat>,
    pub log: Arc<PluginLog>,
    /// What its calls took.
    pub consumption: Arc<Consumption>,
    pub breakers: Arc<Breakers>,
    /// Hooks that are not called until somebody has looked at it.
    pub quarantine: Vec<Quarantine>,
    /// The version that is tried beside it.
    pub candidate: Option<Arc<Installed>>,
    /// Of a version that is tried: how.
    pub trial: Option<Arc<Trial>>,
}

impl Installed {
    /// What it says of itself.
    pub fn manifest(&self) -> Option<&plugins::Manifest> {
        self.inspection
            .as_ref()
            .map(|inspection| &inspection.manifest)
    }

    /// The version that serves a channel: a canary in its share of them, else this one. For what is
    /// about no channel, which has an empty name, it is always this one.
    pub fn serving<'a>(self: &'a Arc<Self>, channel: &str) -> &'a Arc<Self> {
        self.candidate
            .as_ref()
            .filter(|candidate| {
                let app = self.row.app_id;
                let mut trial = candidate.trial.iter();
                candidate.install.is_ok()
                    && trial.any(|trial| trial.serves(app, &self.name, channel))
            })
            .unwrap_or(self)
    }

    /// The version that is asked whatever this one is asked, for comparison.
    pub fn shadow(&self) -> Option<(&Arc<Installed>, &Arc<Trial>)> {
        let candidate = self.candidate.as_ref()?;
        let trial = candidate.trial.as_ref()?;
        (trial.is_shadow() && !trial.is_over()).then_some((candidate, trial))
    }

    /// Whether it is only asked for comparison.
    pub fn is_shadow(&self) -> bool {
        self.trial.as_ref().is_some_and(|trial| trial.is_shadow())
    }

    /// This version and the one that may serve some channels in its place.
    pub fn versions(self: &Arc<Self>) -> impl Iterator<Item = &Arc<Self>> {
        std::iter::once(self).chain(&self.candidate)
    }

    /// Whether this hook waits for somebody to look at it.
    pub fn is_quarantined(&self, hook: plugins::Hook) -> bool {
        self.quarantine
            .iter()
            .any(|quarantine| quarantine.hook == hook.name())
    }

    /// Whether it has this hook.
    pub fn has(&self, hook: plugins::Hook) -> bool {
        match &self.inspection {
            Some(inspection) => inspection.hooks.contains(hook),
            // What can't be looked into now was when it was installed: a guard must not vanish.
            None => self.row.hooks.0.iter().any(|known| known == hook.name()),
        }
    }
}

/// The newest lines of a plugin's log, in memory. For whoever looks why a plugin does what it does;
/// nothing depends on it.
#[derive(Debug)]
pub struct PluginLog {
    kept: usize,
    lines: Mutex<VecDeque<(Millis, &'static str, String)>>,
}

impl Default for PluginLog {
    fn default() -> Self {
        Self::new(1)
    }
}

impl PluginLog {
    /// An empty one that keeps this many lines.
    pub fn new(kept: usize) -> Self {
        Self {
            kept: kept.max(1),
            lines: Mutex::default(),
        }
    }

    /// Adds a line; the oldest go.
    pub fn add(&self, at: Millis, level: &'static str, message: String) {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        while lines.len() >= self.kept {
            lines.pop_front();
        }
        lines.push_back((at, level, message));
    }

    /// The lines, old to new.
    pub fn lines(&self) -> Vec<(Millis, &'static str, String)> {
        self.lines
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
            .cloned()
            .collect()
    }
}
