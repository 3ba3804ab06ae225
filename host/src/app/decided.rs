//! Decisions of plugins on their way to the store. Nobody who sends waits for them, so there are so
//! many at most; what comes on top is counted, and lost.

use std::sync::{Mutex, PoisonError};

use tokio::sync::Notify;

use crate::model::{AppId, Decision};

/// Decisions that wait.
const WAITING_MAX: usize = 10_000;
/// Decisions that are stored together.
const TAKEN_MAX: usize = 500;

/// The decisions that are not stored yet.
#[derive(Debug, Default)]
pub struct Decided {
    waiting: Mutex<Vec<(AppId, Decision)>>,
    rung: Notify,
}

impl Decided {
    /// Adds one. False when there is no room.
    pub fn add(&self, app: AppId, decision: Decision) -> bool {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let has_room = waiting.len() < WAITING_MAX;
        if has_room {
            waiting.push((app, decision));
        }
        drop(waiting);
        self.rung.notify_one();
        has_room
    }

    /// Waits until there are some, and takes them, old to new.
    pub async fn next(&self) -> Vec<(AppId, Decision)> {
        loop {
            let taken = self.take();
            if !taken.is_empty() {
                return taken;
            }
            self.rung.notified().await;
        }
    }

    /// Takes what is there, so many at most.
    pub fn take(&self) -> Vec<(AppId, Decision)> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let count = waiting.len().min(TAKEN_MAX);
        waiting.drain(..count).collect()
    }
}
