//! When the writer begins its next transaction. One sync to disk serves all that it holds, so it pays to
//! wait a moment for those who were just answered: whoever sends one message after another has the
//! next one ready soon. It pays only as long as they do come.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

/// The shortest and the longest wait. The runtime's timer knows nothing shorter, and may take twice that:
/// where a transaction takes less, a wait costs more than it saves.
const WAIT_MIN: Duration = Duration::from_millis(1);
const WAIT_MAX: Duration = Duration::from_millis(4);
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
        // Not for the last of them: somebody is always late.
        let wanted = (self.expected - self.expected / 4).min(max);
        fill(queue, batch, max, wanted, self.patience()).await;
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

    /// Half as long as a transaction takes: what a wait in vain costs is little beside what one in time
    /// saves.
    fn patience(&self) -> Option<Duration> {
        let wait = self.took / 2;
        let pays = self.misses < MISSES_MAX || self.rounds.is_multiple_of(TRY_EVERY);
        (pays && wait >= WAIT_MIN).then(|| wait.min(WAIT_MAX))
    }
}

/// Takes what is there and waits until these are `wanted`, as long as something comes at once, and then
/// for as long as there is patience.
async fn fill<T>(
    queue: &mut mpsc::Receiver<T>,
    batch: &mut Vec<T>,
    max: usize,
    wanted: usize,
    patience: Option<Duration>,
) {
    let mut quiet = 0;
    take(queue, batch, max);
    while batch.len() < wanted && quiet < QUIET {
        // Lets those come who were woken, and what is on the wire.
        tokio::task::yield_now().await;
        quiet = match take(queue, batch, max) {
            0 => quiet + 1,
            _ => 0,
        };
    }
    if let Some(patience) = patience {
        let deadline = Instant::now() + patience;
        while batch.len() < wanted
            && let Ok(Some(job)) = timeout_at(deadline, queue.recv()).await
        {
            batch.push(job);
            take(queue, batch, max);
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

    const HOUR: Duration = Duration::from_secs(3600);

    #[tokio::test]
    async fn those_who_are_late_are_waited_for() {
        let (sender, mut queue) = mpsc::channel(16);
        let late = tokio::spawn(async move {
            for n in 0..4 {
                for _ in 0..2 * QUIET {
                    tokio::task::yield_now().await;
                }
                sender.send(n).await.unwrap();
            }
            sender
        });
        let mut batch = Vec::new();
        fill(&mut queue, &mut batch, 16, 3, Some(HOUR)).await;
        assert_eq!(batch, [0, 1, 2]);
        let _open = late.await.unwrap();
        // Without patience, only who comes at once.
        batch.clear();
        fill(&mut queue, &mut batch, 16, 3, None).await;
        assert_eq!(batch, [3]);
    }

    #[tokio::test]
    async fn who_is_alone_waits_for_nobody() {
        let (sender, mut queue) = mpsc::channel(16);
        sender.send(0).await.unwrap();
        let mut batch = Vec::new();
        fill(&mut queue, &mut batch, 16, 1, Some(HOUR)).await;
        assert_eq!(batch, [0]);
    }

    #[tokio::test]
    async fn a_batch_has_its_maximum() {
        let (sender, mut queue) = mpsc::channel(16);
        for n in 0..10 {
            sender.send(n).await.unwrap();
        }
        let mut gathering = Gathering::default();
        gathering.note(100, 0, HOUR);
        let mut batch = Vec::new();
        gathering.wait(&mut queue, &mut batch, 4).await;
        assert_eq!((batch, gathering.misses), (vec![0, 1, 2, 3], 0));
    }

    #[tokio::test]
    async fn patience_ends_with_those_who_never_come() {
        let (sender, mut queue) = mpsc::channel(16);
        let mut gathering = Gathering::default();
        for round in 1..=TRY_EVERY {
            gathering.note(8, 0, 2 * WAIT_MIN);
            let patient = round <= MISSES_MAX || round == TRY_EVERY;
            assert_eq!(gathering.patience().is_some(), patient, "{round}");
            sender.send(round).await.unwrap();
            gathering.wait(&mut queue, &mut Vec::new(), 16).await;
        }
    }

    #[test]
    fn patience_goes_by_what_a_transaction_takes() {
        let mut gathering = Gathering::default();
        for (took, patience) in [
            (0, None),
            (1, None),
            (2, Some(1)),
            (6, Some(3)),
            (1000, Some(4)),
        ] {
            gathering.note(8, 0, Duration::from_millis(took));
            assert_eq!(gathering.patience(), patience.map(Duration::from_millis));
        }
    }
}
