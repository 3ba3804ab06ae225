//! The slow lane: a call that has computed for a while goes on one stretch at a time, and only when it
//! holds one of few places, of its app's and of the process's. However many calls of however many apps
//! compute as long as they may, some of the threads stay free for all the others. While the places of an app
//! are taken its other calls begin here, too: many short calls take as much as a few long ones.

use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

thread_local! {
    /// Whether what this thread polls holds places. A call that runs within another's poll (a guard of a
    /// message that a handler sends) goes on with those: it would wait for itself.
    static HELD: Cell<bool> = const { Cell::new(false) };
}

type Places = Vec<OwnedSemaphorePermit>;
type Waiting = Pin<Box<dyn Future<Output = Places> + Send>>;

/// A call's way through the slow lane.
pub(super) struct Lane {
    /// In the order in which they are taken.
    of: Vec<Arc<Semaphore>>,
    waiting: Option<Waiting>,
}

impl Lane {
    /// The way of a call that needs a place of each.
    pub(super) fn new(of: Vec<Arc<Semaphore>>) -> Self {
        Self { of, waiting: None }
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
        let polled = poll(task);
        drop(places);
        polled
    }
}

async fn take(of: Vec<Arc<Semaphore>>) -> Places {
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
    use std::sync::Arc;
    use std::task::Poll;

    use tokio::sync::Semaphore;

    use super::Lane;

    #[tokio::test]
    async fn one_stretch_at_a_time_and_none_within_another() {
        let place = Arc::new(Semaphore::new(1));
        let mut outer = Lane::new(vec![place.clone()]);
        let mut inner = Lane::new(vec![place.clone()]);
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
}
