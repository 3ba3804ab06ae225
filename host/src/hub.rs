//! Fan-out to the sockets of this host: who watches which channel, and who is there.
//!
//! Entries are encoded once for all who get them, and those that were committed together go out together
//! (`run.rs`). Whoever publishes never waits: each socket has a
//! bounded queue (`outbox.rs`), and one that does not keep up is cut off and catches up later.
//! Frames of one channel reach every socket in the order in which they were published.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use crate::error::{Code, Error, Result};
use crate::model::{AppId, ChannelId, ChannelKey, UserId};

mod outbox;
mod run;

pub use outbox::{Close, Outbox, OutboxLimits};
pub use run::Run;

const SHARDS: usize = 64;

/// The sockets of this host.
#[derive(Debug)]
pub struct Hub {
    topics: Vec<Mutex<HashMap<ChannelKey, Topic>>>,
    people: Vec<Mutex<People>>,
    /// The side channels that somebody watches, by the channel that they are in.
    sides: Mutex<HashMap<ChannelKey, HashSet<ChannelKey>>>,
    hasher: RandomState,
}

/// The sockets of each user.
type People = HashMap<(AppId, UserId), Vec<Arc<Outbox>>>;

/// A channel that somebody watches.
#[derive(Debug)]
struct Topic {
    id: ChannelId,
    /// Of a side channel: the one it is in.
    parent: Option<ChannelKey>,
    watchers: Vec<Watcher>,
    /// How many times each user is here.
    present: HashMap<UserId, usize>,
}

#[derive(Debug)]
struct Watcher {
    outbox: Arc<Outbox>,
    user: UserId,
    state: WatcherState,
}

#[derive(Debug)]
enum WatcherState {
    /// History is still on its way to it: what is published meanwhile waits here.
    CatchingUp(Waiting),
    /// Gets everything after this `seq`.
    Live(i64),
    /// Left the channel that this side channel is in: gets the entry that says so here, and nothing else.
    Left,
}

/// What was published while somebody caught up.
#[derive(Debug, Default)]
struct Waiting {
    runs: Vec<Run>,
    frames: usize,
    bytes: usize,
}

/// A place in a channel's audience that gets nothing before [`Hub::go_live`]. Dropped before that,
/// it is given up.
#[derive(Debug)]
pub struct Seat {
    hub: Arc<Hub>,
    channel: ChannelKey,
    outbox: Arc<Outbox>,
    live: bool,
}

impl Default for Hub {
    fn default() -> Self {
        Self {
            topics: (0..SHARDS).map(|_| Mutex::default()).collect(),
            people: (0..SHARDS).map(|_| Mutex::default()).collect(),
            sides: Mutex::default(),
            hasher: RandomState::new(),
        }
    }
}

impl Hub {
    fn topics(&self, channel: ChannelKey) -> MutexGuard<'_, HashMap<ChannelKey, Topic>> {
        let shard = self.hasher.hash_one(channel) as usize % SHARDS;
        self.topics[shard]
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn sides(&self) -> MutexGuard<'_, HashMap<ChannelKey, HashSet<ChannelKey>>> {
        self.sides.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn sides_of(&self, channel: ChannelKey) -> Vec<ChannelKey> {
        let sides = self.sides();
        sides.get(&channel).into_iter().flatten().copied().collect()
    }

    /// Forgets a channel that nobody watches any more.
    fn remove(
        &self,
        topics: &mut HashMap<ChannelKey, Topic>,
        channel: ChannelKey,
    ) -> Option<Topic> {
        let topic = topics.remove(&channel)?;
        if let Some(parent) = topic.parent {
            let mut sides = self.sides();
            if let Some(of_parent) = sides.get_mut(&parent) {
                of_parent.remove(&channel);
                if of_parent.is_empty() {
                    sides.remove(&parent);
                }
            }
        }
        Some(topic)
    }

    fn people(&self, app: AppId, user: &UserId) -> MutexGuard<'_, People> {
        let shard = self.hasher.hash_one((app, user)) as usize % SHARDS;
        self.people[shard]
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes note of a user's socket.
    ///
    /// # Errors
    /// `limit_reached` when the user has `per_user_max` already.
    pub fn connect(
        &self,
        app: AppId,
        user: &UserId,
        outbox: Arc<Outbox>,
        per_user_max: usize,
    ) -> Result<()> {
        let mut people = self.people(app, user);
        let sockets = people.entry((app, user.clone())).or_default();
        if sockets.len() >= per_user_max {
            return Err(Error::new(
                Code::LimitReached,
                "The user has as many connections as it may.",
            ));
        }
        sockets.push(outbox);
        Ok(())
    }

    /// Forgets a user's socket.
    pub fn disconnect(&self, app: AppId, user: &UserId, outbox: &Arc<Outbox>) {
        let mut people = self.people(app, user);
        if let Some(sockets) = people.get_mut(&(app, user.clone())) {
            sockets.retain(|known| !Arc::ptr_eq(known, outbox));
            if sockets.is_empty() {
                people.remove(&(app, user.clone()));
            }
        }
    }

    /// Closes every socket of a user.
    pub fn close_user(&self, app: AppId, user: &UserId, close: Close) {
        for outbox in self
            .people(app, user)
            .get(&(app, user.clone()))
            .into_iter()
            .flatten()
        {
            outbox.close(close);
        }
    }

    /// Closes every socket of an app, or of the whole host.
    pub fn close_all(&self, app: Option<AppId>, close: Close) {
        for shard in &self.people {
            let people = shard.lock().unwrap_or_else(PoisonError::into_inner);
            for ((of, _), sockets) in people.iter() {
                if app.is_none_or(|app| app == *of) {
                    sockets.iter().for_each(|outbox| outbox.close(close));
                }
            }
        }
    }

    /// Whether the user has a socket here.
    pub fn is_connected(&self, app: AppId, user: &UserId) -> bool {
        self.people(app, user).contains_key(&(app, user.clone()))
    }

    /// Sends a frame to every socket of a user.
    pub fn tell_user(&self, app: AppId, user: &UserId, frame: &Bytes) {
        for outbox in self
            .people(app, user)
            .get(&(app, user.clone()))
            .into_iter()
            .flatten()
        {
            outbox.push(frame.clone());
        }
    }

    /// How many sockets there are.
    pub fn sockets(&self) -> usize {
        self.people
            .iter()
            .map(|s| {
                s.lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .values()
                    .map(Vec::len)
                    .sum::<usize>()
            })
            .sum()
    }

    /// Joins a channel's audience; a side channel is in `parent`. From now on nothing published is missed, but nothing is passed
    /// on before [`Hub::go_live`].
    ///
    /// # Errors
    /// `conflict` when this socket watches the channel already.
    pub fn join(
        self: &Arc<Self>,
        channel: ChannelKey,
        parent: Option<ChannelKey>,
        id: &ChannelId,
        user: &UserId,
        outbox: &Arc<Outbox>,
    ) -> Result<Seat> {
        let mut topics = self.topics(channel);
        if let Some(parent) = parent {
            self.sides().entry(parent).or_default().insert(channel);
        }
        let topic = topics.entry(channel).or_insert_with(|| Topic {
            id: id.clone(),
            parent,
            watchers: Vec::new(),
            present: HashMap::new(),
        });
        if topic
            .watchers
            .iter()
            .any(|watcher| Arc::ptr_eq(&watcher.outbox, outbox))
        {
            return Err(Error::new(
                Code::Conflict,
                "The channel is subscribed to already.",
            ));
        }
        topic.watchers.push(Watcher {
            outbox: outbox.clone(),
            user: user.clone(),
            state: WatcherState::CatchingUp(Waiting::default()),
        });
        Ok(Seat {
            hub: self.clone(),
            channel,
            outbox: outbox.clone(),
            live: false,
        })
    }

    /// Passes on what was published after `after` while history was fetched, and from now on
    /// everything. The answer that holds the history must be in the outbox by now.
    pub fn go_live(&self, mut seat: Seat, after: i64) {
        seat.live = true;
        let mut topics = self.topics(seat.channel);
        let Some(watcher) = topics.get_mut(&seat.channel).and_then(|topic| {
            topic
                .watchers
                .iter_mut()
                .find(|watcher| Arc::ptr_eq(&watcher.outbox, &seat.outbox))
        }) else {
            return; // Removed from the channel meanwhile.
        };
        if matches!(watcher.state, WatcherState::Left) {
            return;
        }
        let waiting = std::mem::replace(&mut watcher.state, WatcherState::Live(after));
        if let WatcherState::CatchingUp(waiting) = waiting {
            waiting.runs.iter().for_each(|run| watcher.offer(run));
        }
    }

    /// Leaves a channel's audience.
    pub fn leave(&self, channel: ChannelKey, outbox: &Arc<Outbox>) {
        let mut topics = self.topics(channel);
        if let Some(topic) = topics.get_mut(&channel) {
            topic
                .watchers
                .retain(|watcher| !Arc::ptr_eq(&watcher.outbox, outbox));
            if topic.is_empty() {
                self.remove(&mut topics, channel);
            }
        }
    }

    /// Passes entries of a channel's log on to all who watch it. `encode` runs at most once, and not
    /// at all when nobody watches. With `last_for`, that user gets these entries and none after them, here or
    /// in a side channel, but for those that say of each of these the same.
    pub fn publish(
        &self,
        channel: ChannelKey,
        last_for: Option<&UserId>,
        encode: impl FnOnce(&ChannelId) -> Run,
    ) {
        let mut topics = self.topics(channel);
        if let Some(topic) = topics.get_mut(&channel) {
            if !topic.watchers.is_empty() {
                let run = encode(&topic.id);
                topic
                    .watchers
                    .iter_mut()
                    .for_each(|watcher| match watcher.state {
                        WatcherState::Left if last_for == Some(&watcher.user) => {
                            watcher.offer_last(&run);
                        }
                        _ => watcher.offer(&run),
                    });
            }
            if let Some(user) = last_for {
                topic.watchers.retain(|watcher| watcher.user != *user);
                topic.present.remove(user);
                if topic.is_empty() {
                    self.remove(&mut topics, channel);
                }
            }
        }
        drop(topics);
        if let Some(user) = last_for {
            self.leave_sides(channel, user);
        }
    }

    /// Whoever left a channel hears no more of its side channels.
    fn leave_sides(&self, channel: ChannelKey, user: &UserId) {
        for side in self.sides_of(channel) {
            let mut topics = self.topics(side);
            let Some(topic) = topics.get_mut(&side) else {
                continue;
            };
            let theirs = topic.watchers.iter_mut().filter(|w| w.user == *user);
            theirs.for_each(|watcher| watcher.state = WatcherState::Left);
            topic.present.remove(user);
            if topic.is_empty() {
                self.remove(&mut topics, side);
            }
        }
    }

    /// Passes on something that is in no log (typing, presence) to all who watch live, but not to
    /// `except`.
    pub fn signal(
        &self,
        channel: ChannelKey,
        except: Option<&Arc<Outbox>>,
        encode: impl FnOnce(&ChannelId) -> Bytes,
    ) {
        let topics = self.topics(channel);
        let Some(topic) = topics
            .get(&channel)
            .filter(|topic| !topic.watchers.is_empty())
        else {
            return;
        };
        let frame = encode(&topic.id);
        for watcher in &topic.watchers {
            let wanted = except.is_none_or(|except| !Arc::ptr_eq(except, &watcher.outbox));
            if wanted && matches!(watcher.state, WatcherState::Live(_)) {
                watcher.outbox.push(frame.clone());
            }
        }
    }

    /// Passes on something that the log will tell in the end, and that is soon followed by more of it,
    /// to all who watch live and keep up. `encode` runs at most once.
    pub fn pass(&self, channel: ChannelKey, encode: impl FnOnce(&ChannelId) -> Bytes) {
        let topics = self.topics(channel);
        if let Some(topic) = topics.get(&channel).filter(|topic| topic.has_watchers()) {
            let frame = encode(&topic.id);
            let live = |watcher: &&Watcher| matches!(watcher.state, WatcherState::Live(_));
            for watcher in topic.watchers.iter().filter(live) {
                watcher.outbox.offer(frame.clone());
            }
        }
    }

    /// Whether anybody watches the channel.
    pub fn has_watchers(&self, channel: ChannelKey) -> bool {
        let topics = self.topics(channel);
        topics.get(&channel).is_some_and(Topic::has_watchers)
    }

    /// Ends every watch of a channel that is gone, and of its side channels, after a last frame in each.
    pub fn end_channel(&self, channel: ChannelKey, encode: impl Fn(&ChannelId) -> Bytes) {
        for gone in self.sides_of(channel).into_iter().chain([channel]) {
            let topic = self.remove(&mut self.topics(gone), gone);
            let Some(topic) = topic.filter(Topic::has_watchers) else {
                continue;
            };
            let frame = encode(&topic.id);
            topic
                .watchers
                .iter()
                .for_each(|watcher| watcher.outbox.push(frame.clone()));
        }
    }

    /// Whether this socket watches the channel, and is past its history.
    pub fn watches(&self, channel: ChannelKey, outbox: &Arc<Outbox>) -> bool {
        self.topics(channel).get(&channel).is_some_and(|topic| {
            topic.watchers.iter().any(|watcher| {
                Arc::ptr_eq(&watcher.outbox, outbox)
                    && matches!(watcher.state, WatcherState::Live(_))
            })
        })
    }

    /// Notes that a user is here once more. True when it was not here before.
    pub fn arrive(&self, channel: ChannelKey, user: &UserId) -> bool {
        let mut topics = self.topics(channel);
        let Some(topic) = topics.get_mut(&channel) else {
            return false;
        };
        let times = topic.present.entry(user.clone()).or_default();
        *times += 1;
        *times == 1
    }

    /// Notes that a user is here once less. True when it is here no more.
    pub fn depart(&self, channel: ChannelKey, user: &UserId) -> bool {
        let mut topics = self.topics(channel);
        let Some(topic) = topics.get_mut(&channel) else {
            return false;
        };
        let Some(times) = topic.present.get_mut(user) else {
            return false;
        };
        *times -= 1;
        let gone = *times == 0;
        if gone {
            topic.present.remove(user);
        }
        if topic.is_empty() {
            self.remove(&mut topics, channel);
        }
        gone
    }

    /// Who is here, by id.
    pub fn present(&self, channel: ChannelKey) -> Vec<UserId> {
        let mut users: Vec<UserId> = self
            .topics(channel)
            .get(&channel)
            .map(|topic| topic.present.keys().cloned().collect())
            .unwrap_or_default();
        users.sort_unstable();
        users
    }
}

impl Topic {
    fn has_watchers(&self) -> bool {
        !self.watchers.is_empty()
    }

    fn is_empty(&self) -> bool {
        self.watchers.is_empty() && self.present.is_empty()
    }
}

impl Watcher {
    fn offer(&mut self, run: &Run) {
        match &mut self.state {
            WatcherState::Live(after) => {
                // It may have some of these from the history.
                if let Some((frames, count)) = run.after(*after) {
                    *after = run.last();
                    self.outbox.push_all(frames, count);
                }
            }
            WatcherState::CatchingUp(waiting) => {
                waiting.frames += run.frames();
                waiting.bytes += run.bytes();
                if self.outbox.holds(waiting.frames, waiting.bytes) {
                    waiting.runs.push(run.clone());
                } else {
                    self.outbox.close(Close::SLOW);
                }
            }
            WatcherState::Left => {}
        }
    }

    fn offer_last(&self, run: &Run) {
        if let Some((frame, count)) = run.after(run.last() - 1) {
            self.outbox.push_all(frame, count);
        }
    }
}

impl Seat {
    /// The socket it belongs to.
    pub fn outbox(&self) -> &Arc<Outbox> {
        &self.outbox
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        if !self.live {
            self.hub.leave(self.channel, &self.outbox);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(n: i64) -> Bytes {
        Bytes::from(n.to_string())
    }

    fn run(first: i64, last: i64) -> Run {
        Run::encode(first, first..=last, |bytes, seq| {
            bytes.extend_from_slice(seq.to_string().as_bytes());
        })
    }

    fn outbox() -> Arc<Outbox> {
        Arc::new(Outbox::new(OutboxLimits {
            frames_max: 8,
            bytes_max: 1000,
        }))
    }

    fn drain(outbox: &Outbox) -> Vec<String> {
        let mut frames = Vec::new();
        outbox.take(&mut frames, usize::MAX);
        frames
            .iter()
            .map(|frame| String::from_utf8(frame.to_vec()).unwrap())
            .collect()
    }

    const CHANNEL: ChannelKey = ChannelKey(1);

    fn names() -> (ChannelId, UserId) {
        ("room".parse().unwrap(), "ann".parse().unwrap())
    }

    #[test]
    fn nothing_falls_between_history_and_live() {
        let hub = Arc::new(Hub::default());
        let (id, user) = names();
        let outbox = outbox();
        let seat = hub.join(CHANNEL, None, &id, &user, &outbox).unwrap();
        hub.publish(CHANNEL, None, |_| run(4, 4));
        hub.publish(CHANNEL, None, |_| run(5, 5));
        assert!(drain(&outbox).is_empty());
        // History was read up to 4; 5 came while it was.
        hub.go_live(seat, 4);
        hub.publish(CHANNEL, None, |_| run(5, 5));
        hub.publish(CHANNEL, None, |_| run(6, 6));
        assert_eq!(drain(&outbox), ["5", "6"]);
        // Of what was committed together, the history may hold a part.
        hub.leave(CHANNEL, &outbox);
        let seat = hub.join(CHANNEL, None, &id, &user, &outbox).unwrap();
        hub.publish(CHANNEL, None, |_| run(4, 7));
        hub.go_live(seat, 5);
        hub.publish(CHANNEL, None, |_| run(7, 9));
        assert_eq!(drain(&outbox), ["67", "89"]);
    }

    #[test]
    fn what_waits_during_catch_up_is_bounded_in_frames_and_bytes() {
        let hub = Arc::new(Hub::default());
        let (id, user) = names();
        for (frames_max, bytes_max) in [(8, 1000), (1000, 8)] {
            let limits = OutboxLimits {
                frames_max,
                bytes_max,
            };
            let outbox = Arc::new(Outbox::new(limits));
            let _seat = hub.join(CHANNEL, None, &id, &user, &outbox).unwrap();
            hub.publish(CHANNEL, None, |_| run(1, 8));
            assert_eq!(outbox.closed(), None);
            hub.publish(CHANNEL, None, |_| run(9, 9));
            assert_eq!(outbox.closed(), Some(Close::SLOW));
        }
    }

    #[test]
    fn removal_is_a_barrier() {
        let hub = Arc::new(Hub::default());
        let (id, user) = names();
        let outbox = outbox();
        hub.go_live(hub.join(CHANNEL, None, &id, &user, &outbox).unwrap(), 0);
        hub.publish(CHANNEL, Some(&user), |_| run(1, 1));
        hub.publish(CHANNEL, None, |_| run(2, 2));
        hub.signal(CHANNEL, None, |_| text(3));
        assert_eq!(drain(&outbox), ["1"]);
        // Also while it still catches up.
        let seat = hub.join(CHANNEL, None, &id, &user, &outbox).unwrap();
        hub.publish(CHANNEL, Some(&user), |_| run(3, 3));
        hub.publish(CHANNEL, None, |_| run(4, 4));
        hub.go_live(seat, 0);
        assert!(drain(&outbox).is_empty());
    }

    #[test]
    fn a_slow_reader_is_cut_off_and_others_are_not() {
        let hub = Arc::new(Hub::default());
        let (id, user) = names();
        let (slow, quick) = (outbox(), outbox());
        for outbox in [&slow, &quick] {
            hub.go_live(hub.join(CHANNEL, None, &id, &user, outbox).unwrap(), 0);
        }
        for seq in 1..=20 {
            hub.publish(CHANNEL, None, |_| run(seq, seq));
            assert_eq!(drain(&quick), [seq.to_string()]);
        }
        assert_eq!(slow.closed(), Some(Close::SLOW));
        assert!(drain(&slow).is_empty());
    }

    #[test]
    fn a_topic_ends_with_its_last_watcher() {
        let hub = Arc::new(Hub::default());
        let (id, user) = names();
        let outbox = outbox();
        drop(hub.join(CHANNEL, None, &id, &user, &outbox).unwrap());
        hub.go_live(hub.join(CHANNEL, None, &id, &user, &outbox).unwrap(), 0);
        assert!(hub.join(CHANNEL, None, &id, &user, &outbox).is_err());
        assert!(hub.arrive(CHANNEL, &user) && !hub.arrive(CHANNEL, &user));
        assert_eq!(hub.present(CHANNEL), std::slice::from_ref(&user));
        hub.leave(CHANNEL, &outbox);
        assert!(!hub.depart(CHANNEL, &user) && hub.depart(CHANNEL, &user));
        assert!(
            hub.topics
                .iter()
                .all(|shard| shard.lock().unwrap().is_empty())
        );
    }

    #[test]
    fn whoever_leaves_hears_no_more_of_side_channels() {
        const SIDE: ChannelKey = ChannelKey(8);
        let hub = Arc::new(Hub::default());
        let (id, user) = names();
        let here = outbox();
        hub.go_live(hub.join(SIDE, Some(CHANNEL), &id, &user, &here).unwrap(), 0);
        let late = outbox();
        let seat = hub.join(SIDE, Some(CHANNEL), &id, &user, &late).unwrap();
        let other: UserId = "other".parse().unwrap();
        let others = outbox();
        hub.go_live(
            hub.join(SIDE, Some(CHANNEL), &id, &other, &others).unwrap(),
            0,
        );
        hub.publish(SIDE, None, |_| run(1, 1));
        // Nobody watches the channel itself.
        hub.publish(CHANNEL, Some(&user), |_| run(9, 9));
        hub.publish(SIDE, None, |_| run(2, 2));
        hub.signal(SIDE, None, |_| text(77));
        hub.go_live(seat, 1);
        hub.publish(SIDE, Some(&user), |_| run(3, 4));
        hub.publish(SIDE, None, |_| run(5, 5));
        assert_eq!(drain(&here), ["1", "4"]);
        assert_eq!(drain(&late), ["4"]);
        assert_eq!(drain(&others), ["1", "2", "77", "34", "5"]);
        hub.end_channel(CHANNEL, |_| text(0));
        assert_eq!(drain(&others), ["0"]);
        assert!(hub.sides().is_empty() && !hub.has_watchers(SIDE));
    }
}
