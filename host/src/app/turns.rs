//! Lets those who change one thing do so one after the other. Of a message's state the store looks
//! anyway that nobody works on an old one, and this only spares the retries; of an app's plugins it is
//! what keeps two changes apart.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::OwnedMutexGuard;

/// The things that somebody is changing, by id.
#[derive(Debug)]
pub struct Turns<K>(Mutex<HashMap<K, Weak<tokio::sync::Mutex<()>>>>);

/// One's turn at a thing, until it is dropped.
pub type Turn = OwnedMutexGuard<()>;

impl<K> Default for Turns<K> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Copy + Eq + Hash> Turns<K> {
    /// Waits for one's turn; they come in the order in which they were asked for.
    pub async fn take(&self, id: K) -> Turn {
        self.queue(id).lock_owned().await
    }

    fn queue(&self, id: K) -> Arc<tokio::sync::Mutex<()>> {
        let mut queues = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(queue) = queues.get(&id).and_then(Weak::upgrade) {
            return queue;
        }
        queues.retain(|_, queue| queue.strong_count() > 0);
        let queue = Arc::default();
        queues.insert(id, Arc::downgrade(&queue));
        queue
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::MessageId;

    #[tokio::test]
    async fn one_message_after_the_other_and_nothing_is_left() {
        let turns = Arc::new(Turns::default());
        let first = turns.take(MessageId(1)).await;
        let other = turns.take(MessageId(2)).await;
        let second = tokio::spawn({
            let turns = turns.clone();
            async move { turns.take(MessageId(1)).await }
        });
        while turns.0.lock().unwrap()[&MessageId(1)].strong_count() < 2 {
            tokio::task::yield_now().await;
        }
        assert!(!second.is_finished());
        drop(first);
        drop((second.await.unwrap(), other));
        turns.take(MessageId(3)).await;
        assert_eq!(turns.0.lock().unwrap().len(), 1);
    }
}
