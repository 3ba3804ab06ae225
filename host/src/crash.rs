//! Places between two steps of what must happen once, where a test may end the process as a power cut
//! would. Only in builds with debug assertions; in others nothing of it is left.

/// Ends the process at once if the variable `CRASH_AT` names this place: `name`, or `name:n` for the
/// n-th time that it is passed.
#[inline]
pub fn point(name: &'static str) {
    #[cfg(debug_assertions)]
    chosen::pass(name);
    #[cfg(not(debug_assertions))]
    let _ = name;
}

/// The same, on a way that much else takes, too.
#[inline]
pub fn point_if(condition: bool, name: &'static str) {
    if condition {
        point(name);
    }
}

#[cfg(debug_assertions)]
mod chosen {
    use std::sync::LazyLock;
    use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

    use rustix::process::{Signal, getpid, kill_process};

    struct Chosen {
        name: String,
        /// How often it is passed yet, this time included.
        left: AtomicU32,
    }

    static CHOSEN: LazyLock<Option<Chosen>> = LazyLock::new(|| {
        let text = std::env::var("CRASH_AT").ok()?;
        let (name, count) = text.split_once(':').unwrap_or((&text, "1"));
        Some(Chosen {
            name: name.to_owned(),
            left: AtomicU32::new(count.parse().ok()?),
        })
    });

    pub fn pass(name: &str) {
        let Some(chosen) = CHOSEN.as_ref().filter(|chosen| chosen.name == name) else {
            return;
        };
        if chosen.left.fetch_sub(1, Relaxed) == 1 {
            // Nothing is flushed, closed or told.
            let _ = kill_process(getpid(), Signal::KILL);
        }
    }
}
