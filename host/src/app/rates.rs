//! How often users and apps may ask: token buckets, one for requests and one for messages, each for
//! the user and for the app as a whole. In memory: a restart fills the buckets. What plugins write is
//! counted afterwards, since nobody knows it before: they rest until it is paid off.

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use governor::clock::{Clock as _, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::{Quota, RateLimiter};

use crate::address::of_one_customer;
use crate::admission::Holder;
use crate::config::Limits;
use crate::error::{Code, Error, Result};
use crate::model::{AppId, OrgId, UserId};

type Buckets<K> = RateLimiter<
    K,
    governor::state::keyed::DefaultKeyedStateStore<K>,
    DefaultClock,
    StateInformationMiddleware,
>;

/// Whose requests are counted together.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Whose {
    Operator,
    Org(OrgId),
    Backend(AppId),
    User(AppId, UserId),
    /// Somebody without a credential, by address.
    Visitor(AppId, Option<IpAddr>),
}

impl Whose {
    fn app(&self) -> Option<AppId> {
        match self {
            Whose::Backend(app) | Whose::User(app, _) => Some(*app),
            Whose::Operator | Whose::Org(_) | Whose::Visitor(..) => None,
        }
    }
}

impl fmt::Display for Whose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Whose::Operator => f.write_str("operator"),
            Whose::Org(org) => write!(f, "{org}"),
            Whose::Backend(app) => write!(f, "{app}"),
            Whose::User(app, user) => write!(f, "{app}/{user}"),
            Whose::Visitor(app, _) => write!(f, "{app}/*"),
        }
    }
}

/// What is left in a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Left {
    /// The size of the bucket.
    pub burst: u32,
    /// How many are in it.
    pub remaining: u32,
    /// How many flow into it each second.
    pub per_second: u32,
}

/// What a plugin call wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wrote {
    /// Messages, and changes of messages.
    pub messages: usize,
    /// Values and timers.
    pub rows: usize,
    /// Bytes of these values.
    pub bytes: usize,
}

impl Wrote {
    /// As eighths of a message: a message has its place in the log, is handed out, and is looked for. A value
    /// is a row, and eight thousand bytes are about as dear.
    fn eighths(&self) -> u32 {
        let of_bytes = self.bytes / (8 << 10);
        let eighths = (8 * self.messages).saturating_add(self.rows.max(of_bytes));
        u32::try_from(eighths).unwrap_or(u32::MAX)
    }
}

/// The buckets.
pub struct Rates {
    user_requests: Buckets<Whose>,
    app_requests: Buckets<AppId>,
    app_visits: Buckets<AppId>,
    user_messages: Buckets<Whose>,
    app_messages: Buckets<AppId>,
    plugin_writes: Debts,
    limits: Limits,
}

impl Rates {
    /// Full buckets of the sizes that the settings name.
    pub fn new(limits: &Limits) -> Self {
        Self {
            user_requests: buckets(limits.user_requests_per_second, limits.user_requests_burst),
            app_requests: buckets(limits.app_requests_per_second, limits.app_requests_burst),
            app_visits: buckets(limits.app_requests_per_second, limits.app_requests_burst),
            user_messages: buckets(limits.user_messages_per_second, limits.user_messages_burst),
            app_messages: buckets(limits.app_messages_per_second, limits.app_messages_burst),
            plugin_writes: Debts {
                paid_at: Mutex::default(),
                app: Pace::new(
                    limits.app_plugin_writes_per_second,
                    limits.app_plugin_writes_burst,
                ),
                org: Pace::new(
                    limits.org_plugin_writes_per_second,
                    limits.org_plugin_writes_burst,
                ),
            },
            limits: limits.clone(),
        }
    }

    /// A request. Gives what is left for more, where requests are counted.
    pub fn request(&self, whose: &Whose) -> Result<Option<Left>> {
        let remaining = take(&self.user_requests, &self.app_requests, whose)?;
        let (burst, per_second) = match whose {
            Whose::User(..) => (
                self.limits.user_requests_burst,
                self.limits.user_requests_per_second,
            ),
            _ => (
                self.limits.app_requests_burst,
                self.limits.app_requests_per_second,
            ),
        };
        Ok(remaining.map(|remaining| Left {
            burst,
            remaining,
            per_second,
        }))
    }

    /// A request without a credential, counted for where it comes from and for the app. The app's
    /// bucket for these is one of its own: strangers take nothing from its users.
    pub fn visit(&self, app: AppId, address: Option<IpAddr>) -> Result<()> {
        let visitor = Whose::Visitor(app, address.map(of_one_customer));
        one_of(&self.user_requests, &visitor, "address")?;
        one_of(&self.app_visits, &app, "app").map(drop)
    }

    /// A message.
    pub fn message(&self, whose: &Whose) -> Result<()> {
        take(&self.user_messages, &self.app_messages, whose).map(drop)
    }

    /// Plugins of an app have written so much.
    pub fn note_plugin_writes(&self, holder: Holder, wrote: &Wrote) {
        let eighths = wrote.eighths();
        self.plugin_writes.add(holder, eighths, Instant::now());
    }

    /// How long the plugins of an app have to rest before they write again, in milliseconds: for what they
    /// wrote, and for what all those of its org did. None if they need not.
    pub fn plugins_rest_ms(&self, holder: Holder) -> Option<u64> {
        let rest = self.plugin_writes.rest(holder, Instant::now());
        rest.map(rounded_up)
    }

    /// Forgets buckets that have filled up again.
    pub fn tidy(&self) {
        self.user_requests.retain_recent();
        self.user_messages.retain_recent();
        self.app_requests.retain_recent();
        self.app_visits.retain_recent();
        self.app_messages.retain_recent();
        self.plugin_writes.tidy(Instant::now());
    }
}

/// What was taken already and flows back with time, by app and by org.
struct Debts {
    /// Until when: a moment in the past is what is left of the burst.
    paid_at: Mutex<HashMap<Debtor, Instant>>,
    app: Pace,
    org: Pace,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Debtor {
    App(AppId),
    Org(OrgId),
}

/// How it flows back.
struct Pace {
    /// The time that pays for an eighth of one.
    eighth: Duration,
    burst: Duration,
}

impl Pace {
    fn new(per_second: u32, burst: u32) -> Self {
        let each = Duration::from_secs(1) / per_second.max(1);
        Self {
            eighth: each / 8,
            burst: each.saturating_mul(burst),
        }
    }
}

impl Debts {
    fn of(&self, holder: Holder) -> [(Debtor, &Pace); 2] {
        [
            (Debtor::App(holder.app), &self.app),
            (Debtor::Org(holder.org), &self.org),
        ]
    }

    fn add(&self, holder: Holder, eighths: u32, now: Instant) {
        let mut paid_at = self.paid_at();
        for (debtor, pace) in self.of(holder) {
            let full = now.checked_sub(pace.burst).unwrap_or(now);
            let at = paid_at.entry(debtor).or_insert(full);
            *at = (*at).max(full) + pace.eighth.saturating_mul(eighths);
        }
    }

    fn rest(&self, holder: Holder, now: Instant) -> Option<Duration> {
        let paid_at = self.paid_at();
        let of = self.of(holder).into_iter();
        let last = of.filter_map(|(debtor, _)| paid_at.get(&debtor)).max()?;
        last.checked_duration_since(now)
            .filter(|rest| !rest.is_zero())
    }

    fn tidy(&self, now: Instant) {
        self.paid_at().retain(|debtor, at| {
            let pace = match debtor {
                Debtor::App(_) => &self.app,
                Debtor::Org(_) => &self.org,
            };
            *at + pace.burst > now
        });
    }

    fn paid_at(&self) -> MutexGuard<'_, HashMap<Debtor, Instant>> {
        self.paid_at.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn buckets<K: Hash + Eq + Clone>(per_second: u32, burst: u32) -> Buckets<K> {
    let one_or_more = |n: u32| NonZeroU32::new(n).unwrap_or(NonZeroU32::MIN);
    let quota = Quota::per_second(one_or_more(per_second)).allow_burst(one_or_more(burst));
    RateLimiter::keyed(quota).with_middleware()
}

/// One from the user's own bucket, then one from the app's: a user who is over its rate takes
/// nothing from the others.
fn take(own: &Buckets<Whose>, apps: &Buckets<AppId>, whose: &Whose) -> Result<Option<u32>> {
    let mut left = None;
    if matches!(whose, Whose::User(..)) {
        left = Some(one_of(own, whose, "user")?);
    }
    if let Some(app) = whose.app() {
        let of_app = one_of(apps, &app, "app")?;
        left = left.or(Some(of_app));
    }
    Ok(left)
}

/// Takes one. Gives what is left.
fn one_of<K: Hash + Eq + Clone>(buckets: &Buckets<K>, key: &K, whose: &str) -> Result<u32> {
    match buckets.check_key(key) {
        Ok(state) => Ok(state.remaining_burst_capacity()),
        Err(empty) => {
            let wait = empty.wait_time_from(DefaultClock::default().now());
            let detail = format!("Too many requests of this {whose}.");
            Err(Error::new(Code::RateLimited, detail).retry_after_ms(rounded_up(wait)))
        }
    }
}

/// In whole milliseconds, so that nobody comes back too early.
fn rounded_up(wait: Duration) -> u64 {
    let ms = wait.as_nanos().div_ceil(1_000_000);
    u64::try_from(ms).unwrap_or(u64::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_over_its_rate_leaves_the_app_its_own() {
        let limits = Limits {
            user_messages_burst: 2,
            user_messages_per_second: 1,
            app_messages_burst: 5,
            app_messages_per_second: 1,
            ..Limits::for_testing()
        };
        let rates = Rates::new(&limits);
        let user = |name: &str| Whose::User(AppId(1), name.parse().unwrap());
        assert!(rates.message(&user("a")).is_ok() && rates.message(&user("a")).is_ok());
        for _ in 0..10 {
            let refused = rates.message(&user("a")).unwrap_err();
            assert_eq!(refused.code(), Code::RateLimited);
            assert!(refused.retry_after().is_some());
        }
        assert!(rates.message(&user("b")).is_ok() && rates.message(&user("b")).is_ok());
        assert!(rates.message(&user("c")).is_ok());
        assert!(
            rates.message(&user("c")).is_err(),
            "the app's bucket is empty now"
        );
        assert!(rates.message(&Whose::Backend(AppId(2))).is_ok());
    }

    fn holder(org: i64, app: i64) -> Holder {
        Holder {
            org: OrgId(org),
            app: AppId(app),
        }
    }

    fn debts(app: Pace, org: Pace) -> Debts {
        let paid_at = Mutex::default();
        Debts { paid_at, app, org }
    }

    #[test]
    fn what_plugins_write_is_paid_off_with_time() {
        let debts = debts(Pace::new(10, 5), Pace::new(1_000, 1_000));
        let now = Instant::now();
        let after = |ms| now + Duration::from_millis(ms);
        let (app, other) = (holder(1, 1), holder(1, 2));
        debts.add(app, 5 * 8, now);
        assert_eq!(debts.rest(app, now), None, "the burst");
        debts.add(app, 3 * 8, now);
        assert_eq!(debts.rest(app, now), Some(Duration::from_millis(300)));
        assert_eq!(debts.rest(other, now), None);
        assert_eq!(debts.rest(app, after(300)), None);
        debts.tidy(after(300));
        debts.add(app, 8, after(300));
        assert!(debts.rest(app, after(300)).is_some(), "it is known still");
        debts.tidy(after(100_000));
        assert!(debts.paid_at().is_empty());
        debts.add(app, 6 * 8, after(100_000));
        let rest = debts.rest(app, after(100_000));
        assert_eq!(
            rest,
            Some(Duration::from_millis(100)),
            "no more than a burst is saved"
        );
    }

    #[test]
    fn what_the_plugins_of_many_apps_write_is_their_orgs() {
        let debts = debts(Pace::new(10, 5), Pace::new(20, 10));
        let now = Instant::now();
        for app in 1..=4 {
            assert_eq!(debts.rest(holder(1, app), now), None);
            debts.add(holder(1, app), 3 * 8, now);
        }
        // None of the four has used up its own, but together they have: two more than the burst.
        for app in 1..=5 {
            let rest = debts.rest(holder(1, app), now);
            assert_eq!(rest, Some(Duration::from_millis(100)));
        }
        assert_eq!(debts.rest(holder(2, 6), now), None);
    }

    #[test]
    fn values_count_as_rows_or_by_their_bytes() {
        let wrote = |messages, rows, bytes| {
            Wrote {
                messages,
                rows,
                bytes,
            }
            .eighths()
        };
        assert_eq!(wrote(0, 0, 0), 0);
        assert_eq!(wrote(2, 0, 0), 16);
        assert_eq!(wrote(0, 3, 100), 3);
        assert_eq!(wrote(1, 1, 64 << 10), 16);
        assert_eq!(wrote(usize::MAX / 8, 1, 0), u32::MAX);
    }

    #[test]
    fn strangers_are_counted_by_address_and_take_nothing_from_users() {
        let limits = Limits {
            user_requests_burst: 2,
            user_requests_per_second: 1,
            app_requests_burst: 5,
            app_requests_per_second: 1,
            ..Limits::for_testing()
        };
        let rates = Rates::new(&limits);
        let visit = |address: &str| rates.visit(AppId(1), Some(address.parse().unwrap()));
        assert!(visit("2001:db8::1").is_ok() && visit("2001:db8::2").is_ok());
        assert!(visit("2001:db8::3").is_err(), "the same network");
        assert!(visit("192.0.2.1").is_ok() && visit("::ffff:192.0.2.1").is_ok());
        assert!(visit("192.0.2.1").is_err(), "the same address");
        assert!(rates.visit(AppId(1), None).is_ok());
        let refused = rates.visit(AppId(1), None).unwrap_err();
        assert_eq!(
            refused.code(),
            Code::RateLimited,
            "the app's bucket is empty"
        );
        let user = Whose::User(AppId(1), "a".parse().unwrap());
        assert!(rates.request(&user).is_ok());
    }
}
