//! The plugins of one app as they run: loaded, in order, with what they offer.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use super::health::Breakers;
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
    /// Which one a message kind belongs to.
    pub kinds: HashMap<String, Arc<Installed>>,
    /// Which one a slash command belongs to.
    pub commands: HashMap<String, Arc<Installed>>,
    /// The logs of all installs by name, also of those that were switched off: their last lines may
    /// say why.
    pub logs: HashMap<String, Arc<PluginLog>>,
    /// What the calls of all installs took, by name.
    pub consumption: HashMap<String, Arc<Consumption>>,
}

/// A plugin that runs in an app.
pub struct Installed {
    pub row: store::Install,
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
}

impl Installed {
    /// What it says of itself.
    pub fn manifest(&self) -> Option<&plugins::Manifest> {
        self.inspection
            .as_ref()
            .map(|inspection| &inspection.manifest)
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
