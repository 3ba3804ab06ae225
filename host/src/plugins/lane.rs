//! The slow lane: a call that has computed for a while goes on one stretch at a time, and only when it
//! holds one of few places, of its app's, its org's and the process's. However many calls of however many apps
//! compute as long as they may, some of the processors stay free for all the others. Calls like those that
//! took long lately begin here: many that are just short enough take as much as a few long ones. The lane has
//! threads of its own, which give way to all others of the process.

use std::cell::Cell;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll};

use rayon::{ThreadPool, ThreadPoolBuilder};
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::task::block_in_place;
use tracing::Span;

use super::call::Install;
use super::engine::Engine;
use super::meter::{LONG_NS, Meter};
use super::state::Class;
use crate::admission::{Place, Share};

thread_local! {
    /// Whether what this thread polls holds places. A call that runs within another's poll (a guard of a
    /// message that a handler sends) goes on with those: it would wait for itself.
    static HELD: Cell<bool> = const { Cell::new(false) };
}

/// How long the calls of an install take lately, by class.
#[derive(Default)]
pub(super) struct Paces([Pace; Class::COUNT]);

/// CPU time that a call takes lately, in ns. Updates at the same time may lose each other: there will be more.
#[derive(Default)]
struct Pace(AtomicU64);

/// How much of the figure a call makes: one that the machine held up for a moment should not make the others
/// look slow.
const WEIGHT: u64 = 8;
/// CPU time of a call after which the next one begins in the lane, whatever those before it took. More than a
/// small one takes when the machine holds it up.
const TELLING_NS: u64 = 1_000_000;

impl Pace {
    fn is_slow(&self) -> bool {
        self.0.load(Relaxed) >= LONG_NS
    }

    /// A call is done.
    fn note(&self, spent_ns: u64) {
        let before = self.0.load(Relaxed);
        let after = before - before / WEIGHT + spent_ns / WEIGHT;
        self.0.store(after, Relaxed);
    }

    /// A call is under way.
    fn note_so_far(&self, spent_ns: u64) {
        if spent_ns >= TELLING_NS {
            self.0.fetch_max(LONG_NS, Relaxed);
        }
    }
}

/// How much nicer the lane's threads are than all others: on a processor that one other thread wants, too, they get
/// a quarter (Linux, `sched_prio_to_weight`). That is enough for others to be served at once. With much less, calls
/// would not be done in time on a busy machine, and locks that they hold would be held for long.
const NICENESS: i32 = 5;

/// The lane's threads.
pub(super) struct Threads(ThreadPool);

impl Threads {
    /// As many as the process has places.
    pub(super) fn start(places: u32) -> io::Result<Self> {
        let pool = ThreadPoolBuilder::new()
            .num_threads(places.max(1) as usize)
            .thread_name(|_| "plugin-lane".into())
            .start_handler(|_| give_way())
            .build()
            .map_err(io::Error::other)?;
        Ok(Self(pool))
    }

    /// Runs `work` on one of the threads, while another one takes over this thread's part of the runtime:
    /// nothing that waits for this worker waits for the guest.
    fn run<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        let (runtime, span) = (Handle::current(), Span::current());
        let work = || {
            self.0.install(|| {
                let _runtime = runtime.enter();
                let _holding = Holding::new();
                span.in_scope(work)
            })
        };
        match runtime.runtime_flavor() {
            RuntimeFlavor::MultiThread => block_in_place(work),
            _ => work(),
        }
    }
}

/// Has all others of the process go before this thread. On Linux a thread has a nice value of its own.
fn give_way() {
    if let Err(error) = rustix::process::nice(NICENESS) {
        tracing::warn!(%error, "long calls of plugins run at the priority of all others");
    }
}

type Waiting = Pin<Box<dyn Future<Output = Place> + Send>>;

/// A call's way, by the lane if it takes long.
pub(super) struct Lane<'c> {
    meter: &'c Meter,
    threads: &'c Threads,
    share: &'c Arc<Share>,
    pace: Option<&'c Pace>,
    waiting: Option<Waiting>,
}

impl<'c> Lane<'c> {
    /// The way of a call of `install`, or of a probe.
    pub(super) fn new(
        engine: &'c Engine,
        install: Option<&'c Install>,
        class: Class,
        meter: &'c Meter,
    ) -> Self {
        let slots = install.map_or(&engine.own_slots, |install| &install.slots);
        let pace = install.map(|install| &install.paces.0[class as usize]);
        Self::begin(meter, &engine.lane_threads, &slots.lane, pace)
    }

    fn begin(
        meter: &'c Meter,
        threads: &'c Threads,
        share: &'c Arc<Share>,
        pace: Option<&'c Pace>,
    ) -> Self {
        if pace.is_some_and(Pace::is_slow) {
            meter.begin_long();
        }
        Self {
            meter,
            threads,
            share,
            pace,
            waiting: None,
        }
    }

    /// Polls the call; one that has computed for long as soon as there is a place for it. It gives the place
    /// up with the end of the poll, so that all who wait take turns.
    pub(super) fn poll<T: Send>(
        &mut self,
        guest: Pin<&mut (impl Future<Output = T> + Send)>,
        task: &mut Context<'_>,
    ) -> Poll<T> {
        let polled = if !self.meter.is_long() || HELD.get() {
            self.waiting = None;
            self.meter.poll(|| guest.poll(task))
        } else {
            let Poll::Ready(_place) = self.wait(task) else {
                self.meter.note_ready();
                return Poll::Pending;
            };
            let (meter, waker) = (self.meter, task.waker());
            self.threads
                .run(|| meter.poll(|| guest.poll(&mut Context::from_waker(waker))))
        };
        if let Some(pace) = self.pace {
            match &polled {
                Poll::Ready(_) => pace.note(self.meter.spent_ns()),
                Poll::Pending => pace.note_so_far(self.meter.spent_ns()),
            }
        }
        polled
    }

    /// Waits for a place.
    fn wait(&mut self, task: &mut Context<'_>) -> Poll<Place> {
        let share = self.share;
        let waiting = self
            .waiting
            .get_or_insert_with(|| Box::pin(Place::in_turn(Arc::clone(share))));
        let held = waiting.as_mut().poll(task);
        if held.is_ready() {
            self.waiting = None;
        }
        held
    }
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
    use std::time::Duration;

    use super::*;
    use crate::admission::{Places, Sizes};
    use crate::plugins::Limits;

    fn meter() -> Meter {
        Meter::new(Duration::from_secs(1), &Limits::default())
    }

    fn one_place() -> Places {
        Places::new(Sizes::of_orgs(1, 100))
    }

    fn lane<'c>(meter: &'c Meter, threads: &'c Threads, share: &'c Arc<Share>) -> Lane<'c> {
        meter.begin_long();
        Lane::begin(meter, threads, share, None)
    }

    async fn polled<T: Send>(
        lane: &mut Lane<'_>,
        mut guest: Pin<&mut (impl Future<Output = T> + Send)>,
    ) -> Poll<T> {
        poll_fn(|task| Poll::Ready(lane.poll(guest.as_mut(), task))).await
    }

    #[tokio::test]
    async fn one_stretch_at_a_time_and_none_within_another() {
        let (outer, inner) = (meter(), meter());
        let (threads, places) = (Threads::start(1).unwrap(), one_place());
        let share = places.of_host();
        let taken = Place::in_turn(share.clone()).await;
        let mut guest = Box::pin(async {
            let thread = std::thread::current();
            assert_eq!(thread.name(), Some("plugin-lane"));
            let mut within = Box::pin(async { places.taken() });
            let mut lane = lane(&inner, &threads, &share);
            polled(&mut lane, within.as_mut()).await
        });
        let mut lane = lane(&outer, &threads, &share);
        assert!(polled(&mut lane, guest.as_mut()).await.is_pending());
        drop(taken);
        let taken = polled(&mut lane, guest.as_mut()).await;
        assert_eq!(taken, Poll::Ready(Poll::Ready(1)));
        assert_eq!(places.taken(), 0);
    }

    #[tokio::test]
    async fn a_call_like_slow_ones_begins_in_the_lane_and_leads_the_next_one_out() {
        let (threads, share) = (Threads::start(1).unwrap(), one_place().of_host());
        let pace = Pace::default();
        pace.note(2 * TELLING_NS);
        for runs_in_lane in [true, false] {
            let meter = meter();
            let mut lane = Lane::begin(&meter, &threads, &share, Some(&pace));
            let mut guest =
                Box::pin(async { std::thread::current().name() == Some("plugin-lane") });
            let ran = polled(&mut lane, guest.as_mut()).await;
            assert_eq!(ran, Poll::Ready(runs_in_lane));
        }
    }

    #[tokio::test]
    async fn the_lane_gives_way_to_others() {
        let threads = Threads::start(1).unwrap();
        let nice = || rustix::process::getpriority_process(None).unwrap();
        let before = nice();
        assert_eq!(threads.run(nice), (before + NICENESS).min(19));
        assert_eq!(nice(), before);
    }

    #[test]
    fn calls_begin_in_the_lane_after_a_long_one_and_after_many_that_were_nearly() {
        let pace = Pace::default();
        pace.note(2 * TELLING_NS);
        assert!(pace.is_slow());
        pace.note(15_000);
        assert!(
            !pace.is_slow(),
            "one that was held up says nothing of others"
        );
        pace.note_so_far(TELLING_NS - 1);
        assert!(!pace.is_slow());
        pace.note_so_far(TELLING_NS);
        assert!(pace.is_slow(), "nobody waits for the end of an endless one");

        let pace = Pace::default();
        let calls = (1..=64).find(|_| {
            pace.note(2 * LONG_NS);
            pace.is_slow()
        });
        assert!(calls.is_some_and(|calls| calls > 1), "{calls:?}");
        for _ in 0..64 {
            pace.note(15_000);
        }
        assert!(!pace.is_slow());
    }
}
