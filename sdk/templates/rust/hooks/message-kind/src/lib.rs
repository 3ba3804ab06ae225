//! Messages of the type `tally`: a title, and a count that everybody can raise.

use althing_plugin::blocks::button;
use althing_plugin::prelude::*;
use serde::{Deserialize, Serialize};

struct Tally;

/// What a client sends.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Data {
    title: String,
}

/// What the host keeps of a message.
#[derive(Default, Deserialize, Serialize)]
struct State {
    count: u64,
}

impl MessageKind for Tally {
    fn create(_ctx: &Context, _kind: &str, data: &str) -> Result<Created, String> {
        let data: Data = parse_json(data)?;
        if data.title.is_empty() || data.title.len() > 200 {
            return Err("A tally needs a title of at most 200 bytes.".into());
        }
        Ok(Created::new(&data, show(&data, &State::default())))
    }

    fn act(
        _ctx: &Context,
        _kind: &str,
        data: &str,
        state: &str,
        action: &str,
        _value: &str,
    ) -> Result<Shown, String> {
        if action != "raise" {
            return Err("A tally can only be raised.".into());
        }
        let (data, mut state): (Data, State) = (parse_json(data)?, parse_json(state)?);
        state.count += 1;
        Ok(show(&data, &state))
    }
}

fn show(data: &Data, state: &State) -> Shown {
    let text = format!("{}: {}", data.title, state.count);
    let blocks = [blocks::text(text.clone()), button("+1", "raise").into()];
    Shown::new(state, View::new(text, blocks))
}

althing_plugin::plugin!(Tally: MessageKind, manifest = "plugin.toml");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_its_count() {
        let data = Data {
            title: "Cakes".into(),
        };
        assert_eq!(show(&data, &State { count: 3 }).view.text, "Cakes: 3");
    }
}
