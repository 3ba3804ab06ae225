//! The slow lane: a call that has computed for a while goes on one stretch at a time, and only when it
//! holds one of few places, of its app's and of the process's. However many calls of however many apps
//! compute as long as they may, some of the threads stay free for all the others. While the places of an app
//! are taken, and for a while after one of its calls was long, its other calls begin here, too: many short
//! calls take as much as a few long ones. None of it runs on a thread that has others to serve: the runtime
//! gives that one's work to another.

use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::block_in_place;

thread_local! {
    /// Whether what this thread polls holds places. A call that runs within another's poll (a guard of a
    /// message that a handler sends) goes on with those: it would wait for itself.
    static HELD: Cell<bool> = const { Cell::new(false) };
}

/// For how long after one of its calls has computed for long an app's calls begin in the lane.
const AFTER: Duration = Duration::from_millis(50);

/// The places of an app, or of the process.
pub(super) struct Places {
    free: Arc<Semaphore>,
    since: Instant,
    /// Until when calls begin here, counted from `since`.
    begin_here_until_ns: AtomicU64,
}

type Held = Vec<OwnedSemaphorePermit>;
type Waiting = Pin<Box<dyn Future<Output = Held> + Send>>;

/// A call's way through the slow lane.
pub(super) struct Lane {
    /// In the order in which they are taken.
    of: Vec<Arc<Semaphore>>,
    waiting: Option<Waiting>,
}

impl Places {
    pub(super) fn new(places: u32) -> Self {
        Self {
            free: Arc::new(Semaphore::new(places.max(1) as usize)),
            since: Instant::now(),
            begin_here_until_ns: AtomicU64::new(0),
        }
    }

    /// Takes note of a call that has computed for long: the next ones are likely to.
    pub(super) fn note_long(&self) {
        let until = self.since.elapsed() + AFTER;
        let until_ns = u64::try_from(until.as_nanos()).unwrap_or(u64::MAX);
        self.begin_here_until_ns.fetch_max(until_ns, Relaxed);
    }

    /// Whether a call is to begin in the lane: while places are taken, and for a while afterwards.
    pub(super) fn begin_here(&self) -> bool {
        self.free.available_permits() == 0 || {
            let until_ns = self.begin_here_until_ns.load(Relaxed);
            until_ns > 0 && self.since.elapsed() < Duration::from_nanos(until_ns)
        }
    }
}

impl Lane {
    /// The way of a call that needs a place of each.
    pub(super) fn new<'p>(of: impl Iterator<Item = &'p Places>) -> Self {
        Self {
            of: of.map(|places| Arc::clone(&places.free)).collect(),
            waiting: None,
        }
    }

    /// Polls a call that has computed for long, as soon as there is a place for it. It gives the place up
    /// with the end of the poll, so that all who wait take turns.
    pub(super) fn poll<T>(
        &mut self,
        task: &mut Context<'_>,
        poll: impl FnOnce(&mut Context<'_>) -> Poll<T>,
    ) -> Poll<T> {
        if HELD.get() {
            self.waiting = None;
            return poll(task);
        }
        let of = &self.of;
        let waiting = self
            .waiting
            .get_or_insert_with(|| Box::pin(take(of.clone())));
        let Poll::Ready(places) = waiting.as_mut().poll(task) else {
            return Poll::Pending;
        };
        self.waiting = None;
        let _holding = Holding::new();
        let polled = beside_workers(|| poll(task));
        drop(places);
        polled
    }
}

/// Runs `work` on this thread while another one takes over its part of the runtime: nothing that
/// waits for this worker waits for the guest.
fn beside_workers<T>(work: impl FnOnce() -> T) -> T {
    match Handle::current().runtime_flavor() {
        RuntimeFlavor::MultiThread => block_in_place(work),
        _ => work(),
    }
}

async fn take(of: Vec<Arc<Semaphore>>) -> Held {
    let mut places = Vec::with_capacity(of.len());
    for semaphore in of {
        // Nobody closes one.
        places.extend(semaphore.acquire_owned().await.ok());
    }
    places
}

/// Resets the mark also when a poll panics.
struct Holding;

impl Holding {
    fn new() -> Self {
        HELD.set(true);
        Self
    }
}

impl Drop for Holding {
    fn drop(&mut self) {
        HELD.set(false);
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::task::Poll;

    use super::{AFTER, Lane, Places};

    #[tokio::test]
    async fn one_stretch_at_a_time_and_none_within_another() {
        let places = Places::new(1);
        let place = places.free.clone();
        let mut outer = Lane::new([&places].into_iter());
        let mut inner = Lane::new([&places].into_iter());
        let taken = place.clone().acquire_owned().await.unwrap();
        poll_fn(|task| {
            assert!(outer.poll(task, |_| Poll::Ready(())).is_pending());
            Poll::Ready(())
        })
        .await;
        drop(taken);
        let seen = poll_fn(|task| {
            outer.poll(task, |task| {
                let free = place.available_permits();
                inner.poll(task, |_| Poll::Ready(free))
            })
        });
        assert_eq!(seen.await, 0);
        assert_eq!(place.available_permits(), 1);
    }

    #[test]
    fn calls_begin_here_while_places_are_taken_and_for_a_while_after_a_long_one() {
        let mut places = Places::new(1);
        assert!(!places.begin_here());
        let taken = places.free.clone().try_acquire_owned().unwrap();
        assert!(places.begin_here());
        drop(taken);
        assert!(!places.begin_here());
        places.note_long();
        assert!(places.begin_here());
        places.since -= AFTER;
        assert!(!places.begin_here());
    }
}
