//! How many requests are under way: in all, and for each app. Who finds no place is refused at once:
//! each request holds up the call that sent it, and calls have few places, which others need.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::Error;
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

    pub(super) fn enter(&self, app: AppId) -> Result<Slot, Error> {
        let place = |of: Arc<Semaphore>| of.try_acquire_owned().map_err(|_| Error::Busy);
        Ok(Slot(Arc::new(Held {
            _of_app: place(self.of_app(app))?,
            _of_all: place(self.all.clone())?,
        })))
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
