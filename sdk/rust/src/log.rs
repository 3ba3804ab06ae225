//! Lines for the plugin's log, which the tenant reads. Not for secrets.
//!
//! `log::info!("{count} reminders set")`, and likewise `debug!`, `warn!` and `error!`. A line has at
//! most 2 KiB; more is cut. Lines over the call's limit are dropped.

use std::fmt::Arguments;

pub use crate::bindings::log::Level;
pub use crate::{
    __log_debug as debug, __log_error as error, __log_info as info, __log_warn as warn,
};

/// Adds a line; the macros are handier.
pub fn write(level: Level, line: Arguments<'_>) {
    match line.as_str() {
        Some(line) => crate::bindings::log::log(level, line),
        None => crate::bindings::log::log(level, &line.to_string()),
    }
}

/// Adds a line that matters only while looking for a fault.
#[doc(hidden)]
#[macro_export]
macro_rules! __log_debug {
    ($($line:tt)*) => {
        $crate::log::write($crate::log::Level::Debug, ::core::format_args!($($line)*))
    };
}

/// Adds a line about what the plugin did.
#[doc(hidden)]
#[macro_export]
macro_rules! __log_info {
    ($($line:tt)*) => {
        $crate::log::write($crate::log::Level::Info, ::core::format_args!($($line)*))
    };
}

/// Adds a line about something that the tenant should look at.
#[doc(hidden)]
#[macro_export]
macro_rules! __log_warn {
    ($($line:tt)*) => {
        $crate::log::write($crate::log::Level::Warn, ::core::format_args!($($line)*))
    };
}

/// Adds a line about something that failed.
#[doc(hidden)]
#[macro_export]
macro_rules! __log_error {
    ($($line:tt)*) => {
        $crate::log::write($crate::log::Level::Error, ::core::format_args!($($line)*))
    };
}
