//! What people do with a live location: its sender moves it, and it ends.

use althing_plugin::{Context, Role, Value, parse_json};

use crate::place::{Place, Position};
use crate::settings::Settings;

impl Place {
    /// Whether it follows its sender at this time.
    pub fn is_live(&self, now_ms: u64) -> bool {
        self.live
            .as_ref()
            .is_some_and(|live| !live.ended && now_ms < live.ends_at_ms)
    }

    /// Applies an action. The error is a sentence for the person, and changes nothing.
    pub fn act(
        &mut self,
        ctx: &Context,
        settings: &Settings,
        action: &str,
        value: &Value,
    ) -> Result<(), String> {
        let is_sender = !ctx.actor.is_empty() && ctx.actor == self.created_by;
        let is_plugin = ctx.actor_role == Role::Plugin;
        if self.live.is_none() {
            return Err("This place stays where it is.".to_owned());
        }
        match action {
            "move" if is_sender && !is_plugin => self.move_to(ctx, settings, value),
            "move" => Err("Only whoever shares their location moves it.".to_owned()),
            "stop" if is_sender || is_plugin || ctx.may_moderate() => {
                self.stop(ctx, settings, is_plugin)
            }
            "stop" => Err(
                "Only whoever shares their location and the channel's admins can stop it."
                    .to_owned(),
            ),
            other => Err(format!("A place knows `move` and `stop`, not `{other}`.")),
        }
    }

    fn move_to(&mut self, ctx: &Context, settings: &Settings, value: &Value) -> Result<(), String> {
        // Whether the timer has run or not.
        if !self.is_live(ctx.now_ms) {
            return Err("This live location has ended.".to_owned());
        }
        let position: Position = parse_json(&value.to_string()).map_err(|error| {
            format!("A move is `{{\"latitude\": 52.52, \"longitude\": 13.405}}`: {error}.")
        })?;
        let position = position.check()?;
        let Some(live) = &mut self.live else {
            return Ok(());
        };
        let next_ms = live.moved_at_ms + settings.move_seconds_min * 1000;
        if ctx.now_ms < next_ms {
            let left = (next_ms - ctx.now_ms).div_ceil(1000);
            return Err(format!("Too soon: move again in {left} s."));
        }
        live.moved_at_ms = ctx.now_ms;
        self.position = Some(position);
        Ok(())
    }

    fn stop(&mut self, ctx: &Context, settings: &Settings, is_plugin: bool) -> Result<(), String> {
        let Some(live) = &mut self.live else {
            return Ok(());
        };
        // The plugin's timer may come after a person.
        if live.ended && !is_plugin {
            return Err("This live location has ended already.".to_owned());
        }
        live.ended = true;
        live.ends_at_ms = live.ends_at_ms.min(ctx.now_ms);
        if !settings.keep_last_position {
            self.position = None;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use althing_plugin::prelude::{json, to_json};

    use super::*;
    use crate::place::NewPlace;

    const NOON: u64 = 1_795_176_000_000;

    fn by(user: &str, role: Role, now_ms: u64) -> Context {
        Context {
            actor: user.into(),
            actor_role: role,
            now_ms,
            ..Context::default()
        }
    }

    fn begin(data: Value) -> Result<(NewPlace, Place), String> {
        let new: NewPlace = parse_json(&data.to_string())?;
        new.begin(&by("alice", Role::Member, NOON), &Settings::default())
    }

    fn live() -> Place {
        begin(json!({"latitude": 1, "longitude": 2, "live_minutes": 15}))
            .unwrap()
            .1
    }

    fn act(place: &mut Place, ctx: &Context, action: &str, value: Value) -> Result<(), String> {
        place.act(ctx, &Settings::default(), action, &value)
    }

    #[test]
    fn only_its_sender_moves_it_and_not_too_often() {
        let (mut place, there) = (live(), json!({"latitude": 3, "longitude": 4}));
        let later = NOON + 10_000;
        for ctx in [
            by("bob", Role::Owner, later),
            by("", Role::Server, later),
            by("bot:place", Role::Plugin, later),
        ] {
            assert!(
                act(&mut place, &ctx, "move", there.clone())
                    .unwrap_err()
                    .contains("Only whoever")
            );
        }
        let soon = by("alice", Role::Member, NOON + 9_001);
        assert_eq!(
            act(&mut place, &soon, "move", there.clone()),
            Err("Too soon: move again in 1 s.".into())
        );
        let alice = by("alice", Role::Member, later);
        for value in [
            json!({"latitude": 91, "longitude": 0}),
            json!({"latitude": 1}),
            json!(null),
            json!({"latitude": 1, "longitude": 1, "label": "x"}),
        ] {
            assert!(act(&mut place, &alice, "move", value).is_err());
        }
        act(&mut place, &alice, "move", there.clone()).unwrap();
        assert_eq!(place.position.unwrap().latitude, 3.0);
        assert!(act(&mut place, &alice, "move", there.clone()).is_err());
        let late = by("alice", Role::Member, NOON + 900_000);
        assert!(
            act(&mut place, &late, "move", there)
                .unwrap_err()
                .contains("has ended")
        );
        let mut still = begin(json!({"latitude": 1, "longitude": 2})).unwrap().1;
        assert!(
            act(
                &mut still,
                &alice,
                "move",
                json!({"latitude": 1, "longitude": 1})
            )
            .is_err()
        );
    }

    #[test]
    fn nothing_is_left_when_it_has_ended() {
        let mut place = live();
        assert!(
            act(
                &mut place,
                &by("bob", Role::Member, NOON),
                "stop",
                json!(null)
            )
            .is_err()
        );
        act(
            &mut place,
            &by("alice", Role::Member, NOON + 5),
            "stop",
            json!(null),
        )
        .unwrap();
        assert_eq!(place.position, None);
        assert!(!to_json(&place).contains("latitude"));
        assert!(
            act(
                &mut place,
                &by("alice", Role::Member, NOON + 6),
                "stop",
                json!(null)
            )
            .is_err()
        );
        act(
            &mut place,
            &by("bot:place", Role::Plugin, NOON + 900_000),
            "stop",
            json!(null),
        )
        .unwrap();
        assert_eq!(place.live.as_ref().unwrap().ends_at_ms, NOON + 5);
        for who in [by("bob", Role::Admin, NOON), by("", Role::Server, NOON)] {
            act(&mut live(), &who, "stop", json!(null)).unwrap();
        }
        let keeps = Settings {
            keep_last_position: true,
            ..Settings::default()
        };
        let mut place = live();
        place
            .act(
                &by("alice", Role::Member, NOON),
                &keeps,
                "stop",
                &json!(null),
            )
            .unwrap();
        assert!(place.position.is_some() && !place.is_live(NOON));
    }
}
