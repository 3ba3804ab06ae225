//! When the writer begins its next transaction. One sync to disk serves all that it holds, so it pays to
//! wait a moment for those who were just answered: whoever sends one message after another has the
//! next one ready soon. It pays only as long as they do come.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;

/// The longest wait.
const WAIT_MAX: Duration = Duration::from_millis(2);
/// Looks without anything new after which nobody is about to come by himself.
const QUIET: u32 = 3;
/// After so many waits in vain there are no more of them …
const MISSES_MAX: u32 = 3;
/// … but for one of so many, to see whether things have changed.
const TRY_EVERY: u32 = 64;

/// What is known of those who write.
#[derive(Debug, Default)]
pub struct Gathering {
    /// As many as the last transaction answered, and as many as were waiting by then.
    expected: usize,
    /// How long the last transaction took.
    took: Duration,
    /// Waits in a row after which fewer than expected were there.
    misses: u32,
    rounds: u32,
}

impl Gathering {
    /// Fills `batch` with what is in the queue, and with what comes soon.
    pub async fn wait<T>(&mut self, queue: &mut mpsc::Receiver<T>, batch: &mut Vec<T>, max: usize) {
        let wanted = self.expected.min(max);
        let began = Instant::now();
        let patience = self.patience();
        let mut quiet = 0;
        take(queue, batch, max);
        while batch.len() < wanted && (quiet < QUIET || began.elapsed() < patience) {
            // Lets those come who were woken, and what is on the wire.
            tokio::task::yield_now().await;
            quiet = match take(queue, batch, max) {
                0 => quiet + 1,
                _ => 0,
            };
        }
        self.misses = match batch.len() >= wanted {
            true => 0,
            false => self.misses.saturating_add(1),
        };
    }

    /// Takes note of a transaction: how many it answered, how many are waiting now, how long it took.
    pub fn note(&mut self, answered: usize, waiting: usize, took: Duration) {
        self.expected = answered + waiting;
        self.took = took;
        self.rounds = self.rounds.wrapping_add(1);
    }

    /// Half as long as a transaction: what a wait in vain costs is little beside what one in time saves.
    fn patience(&self) -> Duration {
        if self.misses < MISSES_MAX || self.rounds.is_multiple_of(TRY_EVERY) {
            (self.took / 2).min(WAIT_MAX)
        } else {
            Duration::ZERO
        }
    }
}

/// Takes what is there. Gives how many.
fn take<T>(queue: &mut mpsc::Receiver<T>, batch: &mut Vec<T>, max: usize) -> usize {
    let before = batch.len();
    while batch.len() < max {
        match queue.try_recv() {
            Ok(job) => batch.push(job),
            Err(_) => break,
        }
    }
    batch.len() - before
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn those_who_were_answered_are_waited_for() {
        let (sender, mut queue) = mpsc::channel(16);
        let mut gathering = Gathering::default();
        gathering.note(3, 1, Duration::from_secs(3600));
        sender.send(0).await.unwrap();
        let late = tokio::spawn(async move {
            for n in 1..4 {
                // Not all at once, and later than anything looks that does not wait.
                for _ in 0..QUIET - 1 {
                    tokio::task::yield_now().await;
                }
                sender.send(n).await.unwrap();
            }
        });
        let mut batch = Vec::new();
        gathering.wait(&mut queue, &mut batch, 16).await;
        assert_eq!(batch, [0, 1, 2, 3]);
        assert_eq!(gathering.misses, 0);
        late.await.unwrap();
    }

    #[tokio::test]
    async fn nobody_waits_for_those_who_never_come() {
        let (sender, mut queue) = mpsc::channel(16);
        let mut gathering = Gathering::default();
        for round in 0..MISSES_MAX + 1 {
            let patient = round < MISSES_MAX;
            gathering.note(8, 0, Duration::from_micros(10));
            assert_eq!(gathering.patience().is_zero(), !patient, "{round}");
            sender.send(round).await.unwrap();
            let mut batch = Vec::new();
            gathering.wait(&mut queue, &mut batch, 16).await;
            assert_eq!(batch, [round]);
        }
        gathering.rounds = TRY_EVERY - 1;
        gathering.note(8, 0, Duration::from_secs(1));
        assert_eq!(gathering.patience(), WAIT_MAX);
    }

    #[tokio::test]
    async fn a_batch_has_its_maximum() {
        let (sender, mut queue) = mpsc::channel(16);
        for n in 0..10 {
            sender.send(n).await.unwrap();
        }
        let mut gathering = Gathering::default();
        gathering.note(100, 0, Duration::from_secs(3600));
        let mut batch = Vec::new();
        gathering.wait(&mut queue, &mut batch, 4).await;
        assert_eq!(batch, [0, 1, 2, 3]);
    }
}
