//! What becomes of a plugin whose hook fails again and again: a version that is still fresh gives way
//! to the one before it; any other is not called any more until somebody has looked at it.

use std::sync::Arc;
use std::time::Duration;

use super::access;
use super::installs;
use super::plugins;
use super::rollout;
use crate::app::{App, GivenUp};
use crate::error::{Error, Result};
use crate::model::{Millis, Previous, Quarantine};
use crate::store::Install;

/// Before the next try when the store does not answer.
const PAUSE: Duration = Duration::from_secs(1);

/// Deals with hooks that failed too often until the host stops.
pub async fn run(app: Arc<App>) {
    loop {
        let given_up = tokio::select! {
            given_up = app.given_up.next() => given_up,
            () = app.stopped() => return,
        };
        for given_up in given_up {
            if let Err(error) = settle(&app, &given_up).await {
                tracing::error!(error = %error, "a plugin could not be put out of use");
                // What runs fails on, so it comes again; a version on trial is not called any more.
                if given_up.trial_since.is_some() {
                    tokio::time::sleep(PAUSE).await;
                    app.given_up.add(given_up);
                }
            }
        }
    }
}

async fn settle(app: &Arc<App>, given_up: &GivenUp) -> Result<()> {
    if let Some(since) = given_up.trial_since {
        return rollout::end(app, given_up, since).await;
    }
    let backend = access::host(given_up.app_id);
    let _installing = app.installing.take(backend.tenant().app()).await;
    let installs = app.store.list_installs(backend.tenant()).await?;
    let row = installs.into_iter().find(|row| row.id == given_up.install);
    // What somebody has changed meanwhile has another chance.
    let Some(row) = row.filter(|row| row.updated_at == given_up.updated_at) else {
        return Ok(());
    };
    let log = app.loadout(row.app_id).logs.get(&row.name).cloned();
    let say = |line: String| {
        tracing::error!(app.id = %row.app_id, plugin.name = row.name, "{line}");
        if let Some(log) = &log {
            log.add(app.clock.now(), "fault", line);
        }
    };
    let hook = given_up.hook.name();
    if let Some(previous) = previous(&row).filter(|previous| is_fresh(app, previous)) {
        match installs::put_back(app, &backend, &row, previous).await {
            Ok(digest) => {
                say(format!(
                    "{hook} of version {} keeps failing: back to {digest}",
                    row.digest
                ));
                return Ok(());
            }
            Err(error) => say(format!("the version before can't take over: {error}")),
        }
    }
    let mut quarantine = quarantine(&row);
    quarantine.retain(|other| other.hook != hook);
    quarantine.push(Quarantine {
        hook: hook.to_owned(),
        since: app.clock.now(),
        detail: given_up.detail.clone(),
    });
    let text = serde_json::to_string(&quarantine).map_err(Error::internal)?;
    app.store.quarantine(row.id, text).await?;
    app.metrics.plugin_quarantined();
    say(format!(
        "{hook} is in quarantine: it is not called before the plugin is installed anew"
    ));
    plugins::load_app(app, row.app_id, None).await;
    Ok(())
}

fn is_fresh(app: &App, previous: &Previous) -> bool {
    let fresh_ms = Millis::try_from(app.config.plugins.fresh_version_ms).unwrap_or(Millis::MAX);
    app.clock.now() - previous.replaced_at < fresh_ms
}

/// The hooks of an install that are not called.
pub(super) fn quarantine(row: &Install) -> Vec<Quarantine> {
    stored(row.quarantine.as_deref()).unwrap_or_default()
}

/// The version of an install that ran before.
pub(super) fn previous(row: &Install) -> Option<Previous> {
    stored(row.previous.as_deref())
}

pub(super) fn stored<T: serde::de::DeserializeOwned>(text: Option<&str>) -> Option<T> {
    text.and_then(|text| serde_json::from_str(text).ok())
}
