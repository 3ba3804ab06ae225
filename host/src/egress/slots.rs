//! How many requests are under way: in all, and for each app. Who finds no place waits for one, as
//! long as the request's time allows. Those who wait are as many as calls may run, no more.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::model::AppId;

pub(super) struct Slots {
    all: Arc<Semaphore>,
    apps: Mutex<HashMap<AppId, Weak<Semaphore>>>,
    per_app: usize,
}

/// A place among the requests, as long as somebody holds a clone of it.
#[derive(Clone)]
pub(super) struct Slot(#[expect(dead_code, reason = "held, not read")] Arc<Held>);

struct Held {
    _of_all: OwnedSemaphorePermit,
    _of_app: OwnedSemaphorePermit,
}

impl Slots {
    pub(super) fn new(all: usize, per_app: usize) -> Self {
        Self {
            all: Arc::new(Semaphore::new(all)),
            apps: Mutex::default(),
            per_app,
        }
    }

    /// The app's own place first: who waits for it holds nothing that others need.
    pub(super) async fn enter(&self, app: AppId) -> Slot {
        let never = "these semaphores are never closed";
        let _of_app = self.of_app(app).acquire_owned().await.expect(never);
        let _of_all = Arc::clone(&self.all).acquire_owned().await.expect(never);
        Slot(Arc::new(Held { _of_all, _of_app }))
    }

    fn of_app(&self, app: AppId) -> Arc<Semaphore> {
        let mut apps = self.apps.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(semaphore) = apps.get(&app).and_then(Weak::upgrade) {
            return semaphore;
        }
        apps.retain(|_, semaphore| semaphore.strong_count() > 0);
        let new = Arc::new(Semaphore::new(self.per_app));
        apps.insert(app, Arc::downgrade(&new));
        new
    }
}
