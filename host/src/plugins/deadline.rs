//! When a call is given up. Its wall time is for what it computes and for what it waits for. The time in which
//! it could go on, and the machine or others of its lane were busy, is not its own: on a busy machine a small
//! call would fail otherwise, and its plugin be blamed. That time has a limit, too.

use std::task::Poll;
use std::time::{Duration, Instant};

use super::limits::Limits;
use super::meter::Meter;

/// The end of a call, which comes later for one that is held up.
pub(super) struct Deadline {
    /// When the call ends if nothing holds it up.
    at: Instant,
    held_up: Duration,
    held_up_max: Duration,
    /// Since when it could go on, unless it waits for something.
    ready_since: Option<Instant>,
}

impl Deadline {
    /// Of a call that could begin now and has so much time.
    pub(super) fn new(wall: Duration, limits: &Limits) -> Self {
        let now = Instant::now();
        Self {
            at: now + wall,
            held_up: Duration::ZERO,
            held_up_max: Duration::from_millis(limits.busy_ms_max.into()),
            ready_since: Some(now),
        }
    }

    /// Gives the call until then, and for as long as it was held up.
    pub(super) fn move_to(&mut self, at: Instant) {
        self.at = at;
    }

    /// When the call ends as things are now.
    pub(super) fn at(&self) -> Instant {
        self.at + self.held_up.min(self.held_up_max)
    }

    pub(super) fn is_over(&self) -> bool {
        Instant::now() >= self.at()
    }

    /// Whether the call was held up for longer than anybody should wait.
    pub(super) fn is_busy(&self) -> bool {
        self.held_up > self.held_up_max
    }

    /// Runs a poll of the call on `meter`. What this takes beyond the thread's CPU time, and the time since the call
    /// could go on, it was held up.
    pub(super) fn poll<T>(&mut self, meter: &Meter, poll: impl FnOnce() -> Poll<T>) -> Poll<T> {
        let since = self.ready_since.unwrap_or_else(Instant::now);
        let ran = meter.ran();
        let polled = poll();
        let now = Instant::now();
        let ran = meter.ran().saturating_sub(ran);
        self.held_up += now.duration_since(since).saturating_sub(ran);
        self.ready_since = meter.is_ready().then_some(now);
        polled
    }
}

#[cfg(test)]
mod tests {
    use std::thread::sleep;

    use super::*;

    const LONG: Duration = Duration::from_millis(20);

    fn begin(busy_ms_max: u32) -> (Deadline, Meter) {
        let limits = Limits {
            busy_ms_max,
            ..Limits::default()
        };
        let meter = Meter::new(Duration::from_secs(1), &limits);
        (Deadline::new(Duration::ZERO, &limits), meter)
    }

    fn poll(deadline: &mut Deadline, meter: &Meter, during: impl FnOnce()) {
        let polled = deadline.poll(meter, || {
            meter.poll(|| {
                during();
                Poll::<()>::Pending
            })
        });
        assert!(polled.is_pending());
    }

    #[test]
    fn a_call_is_held_up_before_it_begins_and_after_it_gave_way() {
        let (mut deadline, meter) = begin(60_000);
        sleep(LONG);
        poll(&mut deadline, &meter, || meter.note_ready());
        assert!(deadline.held_up >= LONG, "{:?}", deadline.held_up);
        sleep(LONG);
        poll(&mut deadline, &meter, || {});
        assert!(deadline.held_up >= 2 * LONG, "{:?}", deadline.held_up);
        assert_eq!(deadline.at(), deadline.at + deadline.held_up);
    }

    #[test]
    fn what_it_computes_and_what_it_waits_for_is_its_own() {
        let (mut deadline, meter) = begin(60_000);
        let began = deadline.at;
        poll(&mut deadline, &meter, || while began.elapsed() < LONG {});
        assert!(meter.ran() > Duration::ZERO);
        assert!(deadline.held_up <= began.elapsed() - meter.ran());
        assert_eq!(deadline.ready_since, None, "it waits from now on");
    }

    #[test]
    fn there_is_an_end_to_being_held_up() {
        let (mut deadline, meter) = begin(1);
        assert!(deadline.is_over() && !deadline.is_busy());
        sleep(LONG);
        poll(&mut deadline, &meter, || {});
        assert!(deadline.is_over() && deadline.is_busy());
    }
}
