//! Admission: how many calls run at once, in the process and for one app. A pool that is full
//! answers with an error instead of a queue, so the queue is here, and bounded. Some slots are kept
//! for calls on the send path; these never wait for a handler, even one that waits for them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};

use super::lane::Places;

/// Places for calls, some of them reserved.
pub(super) struct Slots {
    all: Semaphore,
    unreserved: Semaphore,
    /// For calls that wait for minutes: these hold none of the others.
    long_waits: Arc<Semaphore>,
    /// For calls that compute for long, while they do.
    pub(super) lane: Places,
    waiting: AtomicU32,
    waiting_max: u32,
}

/// Held while a call runs.
pub(super) struct Slot<'a> {
    _any: SemaphorePermit<'a>,
    _unreserved: Option<SemaphorePermit<'a>>,
}

/// Too many calls wait already.
#[derive(Debug)]
pub(super) struct QueueFull;

impl Slots {
    /// `reserved_percent` of the slots, rounded up, are for calls on the send path alone.
    pub(super) fn new(
        all: u32,
        reserved_percent: u32,
        waiting_max: u32,
        long_waits: u32,
        lane: u32,
    ) -> Self {
        let all = all.max(1);
        let reserved = (u64::from(all) * u64::from(reserved_percent)).div_ceil(100);
        let unreserved = u64::from(all).saturating_sub(reserved).max(1);
        Self {
            all: Semaphore::new(all as usize),
            unreserved: Semaphore::new(unreserved as usize),
            long_waits: Arc::new(Semaphore::new(long_waits as usize)),
            lane: Places::new(lane),
            waiting: AtomicU32::new(0),
            waiting_max,
        }
    }

    /// A slot, as soon as there is one. `on_send_path` calls may use the reserved ones.
    pub(super) async fn enter(&self, on_send_path: bool) -> Result<Slot<'_>, QueueFull> {
        let unreserved = if on_send_path {
            None
        } else {
            Some(self.take(&self.unreserved).await?)
        };
        Ok(Slot {
            _any: self.take(&self.all).await?,
            _unreserved: unreserved,
        })
    }

    /// A place for a long wait, if there is one now.
    pub(super) fn wait_long(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.long_waits).try_acquire_owned().ok()
    }

    async fn take<'a>(&self, places: &'a Semaphore) -> Result<SemaphorePermit<'a>, QueueFull> {
        if let Ok(permit) = places.try_acquire() {
            return Ok(permit);
        }
        let _waiting = self.wait()?;
        places.acquire().await.map_err(|_| QueueFull)
    }

    fn wait(&self) -> Result<Waiting<'_>, QueueFull> {
        let waiting = Waiting(&self.waiting);
        if self.waiting.fetch_add(1, Ordering::Relaxed) < self.waiting_max {
            Ok(waiting)
        } else {
            Err(QueueFull)
        }
    }
}

struct Waiting<'a>(&'a AtomicU32);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::Slots;

    const SOON: Duration = Duration::from_millis(20);

    #[tokio::test]
    async fn handlers_leave_reserved_slots_to_guards() {
        let slots = Slots::new(3, 25, 10, 0, 1);
        let _first = slots.enter(false).await.unwrap();
        let _second = slots.enter(false).await.unwrap();
        assert!(timeout(SOON, slots.enter(false)).await.is_err());
        let guard = slots.enter(true).await.unwrap();
        assert!(timeout(SOON, slots.enter(true)).await.is_err());
        drop(guard);
        assert!(timeout(SOON, slots.enter(true)).await.is_ok());
    }

    #[tokio::test]
    async fn the_queue_is_bounded_and_forgets_those_who_left() {
        let slots = Slots::new(1, 0, 1, 0, 1);
        let held = slots.enter(true).await.unwrap();
        assert!(timeout(SOON, slots.enter(true)).await.is_err());
        let waiting = slots.enter(true);
        tokio::pin!(waiting);
        assert!(timeout(SOON, waiting.as_mut()).await.is_err());
        assert!(slots.enter(true).await.is_err());
        drop(held);
        assert!(waiting.await.is_ok());
    }
}
