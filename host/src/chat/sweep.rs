//! Clears away what is left of channels and plugins that were removed and of whom left a channel, the bytes of files that are gone,
//! files that no message shows, and messages that have waited too long for a review.

use std::sync::Arc;
use std::time::Duration;

use super::review;
use crate::app::App;
use crate::crash;
use crate::error::{Error, Result};

/// Before the next try when the store does not answer.
const PAUSE: Duration = Duration::from_secs(10);
/// How often is looked for files that no message shows and for what has waited too long.
const LOOK: Duration = Duration::from_secs(60);

/// Clears away until the host stops, also what was removed when the host last ran.
pub async fn run(app: Arc<App>) {
    loop {
        match clear(&app).await {
            Ok(()) => tokio::select! {
                () = app.removed.notified() => {}
                () = app.store.remains() => {}
                () = tokio::time::sleep(LOOK) => {}
            },
            Err(error) => {
                tracing::error!(error = %error, cause = ?error.cause().map(ToString::to_string), "what was removed could not be cleared away");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

async fn clear(app: &App) -> Result<()> {
    while app.store.sweep().await? {
        crash::point("swept");
    }
    review::drop_old(app).await?;
    let kept_ms = app.config.files.not_shown_kept_s.saturating_mul(1000);
    let before = app.clock.now() - i64::try_from(kept_ms).unwrap_or(i64::MAX / 2);
    while app.store.drop_files_not_shown(before).await? {}
    loop {
        let removed = app.store.list_removed_files().await?;
        if removed.is_empty() {
            return Ok(());
        }
        for path in removed {
            app.files.remove(&path).await.map_err(Error::internal)?;
            while !app.store.forget_removed_file(path.clone()).await? {}
        }
    }
}
