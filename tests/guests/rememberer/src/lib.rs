//! Counts its calls in memory, to show which of them share an instance.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use althing_plugin::chat::{self, Post};
use althing_plugin::prelude::*;

thread_local! {
    static CALLS: Cell<u32> = const { Cell::new(0) };
    static BALLAST: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

struct Rememberer;

impl Commands for Rememberer {
    fn run(ctx: &Context, command: Command) -> Result<Option<Reply>, String> {
        let calls = CALLS.get() + 1;
        CALLS.set(calls);
        match command.text.split_once(' ') {
            Some(("panic-at", count)) if count == calls.to_string() => panic!("at {count}"),
            Some(("grow", mib)) => {
                let bytes = mib.parse::<usize>().map_err(|error| error.to_string())? << 20;
                BALLAST.with_borrow_mut(|ballast| ballast.push(vec![1; bytes]));
            }
            None if command.text == "spin" && calls > 1 => loop {
                std::hint::spin_loop();
            },
            None if command.text == "tally" => {
                let sum = counters::add("tally", 1, Duration::from_secs(60));
                assert!(calls == 1, "at {calls}");
                return Ok(Some(Reply::text(sum.to_string())));
            }
            None if command.text == "send" => {
                chat::send(&ctx.channel, Post::text(calls.to_string()))?;
            }
            _ => {}
        }
        Ok(Some(Reply::text(calls.to_string())))
    }
}

althing_plugin::plugin!(Rememberer: Commands, manifest = "plugin.toml");
