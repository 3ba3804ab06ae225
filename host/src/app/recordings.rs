//! Calls of plugins that somebody wanted recorded, in memory. They hold what people wrote, so there are
//! so many at most, for so long, and only while a tenant asks for it. When the host has no room for more, the org
//! that has most loses the oldest of its own. While nobody on this host records, a call costs one look at a number.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::admission::{self, Holder};
use crate::config;
use crate::model::{AppId, CallId, InstallId, Millis};
use crate::plugins::{Hook, Usage};

/// The recorded calls of this host.
#[derive(Debug)]
pub struct Recordings {
    calls_max: usize,
    bytes_max: usize,
    host_calls_max: usize,
    host_bytes_max: usize,
    kept_ms: Millis,
    /// Installs whose calls are being recorded.
    running: AtomicUsize,
    all: RwLock<All>,
}

#[derive(Debug, Default)]
struct All {
    of: HashMap<InstallId, Recording>,
    held: Held,
    rounds: u64,
}

/// What recorded calls take.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Held {
    calls: usize,
    bytes: usize,
}

/// The recorded calls of an install.
#[derive(Debug)]
struct Recording {
    holder: Holder,
    until: Millis,
    /// Another one whenever what was recorded is forgotten: a call that began before is not added.
    round: u64,
    calls: VecDeque<Arc<RecordedCall>>,
    bytes: usize,
    /// Calls that were too large to be kept.
    left_out: u64,
}

/// A recorded call.
#[derive(Debug)]
pub struct RecordedCall {
    /// Its id; later ones are greater.
    pub id: CallId,
    /// When it ended.
    pub at: Millis,
    pub hook: Hook,
    /// The function of the hook.
    pub function: &'static str,
    /// The version that was called.
    pub digest: String,
    /// Where; may be empty.
    pub channel: String,
    /// Who caused it; may be empty.
    pub actor: String,
    /// `ok`, `error`, or the code of its fault.
    pub outcome: &'static str,
    pub usage: Usage,
    /// The call as a case, JSON.
    pub case: String,
}

/// How an install's recording stands.
#[derive(Debug, Default, Clone, Copy)]
pub struct Standing {
    /// Until when calls are recorded, if they are.
    pub until: Option<Millis>,
    /// Calls that are kept.
    pub calls: usize,
    /// What they take.
    pub bytes: usize,
    /// Calls that were too large to be kept.
    pub left_out: u64,
}

impl Recordings {
    /// Nothing is recorded yet.
    pub fn new(settings: &config::Plugins) -> Self {
        let seconds = Millis::try_from(settings.recorded_calls_kept_s).unwrap_or(Millis::MAX);
        Self {
            calls_max: settings.recorded_calls_max,
            bytes_max: settings.recorded_bytes_max,
            host_calls_max: settings.recorded_calls_per_host_max,
            host_bytes_max: settings.recorded_bytes_per_host_max,
            kept_ms: seconds.saturating_mul(1000),
            running: AtomicUsize::new(0),
            all: RwLock::default(),
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, All> {
        self.all.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, All> {
        self.all.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a call of this install is to be recorded: the round that it belongs to.
    pub fn round(&self, install: InstallId, now: Millis) -> Option<u64> {
        if self.running.load(Relaxed) == 0 {
            return None;
        }
        let all = self.read();
        let recording = all.of.get(&install).filter(|of| of.until > now)?;
        Some(recording.round)
    }

    /// Records the calls of an install from now on, or goes on with it.
    pub fn start(&self, holder: Holder, install: InstallId, until: Millis, now: Millis) {
        let mut all = self.write();
        all.rounds += 1;
        let round = all.rounds;
        let recording = all.of.entry(install).or_insert_with(|| Recording {
            holder,
            until,
            round,
            calls: VecDeque::new(),
            bytes: 0,
            left_out: 0,
        });
        recording.until = until;
        self.count(&all, now);
    }

    /// Records no more of its calls. What was recorded stays for its time.
    pub fn stop(&self, install: InstallId, now: Millis) {
        let mut all = self.write();
        if let Some(recording) = all.of.get_mut(&install) {
            recording.until = now;
        }
        self.count(&all, now);
    }

    fn count(&self, all: &All, now: Millis) {
        let running = all.of.values().filter(|recording| recording.until > now);
        self.running.store(running.count(), Relaxed);
    }

    /// Adds a call that began in `round`; the oldest of the install go, and of whoever has most when there are too
    /// many on this host. `None` is one that was too large.
    pub fn add(&self, install: InstallId, round: u64, call: Option<RecordedCall>) {
        let mut all = self.write();
        let All { of, held, .. } = &mut *all;
        let Some(recording) = of.get_mut(&install).filter(|of| of.round == round) else {
            return;
        };
        let fits = |call: &RecordedCall| call.bytes() <= self.bytes_max.min(self.host_bytes_max);
        let Some(call) = call.filter(fits) else {
            recording.left_out += 1;
            return;
        };
        recording.add(call, held);
        while recording.calls.len() > self.calls_max || recording.bytes > self.bytes_max {
            recording.drop_oldest(held);
        }
        while let Some(size) = self.is_short_of(held) {
            let most = who_has_most(of, size).and_then(|install| of.get_mut(&install));
            let Some(most) = most.filter(|most| !most.calls.is_empty()) else {
                return;
            };
            most.drop_oldest(held);
        }
    }

    /// What there is too much of on this host.
    fn is_short_of(&self, held: &Held) -> Option<fn(&Recording) -> usize> {
        if held.bytes > self.host_bytes_max {
            return Some(|recording| recording.bytes);
        }
        (held.calls > self.host_calls_max).then_some(|recording| recording.calls.len())
    }

    /// How an install's recording stands.
    pub fn standing(&self, install: InstallId, now: Millis) -> Standing {
        self.read()
            .of
            .get(&install)
            .map_or_else(Standing::default, |of| Standing {
                until: Some(of.until).filter(|until| *until > now),
                calls: of.calls.len(),
                bytes: of.bytes,
                left_out: of.left_out,
            })
    }

    /// The recorded calls of an install, new to old.
    pub fn calls(&self, install: InstallId, now: Millis) -> Vec<Arc<RecordedCall>> {
        let all = self.read();
        let calls = all
            .of
            .get(&install)
            .into_iter()
            .flat_map(|of| of.calls.iter().rev());
        let young = calls.filter(|call| call.at > now.saturating_sub(self.kept_ms));
        young.cloned().collect()
    }

    /// Forgets what was recorded of an install. Calls under way are not added any more.
    pub fn forget(&self, install: InstallId) {
        self.forget_those(|id, _| id == install);
    }

    /// The same for all installs of an app.
    pub fn forget_app(&self, app: AppId) {
        self.forget_those(|_, recording| recording.holder.app == app);
    }

    fn forget_those(&self, which: impl Fn(InstallId, &Recording) -> bool) {
        let mut all = self.write();
        let All { of, held, rounds } = &mut *all;
        for (_, recording) in of.iter_mut().filter(|(id, of)| which(**id, of)) {
            *rounds += 1;
            recording.round = *rounds;
            recording.left_out = 0;
            while !recording.calls.is_empty() {
                recording.drop_oldest(held);
            }
        }
    }

    /// Drops an install that is gone.
    pub fn remove(&self, install: InstallId, now: Millis) {
        self.forget(install);
        self.stop(install, now);
        self.write().of.remove(&install);
    }

    /// Drops calls that are old enough to go.
    pub fn sweep(&self, now: Millis) {
        let mut all = self.write();
        let All { of, held, .. } = &mut *all;
        let before = now.saturating_sub(self.kept_ms);
        of.retain(|_, recording| {
            while recording
                .calls
                .front()
                .is_some_and(|call| call.at <= before)
            {
                recording.drop_oldest(held);
            }
            recording.until > now || !recording.calls.is_empty()
        });
        self.count(&all, now);
    }
}

impl Recording {
    fn add(&mut self, call: RecordedCall, of_host: &mut Held) {
        self.bytes += call.bytes();
        of_host.bytes += call.bytes();
        of_host.calls += 1;
        self.calls.push_back(Arc::new(call));
    }

    fn drop_oldest(&mut self, of_host: &mut Held) {
        if let Some(call) = self.calls.pop_front() {
            self.bytes -= call.bytes();
            of_host.bytes -= call.bytes();
            of_host.calls -= 1;
        }
    }
}

/// Of the app that is to give way, the install that has most.
fn who_has_most(
    all: &HashMap<InstallId, Recording>,
    size: fn(&Recording) -> usize,
) -> Option<InstallId> {
    let sizes = all.values().map(|of| (of.holder, size(of)));
    let holder = admission::who_has_most(sizes)?;
    let installs = all.iter().filter(|(_, of)| of.holder == holder);
    let most = installs.max_by_key(|(id, of)| (size(of), **id));
    most.map(|(id, _)| *id)
}

impl RecordedCall {
    /// Whether the host ended it.
    pub fn is_fault(&self) -> bool {
        !matches!(self.outcome, "ok" | "error")
    }

    /// What it takes in memory, about.
    pub fn bytes(&self) -> usize {
        let texts = [&self.digest, &self.channel, &self.actor, &self.case];
        size_of::<Self>() + texts.iter().map(|text| text.len()).sum::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::model::OrgId;

    const APP: Holder = Holder {
        org: OrgId(1),
        app: AppId(1),
    };
    const ELSEWHERE: Holder = Holder {
        org: OrgId(2),
        app: AppId(1),
    };
    const ONE: InstallId = InstallId(1);
    const OTHER: InstallId = InstallId(2);

    fn recordings(calls_max: usize, bytes_max: usize, host_bytes_max: usize) -> Recordings {
        Recordings::new(&config::Plugins {
            recorded_calls_max: calls_max,
            recorded_calls_per_host_max: 10,
            recorded_bytes_max: bytes_max,
            recorded_bytes_per_host_max: host_bytes_max,
            recorded_calls_kept_s: 60,
            ..config::Plugins::default()
        })
    }

    fn call(id: i64, bytes: usize) -> Option<RecordedCall> {
        Some(RecordedCall {
            id: CallId(id),
            at: 1_000 * id,
            hook: Hook::Events,
            function: "handle",
            digest: String::new(),
            channel: String::new(),
            actor: String::new(),
            outcome: "ok",
            usage: Usage::default(),
            case: "x".repeat(bytes - size_of::<RecordedCall>()),
        })
    }

    fn kept(recordings: &Recordings, install: InstallId) -> Vec<i64> {
        recordings
            .calls(install, 0)
            .iter()
            .map(|call| call.id.0)
            .collect()
    }

    #[test]
    fn so_many_calls_and_bytes_are_kept_and_the_oldest_go() {
        let all = recordings(3, 4_000, 6_000);
        all.start(APP, ONE, 10, 0);
        all.start(ELSEWHERE, OTHER, 10, 0);
        let (one, other) = (all.round(ONE, 0).unwrap(), all.round(OTHER, 0).unwrap());
        for id in 1..=4 {
            all.add(ONE, one, call(id, 1_000));
        }
        assert_eq!(kept(&all, ONE), [4, 3, 2]);
        all.add(ONE, one, call(5, 3_000));
        assert_eq!(kept(&all, ONE), [5, 4]);
        all.add(ONE, one, call(6, 4_001));
        all.add(ONE, one, None);
        assert_eq!(all.standing(ONE, 0).left_out, 2);
        // The host has room for 2000 more. What is too much is the loss of who has most.
        all.add(OTHER, other, call(7, 1_500));
        assert_eq!((kept(&all, ONE), kept(&all, OTHER)), (vec![5, 4], vec![7]));
        all.add(OTHER, other, call(8, 1_000));
        assert_eq!((kept(&all, ONE), kept(&all, OTHER)), (vec![5], vec![8, 7]));
        all.add(OTHER, other, call(9, 1_000));
        assert_eq!((kept(&all, ONE), kept(&all, OTHER)), (vec![5], vec![9, 8]));
        all.remove(ONE, 0);
        all.add(OTHER, other, call(10, 2_000));
        assert_eq!(kept(&all, OTHER), [10, 9, 8]);
        all.forget_app(APP.app);
        assert_eq!(all.read().held, Held::default());
    }

    /// Records calls of an install until it has as many as it may, and gives what is kept of all.
    fn flood(all: &Recordings, org: i64, app: i64, install: i64, ids: &mut i64) {
        let (org, app) = (OrgId(org), AppId(app));
        let (holder, install) = (Holder { org, app }, InstallId(install));
        all.start(holder, install, Millis::MAX, 0);
        let round = all.round(install, 0).unwrap();
        for _ in 0..5 {
            *ids += 1;
            all.add(install, round, call(*ids, 1_000));
        }
    }

    #[test]
    fn many_installs_and_apps_of_an_org_leave_others_what_they_recorded() {
        let count = |all: &Recordings, installs: std::ops::RangeInclusive<i64>| {
            let kept = installs.map(|install| kept(all, InstallId(install)).len());
            kept.sum::<usize>()
        };
        for (bytes_max, what) in [(10_000, "bytes"), (1_000_000, "calls")] {
            let (all, mut ids) = (recordings(5, 10_000, bytes_max), 0);
            flood(&all, 2, 20, 200, &mut ids);
            // An org with ten apps, each with ten plugins.
            for install in 0..100 {
                flood(&all, 1, install / 10, install, &mut ids);
            }
            assert_eq!(count(&all, 200..=200), 5, "{what}");
            assert_eq!(count(&all, 0..=99), 5, "{what}");
            // A third one gets its part, whoever was there before; of the two apps of an org, too.
            flood(&all, 3, 30, 300, &mut ids);
            let kept = [0..=99, 200..=200, 300..=300].map(|installs| count(&all, installs));
            assert!(kept.iter().all(|kept| *kept >= 3), "{what}: {kept:?}");
            flood(&all, 3, 31, 310, &mut ids);
            let kept = [count(&all, 300..=300), count(&all, 310..=310)];
            assert!(kept.iter().all(|kept| *kept >= 1), "{what}: {kept:?}");
        }
    }

    #[test]
    fn it_ends_by_itself_and_nothing_is_kept_for_long() {
        let all = recordings(3, 4_000, 6_000);
        assert_eq!(all.round(ONE, 0), None);
        all.start(APP, ONE, 5_000, 0);
        let round = all.round(ONE, 4_999).unwrap();
        assert_eq!(all.round(OTHER, 4_999), None);
        assert_eq!(all.round(ONE, 5_000), None);
        // A call that began while it was on is still added.
        all.add(ONE, round, call(5, 1_000));
        assert_eq!(all.calls(ONE, 64_999).len(), 1);
        assert_eq!(all.calls(ONE, 65_000).len(), 0);
        all.sweep(64_999);
        assert_eq!(all.read().of.len(), 1);
        all.sweep(65_000);
        assert!(all.read().of.is_empty() && all.read().held == Held::default());
        assert_eq!(all.running.load(Relaxed), 0);
    }

    #[test]
    fn a_call_that_began_before_all_was_forgotten_is_not_added() {
        let all = recordings(3, 4_000, 6_000);
        all.start(APP, ONE, 10, 0);
        let round = all.round(ONE, 0).unwrap();
        all.add(ONE, round, call(1, 1_000));
        all.forget_app(AppId(2));
        assert_eq!(kept(&all, ONE), [1]);
        all.forget_app(APP.app);
        all.add(ONE, round, call(2, 1_000));
        assert_eq!(kept(&all, ONE), [0; 0]);
        let round = all.round(ONE, 0).unwrap();
        all.add(ONE, round, call(3, 1_000));
        assert_eq!(kept(&all, ONE), [3]);
    }
}
