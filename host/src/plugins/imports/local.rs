//! Host functions that need nobody else: log, config, counters, metrics and timers.

use super::super::effects::TimerWrite;
use super::super::state::State;
use super::super::types::{HostError, Level, Scope};
use super::wit::{config, counters, log, metrics, timers};
use super::{check_json, invalid, limited};

/// A timer's name, as the contract has it.
const TIMER_NAME_BYTES_MAX: usize = 128;

impl log::Host for State {
    fn log(&mut self, level: Level, message: String) -> wasmtime::Result<()> {
        self.count()?;
        self.meter.add_log_line(level, message);
        Ok(())
    }
}

impl metrics::Host for State {
    fn add(&mut self, name: String, amount: u64) -> wasmtime::Result<()> {
        self.count()?;
        if let Err(detail) = self.figures.add(&name, amount) {
            self.meter.add_log_line(Level::Warn, detail);
        }
        Ok(())
    }

    fn set(&mut self, name: String, value: i64) -> wasmtime::Result<()> {
        self.count()?;
        if let Err(detail) = self.figures.set(&name, value) {
            self.meter.add_log_line(Level::Warn, detail);
        }
        Ok(())
    }
}

impl config::Host for State {
    fn get(&mut self) -> wasmtime::Result<String> {
        self.count()?;
        Ok(self.config.to_string())
    }
}

/// These have no way to refuse: where counting is not allowed nothing is counted, and where the
/// result may not depend on anything but the arguments it is 0.
impl counters::Host for State {
    fn add(&mut self, key: String, amount: u32, window_ms: u32) -> wasmtime::Result<u32> {
        if !self.class.may_count() {
            return counters::Host::sum(self, key, window_ms);
        }
        self.count()?;
        self.done.is_noticed = true;
        Ok(self.counted(&key, Some(amount), window_ms))
    }

    fn sum(&mut self, key: String, window_ms: u32) -> wasmtime::Result<u32> {
        self.count()?;
        if !self.class.may_read() {
            return Ok(0);
        }
        Ok(self.counted(&key, None, window_ms))
    }
}

impl timers::Host for State {
    async fn set(
        &mut self,
        name: String,
        at_ms: u64,
        channel: String,
        payload: String,
    ) -> wasmtime::Result<Result<(), HostError>> {
        self.count()?;
        Ok(self.set_timer(name, at_ms, channel, payload).await)
    }

    async fn cancel(&mut self, name: String) -> wasmtime::Result<Result<(), HostError>> {
        self.count()?;
        let checked = self.check_timer("timers.cancel", &name);
        if checked.is_ok() {
            self.done.effects.timers.push(TimerWrite::Cancel { name });
        }
        Ok(checked)
    }
}

impl State {
    fn counted(&self, key: &str, amount: Option<u32>, window_ms: u32) -> u32 {
        let (counters, now_ms) = (&self.counters, self.now_ms);
        let chat = self.chat.as_ref();
        chat.map_or(0, |chat| {
            chat.count(counters, key, amount, window_ms, now_ms)
        })
    }

    async fn set_timer(
        &mut self,
        name: String,
        at_ms: u64,
        channel: String,
        payload: String,
    ) -> Result<(), HostError> {
        self.check_timer("timers.set", &name)?;
        let ahead_ms_max = self.limits.timer_ahead_ms_max;
        if at_ms > self.now_ms.saturating_add(ahead_ms_max) {
            return Err(invalid(format!(
                "a timer may be {ahead_ms_max} ms ahead at most"
            )));
        }
        let payload_bytes_max = self.limits.timer_payload_bytes_max as usize;
        if payload.len() > payload_bytes_max {
            return Err(limited("bytes of a timer's payload", payload_bytes_max));
        }
        check_json("the payload", &payload)?;
        let chat = self.chat()?;
        chat.timer(&name, &self.done.effects.timers).await?;
        if !channel.is_empty() {
            self.done
                .kv
                .check_owner(&*chat, &Scope::Channel(channel.clone()))
                .await?;
        }
        self.done.effects.timers.push(TimerWrite::Set {
            name,
            at_ms,
            channel,
            payload,
        });
        Ok(())
    }

    fn check_timer(&self, function: &str, name: &str) -> Result<(), HostError> {
        self.check_write(function)?;
        if name.is_empty() || name.len() > TIMER_NAME_BYTES_MAX {
            return Err(invalid(format!(
                "a timer's name has 1 to {TIMER_NAME_BYTES_MAX} bytes"
            )));
        }
        let timers_max = self.limits.timers_max as usize;
        if self.done.effects.timers.len() >= timers_max {
            return Err(limited("timers of a call", timers_max));
        }
        Ok(())
    }
}
