//! Lets those who change one thing do so one after the other. Of a message's state the store looks
//! anyway that nobody works on an old one, and this only spares the retries; of an app's plugins it is
//! what keeps two changes apart.

use std::hash::Hash;

use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::shared::Shared;

/// The things that somebody is changing, by id.
#[derive(Debug)]
pub struct Turns<K>(Shared<K, Mutex<()>>);

/// One's turn at a thing, until it is dropped.
pub type Turn = OwnedMutexGuard<()>;

impl<K> Default for Turns<K> {
    fn default() -> Self {
        Self(Shared::default())
    }
}

impl<K: Copy + Eq + Hash> Turns<K> {
    /// Waits for one's turn; they come in the order in which they were asked for.
    pub async fn take(&self, id: K) -> Turn {
        let queue = self.0.get_or_make(id, Mutex::default);
        queue.lock_owned().await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::model::MessageId;

    #[tokio::test]
    async fn one_message_after_the_other() {
        let turns = Arc::new(Turns::default());
        let first = turns.take(MessageId(1)).await;
        let other = turns.take(MessageId(2)).await;
        let second = tokio::spawn({
            let turns = turns.clone();
            async move { turns.take(MessageId(1)).await }
        });
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        assert!(!second.is_finished());
        drop(first);
        drop((second.await.unwrap(), other));
    }
}
