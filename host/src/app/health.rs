//! How the calls of installs go: which hooks fail, and which of them failed for good.

use std::sync::{Mutex, PoisonError};

use tokio::sync::Notify;

use super::breaker::Breaker;
use crate::model::{AppId, InstallId, Millis};
use crate::plugins::Hook;

/// A breaker for each hook of an install, for as long as it is not changed.
#[derive(Debug, Default)]
pub struct Breakers([Breaker; Hook::ALL.len()]);

impl Breakers {
    /// The one of this hook.
    pub fn of(&self, hook: Hook) -> &Breaker {
        &self.0[hook as usize]
    }
}

/// A hook that has failed too often.
#[derive(Debug, Clone)]
pub struct GivenUp {
    pub app_id: AppId,
    pub install: InstallId,
    /// Which state of the install it was.
    pub updated_at: Millis,
    pub hook: Hook,
    /// The last fault.
    pub detail: String,
}

/// Those that nobody has dealt with yet.
#[derive(Debug, Default)]
pub struct GivenUps {
    waiting: Mutex<Vec<GivenUp>>,
    rung: Notify,
}

impl GivenUps {
    /// Adds one.
    pub fn add(&self, given_up: GivenUp) {
        self.waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(given_up);
        self.rung.notify_one();
    }

    /// Waits until there are some, and takes them.
    pub async fn next(&self) -> Vec<GivenUp> {
        self.rung.notified().await;
        std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
