//! Tells one story: gives it a database and a runtime, and looks afterwards whether everything that
//! it started has ended well.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::database::Server;
use super::{Database, Kind, panics};

/// The longest that a story may take.
const STORY_MAX: Duration = Duration::from_secs(120);
/// How long tasks may take to end after their host has stopped.
const ENDING: Duration = Duration::from_secs(10);

/// Tells the story on a fresh database of this kind.
///
/// # Panics
/// When the story does, when it takes too long, when a task of its host panicked, when a plugin
/// failed that was not expected to, and when tasks are left after its hosts have stopped.
pub fn run<F: Future<Output = ()>>(kind: Kind, name: &str, story: impl FnOnce(Database) -> F) {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    // Names the threads of this story, so that a panic on one of them is known to be this story's.
    let threads = format!("story-{}", COUNT.fetch_add(1, Ordering::Relaxed));
    panics::watch();
    let server = Server::of(kind);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name(&threads)
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let database = Database::create(server, name).await;
        let told = tokio::time::timeout(STORY_MAX, story(database.clone())).await;
        assert!(told.is_ok(), "the story took more than {STORY_MAX:?}");
        database.stop_hosts().await;
        let metrics = tokio::runtime::Handle::current().metrics();
        let ended = tokio::time::timeout(ENDING, async {
            while metrics.num_alive_tasks() > 0 {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        });
        let left = ended.await.is_err().then(|| metrics.num_alive_tasks());
        database.remove().await;
        assert_eq!(left, None, "tasks are left after the story");
    });
    // Not dropped: a task that hangs in a blocking call must not hang the test.
    runtime.shutdown_timeout(Duration::from_secs(1));
    let panics = panics::of(&threads);
    assert!(panics.is_empty(), "tasks of the host panicked: {panics:#?}");
}
