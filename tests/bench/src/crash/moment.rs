//! When the host is killed. A promise that it can't keep yet shows when it dies just after it gave
//! it, so most moments are those in which somebody has been told something; some are any moment.

use std::time::Duration;

use tokio::sync::Notify;
use tokio::sync::futures::Notified;
use tokio::time::{sleep, timeout};

use super::history::Entry;
use super::random::Random;

/// A host that is told to no effect for so long is killed all the same.
const SILENCE_MAX: Duration = Duration::from_secs(3);

/// What the host tells, as it is heard.
#[derive(Debug, Default)]
pub struct Told {
    /// That a message is stored.
    pub ack: Notify,
    /// That there is an entry in a log.
    entry: Notify,
    /// That there is a message by a plugin.
    effect: Notify,
}

impl Told {
    /// A reader was shown this.
    pub fn of(&self, entry: &Entry) {
        self.entry.notify_waiters();
        if entry.is_by_plugin() {
            self.effect.notify_waiters();
        }
    }
}

/// A moment to kill the host in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// Any; perhaps before it serves.
    Any,
    /// As soon as it has acknowledged a message.
    Acknowledged,
    /// As soon as it has shown an entry.
    Shown,
    /// As soon as it has shown what a plugin did.
    Done,
    /// A little after it has shown an entry, while plugins work on it.
    Worked,
}

impl Moment {
    /// They take turns, so that a few kills have all of them.
    pub fn of(kill: u32) -> Self {
        const ALL: [Moment; 5] = [
            Moment::Acknowledged,
            Moment::Shown,
            Moment::Done,
            Moment::Worked,
            Moment::Any,
        ];
        ALL[kill as usize % ALL.len()]
    }

    /// Waits for it.
    pub async fn come(self, random: &mut Random, told: &Told) {
        sleep(random.between_ms(1, 1000)).await;
        match self {
            Moment::Any => {}
            Moment::Acknowledged => heard(told.ack.notified()).await,
            Moment::Shown => heard(told.entry.notified()).await,
            Moment::Done => heard(told.effect.notified()).await,
            Moment::Worked => {
                heard(told.entry.notified()).await;
                sleep(random.between_ms(0, 40)).await;
            }
        }
    }
}

async fn heard(notified: Notified<'_>) {
    // Silence is no reason to let it live.
    let _ = timeout(SILENCE_MAX, notified).await;
}
