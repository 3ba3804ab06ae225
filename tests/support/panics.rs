//! Remembers panics by the thread they happened on: a task that panics does so quietly, and the
//! story that it belongs to would go on.

use std::sync::{Mutex, Once, PoisonError};

static SEEN: Mutex<Vec<(String, String)>> = Mutex::new(Vec::new());

/// Begins to remember, in addition to what happened so far on a panic.
pub fn watch() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            let thread = std::thread::current().name().unwrap_or_default().to_owned();
            SEEN.lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push((thread, info.to_string()));
            before(info);
        }));
    });
}

/// The panics on threads of this name.
pub fn of(thread: &str) -> Vec<String> {
    let seen = SEEN.lock().unwrap_or_else(PoisonError::into_inner);
    seen.iter()
        .filter(|(name, _)| name == thread)
        .map(|(_, text)| text.clone())
        .collect()
}
