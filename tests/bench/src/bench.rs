//! The measurements. Host and floor take turns, in rounds, and the median counts: the machine has
//! other things to do at times, and what disturbs one then disturbs the other.

mod audience;
mod chain;
mod engine;
mod fanout;
mod installs;
mod latency;
mod memory;
mod neighbour;
mod plugins;
mod promotion;
mod report;
mod run;
mod samples;
mod senders;
mod sends;

pub use report::{Report, Row, Target};
pub use run::{Measurement, Options, run};
pub use samples::{Samples, percentile};

/// The text of a message: 128 bytes, no two the same.
pub fn text(n: u64) -> String {
    const WORDS: &str = "The quick brown fox jumps over the lazy dog while seven wizards quietly mix a jug of boxing gloves; ";
    let mut text = format!("{n:012} {WORDS}");
    while text.len() < 128 {
        text.push('.');
    }
    text.truncate(128);
    text
}

#[cfg(test)]
mod tests {
    #[test]
    fn texts_have_128_bytes() {
        assert_eq!(super::text(7).len(), 128);
        assert_ne!(super::text(7), super::text(8));
    }
}
