//! People who join a channel where plugins greet and announce everybody: once, whatever happens.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::sleep;

use super::history::Effect;
use super::wire;
use crate::client::Rest;

/// Before the next try, when nobody answers.
const PAUSE: Duration = Duration::from_millis(20);
/// Between two who join.
const EVERY: Duration = Duration::from_millis(120);
/// How the assistant is told to greet.
pub const GREETING: &str = "Welcome, {name}!";

/// What the plugins say when a user has joined.
fn said_of(user: &str) -> [String; 2] {
    [
        GREETING.replace("{name}", user),
        format!("{user} has come."),
    ]
}

/// Lets one after the other join, until it is enough. Gives what the plugins have to say to that.
///
/// # Errors
/// The host refuses somebody.
pub async fn run(
    app: Rest,
    channel: String,
    enough: watch::Receiver<bool>,
) -> anyhow::Result<Vec<Effect>> {
    let mut due = Vec::new();
    for number in 0.. {
        if *enough.borrow() {
            break;
        }
        let user = format!("newcomer-{number:04}");
        insist(
            &app,
            "PUT",
            "/v1/users",
            Some(&json!({ "users": [{ "id": user }] })),
        )
        .await?;
        let place = format!("/v1/channels/{channel}/participants/{user}");
        insist(&app, "PUT", &place, None).await?;
        due.extend(said_of(&user).map(|text| Effect {
            channel: channel.clone(),
            text,
        }));
        sleep(EVERY).await;
    }
    Ok(due)
}

/// Asks until there is an answer; these requests may come twice.
async fn insist(app: &Rest, method: &str, path: &str, body: Option<&Value>) -> anyhow::Result<()> {
    loop {
        match app.ask(method, path, body).await {
            Ok(answer) if answer.status < 300 => return Ok(()),
            Ok(answer) if !wire::is_retryable(&answer.body) => {
                anyhow::bail!(
                    "{method} {path} was answered with {}: {}",
                    answer.status,
                    answer.text
                )
            }
            _ => sleep(PAUSE).await,
        }
    }
}
