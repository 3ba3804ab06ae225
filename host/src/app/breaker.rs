//! Keeps the calls of a hook that fails away from it: for a moment at first, then for longer, and at
//! last until somebody has looked at it. What is not called costs nothing, and its outcome is the
//! one that the install chose for faults.
//!
//! One person's messages must not be able to switch off a guard for everybody, so faults of one cause
//! (a user, an event, a timer) count once.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use crate::model::Millis;

/// The calls that count: the last so many.
const WINDOW: usize = 20;
/// So many faults among them …
const FAULTS: usize = 10;
/// … of so many causes open the breaker.
const CAUSES: usize = 3;
/// With fewer faults in a whole window than this, earlier openings are forgotten.
const FAULTS_OF_A_HEALTHY_ONE: usize = 3;
/// How long it stays open, the first time and the next ones. After the last it is for a person.
const OPEN_MS: [Millis; 3] = [30_000, 120_000, 600_000];
/// While it is half open, one call in so long.
const TRIAL_MS: Millis = 1_000;
/// How often it is said of calls that are not made.
const SAID_MS: Millis = 60_000;

/// The breaker of one hook of one install.
#[derive(Debug, Default)]
pub struct Breaker(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// Who caused each of the last faults; none for a call that went well.
    recent: VecDeque<Option<u64>>,
    openings: usize,
    /// Grows whenever it opens or closes, so that a call can be told from those of before.
    turns: u64,
    /// Closed if none. Else no call before this, and after it one on trial.
    next_call: Option<Millis>,
    /// When it was last said that a call was not made, and how many were not made since.
    said: Option<Millis>,
    unsaid: u64,
}

/// A call that was let through. What comes of it counts only while the breaker is as it was then: of the calls
/// that were under way when it opened, none is a trial.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Admitted(u64);

/// What has become of the breaker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// Nothing new.
    Same,
    /// It has opened, until then.
    Opened(Millis),
    /// A trial went well: it is closed again.
    Closed,
    /// It has opened too often.
    GivenUp,
}

impl Breaker {
    /// Whether a call may be made now; else when.
    pub fn admit(&self, now: Millis) -> Result<Admitted, Millis> {
        let mut state = self.state();
        match state.next_call {
            Some(at) if at > now => return Err(at),
            Some(_) => state.next_call = Some(now + TRIAL_MS),
            None => {}
        }
        Ok(Admitted(state.turns))
    }

    /// Counts a call that is not made. Once in a while that is to be said: then gives how many more there were
    /// since the last time.
    pub fn pass_over(&self, now: Millis) -> Option<u64> {
        let mut state = self.state();
        if state.said.is_some_and(|said| now < said + SAID_MS) {
            state.unsaid += 1;
            return None;
        }
        state.said = Some(now);
        Some(std::mem::take(&mut state.unsaid))
    }

    /// Takes note of a call that went well, or of a fault and who caused it.
    pub fn note(&self, now: Millis, of: Admitted, outcome: Result<(), u64>) -> Turn {
        let mut state = self.state();
        if of.0 != state.turns {
            return Turn::Same;
        }
        if state.next_call.is_some() {
            return match outcome {
                Ok(()) => {
                    state.next_call = None;
                    state.turns += 1;
                    state.recent.clear();
                    Turn::Closed
                }
                Err(_) => state.open(now),
            };
        }
        if state.recent.len() == WINDOW {
            state.recent.pop_front();
        }
        state.recent.push_back(outcome.err());
        let mut causes: Vec<u64> = state.recent.iter().flatten().copied().collect();
        let faults = causes.len();
        causes.sort_unstable();
        causes.dedup();
        if faults >= FAULTS && causes.len() >= CAUSES {
            return state.open(now);
        }
        if state.recent.len() == WINDOW && faults < FAULTS_OF_A_HEALTHY_ONE {
            state.openings = 0;
        }
        Turn::Same
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn open(&mut self, now: Millis) -> Turn {
        self.recent.clear();
        let for_ms = OPEN_MS.get(self.openings).copied();
        self.openings += 1;
        self.turns += 1;
        // Whoever gives it up takes a moment to do so.
        let until = now + for_ms.unwrap_or(OPEN_MS[OPEN_MS.len() - 1]);
        self.next_call = Some(until);
        for_ms.map_or(Turn::GivenUp, |_| Turn::Opened(until))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A call that comes and goes within the same moment.
    fn note(breaker: &Breaker, now: Millis, outcome: Result<(), u64>) -> Turn {
        let admitted = breaker.admit(now).unwrap();
        breaker.note(now, admitted, outcome)
    }

    /// Faults of `causes` people in turn, until something happens.
    fn fail(breaker: &Breaker, now: Millis, causes: u64) -> (usize, Turn) {
        for n in 1..=100 {
            match note(breaker, now, Err(n % causes)) {
                Turn::Same => {}
                turn => return (n as usize, turn),
            }
        }
        (100, Turn::Same)
    }

    #[test]
    fn one_who_provokes_faults_opens_nothing() {
        let breaker = Breaker::default();
        assert_eq!(fail(&breaker, 0, 2), (100, Turn::Same));
        assert!(breaker.admit(0).is_ok());
    }

    #[test]
    fn faults_of_several_open_it_and_a_trial_closes_it() {
        let breaker = Breaker::default();
        assert_eq!(fail(&breaker, 5, 3), (FAULTS, Turn::Opened(30_005)));
        assert_eq!(breaker.admit(30_004), Err(30_005));
        let trial = breaker.admit(30_005).unwrap();
        // One trial, not all who come.
        assert_eq!(breaker.admit(30_006), Err(31_005));
        assert_eq!(breaker.note(30_010, trial, Ok(())), Turn::Closed);
        assert!(breaker.admit(30_011).is_ok());
    }

    #[test]
    fn a_trial_that_is_never_told_of_is_followed_by_another() {
        let breaker = Breaker::default();
        fail(&breaker, 0, 3);
        let slow = breaker.admit(30_000).unwrap();
        assert!(breaker.admit(31_000).is_ok());
        // The first one was a trial all the same.
        assert_eq!(breaker.note(31_500, slow, Ok(())), Turn::Closed);
    }

    #[test]
    fn it_opens_for_longer_each_time_and_then_for_good() {
        let breaker = Breaker::default();
        assert_eq!(fail(&breaker, 0, 3).1, Turn::Opened(30_000));
        assert_eq!(note(&breaker, 30_000, Err(1)), Turn::Opened(150_000));
        assert_eq!(note(&breaker, 150_000, Ok(())), Turn::Closed);
        // It was well for a moment only.
        assert_eq!(fail(&breaker, 150_001, 3), (FAULTS, Turn::Opened(750_001)));
        assert_eq!(note(&breaker, 750_001, Err(1)), Turn::GivenUp);
    }

    #[test]
    fn calls_that_were_under_way_when_it_opened_are_no_trials() {
        let breaker = Breaker::default();
        let before = breaker.admit(0).unwrap();
        assert_eq!(fail(&breaker, 0, 3).1, Turn::Opened(30_000));
        for outcome in [Err(7), Ok(())] {
            assert_eq!(breaker.note(1, before, outcome), Turn::Same);
        }
        assert_eq!(breaker.admit(29_999), Err(30_000));
        let trial = breaker.admit(30_000).unwrap();
        assert_eq!(breaker.note(30_001, before, Ok(())), Turn::Same);
        assert_eq!(breaker.note(30_002, trial, Err(1)), Turn::Opened(150_002));
        // Nor is a trial of before one of now.
        assert_eq!(breaker.note(30_003, trial, Err(1)), Turn::Same);
    }

    #[test]
    fn calls_that_are_not_made_are_said_once_a_minute() {
        let breaker = Breaker::default();
        assert_eq!(breaker.pass_over(5), Some(0));
        for now in [5, 60_004] {
            assert_eq!(breaker.pass_over(now), None);
        }
        assert_eq!(breaker.pass_over(60_005), Some(2));
        assert_eq!(breaker.pass_over(200_000), Some(0));
    }

    #[test]
    fn who_is_well_for_long_starts_anew() {
        let breaker = Breaker::default();
        fail(&breaker, 0, 3);
        note(&breaker, 30_000, Ok(()));
        for _ in 0..WINDOW {
            assert_eq!(note(&breaker, 30_001, Ok(())), Turn::Same);
        }
        assert_eq!(fail(&breaker, 40_000, 3).1, Turn::Opened(70_000));
    }
}
