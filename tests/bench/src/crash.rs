//! Kills a host again and again while it works, and checks afterwards what it had promised: nothing
//! acknowledged is lost, nothing is there twice, one order for all, no gap that a reader isn't told
//! of, and each event's effect by a plugin exactly once.
//!
//! `run` is the whole of it, `moment` when the host dies; `writer`, `reader` and `newcomers` put load on the host and note what
//! they are told, in the terms of `history`; `checker` judges, and knows nothing of hosts.

pub mod checker;
pub mod history;
mod moment;
mod newcomers;
mod random;
mod reader;
mod run;
mod wire;
mod writer;

pub use run::{Outcome, Plan, run};
