//! The apps whose plugins are still to be loaded after the start. Whoever needs one waits for it: no
//! message goes past a guard because the guard was not there yet.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::model::AppId;

/// Which they are.
#[derive(Default)]
pub struct Loading {
    left: Mutex<HashSet<AppId>>,
    /// So that it costs nothing once all are there.
    some_are_left: AtomicBool,
    changed: Notify,
}

impl Loading {
    /// These are to be loaded. To be called before anybody is served.
    pub fn begin(&self, apps: impl IntoIterator<Item = AppId>) {
        let mut left = self.left();
        left.extend(apps);
        self.some_are_left
            .store(!left.is_empty(), Ordering::Release);
    }

    /// This one is loaded.
    pub fn end(&self, app: AppId) {
        let mut left = self.left();
        left.remove(&app);
        self.some_are_left
            .store(!left.is_empty(), Ordering::Release);
        drop(left);
        self.changed.notify_waiters();
    }

    /// Whether an app is still to be loaded.
    pub fn contains(&self, app: AppId) -> bool {
        self.some_are_left.load(Ordering::Acquire) && self.left().contains(&app)
    }

    /// How many are.
    pub fn count(&self) -> usize {
        self.left().len()
    }

    /// Waits until an app is loaded.
    pub async fn wait(&self, app: AppId) {
        loop {
            let mut changed = std::pin::pin!(self.changed.notified());
            // Before the look: what changes after it is told.
            changed.as_mut().enable();
            if !self.contains(app) {
                return;
            }
            changed.await;
        }
    }

    fn left(&self) -> MutexGuard<'_, HashSet<AppId>> {
        self.left.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[tokio::test]
    async fn who_needs_an_app_waits_for_that_one() {
        let loading = Arc::new(Loading::default());
        loading.wait(AppId(1)).await;
        loading.begin([AppId(1), AppId(2)]);
        loading.wait(AppId(3)).await;
        let waiting = tokio::spawn({
            let loading = loading.clone();
            async move { loading.wait(AppId(1)).await }
        });
        tokio::task::yield_now().await;
        loading.end(AppId(2));
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished() && loading.count() == 1);
        loading.end(AppId(1));
        waiting.await.unwrap();
        assert!(!loading.contains(AppId(1)));
    }
}
