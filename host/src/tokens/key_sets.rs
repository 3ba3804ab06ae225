//! Key sets that apps publish at a URL. One is fetched when a token names a key that nobody knows
//! yet, or when what is known is old; then it is kept for a while, also when its server is gone.
//! However many tokens come, an app's server is asked once at a time and so often at most.

use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::header::ACCEPT;
use http::{HeaderMap, HeaderValue, Method};

use super::{KeyError, VerifyingKey, parse_key_set};
use crate::address::Hosts;
use crate::admission::Holder;
use crate::config;
use crate::egress::{self, Client, Request, Target};
use crate::model::{AppId, Millis};

/// The most apps whose sets are kept.
const APPS_MAX: u64 = 10_000;

/// Why there are no keys.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeySetError {
    /// No answer.
    #[error(transparent)]
    NoAnswer(#[from] egress::Error),
    /// An answer that is no set.
    #[error("the answer has the status {0}, not 200")]
    Status(u16),
    /// A set that is not good.
    #[error(transparent)]
    Keys(#[from] KeyError),
    /// It was tried a moment ago, and not to the end.
    #[error("the last try was not finished")]
    Unfinished,
}

/// Redirects are followed on its own host alone.
async fn fetch(
    client: Arc<Client>,
    holder: Holder,
    url: Arc<str>,
) -> Result<Vec<VerifyingKey>, KeySetError> {
    let target = Target::parse(&url)?;
    let hosts = Hosts::of(target.url());
    let accept = HeaderValue::from_static("application/jwk-set+json, application/json");
    let request = Request {
        method: Method::GET,
        target,
        headers: HeaderMap::from_iter([(ACCEPT, accept)]),
        body: Default::default(),
        timeout: None,
        body_start: None,
    };
    let response = client.send(holder, &hosts, request).await?;
    if response.status != 200 {
        return Err(KeySetError::Status(response.status.as_u16()));
    }
    Ok(parse_key_set(&response.body)?)
}

/// The key sets of all apps, as far as they were asked for lately.
pub struct KeySets {
    /// Of their own: what plugins send leaves it alone.
    client: Arc<Client>,
    settings: config::Sessions,
    sets: moka::sync::Cache<(AppId, Arc<str>), Arc<Set>>,
}

#[derive(Default)]
struct Set {
    known: Mutex<Known>,
    /// Held by the one who fetches.
    fetching: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Known {
    keys: Vec<VerifyingKey>,
    fetched_at: Option<Millis>,
    tried_at: Option<Millis>,
    fault: Option<KeySetError>,
}

impl KeySets {
    /// Fetches them with `client`, at the times that the settings name.
    pub fn new(client: Client, settings: &config::Sessions) -> Self {
        Self {
            client: Arc::new(client),
            settings: settings.clone(),
            sets: moka::sync::Cache::new(APPS_MAX),
        }
    }

    /// The key of this name in the set at `url`; `None` if the set has none.
    ///
    /// # Errors
    /// Why the set could not be fetched, when there is none that is still good.
    pub async fn find(
        &self,
        holder: Holder,
        url: &str,
        kid: &str,
        now: Millis,
    ) -> Result<Option<VerifyingKey>, KeySetError> {
        let url: Arc<str> = url.into();
        let fetch = fetch(self.client.clone(), holder, url.clone());
        self.find_with((holder.app, &url), kid, now, fetch).await
    }

    /// Whether there is a set at `url` now. What is known of it is forgotten: the next token has it
    /// fetched.
    ///
    /// # Errors
    /// Why there is none.
    pub async fn check(&self, holder: Holder, url: &str) -> Result<(), KeySetError> {
        let url: Arc<str> = url.into();
        self.sets.invalidate(&(holder.app, url.clone()));
        fetch(self.client.clone(), holder, url).await.map(drop)
    }

    /// `fetch` is not run more often than the settings say.
    async fn find_with<F>(
        &self,
        (app, url): (AppId, &Arc<str>),
        kid: &str,
        now: Millis,
        fetch: F,
    ) -> Result<Option<VerifyingKey>, KeySetError>
    where
        F: Future<Output = Result<Vec<VerifyingKey>, KeySetError>> + Send + 'static,
    {
        let set = self.sets.get_with((app, url.clone()), Arc::default);
        let key = set.known().find(kid, now, self.settings.key_set_fresh_s);
        if key.is_some() || !self.is_due(&set, now) {
            return key.map_or_else(|| self.told(&set, kid, now), |key| Ok(Some(key)));
        }
        if set.fetching.try_lock().is_err()
            && let Some(key) = set.known().find(kid, now, self.settings.key_set_stale_s)
        {
            return Ok(Some(key));
        }
        // A task of its own: whoever asks and goes away must not keep the others from an answer.
        let retry_ms = seconds(self.settings.key_set_retry_s);
        let fetched = set.clone();
        let done = tokio::spawn(async move {
            let _one = fetched.fetching.lock().await;
            if is_due(&fetched.known(), now, retry_ms) {
                let keys = fetch.await;
                fetched.known().take(keys, now, app);
            }
        });
        // It fails only when the host stops.
        let _ = done.await;
        self.told(&set, kid, now)
    }

    fn is_due(&self, set: &Set, now: Millis) -> bool {
        is_due(&set.known(), now, seconds(self.settings.key_set_retry_s))
    }

    fn told(&self, set: &Set, kid: &str, now: Millis) -> Result<Option<VerifyingKey>, KeySetError> {
        let known = set.known();
        if known.is_good(now, self.settings.key_set_stale_s) {
            return Ok(known.find(kid, now, self.settings.key_set_stale_s));
        }
        Err(known.fault.clone().unwrap_or(KeySetError::Unfinished))
    }
}

fn is_due(known: &Known, now: Millis, retry_ms: Millis) -> bool {
    known.tried_at.is_none_or(|at| now - at >= retry_ms)
}

fn seconds(seconds: u64) -> Millis {
    i64::try_from(seconds)
        .unwrap_or(i64::MAX)
        .saturating_mul(1000)
}

impl Set {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn is_good(&self, now: Millis, for_s: u64) -> bool {
        self.fetched_at.is_some_and(|at| now - at < seconds(for_s))
    }

    fn find(&self, kid: &str, now: Millis, for_s: u64) -> Option<VerifyingKey> {
        let mut keys = self.keys.iter().filter(|_| self.is_good(now, for_s));
        keys.find(|key| key.kid() == kid).cloned()
    }

    fn take(&mut self, keys: Result<Vec<VerifyingKey>, KeySetError>, now: Millis, app: AppId) {
        self.tried_at = Some(now);
        match keys {
            Ok(keys) => {
                self.keys = keys;
                self.fetched_at = Some(now);
                self.fault = None;
            }
            Err(error) => {
                tracing::warn!(app.id = %app, error = %error, "an app's key set can't be fetched");
                self.fault = Some(error);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    const APP: AppId = AppId(1);
    const SECOND: Millis = 1000;

    fn sets() -> KeySets {
        let client = Client::new(&config::Egress::default(), 100, egress::Resolver::System);
        KeySets::new(client.unwrap(), &config::Sessions::default())
    }

    fn keys(kid: &str) -> Vec<VerifyingKey> {
        let text = include_str!("fixtures/es256.pem");
        vec![VerifyingKey::from_public(text, Some(kid)).unwrap()]
    }

    /// Counts how often it is fetched.
    struct Server(Arc<AtomicUsize>, Arc<str>);

    impl Server {
        fn new() -> Self {
            Self(Arc::default(), "https://keys.example.test/".into())
        }

        async fn find(
            &self,
            sets: &KeySets,
            kid: &str,
            now: Millis,
            answer: Result<&'static str, KeySetError>,
        ) -> Result<bool, KeySetError> {
            let count = self.0.clone();
            let fetch = async move {
                count.fetch_add(1, Ordering::Relaxed);
                answer.map(keys)
            };
            let found = sets.find_with((APP, &self.1), kid, now, fetch).await?;
            Ok(found.is_some_and(|key| key.kid() == kid))
        }

        fn asked(&self) -> usize {
            self.0.load(Ordering::Relaxed)
        }
    }

    #[tokio::test]
    async fn a_set_is_fetched_once_and_again_when_it_is_old() {
        let (sets, server) = (sets(), Server::new());
        for now in [0, 1, 599 * SECOND] {
            assert_eq!(server.find(&sets, "a", now, Ok("a")).await, Ok(true));
        }
        assert_eq!(server.asked(), 1);
        // A key that the server no longer shows is good no longer.
        assert_eq!(
            server.find(&sets, "a", 600 * SECOND, Ok("b")).await,
            Ok(false)
        );
        assert_eq!(server.asked(), 2);
    }

    #[tokio::test]
    async fn unknown_keys_are_asked_for_so_often() {
        let (sets, server) = (sets(), Server::new());
        for now in 0..30 {
            let found = server
                .find(&sets, &format!("no {now}"), now * SECOND, Ok("a"))
                .await;
            assert_eq!(found, Ok(false));
        }
        assert_eq!(server.asked(), 1);
        // A new key is found as soon as it may be asked for.
        assert_eq!(
            server.find(&sets, "b", 29 * SECOND, Ok("b")).await,
            Ok(false)
        );
        assert_eq!(
            server.find(&sets, "b", 30 * SECOND, Ok("b")).await,
            Ok(true)
        );
        assert_eq!(server.asked(), 2);
    }

    #[tokio::test]
    async fn keys_outlive_their_server_for_a_while() {
        let (sets, server) = (sets(), Server::new());
        let gone = || Err(KeySetError::Status(500));
        assert_eq!(
            server.find(&sets, "a", 0, gone()).await,
            Err(KeySetError::Status(500))
        );
        assert_eq!(
            server.find(&sets, "a", SECOND, Ok("a")).await,
            Err(KeySetError::Status(500))
        );
        assert_eq!(
            server.find(&sets, "a", 30 * SECOND, Ok("a")).await,
            Ok(true)
        );
        let last = 30 * SECOND + 3_599 * SECOND;
        for now in [700 * SECOND, last] {
            assert_eq!(server.find(&sets, "a", now, gone()).await, Ok(true));
        }
        let refused = server.find(&sets, "a", last + SECOND, gone()).await;
        assert_eq!(refused, Err(KeySetError::Status(500)));
    }

    #[tokio::test]
    async fn many_who_ask_at_once_fetch_once_and_none_depends_on_another() {
        let (sets, server) = (sets(), Server::new());
        let all = (0..50).map(|_| server.find(&sets, "a", 0, Ok("a")));
        for found in futures_util::future::join_all(all).await {
            assert_eq!(found, Ok(true));
        }
        assert_eq!(server.asked(), 1);
        // While one waits for a server that is slow, what is known is good enough.
        let old = 700 * SECOND;
        let slow = sets.find_with((APP, &server.1), "a", old, pending());
        tokio::select! {
            biased;
            _ = slow => panic!("nobody answers"),
            _ = tokio::task::yield_now() => {}
        }
        assert_eq!(server.find(&sets, "a", old, Ok("b")).await, Ok(true));
        assert_eq!(server.asked(), 1);
        // Another URL is another set.
        let other: Arc<str> = "https://other.example.test/".into();
        let found = sets
            .find_with((APP, &other), "a", old, ready(Ok(keys("c"))))
            .await;
        assert!(found.unwrap().is_none());
    }

    #[tokio::test]
    async fn who_goes_away_leaves_the_answer_to_the_others() {
        let (sets, server) = (sets(), Server::new());
        let (answer, answered) = tokio::sync::oneshot::channel();
        let fetch = async move { Ok(keys(answered.await.unwrap_or_default())) };
        let first = sets.find_with((APP, &server.1), "a", 0, fetch);
        tokio::select! {
            biased;
            _ = first => panic!("nobody has answered yet"),
            _ = tokio::task::yield_now() => {}
        }
        // The second waits for what the first has begun.
        let second = server.find(&sets, "a", 1, Ok("b"));
        let third = async {
            tokio::task::yield_now().await;
            answer.send("a").unwrap();
        };
        let (found, ()) = tokio::join!(second, third);
        assert_eq!((found, server.asked()), (Ok(true), 0));
    }
}
