//! Answers that a call reads as they come. Such a call waits for somebody else's machine, perhaps for
//! minutes, and does next to nothing meanwhile. So a timer's call that opens a stream gives up the place
//! that others need for one of a few that are for long waits, and has the budget that goes with it.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use super::imports::Incoming;
use super::limits::Limits;
use super::meter::Meter;
use super::types::HostError;
use crate::admission::{Place, Share};

/// What of the time of a streaming call is kept for what it does when its streams have ended.
const REST: Duration = Duration::from_secs(5);

/// The way from an ordinary place to one for long waits; one for each call that may go it.
pub(super) struct LongWait {
    share: Arc<Share>,
    meter: Arc<Meter>,
    began: Instant,
    wall: Duration,
    cpu: Duration,
    /// Told when the call has left its ordinary place.
    left: Arc<Notify>,
    taken: OnceLock<Place>,
}

impl LongWait {
    pub(super) fn new(
        share: Arc<Share>,
        meter: &Arc<Meter>,
        limits: &Limits,
        left: &Arc<Notify>,
    ) -> Self {
        Self {
            share,
            meter: Arc::clone(meter),
            began: Instant::now(),
            wall: Duration::from_millis(limits.stream_wall_ms_max.into()),
            cpu: Duration::from_millis(limits.stream_cpu_ms_max.into()),
            left: Arc::clone(left),
            taken: OnceLock::new(),
        }
    }

    /// Takes a place for long waits, unless the call has one.
    fn take(&self) -> Result<(), HostError> {
        if self.taken.get().is_some() {
            return Ok(());
        }
        let Some(place) = Place::now(Arc::clone(&self.share)) else {
            return Err(HostError::Unavailable(
                "too many calls read answers as they come; try again in a moment".into(),
            ));
        };
        if self.taken.set(place).is_ok() {
            self.meter.extend(self.cpu);
            self.left.notify_one();
        }
        Ok(())
    }

    /// When the call ends, if it has taken a place for long waits.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.taken.get().map(|_| self.began + self.wall)
    }

    /// When its streams end, so that it still can say something then.
    fn streams_end(&self) -> Option<Instant> {
        let rest = REST.min(self.wall / 10);
        self.deadline().map(|deadline| deadline - rest)
    }
}

/// The answers that a call reads. Their numbers are never given twice to an instance, so that a handle
/// that it kept from an earlier call is nobody's.
#[derive(Default)]
pub(super) struct Streams {
    last: u32,
    open: BTreeMap<u32, Box<dyn Incoming>>,
    pub long: Option<Arc<LongWait>>,
}

impl Streams {
    pub(super) fn new(long: Option<Arc<LongWait>>) -> Self {
        Self {
            long,
            ..Self::default()
        }
    }

    /// The streams of another call in an instance that has had some already.
    pub(super) fn goes_on_from(&mut self, before: &Self) {
        self.last = before.last;
    }

    /// Whether the call has a place for long waits.
    pub(super) fn wait_long(&self) -> bool {
        let long = self.long.as_ref();
        long.is_some_and(|long| long.deadline().is_some())
    }

    /// To be asked before a stream is opened: when it ends at the latest.
    pub(super) fn begin(&self) -> Result<Option<Instant>, HostError> {
        let Some(long) = &self.long else {
            return Ok(None);
        };
        long.take()?;
        Ok(long.streams_end())
    }

    pub(super) fn add(&mut self, stream: Box<dyn Incoming>) -> u32 {
        self.last = self.last.wrapping_add(1);
        self.open.insert(self.last, stream);
        self.last
    }

    pub(super) fn get(&mut self, number: u32) -> wasmtime::Result<&mut Box<dyn Incoming>> {
        let stale = || wasmtime::Error::msg("the answer was opened by an earlier call");
        self.open.get_mut(&number).ok_or_else(stale)
    }

    pub(super) fn drop(&mut self, number: u32) {
        self.open.remove(&number);
    }

    /// Gives up what is left.
    pub(super) fn clear(&mut self) {
        self.open.clear();
        self.long = None;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Streams;
    use crate::plugins::{Answer, Incoming};

    struct Silent;

    impl Incoming for Silent {
        fn status(&self) -> u16 {
            200
        }

        fn headers(&self) -> Vec<(String, String)> {
            Vec::new()
        }

        fn read(&mut self, _: Duration, _: Duration) -> Answer<'_, Option<Vec<u8>>> {
            Box::pin(std::future::pending())
        }
    }

    #[test]
    fn a_handle_of_an_earlier_call_is_nobodys() {
        let mut before = Streams::default();
        let kept = before.add(Box::new(Silent));
        before.clear();
        let mut streams = Streams::default();
        streams.goes_on_from(&before);
        let new = streams.add(Box::new(Silent));
        assert_ne!(kept, new);
        assert!(streams.get(kept).is_err());
        streams.drop(kept);
        assert!(streams.get(new).is_ok());
    }
}
