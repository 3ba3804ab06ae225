//! The bounded queue between those who publish and the task that writes one socket.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::Notify;

/// Why a socket is closed. Codes from 3000 to 3499 ask the client to come back, those from 3500 to
/// 3999 not to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Close {
    pub code: u16,
    pub reason: &'static str,
}

macro_rules! closes {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $reason:literal;)*) => {
        impl Close {
            $($(#[$doc])* pub const $name: Close = Close { code: $code, reason: $reason };)*

            /// Every one that this host sends of its own accord.
            pub const ALL: &'static [Close] = &[$(Close::$name,)*];
        }
    };
}

closes! {
    /// The host is going down; another takes over, or it comes back.
    SHUTDOWN = 3000, "shutdown";
    /// It did not read as fast as others wrote. What it missed is in the log.
    SLOW = 3001, "slow";
    /// No answer to a ping.
    NO_PONG = 3002, "no pong";
    /// Its token has expired: come back with a new one.
    EXPIRED = 3003, "token expired";
    /// More sockets than the host takes.
    TOO_MANY = 3004, "too many connections";
    /// No `connect` within the time.
    NOT_CONNECTED = 3500, "connect did not come in time";
    /// The token is not good, or no longer.
    UNAUTHENTICATED = 3501, "unauthenticated";
    /// The user was deactivated, or erased.
    DEACTIVATED = 3502, "user deactivated";
    /// A frame that is no request.
    BAD_FRAME = 3503, "bad frame";
    /// A plugin of the app does not let the user in.
    REFUSED = 3504, "refused";
    /// The page's origin is not on the app's list.
    ORIGIN = 3505, "origin not allowed";
}

/// How much may wait for one socket.
#[derive(Debug, Clone, Copy)]
pub struct OutboxLimits {
    pub frames_max: usize,
    pub bytes_max: usize,
}

/// Frames that wait for one socket, in order, in the pieces in which they came.
#[derive(Debug)]
pub struct Outbox {
    limits: OutboxLimits,
    queue: Mutex<Queue>,
    wake: Notify,
}

#[derive(Debug, Default)]
struct Queue {
    pieces: VecDeque<(Bytes, usize)>,
    frames: usize,
    bytes: usize,
    closed: Option<Close>,
}

impl Outbox {
    /// An empty one.
    pub fn new(limits: OutboxLimits) -> Self {
        Self {
            limits,
            queue: Mutex::default(),
            wake: Notify::new(),
        }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether as much as this may ever wait at once.
    pub(super) fn holds(&self, frames: usize, bytes: usize) -> bool {
        frames <= self.limits.frames_max && bytes <= self.limits.bytes_max
    }

    /// Queues a frame, or closes the socket as slow when it does not fit. Never waits.
    pub fn push(&self, frame: Bytes) {
        self.push_all(frame, 1);
    }

    /// Queues a frame that may as well be left out, while less than half of the queue is taken.
    pub(super) fn offer(&self, frame: Bytes) {
        let queue = self.queue();
        let fits = self.holds(2 * (queue.frames + 1), 2 * (queue.bytes + frame.len()));
        drop(queue);
        if fits {
            self.push(frame);
        }
    }

    /// Queues `count` frames that lie one behind the other in one piece of memory, all or none.
    pub fn push_all(&self, frames: Bytes, count: usize) {
        let mut queue = self.queue();
        if queue.closed.is_some() {
            return;
        }
        let was_empty = queue.pieces.is_empty();
        if self.holds(queue.frames + count, queue.bytes + frames.len()) {
            queue.frames += count;
            queue.bytes += frames.len();
            queue.pieces.push_back((frames, count));
            // Otherwise the writer has been woken already.
            if !was_empty {
                return;
            }
        } else {
            queue.close(Close::SLOW);
        }
        drop(queue);
        self.wake.notify_one();
    }

    /// Lets the writer close the socket. Only the first reason counts. When the reader was slow,
    /// what waits is dropped; otherwise it is still written.
    pub fn close(&self, close: Close) {
        self.queue().close(close);
        self.wake.notify_one();
    }

    /// Why it is closed, if it is.
    pub fn closed(&self) -> Option<Close> {
        self.queue().closed
    }

    /// Moves up to `max` pieces to `into`. Gives the reason once it is closed and nothing is left.
    pub fn take(&self, into: &mut Vec<Bytes>, max: usize) -> Option<Close> {
        let mut queue = self.queue();
        let Queue {
            pieces,
            frames,
            bytes,
            closed,
        } = &mut *queue;
        into.extend(pieces.drain(..pieces.len().min(max)).map(|(piece, count)| {
            *frames -= count;
            *bytes -= piece.len();
            piece
        }));
        if !pieces.is_empty() {
            return None;
        }
        // A burst is over: an idle socket costs little.
        if pieces.capacity() > 32 {
            *pieces = VecDeque::new();
        }
        closed.filter(|_| into.is_empty())
    }

    /// Waits until there may be something to take.
    pub async fn ready(&self) {
        self.wake.notified().await;
    }
}

impl Queue {
    fn close(&mut self, close: Close) {
        if self.closed.is_none() {
            self.closed = Some(close);
            if close == Close::SLOW {
                self.pieces = VecDeque::new();
                (self.frames, self.bytes) = (0, 0);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bytes_are_bounded_too() {
        let outbox = Outbox::new(OutboxLimits {
            frames_max: 100,
            bytes_max: 10,
        });
        outbox.push(Bytes::from_static(b"12345"));
        outbox.push(Bytes::from_static(b"12345"));
        let mut taken = Vec::new();
        assert_eq!(outbox.take(&mut taken, 1), None);
        outbox.push(Bytes::from_static(b"12345"));
        assert_eq!(outbox.closed(), None);
        outbox.push(Bytes::from_static(b"1"));
        assert_eq!(outbox.closed(), Some(Close::SLOW));
        taken.clear();
        assert_eq!(outbox.take(&mut taken, 9), Some(Close::SLOW));
        assert!(taken.is_empty());
    }

    #[test]
    fn what_may_be_left_out_takes_half_and_closes_nobody() {
        let outbox = Outbox::new(OutboxLimits {
            frames_max: 4,
            bytes_max: 100,
        });
        for _ in 0..9 {
            outbox.offer(Bytes::from_static(b"1"));
        }
        outbox.offer(Bytes::from(vec![b'1'; 200]));
        assert_eq!(outbox.closed(), None);
        outbox.push(Bytes::from_static(b"2"));
        outbox.push(Bytes::from_static(b"2"));
        let mut taken = Vec::new();
        outbox.take(&mut taken, 9);
        assert_eq!(taken.concat(), b"1122");
    }

    #[test]
    fn a_piece_counts_all_its_frames() {
        let outbox = Outbox::new(OutboxLimits {
            frames_max: 4,
            bytes_max: 100,
        });
        outbox.push_all(Bytes::from_static(b"123"), 3);
        let mut taken = Vec::new();
        outbox.take(&mut taken, 1);
        outbox.push_all(Bytes::from_static(b"123"), 3);
        outbox.push(Bytes::from_static(b"4"));
        assert_eq!(outbox.closed(), None);
        outbox.push(Bytes::from_static(b"5"));
        assert_eq!(outbox.closed(), Some(Close::SLOW));
    }

    #[test]
    fn what_waits_is_written_before_an_orderly_close() {
        let outbox = Outbox::new(OutboxLimits {
            frames_max: 100,
            bytes_max: 100,
        });
        outbox.push(Bytes::from_static(b"last words"));
        outbox.close(Close::SHUTDOWN);
        outbox.push(Bytes::from_static(b"too late"));
        let mut taken = Vec::new();
        assert_eq!(outbox.take(&mut taken, 9), None);
        assert_eq!(taken, [Bytes::from_static(b"last words")]);
        taken.clear();
        assert_eq!(outbox.take(&mut taken, 9), Some(Close::SHUTDOWN));
    }

    #[test]
    fn codes_are_in_their_ranges_and_unique() {
        let mut seen = std::collections::HashSet::new();
        for close in Close::ALL {
            assert!(seen.insert(close.code) && (3000..4000).contains(&close.code));
        }
    }
}
