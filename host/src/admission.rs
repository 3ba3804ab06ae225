//! Admission: so many places on this host for work of one kind, and of those so many for one org and for one
//! app. Whoever waits for one does so in turns: the calls of an app one after the other, the apps of an org in
//! turns, and the orgs in turns, so who asks for much waits for itself. Who is told at once whether there is
//! one leaves some of what is free to others. A place that is free costs no lock: only a count at each of the three.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::hash::Hash;
use std::iter;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use tokio::sync::Semaphore;

use crate::model::{self, AppId, OrgId};
use crate::shared::Shared;

/// Whose work it is: an app's, of an org.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Holder {
    pub org: OrgId,
    pub app: AppId,
}

impl From<&model::App> for Holder {
    fn from(app: &model::App) -> Self {
        let (org, app) = (app.org_id, app.id);
        Self { org, app }
    }
}

/// Of what is kept for many: whose goes when there is too much. Of the org that has most, the app that has; of
/// several with as much, the one that comes first.
pub fn who_has_most(kept: impl Iterator<Item = (Holder, usize)> + Clone) -> Option<Holder> {
    let org = most(kept.clone().map(|(holder, size)| (holder.org, size)))?;
    most(kept.filter(|(holder, _)| holder.org == org))
}

fn most<K: Copy + Eq + Hash>(sizes: impl Iterator<Item = (K, usize)>) -> Option<K> {
    let mut sums: HashMap<K, (usize, Reverse<usize>)> = HashMap::new();
    for (at, (key, size)) in sizes.enumerate() {
        sums.entry(key).or_insert((0, Reverse(at))).0 += size;
    }
    let largest = sums.into_iter().max_by_key(|(_, sum)| *sum);
    largest.map(|(key, _)| key)
}

/// How many places of a kind there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sizes {
    host: usize,
    org: usize,
    app: usize,
}

impl Sizes {
    /// `host` in all, `org_percent` of them for an org, but as many as for an app, and `app` for an app.
    pub fn new(host: usize, org_percent: u32, app: usize) -> Self {
        let app = app.min(host);
        let org = Self::of_orgs(host, org_percent).org.max(app);
        Self { host, org, app }
    }

    /// The same where an app may have what its org may.
    pub fn of_orgs(host: usize, org_percent: u32) -> Self {
        let org = host.saturating_mul(org_percent as usize).div_ceil(100);
        let org = org.min(host);
        Self {
            host,
            org,
            app: org,
        }
    }

    /// Each of them as `size` has it.
    pub fn map(self, size: impl Fn(usize) -> usize) -> Self {
        Self {
            host: size(self.host),
            org: size(self.org),
            app: size(self.app),
        }
    }
}

/// The places of the host for work of one kind.
pub struct Places {
    sizes: Sizes,
    host: Arc<Share>,
    orgs: Shared<OrgId, Share>,
    apps: Shared<AppId, Share>,
}

impl Places {
    /// All of them free.
    pub fn new(sizes: Sizes) -> Self {
        Self {
            sizes,
            host: Arc::new(Share::new(sizes.host, None)),
            orgs: Shared::default(),
            apps: Shared::default(),
        }
    }

    /// What an app may have of them. To be kept where it is asked for often.
    pub fn of(&self, holder: Holder) -> Arc<Share> {
        self.apps.get_or_make(holder.app, || {
            let org = self.orgs.get_or_make(holder.org, || {
                Share::new(self.sizes.org, Some(self.host.clone()))
            });
            Share::new(self.sizes.app, Some(org))
        })
    }

    /// What the host may have itself.
    pub fn of_host(&self) -> Arc<Share> {
        self.host.clone()
    }

    /// How many are taken.
    pub fn taken(&self) -> usize {
        self.host.taken()
    }
}

/// What somebody may have of some places: an app, its org, or the host.
pub struct Share {
    max: usize,
    free: AtomicUsize,
    /// How many wait for one of these.
    waiting: AtomicUsize,
    /// Those that are handed to who waits, in the order in which they came: nobody who comes later is faster.
    handed: Semaphore,
    /// Who goes on to the share above does so by this door, and the others wait behind it: so each share has one
    /// turn there at a time.
    door: Semaphore,
    above: Option<Arc<Share>>,
}

impl Share {
    fn new(max: usize, above: Option<Arc<Share>>) -> Self {
        Self {
            max,
            free: AtomicUsize::new(max),
            waiting: AtomicUsize::new(0),
            handed: Semaphore::new(0),
            door: Semaphore::new(1),
            above,
        }
    }

    fn free(&self) -> usize {
        self.free.load(SeqCst)
    }

    fn taken(&self) -> usize {
        self.max.saturating_sub(self.free())
    }

    /// This one, and those above it.
    fn upwards(&self) -> impl Iterator<Item = &Share> {
        iter::successors(Some(self), |share| share.above.as_deref())
    }

    /// Takes a place of each, if all have one for which nobody waits.
    fn take(&self) -> bool {
        for (taken, share) in self.upwards().enumerate() {
            if !share.take_own() {
                self.give_back(taken);
                return false;
            }
        }
        true
    }

    fn give_back(&self, levels: usize) {
        for share in self.upwards().take(levels) {
            share.free.fetch_add(1, SeqCst);
            share.settle();
        }
    }

    /// Hands what is free to those who wait, and takes back what nobody waits for. To be called by whoever changes
    /// the one or the other: of two who do at once, the later one sees both.
    fn settle(&self) {
        loop {
            if self.waiting.load(SeqCst) > 0 {
                match self.take_free() {
                    true => self.handed.add_permits(1),
                    false => return,
                }
            } else {
                match self.handed.try_acquire() {
                    Ok(permit) => permit.forget(),
                    Err(_) => return,
                }
                self.free.fetch_add(1, SeqCst);
            }
        }
    }

    fn take_own(&self) -> bool {
        self.waiting.load(SeqCst) == 0 && self.take_free()
    }

    fn take_free(&self) -> bool {
        let less = |free: usize| free.checked_sub(1);
        self.free.fetch_update(SeqCst, SeqCst, less).is_ok()
    }

    async fn wait_for_own(&self) {
        let _waiting = Waiting::new(self);
        // Nobody closes it.
        if let Ok(permit) = self.handed.acquire().await {
            permit.forget();
        }
    }

    /// Whether one more for these leaves others their part of what is free. Who may have a half of all takes one
    /// as long as it has fewer than are free: alone it gets its half, two get a third each, and so some are left
    /// for who comes next.
    fn leaves_some(&self) -> bool {
        self.upwards().all(|share| {
            share.above.as_ref().is_none_or(|above| {
                let others = above.max.saturating_sub(share.max);
                share.taken().saturating_mul(others) < above.free().saturating_mul(share.max)
            })
        })
    }
}

/// Somebody who waits for a place of a share.
struct Waiting<'a>(&'a Share);

impl<'a> Waiting<'a> {
    fn new(share: &'a Share) -> Self {
        share.waiting.fetch_add(1, SeqCst);
        share.settle();
        Self(share)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, SeqCst);
        self.0.settle();
    }
}

/// A place, until it is dropped.
pub struct Place<S: Deref<Target = Share> = Arc<Share>> {
    share: S,
    /// Of how many shares it has been taken, upwards.
    levels: usize,
}

/// Too many wait already.
#[derive(Debug, PartialEq, Eq)]
pub struct Full;

impl<S: Deref<Target = Share>> Place<S> {
    /// One that is free, if others have enough left.
    pub fn now(share: S) -> Option<Self> {
        (share.leaves_some() && share.take()).then(|| Self::of_all(share))
    }

    /// One as soon as it is this share's turn.
    pub async fn in_turn(share: S) -> Self {
        if share.take() {
            return Self::of_all(share);
        }
        let mut place = Self { share, levels: 0 };
        place.climb().await;
        place
    }

    /// The same, unless there is no place to wait in `room`.
    ///
    /// # Errors
    /// When too many wait.
    pub async fn waiting_in(share: S, room: &Share) -> Result<Self, Full> {
        if share.take() {
            return Ok(Self::of_all(share));
        }
        let _waiting = Place::now(room).ok_or(Full)?;
        Ok(Self::in_turn(share).await)
    }

    fn of_all(share: S) -> Self {
        let levels = usize::MAX;
        Self { share, levels }
    }

    /// The own place first: who waits for it holds nothing that others need.
    async fn climb(&mut self) {
        let Self { share, levels } = self;
        let mut doors = Vec::new();
        for share in share.upwards() {
            if !share.take_own() {
                share.wait_for_own().await;
            }
            *levels += 1;
            if share.above.is_some() {
                doors.push(share.door.acquire().await);
            }
        }
    }
}

impl<S: Deref<Target = Share>> Drop for Place<S> {
    fn drop(&mut self) {
        self.share.give_back(self.levels);
    }
}

#[cfg(test)]
mod tests;
