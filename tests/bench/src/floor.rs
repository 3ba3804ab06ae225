//! The least that the job takes on this machine: what a host is compared with, in the same run.
//!
//! Each floor is a process of its own, so that its CPU time can be told from the driver's.

pub mod commit;
pub mod fanout;
