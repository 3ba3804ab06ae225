//! How many calls run at once, in the process, for one org and for one app. A pool that is full answers with an
//! error instead of a queue, so the queue is here, and bounded. Some slots are kept for calls on the send path;
//! these never wait for a handler, even one that waits for them.

use std::sync::Arc;

use super::limits::Limits;
use crate::admission::{Full, Holder, Place, Places, Share, Sizes};

/// The slots of the process.
pub(super) struct AllSlots {
    all: Places,
    unreserved: Places,
    waiting: Places,
    long_waits: Places,
    lane: Places,
    aside: Places,
}

/// What somebody may have of them.
pub(super) struct Slots {
    all: Arc<Share>,
    /// For calls that are not on the send path; none where nothing is reserved.
    unreserved: Option<Arc<Share>>,
    /// Who waits has a place here.
    waiting: Arc<Share>,
    /// For calls that wait for minutes: these hold none of the others.
    pub(super) long_waits: Arc<Share>,
    /// For calls that compute for long, while they do.
    pub(super) lane: Arc<Share>,
}

/// Held while a call runs.
pub(super) struct Slot<'a> {
    _any: Place<&'a Share>,
    _unreserved: Option<Place<&'a Share>>,
}

impl AllSlots {
    /// `send_path_slots_percent` of the slots, rounded up, are for calls on the send path alone.
    pub(super) fn new(limits: &Limits) -> Self {
        let sizes = |all: u32, app: u32| {
            let percent = limits.org_share_percent;
            Sizes::new(all.max(1) as usize, percent, app.max(1) as usize)
        };
        let all = sizes(limits.concurrent_calls_max, limits.app_concurrent_calls_max);
        let unreserved = |slots: usize| {
            let reserved = slots * limits.send_path_slots_percent as usize;
            slots.saturating_sub(reserved.div_ceil(100)).max(1)
        };
        let waiting = sizes(limits.waiting_calls_max, limits.app_waiting_calls_max);
        let lane = sizes(limits.long_calls_max, limits.app_long_calls_max);
        let aside = limits.aside_calls_max as usize;
        Self {
            all: Places::new(all),
            unreserved: Places::new(all.map(unreserved)),
            waiting: Places::new(waiting),
            // None at all are none.
            long_waits: Places::new(Sizes::new(
                limits.stream_calls_max as usize,
                limits.org_share_percent,
                limits.app_stream_calls_max as usize,
            )),
            lane: Places::new(lane),
            aside: Places::new(Sizes::of_orgs(aside, limits.org_share_percent)),
        }
    }

    /// An app's.
    pub(super) fn of(&self, holder: Holder) -> Slots {
        Slots {
            all: self.all.of(holder),
            unreserved: Some(self.unreserved.of(holder)),
            waiting: self.waiting.of(holder),
            long_waits: self.long_waits.of(holder),
            lane: self.lane.of(holder),
        }
    }

    /// An app's for calls that nobody waits for: they take no slots of the others, but compute where these do.
    pub(super) fn aside_of(&self, holder: Holder) -> Slots {
        Slots {
            all: self.aside.of(holder),
            unreserved: None,
            ..self.of(holder)
        }
    }

    /// The process's own.
    pub(super) fn of_host(&self) -> Slots {
        Slots {
            all: self.all.of_host(),
            unreserved: Some(self.unreserved.of_host()),
            waiting: self.waiting.of_host(),
            long_waits: self.long_waits.of_host(),
            lane: self.lane.of_host(),
        }
    }
}

impl Slots {
    /// A slot, as soon as there is one. `on_send_path` calls may use the reserved ones.
    pub(super) async fn enter(&self, on_send_path: bool) -> Result<Slot<'_>, Full> {
        let unreserved = match &self.unreserved {
            Some(unreserved) if !on_send_path => Some(self.take(unreserved).await?),
            _ => None,
        };
        Ok(Slot {
            _any: self.take(&self.all).await?,
            _unreserved: unreserved,
        })
    }

    async fn take<'a>(&self, share: &'a Share) -> Result<Place<&'a Share>, Full> {
        Place::waiting_in(share, &self.waiting).await
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;
    use crate::model::{AppId, OrgId};

    fn slots(calls: u32, reserved_percent: u32, waiting: u32) -> Slots {
        let limits = Limits {
            concurrent_calls_max: calls,
            app_concurrent_calls_max: calls,
            send_path_slots_percent: reserved_percent,
            waiting_calls_max: waiting,
            app_waiting_calls_max: waiting,
            ..Limits::default()
        };
        AllSlots::new(&limits).of(Holder {
            org: OrgId(1),
            app: AppId(1),
        })
    }

    #[tokio::test]
    async fn handlers_leave_reserved_slots_to_guards() {
        let slots = slots(3, 25, 10);
        let _first = slots.enter(false).await.unwrap();
        let _second = slots.enter(false).await.unwrap();
        assert!(slots.enter(false).now_or_never().is_none());
        let guard = slots.enter(true).await.unwrap();
        assert!(slots.enter(true).now_or_never().is_none());
        drop(guard);
        assert!(slots.enter(true).now_or_never().is_some());
    }

    #[tokio::test]
    async fn the_queue_is_bounded_and_forgets_those_who_left() {
        let slots = slots(1, 0, 1);
        let held = slots.enter(true).await.unwrap();
        assert!(slots.enter(true).now_or_never().is_none());
        let mut waiting = Box::pin(slots.enter(true));
        assert!(waiting.as_mut().now_or_never().is_none());
        assert!(slots.enter(true).await.is_err());
        drop(held);
        assert!(waiting.await.is_ok());
    }

    /// Whatever the shares are, a handler finds a slot for the guards of what it sends.
    #[test]
    fn every_share_keeps_slots_for_guards() {
        for (calls, app, percent) in [
            (2, 2, 1),
            (12, 2, 25),
            (5, 2, 50),
            (64, 16, 50),
            (3, 3, 100),
        ] {
            let all = AllSlots::new(&Limits {
                concurrent_calls_max: calls,
                app_concurrent_calls_max: app,
                org_share_percent: percent,
                ..Limits::default()
            });
            let holder = |app| Holder {
                org: OrgId(1),
                app: AppId(app),
            };
            let slots: Vec<_> = (0..40).map(|app| all.of(holder(app))).collect();
            let handlers: Vec<_> = slots
                .iter()
                .map(|of| of.enter(false).now_or_never())
                .collect();
            assert!(handlers.iter().any(Option::is_some));
            let guard = slots[0].enter(true).now_or_never();
            assert!(guard.is_some(), "{calls} {app} {percent}");
        }
    }
}
