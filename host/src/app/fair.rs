//! Places for work that takes long, given fairly: who waits for one waits in the line of its app, and
//! the lines take turns. So whoever asks for much waits for itself, and others wait for one of its.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

/// Some places, and those who wait for one, by what they are told apart by.
pub struct Fair<K: Copy + Eq>(Arc<Inner<K>>);

struct Inner<K: Copy + Eq> {
    state: Mutex<State<K>>,
    waiting_max: usize,
    line_max: usize,
}

struct State<K: Copy + Eq> {
    free: usize,
    /// Those with somebody in them, the next one first.
    lines: VecDeque<(K, VecDeque<oneshot::Sender<Place<K>>>)>,
}

/// A place, until it is dropped.
pub struct Place<K: Copy + Eq>(Option<Arc<Inner<K>>>);

/// Too many wait already.
#[derive(Debug, PartialEq, Eq)]
pub struct LineFull;

impl<K: Copy + Eq> Fair<K> {
    /// `places` at once; `waiting_max` wait for one, `line_max` of them in one line.
    pub fn new(places: usize, waiting_max: usize, line_max: usize) -> Self {
        let state = State {
            free: places.max(1),
            lines: VecDeque::new(),
        };
        Self(Arc::new(Inner {
            state: Mutex::new(state),
            waiting_max,
            line_max,
        }))
    }

    /// A place, as soon as it is this line's turn.
    ///
    /// # Errors
    /// When as many wait as may.
    pub async fn take(&self, line: K) -> Result<Place<K>, LineFull> {
        self.wait(line, true).await
    }

    /// The same for who must not be turned away.
    pub async fn take_in_turn(&self, line: K) -> Place<K> {
        loop {
            if let Ok(place) = self.wait(line, false).await {
                return place;
            }
        }
    }

    /// How many wait.
    pub fn waiting(&self) -> usize {
        let mut state = self.0.state();
        state.forget_those_who_left();
        state.waiting()
    }

    async fn wait(&self, line: K, is_bounded: bool) -> Result<Place<K>, LineFull> {
        let turn = {
            let mut state = self.0.state();
            if state.free > 0 {
                state.free -= 1;
                return Ok(Place(Some(Arc::clone(&self.0))));
            }
            state.forget_those_who_left();
            if is_bounded && state.is_full(line, self.0.waiting_max, self.0.line_max) {
                return Err(LineFull);
            }
            let (sender, turn) = oneshot::channel();
            state.join(line, sender);
            turn
        };
        turn.await.map_err(|_| LineFull)
    }
}

impl<K: Copy + Eq> Inner<K> {
    fn state(&self) -> MutexGuard<'_, State<K>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Copy + Eq> State<K> {
    fn forget_those_who_left(&mut self) {
        for (_, line) in &mut self.lines {
            line.retain(|waiting| !waiting.is_closed());
        }
        self.lines.retain(|(_, line)| !line.is_empty());
    }

    fn waiting(&self) -> usize {
        self.lines.iter().map(|(_, line)| line.len()).sum()
    }

    fn is_full(&self, line: K, waiting_max: usize, line_max: usize) -> bool {
        let own = self.lines.iter().find(|(of, _)| *of == line);
        self.waiting() >= waiting_max || own.is_some_and(|(_, line)| line.len() >= line_max)
    }

    fn join(&mut self, line: K, waiting: oneshot::Sender<Place<K>>) {
        match self.lines.iter_mut().find(|(of, _)| *of == line) {
            Some((_, line)) => line.push_back(waiting),
            None => self.lines.push_back((line, VecDeque::from([waiting]))),
        }
    }

    /// Who is next; the others of that line wait for those of the other lines.
    fn next(&mut self) -> Option<oneshot::Sender<Place<K>>> {
        let (of, mut line) = self.lines.pop_front()?;
        let next = line.pop_front();
        if !line.is_empty() {
            self.lines.push_back((of, line));
        }
        next
    }
}

impl<K: Copy + Eq> Drop for Place<K> {
    fn drop(&mut self) {
        let Some(inner) = self.0.take() else { return };
        loop {
            let next = {
                let mut state = inner.state();
                match state.next() {
                    Some(next) => next,
                    None => {
                        state.free += 1;
                        return;
                    }
                }
            };
            match next.send(Place(Some(Arc::clone(&inner)))) {
                Ok(()) => return,
                // Nobody is there any more: it is the next one's.
                Err(mut place) => drop(place.0.take()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lets everything that can go on do so.
    async fn settle() {
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn lines_take_turns() {
        let fair = Arc::new(Fair::new(1, 100, 100));
        let order = Arc::new(Mutex::new(Vec::new()));
        let first = fair.take('a').await.unwrap();
        let mut waiting = Vec::new();
        for (line, count) in [('a', 4), ('b', 1), ('c', 2)] {
            for _ in 0..count {
                let (fair, order) = (fair.clone(), order.clone());
                waiting.push(tokio::spawn(async move {
                    let place = fair.take(line).await.unwrap();
                    order.lock().unwrap().push(line);
                    drop(place);
                }));
                settle().await;
            }
        }
        drop(first);
        for waiting in waiting {
            waiting.await.unwrap();
        }
        let order: String = order.lock().unwrap().iter().collect();
        assert_eq!(order, "abcacaa");
        assert_eq!(fair.0.state().free, 1);
    }

    #[tokio::test]
    async fn those_who_wait_are_bounded_and_those_who_leave_forgotten() {
        let fair = Arc::new(Fair::new(1, 3, 2));
        let held = fair.take(1).await.unwrap();
        let wait = |line| {
            let fair = fair.clone();
            tokio::spawn(async move { fair.take(line).await.map(drop) })
        };
        let waiting = [wait(1), wait(1), wait(2)];
        settle().await;
        assert!(fair.take(1).await.is_err() && fair.take(3).await.is_err());
        waiting[0].abort();
        settle().await;
        let third = wait(3);
        settle().await;
        assert!(!third.is_finished());
        waiting[1].abort();
        drop(held);
        third.await.unwrap().unwrap();
        let [_, _, other] = waiting;
        other.await.unwrap().unwrap();
        settle().await;
        assert_eq!(fair.0.state().free, 1);
        // Who must not be turned away is not.
        let held = fair.take(1).await.unwrap();
        let waiting: Vec<_> = (0..9)
            .map(|_| {
                let fair = fair.clone();
                tokio::spawn(async move { drop(fair.take_in_turn(1).await) })
            })
            .collect();
        settle().await;
        drop(held);
        for waiting in waiting {
            waiting.await.unwrap();
        }
    }
}
