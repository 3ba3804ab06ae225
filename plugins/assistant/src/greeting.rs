//! Greets everybody who joins a channel, once.

use althing_plugin::chat::{self, Post};
use althing_plugin::kv::{self, Scope};
use althing_plugin::{Context, Error, MemberChange};

use crate::settings::Settings;

/// Greets a newcomer, unless they were greeted in this channel before.
pub fn greet(ctx: &Context, settings: &Settings, newcomer: &MemberChange) -> Result<(), String> {
    // Whoever made the channel is no newcomer to it.
    let is_owner = newcomer.role.as_deref() == Some("owner");
    if settings.greeting.trim().is_empty()
        || is_owner
        || !settings.greet_in.contains(&ctx.channel_type)
    {
        return Ok(());
    }
    // With the user, not with the channel: it goes when the user goes.
    let scope = Scope::User(newcomer.user_id.clone());
    match kv::swap(&scope, &format!("greeted/{}", ctx.channel), None, b"1") {
        Ok(()) => {}
        Err(Error::Conflict | Error::NotFound(_)) => return Ok(()),
        Err(error) => return Err(error.into()),
    }
    let name = match chat::user(&newcomer.user_id) {
        Ok(user) if !user.name.trim().is_empty() => user.name,
        Ok(_) | Err(Error::NotFound(_)) => newcomer.user_id.clone(),
        Err(error) => return Err(error.into()),
    };
    let greeting = fill(&settings.greeting, &name, &ctx.channel);
    chat::tell(&ctx.channel, Post::text(greeting), "a greeting")?;
    Ok(())
}

/// Puts the name and the channel into a greeting. What is put in is not looked at again: a person
/// may be called `{channel}`.
fn fill(greeting: &str, name: &str, channel: &str) -> String {
    greeting
        .split("{name}")
        .map(|part| part.replace("{channel}", channel))
        .collect::<Vec<_>>()
        .join(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_filled_in_and_no_more() {
        assert_eq!(
            fill("Hi {name}, this is {channel}. {name}!", "Al", "general"),
            "Hi Al, this is general. Al!"
        );
        assert_eq!(fill("{name} {channel}", "{channel}", "x"), "{channel} x");
    }
}
