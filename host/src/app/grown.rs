//! Tells that apps' logs have grown. A hint: what there is to do stands in the store.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use tokio::sync::Notify;

use crate::model::AppId;

/// The apps whose logs have grown since somebody asked.
#[derive(Debug, Default)]
pub struct Grown {
    apps: Mutex<HashSet<AppId>>,
    rung: AtomicU64,
    wake: Notify,
}

impl Grown {
    /// This app's log has grown.
    pub fn ring(&self, app: AppId) {
        self.rung.fetch_add(1, Ordering::SeqCst);
        let first = self
            .apps
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(app);
        if first {
            self.wake.notify_one();
        }
    }

    /// How often it rang: whoever ends a round compares, to miss nothing.
    pub fn count(&self) -> u64 {
        self.rung.load(Ordering::SeqCst)
    }

    /// Waits for some, and takes them.
    pub async fn next(&self) -> HashSet<AppId> {
        loop {
            let apps =
                std::mem::take(&mut *self.apps.lock().unwrap_or_else(PoisonError::into_inner));
            if !apps.is_empty() {
                return apps;
            }
            self.wake.notified().await;
        }
    }
}
