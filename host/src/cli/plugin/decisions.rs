//! What the guards of a plugin did with what people sent: its audit trail.

use clap::Args;

use super::KEY;
use crate::cli::answers::{self, DecisionList};
use crate::cli::client::Connection;
use crate::cli::failure::Failure;
use crate::cli::keys::id;
use crate::cli::screen::{Screen, table};

/// Whose decisions.
#[derive(Debug, Args)]
pub struct Decisions {
    /// The plugin's name
    #[arg(value_parser = id)]
    name: String,
    /// How many, from the newest on; at most 100
    #[arg(long, value_name = "COUNT", default_value_t = 50)]
    limit: u32,
    #[command(flatten)]
    connection: Connection,
}

/// Shows the newest.
pub async fn run(screen: &mut Screen<'_>, decisions: &Decisions) -> Result<(), Failure> {
    let client = decisions.connection.open(screen, KEY)?;
    let limit = decisions.limit.to_string();
    let path = ["plugins", &decisions.name, "decisions"];
    let answer = client.get(&path, &[("limit", &limit)]).await?;
    let list: DecisionList = answers::read(&answer)?;
    let empty = list.decisions.is_empty();
    let head = ["AT", "HOOK", "OUTCOME", "CHANNEL", "USER", "CODE", "REASON"].map(str::to_owned);
    let rows = list.decisions.into_iter().map(|one| {
        [
            one.at,
            one.hook,
            one.outcome,
            one.channel_id.unwrap_or_default(),
            one.user_id.unwrap_or_default(),
            one.code.unwrap_or_default(),
            one.reason.unwrap_or_default(),
        ]
        .map(answers::or_none)
    });
    let rows: Vec<_> = std::iter::once(head).chain(rows).collect();
    screen.show(&answer, || {
        if empty {
            String::new()
        } else {
            table(0, &rows)
        }
    })?;
    if empty && !screen.json {
        screen.note("It has let everything through so far, or decides about nothing.")?;
    }
    Ok(())
}
