//! What goes with every call of a plugin, whoever makes it: whether it may be made now, and what is
//! noted of it.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use super::recordings;
use super::shadow::{self, Follower};
use crate::app::{Admitted, App, GivenUp, Installed, Turn};
use crate::error::{Code, Error, Result};
use crate::model::Millis;
use crate::plugins::case::{Recorded, Tape, Told};
use crate::plugins::{self, Call, Chat, Context, Fault, FaultKind, Hook, Output};

/// A hook that may be called now.
pub(super) struct Calling<'a> {
    app: &'a App,
    installed: &'a Installed,
    install: &'a plugins::Install,
    hook: Hook,
    cause: u64,
    admitted: Admitted,
    /// Notes what it asks and is told, if somebody wants to know.
    tape: Option<(Arc<Tape>, Arc<dyn Chat>)>,
    /// The round of recorded calls that it belongs to.
    round: Option<u64>,
    follower: Option<Follower<'a>>,
}

/// A hook that may not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Resting {
    /// Until then; none: until somebody has looked at it.
    pub until: Option<Millis>,
}

/// Asks for a call of `hook`. `cause` is who or what makes it: one cause alone, however often it makes
/// the hook fail, does not keep others from it.
pub(super) fn calling<'a>(
    app: &'a App,
    installed: &'a Installed,
    hook: Hook,
    cause: impl Hash,
) -> Result<Calling<'a>, Resting> {
    let for_good = Resting { until: None };
    if installed.is_quarantined(hook) {
        return Err(for_good);
    }
    let install = installed.install.as_ref().map_err(|_| for_good)?;
    let breaker = installed.breakers.of(hook);
    let now = app.clock.now();
    // These can wait until what the app's plugins have written is paid off.
    if matches!(hook, Hook::Events | Hook::Schedule)
        && let Some(ms) = app.rates.plugins_rest_ms(installed.holder)
    {
        app.metrics.plugin_rested();
        let until = now.saturating_add_unsigned(ms);
        return Err(Resting { until: Some(until) });
    }
    let admitted = breaker
        .admit(now)
        .map_err(|until| Resting { until: Some(until) })?;
    let mut hasher = DefaultHasher::new();
    cause.hash(&mut hasher);
    // What a shadow said is kept in its own figures.
    let round = match installed.is_shadow() {
        true => None,
        false => app.recordings.round(installed.row.id, now),
    };
    let follower = shadow::follower(app, installed, hook);
    let tape = (round.is_some() || follower.is_some()).then(|| {
        let bytes_max = match round {
            Some(_) => app.config.plugins.recorded_call_bytes_max,
            None => shadow::TOLD_BYTES_MAX,
        };
        let tape = Arc::new(Tape::recording(Arc::clone(&installed.chat), bytes_max));
        let chat = Arc::clone(&tape) as Arc<dyn Chat>;
        (tape, chat)
    });
    Ok(Calling {
        app,
        installed,
        install,
        hook,
        cause: hasher.finish(),
        admitted,
        tape,
        round,
        follower,
    })
}

impl<'a> Calling<'a> {
    /// Has the shadow asked the same only if `wants` says so of it.
    pub(super) fn followed_if(mut self, wants: impl FnOnce(&Installed) -> bool) -> Self {
        self.follower = self.follower.filter(|follower| wants(follower.shadow));
        self
    }

    /// The call itself.
    pub(super) fn with<'c>(&'c self, context: &'c Context) -> Call<'c> {
        Call {
            install: self.install,
            chat: (self.tape.as_ref()).map_or(&self.installed.chat, |(_, chat)| chat),
            context,
        }
    }

    /// Takes note of how it went: figures, what the plugin logged, a fault as a line of its log, the
    /// breaker, the call itself where it is recorded; and has the shadow asked the same.
    pub(super) fn note<T: Told>(
        self,
        outcome: Result<Output<T>, Fault>,
    ) -> Result<Output<T>, Fault> {
        let recorded = self.recorded(&outcome);
        self.note_judged(recorded, outcome)
    }

    /// The call as it went, if somebody wants to know: for one whose outcome has yet to be judged.
    pub(super) fn recorded<T: Told>(&self, outcome: &Result<Output<T>, Fault>) -> Option<Recorded> {
        self.tape.as_ref().map(|(tape, _)| tape.end(outcome))
    }

    /// The same as `note`, with what became of the outcome.
    pub(super) fn note_judged<T>(
        mut self,
        recorded: Option<Recorded>,
        outcome: Result<Output<T>, Fault>,
    ) -> Result<Output<T>, Fault> {
        if let Some(recorded) = recorded {
            if let Some(round) = self.round {
                let end = match &outcome {
                    Ok(_) => recorded.end,
                    Err(fault) => fault.kind.code(),
                };
                recordings::keep(self.app, self.installed, round, &recorded, end);
            }
            if let Some(follower) = self.follower.take() {
                shadow::follow(self.app, follower, recorded);
            }
        }
        let (usage, log, fault) = match &outcome {
            Ok(output) => (&output.usage, &output.log, None),
            Err(fault) => (&fault.usage, &fault.log, Some(fault)),
        };
        let code = fault.map_or("ok", |fault| fault.kind.code());
        let (app, installed) = (self.app, self.installed);
        if !installed.is_shadow() {
            app.metrics.plugin_call(self.hook.name(), code, usage);
        }
        installed
            .consumption
            .add(self.hook, usage, fault.map(|fault| fault.kind));
        for line in log {
            let level = match line.level {
                plugins::Level::Debug => "debug",
                plugins::Level::Info => "info",
                plugins::Level::Warn => "warn",
                plugins::Level::Error => "error",
            };
            installed
                .log
                .add(app.clock.now(), level, line.message.clone());
        }
        if let Some(fault) = fault {
            let line = format!("{code} in {}: {}", self.hook.name(), fault.detail);
            installed.log.add(app.clock.now(), "fault", line);
            tracing::warn!(
                app.id = %installed.row.app_id,
                plugin.name = %installed.name,
                plugin.hook = self.hook.name(),
                plugin.fault = code,
                "a plugin call failed"
            );
        }
        self.tell_breaker(fault);
        outcome
    }

    fn tell_breaker(&self, fault: Option<&Fault>) {
        let outcome = match fault {
            None => Ok(()),
            // The host had no room for the call: nothing is known of the plugin.
            Some(fault) if fault.kind == FaultKind::Overloaded => return,
            Some(_) => Err(self.cause),
        };
        let (app, installed) = (self.app, self.installed);
        let now = app.clock.now();
        let hook = self.hook.name();
        let breaker = installed.breakers.of(self.hook);
        let turn = breaker.note(now, self.admitted, outcome);
        let line = match turn {
            _ if self.ends_trial(turn, fault) => {
                format!("{hook} keeps failing: this version is not tried any more")
            }
            Turn::Same => return,
            Turn::Closed => format!("{hook} is called again"),
            Turn::Opened(until) => format!(
                "{hook} fails too often: it is not called for {} s",
                (until - now) / 1000
            ),
            Turn::GivenUp => {
                self.give_up(fault);
                format!("{hook} keeps failing")
            }
        };
        installed.log.add(now, "fault", line);
    }

    /// A version on trial gets no second chance: a canary none where people wait for it.
    fn ends_trial(&self, turn: Turn, fault: Option<&Fault>) -> bool {
        let Some(trial) = &self.installed.trial else {
            return false;
        };
        let is_enough = match turn {
            Turn::GivenUp => true,
            Turn::Opened(_) => !trial.is_shadow(),
            Turn::Same | Turn::Closed => false,
        };
        let ends = is_enough && trial.end();
        if ends {
            self.give_up(fault);
        }
        ends
    }

    fn give_up(&self, fault: Option<&Fault>) {
        let installed = self.installed;
        self.app.given_up.add(GivenUp {
            app_id: installed.row.app_id,
            install: installed.row.id,
            updated_at: installed.row.updated_at,
            trial_since: installed.trial.as_ref().map(|trial| trial.rollout.since),
            hook: self.hook,
            detail: fault.map_or_else(String::new, ToString::to_string),
        });
    }
}

/// Whether a fault is the plugin's own. When the host had no room for the call, it is not, and the
/// error says to come back.
pub(super) fn blame(fault: &Fault) -> Result<()> {
    match fault.kind {
        FaultKind::Overloaded => Err(Error::new(
            Code::Overloaded,
            "Too many plugin calls are waiting.",
        )
        .retry_after_ms(1000)),
        _ => Ok(()),
    }
}

/// Asks for a call that somebody waits for.
pub(super) fn asked<'a>(
    app: &'a App,
    installed: &'a Installed,
    hook: Hook,
    cause: impl Hash,
) -> Result<Calling<'a>> {
    calling(app, installed, hook, cause).map_err(|_| failed(installed))
}

/// The error for a call that gave no result: that of the plugin, unless the host had no room for the call.
pub(super) fn at_fault(installed: &Installed, fault: &Fault) -> Error {
    blame(fault).err().unwrap_or_else(|| failed(installed))
}

/// The error for whoever waited for a plugin.
pub(super) fn failed(installed: &Installed) -> Error {
    let detail = format!("The plugin `{}` failed.", installed.name);
    Error::new(Code::PluginFailed, detail).retry_after_ms(1000)
}
