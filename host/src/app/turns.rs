//! Lets those who act on one message do so one after the other: a vote builds on the votes before
//! it, and whoever works on an old state works in vain. The store looks anyway; this only spares
//! the retries.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::OwnedMutexGuard;

use crate::model::MessageId;

/// The messages that somebody is acting on.
#[derive(Debug, Default)]
pub struct Turns(Mutex<HashMap<MessageId, Weak<tokio::sync::Mutex<()>>>>);

/// One's turn at a message, until it is dropped.
pub type Turn = OwnedMutexGuard<()>;

impl Turns {
    /// Waits for one's turn; they come in the order in which they were asked for.
    pub async fn take(&self, message: MessageId) -> Turn {
        self.queue(message).lock_owned().await
    }

    fn queue(&self, message: MessageId) -> Arc<tokio::sync::Mutex<()>> {
        let mut queues = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(queue) = queues.get(&message).and_then(Weak::upgrade) {
            return queue;
        }
        queues.retain(|_, queue| queue.strong_count() > 0);
        let queue = Arc::default();
        queues.insert(message, Arc::downgrade(&queue));
        queue
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
