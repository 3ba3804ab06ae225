//! Clears away what is left of channels and plugins that were removed.

use std::sync::Arc;
use std::time::Duration;

use crate::app::App;

/// Before the next try when the store does not answer.
const PAUSE: Duration = Duration::from_secs(10);

/// Clears away until the host stops, also what was removed when the host last ran.
pub async fn run(app: Arc<App>) {
    loop {
        match app.store.sweep().await {
            Ok(true) => continue,
            Ok(false) => app.removed.notified().await,
            Err(error) => {
                tracing::error!(error = %error, "what was removed could not be cleared away");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}
