//! Recorded calls of plugins: switched on for a while by a tenant who wants to know what a plugin saw
//! and did, and read as cases that make the same calls again.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use super::access::{self, Caller};
use super::tenants::page;
use super::{cursor, plugins, valid};
use crate::app::{App, Installed, RecordedCall, Standing};
use crate::clock;
use crate::error::{Code, Error, Result};
use crate::model::{AppId, CallId, Millis};
use crate::plugins::Hook;
use crate::plugins::case::Recorded;
use crate::store::Install;
use crate::wire;

/// Between looks for what is old enough to go.
const SWEEP: Duration = Duration::from_secs(30);

/// Drops old calls until the host stops.
pub async fn run(app: Arc<App>) {
    let mut sweep = tokio::time::interval(SWEEP);
    loop {
        tokio::select! {
            _ = sweep.tick() => app.recordings.sweep(app.clock.now()),
            () = app.stopped() => return,
        }
    }
}

/// Keeps a call that has ended, as `outcome` says.
pub(super) fn keep(
    app: &App,
    installed: &Installed,
    round: u64,
    recorded: &Recorded,
    outcome: &'static str,
) {
    let id = CallId(app.store.next_id());
    let at = app.clock.now();
    let version = installed.manifest().map(|manifest| &manifest.version);
    let about = json!({
        "id": id, "at": clock::rfc3339(at), "plugin": *installed.name,
        "version": version, "digest": installed.row.digest,
    });
    let case = recorded.case(&installed.row.grants.0, about);
    let known = case.zip(recorded.function()).zip(recorded.context());
    let call = known.map(|((case, (hook, function)), context)| RecordedCall {
        id,
        at,
        hook,
        function,
        digest: installed.row.digest.clone(),
        channel: context.channel.clone(),
        actor: context.actor.clone(),
        outcome,
        usage: recorded.usage,
        case,
    });
    app.recordings.add(installed.row.id, round, call);
}

/// Records the calls of a plugin for a while.
pub async fn start(
    app: &App,
    caller: &Caller,
    name: &str,
    start: wire::StartRecording,
) -> Result<wire::Recording> {
    let (of, install) = installed(app, caller, name).await?;
    let settings = &app.config.plugins;
    let for_s = start.for_s.unwrap_or(settings.recording_s);
    let max = settings.recording_s_max;
    if !(1..=max).contains(&for_s) {
        return Err(Error::invalid("for_s", format!("must be from 1 to {max}")));
    }
    let now = app.clock.now();
    let for_ms = Millis::try_from(for_s)
        .unwrap_or(Millis::MAX)
        .saturating_mul(1000);
    let until = now.saturating_add(for_ms);
    let holder = app.holder(of).await?;
    app.recordings.start(holder, install.id, until, now);
    let line = format!("calls are recorded until {}", clock::rfc3339(until));
    note(app, of, name, line);
    Ok(out(app.recordings.standing(install.id, now)))
}

/// Records no more. What was recorded stays for its time.
pub async fn stop(app: &App, caller: &Caller, name: &str) -> Result<()> {
    let (of, install) = installed(app, caller, name).await?;
    let now = app.clock.now();
    if app.recordings.standing(install.id, now).until.is_some() {
        app.recordings.stop(install.id, now);
        note(app, of, name, "calls are no longer recorded".into());
    }
    Ok(())
}

/// How the recording of a plugin stands.
pub async fn get(app: &App, caller: &Caller, name: &str) -> Result<wire::Recording> {
    let (_, install) = installed(app, caller, name).await?;
    Ok(out(app.recordings.standing(install.id, app.clock.now())))
}

/// Which recorded calls.
#[derive(Default)]
pub struct Narrow {
    /// Those of this hook.
    pub hook: Option<String>,
    /// Those that failed.
    pub faults: bool,
}

/// The recorded calls of a plugin, new to old, and the cursor of the next page.
pub async fn list(
    app: &App,
    caller: &Caller,
    name: &str,
    narrow: Narrow,
    limit: Option<i64>,
    next: Option<&str>,
) -> Result<wire::RecordedCalls> {
    let (of, install) = installed(app, caller, name).await?;
    let limit = valid::limit(app, limit, 50)?;
    let hook = narrow.hook.as_deref().map(|hook| {
        let known = Hook::ALL.into_iter().find(|known| known.name() == hook);
        known.ok_or_else(|| Error::invalid("hook", "is no hook"))
    });
    let (hook, faults) = (hook.transpose()?, narrow.faults);
    let shown = hook.map_or("", Hook::name);
    let list = format!("calls {of} {name} {shown} {faults}");
    let before: Option<CallId> = match next {
        None => None,
        Some(next) => {
            let bad = |_| Error::new(Code::BadCursor, "The cursor was not given by this list.");
            Some(cursor::read(app, &list, next)?.parse().map_err(bad)?)
        }
    };
    let calls = app
        .recordings
        .calls(install.id, app.clock.now())
        .into_iter();
    let found = calls
        .filter(|call| before.is_none_or(|before| call.id < before))
        .filter(|call| hook.is_none_or(|hook| call.hook == hook))
        .filter(|call| !faults || call.is_fault())
        .take(usize::try_from(limit).unwrap_or(0) + 1)
        .collect();
    let (found, next) = page(app, &list, found, limit, |call| call.id.to_string());
    Ok(wire::RecordedCalls {
        calls: found.iter().map(|call| brief(call)).collect(),
        next,
    })
}

/// One of them, as a case.
pub async fn case(app: &App, caller: &Caller, name: &str, id: &str) -> Result<Arc<RecordedCall>> {
    let (_, install) = installed(app, caller, name).await?;
    let id: CallId = id.parse().map_err(|_| Error::not_found("call"))?;
    let mut calls = app
        .recordings
        .calls(install.id, app.clock.now())
        .into_iter();
    calls
        .find(|call| call.id == id)
        .ok_or_else(|| Error::not_found("call"))
}

/// Forgets what was recorded; a recording that is on goes on.
pub async fn forget(app: &App, caller: &Caller, name: &str) -> Result<()> {
    let (_, install) = installed(app, caller, name).await?;
    app.recordings.forget(install.id);
    Ok(())
}

async fn installed(app: &App, caller: &Caller, name: &str) -> Result<(AppId, Install)> {
    let backend = access::backend(caller)?;
    let found = plugins::find_install(app, &backend, name).await?;
    let install = found.ok_or_else(|| Error::not_found("plugin"))?;
    Ok((backend.tenant().app(), install))
}

/// Whoever reads the plugin's log is to see that its calls are recorded.
fn note(app: &App, of: AppId, name: &str, line: String) {
    if let Some(log) = app.loadout(of).logs.get(name) {
        log.add(app.clock.now(), "info", line);
    }
}

fn out(standing: Standing) -> wire::Recording {
    wire::Recording {
        until: standing.until.map(clock::rfc3339),
        calls: standing.calls,
        bytes: standing.bytes,
        left_out: standing.left_out,
    }
}

fn brief(call: &RecordedCall) -> wire::RecordedCall {
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    wire::RecordedCall {
        id: call.id,
        at: clock::rfc3339(call.at),
        hook: call.hook.name(),
        function: call.function,
        digest: call.digest.clone(),
        channel_id: some(&call.channel),
        user_id: some(&call.actor),
        outcome: call.outcome,
        cpu_us: call.usage.cpu_us,
        wall_us: call.usage.wall_us,
        host_calls: call.usage.host_calls,
        bytes: call.bytes(),
    }
}
