//! A version of a plugin that is tried beside the one that runs: which channels it serves, or what came
//! of asking it what the other one was asked. In memory; that it is tried is in the store.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

use ring::digest::{SHA256, digest};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use super::App;
use super::health::Breakers;
use super::loadout::PluginLog;
use crate::metrics::Consumption;
use crate::model::{AppId, Millis, Rollout, RolloutMode};
use crate::plugins::{Hook, Usage};

/// Differences that are kept; the oldest go.
const DIFFERENCES_MAX: usize = 100;

/// A call that is made again, for comparison.
pub type Again = Box<dyn FnOnce(Arc<App>) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send>;

/// How a version is tried, and what is known of it so far.
pub struct Trial {
    /// As it was stored when it began.
    pub rollout: Rollout,
    pub log: Arc<PluginLog>,
    pub consumption: Arc<Consumption>,
    pub breakers: Arc<Breakers>,
    /// For a shadow: how its calls compare.
    pub compared: Compared,
    /// Calls of a shadow that wait.
    waiting: mpsc::Sender<Again>,
    /// Taken while one of them has a feed's candidates, which are large.
    ranking: Arc<Semaphore>,
    over: AtomicBool,
}

impl Trial {
    /// A trial that begins. The calls that are made again come out of the receiver, one after the
    /// other; at most `waiting_max` wait.
    pub fn new(
        rollout: Rollout,
        waiting_max: usize,
        log: PluginLog,
    ) -> (Arc<Self>, mpsc::Receiver<Again>) {
        let (waiting, calls) = mpsc::channel(waiting_max.max(1));
        let trial = Self {
            rollout,
            log: Arc::new(log),
            consumption: Arc::default(),
            breakers: Arc::default(),
            compared: Compared::default(),
            waiting,
            ranking: Arc::new(Semaphore::new(1)),
            over: AtomicBool::new(false),
        };
        (Arc::new(trial), calls)
    }

    /// Whether this is the trial that the store knows, ended or not.
    pub fn is_of(&self, rollout: &Rollout) -> bool {
        let known = Rollout {
            ended: rollout.ended.clone(),
            ..self.rollout.clone()
        };
        known == *rollout
    }

    /// Whether nothing that its version does has an effect.
    pub fn is_shadow(&self) -> bool {
        self.rollout.mode == RolloutMode::Shadow
    }

    /// Whether its version serves a channel. Which ones it serves depends on nothing but the names; a
    /// greater share adds channels and takes none away.
    pub fn serves(&self, app: AppId, plugin: &str, channel: &str) -> bool {
        let RolloutMode::Canary(percent) = self.rollout.mode else {
            return false;
        };
        !channel.is_empty() && !self.is_over() && place(app, plugin, channel) < u64::from(percent)
    }

    /// Ends it for this host, from the next call on. False if it was over already.
    pub fn end(&self) -> bool {
        !self.over.swap(true, Relaxed)
    }

    /// Whether it has ended.
    pub fn is_over(&self) -> bool {
        self.over.load(Relaxed)
    }

    /// Has a call made again, when those before it are through. False when too many wait.
    pub fn again(&self, call: Again) -> bool {
        self.waiting.try_send(call).is_ok()
    }

    /// The place of the one call that may have a feed's candidates; none while another has it.
    pub fn ranking(&self) -> Option<OwnedSemaphorePermit> {
        self.ranking.clone().try_acquire_owned().ok()
    }
}

/// The place of a channel among a hundred.
fn place(app: AppId, plugin: &str, channel: &str) -> u64 {
    let name = format!("{app} {plugin} {channel}");
    let mut first = [0; 8];
    first.copy_from_slice(&digest(&SHA256, name.as_bytes()).as_ref()[..8]);
    u64::from_be_bytes(first) % 100
}

/// What came of asking two versions the same.
#[derive(Default)]
pub struct Compared(Mutex<State>);

#[derive(Default)]
struct State {
    hooks: [HookCompared; Hook::ALL.len()],
    differences: VecDeque<Difference>,
}

/// What came of it for one hook.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HookCompared {
    pub same: u64,
    pub different: u64,
    /// Those among the two in which the shadow failed.
    pub failed: u64,
    /// Calls that were not made again, for there was no room or the shadow rests.
    pub dropped: u64,
    /// What the active version's calls took that were made again, and what the shadow's took.
    pub active_cpu_us: u64,
    pub active_wall_us: u64,
    pub cpu_us: u64,
    pub wall_us: u64,
}

/// A call in which they differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    pub at: Millis,
    pub hook: Hook,
    /// Empty for a call that is about none.
    pub channel: String,
    /// What the active version said, and what the shadow said, in a word or a sentence.
    pub active: String,
    pub candidate: String,
}

/// One call and the one that was made again.
pub struct Pair {
    pub hook: Hook,
    pub active: Usage,
    pub candidate: Usage,
    pub has_failed: bool,
    pub difference: Option<Difference>,
}

impl Compared {
    /// Adds a comparison.
    pub fn add(&self, pair: Pair) {
        let mut state = self.state();
        let of = &mut state.hooks[pair.hook as usize];
        match &pair.difference {
            Some(_) => of.different += 1,
            None => of.same += 1,
        }
        of.failed += u64::from(pair.has_failed);
        of.active_cpu_us += pair.active.cpu_us;
        of.active_wall_us += pair.active.wall_us;
        of.cpu_us += pair.candidate.cpu_us;
        of.wall_us += pair.candidate.wall_us;
        if let Some(difference) = pair.difference {
            if state.differences.len() == DIFFERENCES_MAX {
                state.differences.pop_front();
            }
            state.differences.push_back(difference);
        }
    }

    /// Adds a call that was not made again.
    pub fn drop_one(&self, hook: Hook) {
        self.state().hooks[hook as usize].dropped += 1;
    }

    /// The hooks of which something is known.
    pub fn hooks(&self) -> Vec<(Hook, HookCompared)> {
        let hooks = self.state().hooks;
        let known = |(_, of): &(Hook, HookCompared)| *of != HookCompared::default();
        Hook::ALL.into_iter().zip(hooks).filter(known).collect()
    }

    /// The newest differences, new to old.
    pub fn differences(&self) -> Vec<Difference> {
        self.state().differences.iter().rev().cloned().collect()
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trial(percent: u8) -> Arc<Trial> {
        let rollout = Rollout {
            digest: String::new(),
            grants: Vec::new(),
            config: "{}".into(),
            secrets: "{}".into(),
            hooks: Vec::new(),
            mode: RolloutMode::Canary(percent),
            since: 0,
            started: false,
            ended: None,
        };
        Trial::new(rollout, 1, PluginLog::new(1)).0
    }

    #[test]
    fn a_greater_share_only_adds_channels() {
        let trials = [1, 10, 50, 99].map(trial);
        let mut served = [0; 4];
        for n in 0..2_000 {
            let channel = format!("channel-{n}");
            let serves = trials
                .each_ref()
                .map(|trial| trial.serves(AppId(7), "poll", &channel));
            assert!(serves.is_sorted(), "{channel}: {serves:?}");
            for (count, serves) in served.iter_mut().zip(serves) {
                *count += usize::from(serves);
            }
        }
        assert!((5..60).contains(&served[0]), "{served:?}");
        assert!((900..1100).contains(&served[2]), "{served:?}");
        assert!((1950..2000).contains(&served[3]), "{served:?}");
    }

    #[test]
    fn the_share_is_another_for_another_plugin_or_app() {
        let trial = trial(50);
        let share = |app, plugin: &str| {
            let channels = (0..100).map(|n| format!("channel-{n}"));
            let serves = channels.map(|channel| trial.serves(AppId(app), plugin, &channel));
            serves.collect::<Vec<_>>()
        };
        assert_eq!(share(7, "poll"), share(7, "poll"));
        assert_ne!(share(7, "poll"), share(7, "other"));
        assert_ne!(share(7, "poll"), share(8, "poll"));
        assert!(!trial.serves(AppId(7), "poll", ""));
        assert!(trial.end() && !trial.end());
        assert!(!share(7, "poll").contains(&true));
    }

    #[test]
    fn what_waits_and_what_is_kept_is_bounded() {
        let (trial, _calls) = Trial::new(trial(1).rollout.clone(), 2, PluginLog::new(1));
        let pushed = [(); 4].map(|()| trial.again(Box::new(|_| Box::pin(async {}))));
        assert_eq!(pushed, [true, true, false, false]);
        let ranking = trial.ranking();
        assert!(ranking.is_some() && trial.ranking().is_none());
        drop(ranking);
        assert!(trial.ranking().is_some());
        let compared = Compared::default();
        for n in 0..250 {
            compared.add(Pair {
                hook: Hook::Events,
                active: Usage::default(),
                candidate: Usage::default(),
                has_failed: false,
                difference: Some(Difference {
                    at: n,
                    hook: Hook::Events,
                    channel: String::new(),
                    active: String::new(),
                    candidate: String::new(),
                }),
            });
        }
        let kept = compared.differences();
        assert_eq!((kept.len(), kept[0].at), (DIFFERENCES_MAX, 249));
        assert_eq!(compared.hooks()[0].1.different, 250);
    }
}
