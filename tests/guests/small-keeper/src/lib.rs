//! A handler and a kind of message of the usual size. What the kind does can be called natively, too.

pub use althing_plugin::Event;
use althing_plugin::prelude::*;
use serde::{Deserialize, Serialize};

/// What is kept of a message of the kind.
#[derive(Debug, Default, Deserialize, Serialize, PartialEq, Eq)]
pub struct Tally {
    pub sum: u64,
    pub by: Vec<String>,
}

/// What is kept of a channel.
#[derive(Serialize)]
struct Last {
    from: String,
    bytes: usize,
}

/// Adds `value`, a JSON number, to the state and notes who did. Gives the new state and what is shown.
///
/// # Errors
/// A phrase for the person: one of the two is not as it should be.
pub fn add(state: &str, value: &str, actor: &str) -> Result<(Tally, String), String> {
    let mut tally: Tally = parse_json(state)?;
    let more: u64 = parse_json(value)?;
    tally.sum = tally.sum.saturating_add(more);
    if !tally.by.iter().any(|known| known == actor) {
        tally.by.push(actor.to_owned());
    }
    let text = format!("{} by {} people", tally.sum, tally.by.len());
    Ok((tally, text))
}

/// What the handler keeps of a new message, as JSON.
///
/// # Errors
/// The event's data is not that of a message.
pub fn last(event: &Event) -> Result<String, String> {
    let message = event.message()?;
    Ok(to_json(&Last {
        bytes: message.data.as_str().map_or(0, str::len),
        from: message.from,
    }))
}

/// What is written over and over.
const VALUE: [u8; 16] = [7; 16];

struct SmallKeeper;

impl Events for SmallKeeper {
    /// Notes who wrote last. A text such as `trips 100` has it read and write a value so often.
    fn handle(ctx: &Context, event: Event) -> Result<(), String> {
        let scope = kv::Scope::Channel(ctx.channel.clone());
        if let Some(trips) = trips(&event.data) {
            for _ in 0..trips {
                let bytes = kv::get(&scope, "kept")?.map_or(VALUE.len(), |entry| entry.value.len());
                kv::set(&scope, "kept", &VALUE[..bytes])?;
            }
            return Ok(());
        }
        Ok(kv::set(&scope, "last", last(&event)?.as_bytes())?)
    }
}

/// How many round trips a message asks for.
fn trips(data: &str) -> Option<u32> {
    let (_, trips) = data.split_once("\"trips ")?;
    trips.split('"').next()?.parse().ok()
}

impl MessageKind for SmallKeeper {
    fn create(_ctx: &Context, _kind: &str, data: &str) -> Result<Created, String> {
        let data: Value = parse_json(data)?;
        let shown = shown((Tally::default(), "Nothing yet".to_owned()));
        Ok(Created::new(&data, shown))
    }

    fn act(
        ctx: &Context,
        _kind: &str,
        _data: &str,
        state: &str,
        _action: &str,
        value: &str,
    ) -> Result<Shown, String> {
        add(state, value, &ctx.actor).map(shown)
    }
}

fn shown((tally, text): (Tally, String)) -> Shown {
    let view = View::new(text.as_str(), [blocks::text(text.as_str())]);
    Shown::new(&tally, view)
}

althing_plugin::plugin!(SmallKeeper: Events + MessageKind, manifest = "plugin.toml");

#[cfg(test)]
mod tests {
    use super::{Tally, add};

    #[test]
    fn adds_and_notes_who_did() {
        let (tally, text) = add("{\"sum\":2,\"by\":[\"ann\"]}", "3", "ann").unwrap();
        assert_eq!(
            tally,
            Tally {
                sum: 5,
                by: vec!["ann".to_owned()]
            }
        );
        assert_eq!(text, "5 by 1 people");
        assert!(add("{}", "3", "ann").is_err());
    }
}
