//! Tells that apps' logs have grown. A hint: what there is to do stands in the store.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::model::AppId;

/// The apps whose logs have grown since somebody asked.
#[derive(Debug, Default)]
pub struct Grown {
    rung: Mutex<Rung>,
    wake: Notify,
}

#[derive(Debug, Default)]
struct Rung {
    waiting: HashSet<AppId>,
    times: HashMap<AppId, u64>,
}

impl Grown {
    fn rung(&self) -> MutexGuard<'_, Rung> {
        self.rung.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// This app's log has grown, or who handles it has changed.
    pub fn ring(&self, app: AppId) {
        let mut rung = self.rung();
        *rung.times.entry(app).or_default() += 1;
        if rung.waiting.insert(app) {
            self.wake.notify_one();
        }
    }

    /// How often it rang for an app: whoever ends a round compares, to miss nothing.
    pub fn count(&self, app: AppId) -> u64 {
        self.rung().times.get(&app).copied().unwrap_or(0)
    }

    /// Waits for some, and takes them.
    pub async fn next(&self) -> HashSet<AppId> {
        loop {
            let apps = std::mem::take(&mut self.rung().waiting);
            if !apps.is_empty() {
                return apps;
            }
            self.wake.notified().await;
        }
    }
}
