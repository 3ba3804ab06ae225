//! What plugins decided about messages: kept for a while, for the tenant who wants to know.

use std::sync::Arc;
use std::time::Duration;

use super::access::{self, Caller};
use super::calls::{Resting, blame};
use super::chain::Why;
use super::tenants::page;
use super::{cursor, valid};
use crate::app::{App, Installed};
use crate::clock;
use crate::error::{Code, Error, Result};
use crate::model::{Decision, DecisionId};
use crate::plugins::{Context, Fault, Hook};
use crate::wire::{self, OnFault};

/// Between looks for what is old enough to go.
const SWEEP: Duration = Duration::from_secs(600);

/// What a plugin did with somebody's message.
pub(super) enum Outcome {
    Changed,
    Rejected { code: String, reason: String },
    Held { reason: String },
    Failed { reason: String },
}

impl Outcome {
    /// A refusal, as its sender gets it and as the plugin gave it.
    pub(super) fn rejected(error: &Error, why: &Why) -> Self {
        Self::Rejected {
            code: error.reason().unwrap_or_default().to_owned(),
            reason: why.to_string(),
        }
    }
}

/// Why a guard gave no verdict.
pub(super) enum Silence {
    /// It was not called.
    Resting(Resting),
    Fault(Fault),
}

/// What the install of a guard wants when it gives no verdict, of which note is taken as of a decision. While
/// a guard rests that is for many messages, and noted once a minute.
///
/// # Errors
/// `overloaded` when the host had no room for the call: then nothing is decided, whatever the install says.
pub(super) fn silent(
    app: &App,
    installed: &Installed,
    hook: Hook,
    context: &Context,
    silence: Silence,
) -> Result<OnFault> {
    let reason = match silence {
        Silence::Fault(fault) => {
            blame(&fault)?;
            Some(fault.to_string())
        }
        Silence::Resting(resting) => {
            let breaker = installed.breakers.of(hook);
            let more = breaker.pass_over(app.clock.now());
            more.map(|more| not_called(resting, more))
        }
    };
    if let Some(reason) = reason {
        note(app, installed, hook, context, Outcome::Failed { reason });
    }
    Ok(installed.on_fault)
}

fn not_called(resting: Resting, more: u64) -> String {
    let until = match resting.until {
        Some(until) => format!("not called: it rests until {}", clock::rfc3339(until)),
        None => "not called: it waits until somebody has looked at it".to_owned(),
    };
    match more {
        0 => until,
        more => format!("{until}; nor was it {more} times since this was last said"),
    }
}

/// Takes note of a decision.
pub(super) fn note(
    app: &App,
    installed: &Installed,
    hook: Hook,
    context: &Context,
    outcome: Outcome,
) {
    let (outcome, code, reason) = match outcome {
        Outcome::Changed => ("changed", None, None),
        Outcome::Rejected { code, reason } => ("rejected", Some(code), Some(reason)),
        Outcome::Held { reason } => ("held", None, Some(reason)),
        Outcome::Failed { reason } => ("failed", None, Some(reason)),
    };
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let decision = Decision {
        id: DecisionId(app.store.next_id()),
        plugin: installed.name.to_string(),
        digest: installed.row.digest.clone(),
        hook: hook.name().to_owned(),
        channel: some(&context.channel),
        actor: some(&context.actor).map(crate::model::UserId::stored),
        outcome: outcome.to_owned(),
        code,
        reason,
        created_at: app.clock.now(),
    };
    if !app.decided.add(installed.row.app_id, decision) {
        app.metrics.decision_lost();
    }
}

/// Stores decisions until the host stops, and drops those that are old.
pub async fn run(app: Arc<App>) {
    let mut sweep = tokio::time::interval(SWEEP);
    loop {
        let done = tokio::select! {
            decisions = app.decided.next() => app.store.add_decisions(decisions).await,
            _ = sweep.tick() => drop_old(&app).await,
            () = app.stopped() => return store_rest(&app).await,
        };
        if let Err(error) = done {
            tracing::error!(error = %error, "decisions of plugins could not be kept");
        }
    }
}

async fn store_rest(app: &App) {
    loop {
        let decisions = app.decided.take();
        if decisions.is_empty() || app.store.add_decisions(decisions).await.is_err() {
            return;
        }
    }
}

async fn drop_old(app: &App) -> Result<()> {
    let before = app.clock.days_ago(app.config.plugins.decisions_kept_days);
    while app.store.drop_old_decisions(before).await? {}
    Ok(())
}

/// What a plugin decided, new to old, and the cursor of the next page.
pub async fn list(
    app: &App,
    caller: &Caller,
    plugin: &str,
    limit: Option<i64>,
    next: Option<&str>,
) -> Result<wire::DecisionPage> {
    let backend = access::backend(caller)?;
    if app.store.list_versions(&backend, plugin).await?.is_empty() {
        return Err(Error::not_found("plugin"));
    }
    let limit = valid::limit(app, limit, 50)?;
    let list = format!("decisions {} {plugin}", backend.tenant().app());
    let before: Option<DecisionId> = match next {
        None => None,
        Some(next) => {
            let bad = |_| Error::new(Code::BadCursor, "The cursor was not given by this list.");
            Some(cursor::read(app, &list, next)?.parse().map_err(bad)?)
        }
    };
    let found = app
        .store
        .list_decisions(&backend, plugin, before, limit + 1)
        .await?;
    let (found, next) = page(app, &list, found, limit, |decision| decision.id.to_string());
    let decision = |decision: Decision| wire::Decision {
        id: decision.id,
        at: clock::rfc3339(decision.created_at),
        hook: decision.hook,
        digest: decision.digest,
        channel_id: decision.channel,
        user_id: decision.actor.map(|actor| actor.to_string()),
        outcome: decision.outcome,
        code: decision.code,
        reason: decision.reason,
    };
    Ok(wire::DecisionPage {
        decisions: found.into_iter().map(decision).collect(),
        next,
    })
}
