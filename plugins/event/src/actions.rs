//! What people may do with an event, and what becomes of it. Who may what stands in [`may`] alone.

use althing_plugin::{Context, Role, Value, json, parse_json, to_json};

use crate::answers::Answer;
use crate::event::Event;
use crate::new::NewEvent;
use crate::settings::Settings;

/// What the host keeps of a message's state, less what is left for answers and for luck.
const PLAN_BYTES_MAX: usize = 20_000;

/// All actions, as an error lists them.
const KNOWN: &str = "`answer`, `edit`, `skip`, `move`, `restore`, `cancel` and `revive`";

/// Whether the caller may do this with the event: everybody in the channel answers; who made it and
/// the channel's admins do the rest. The error is a sentence for the person.
pub fn may(ctx: &Context, event: &Event, action: &str) -> Result<(), String> {
    let is_somebody = !ctx.actor.is_empty() && ctx.actor_role != Role::Plugin;
    // The plugin has looked who typed the command that it follows.
    let is_plugin = ctx.actor_role == Role::Plugin;
    let is_maker = is_somebody && ctx.actor == event.created_by;
    let in_charge = ctx.may_moderate() || is_maker || is_plugin;
    match action {
        "answer" if is_somebody => Ok(()),
        "answer" => Err("Answers are for people: name the user on whose behalf you answer.".into()),
        "edit" | "skip" | "move" | "restore" | "cancel" | "revive" if in_charge => Ok(()),
        "edit" | "skip" | "move" | "restore" | "cancel" | "revive" => {
            Err("Only who made the event and the channel's admins can change it.".to_owned())
        }
        "forget" | "told" if is_plugin => Ok(()),
        other => Err(format!("An event knows {KNOWN}, not `{other}`.")),
    }
}

impl Event {
    /// Applies an action. The error is a sentence for the person, and changes nothing.
    pub fn act(
        &mut self,
        ctx: &Context,
        settings: &Settings,
        action: &str,
        value: &Value,
    ) -> Result<(), String> {
        may(ctx, self, action)?;
        let mut after = self.clone();
        after.apply(ctx, settings, action, value)?;
        *self = after;
        Ok(())
    }

    fn apply(
        &mut self,
        ctx: &Context,
        settings: &Settings,
        action: &str,
        value: &Value,
    ) -> Result<(), String> {
        let capacity = self.plan.capacity;
        match action {
            "answer" => return self.answer(ctx, value),
            "edit" => self.edit(ctx, settings, value)?,
            "skip" => self.skip(ctx, date(value)?)?,
            "move" => self.move_date(ctx, value)?,
            "restore" => self.restore(ctx, date(value)?)?,
            "cancel" if self.cancelled => return Err("The event is cancelled already.".to_owned()),
            "revive" if !self.cancelled => return Err("The event isn't cancelled.".to_owned()),
            "cancel" | "revive" => self.cancelled = action == "cancel",
            "forget" => {
                self.answers.forget(&users(value)?, capacity);
                return Ok(());
            }
            "told" => {
                self.answers.told(&users(value)?);
                return Ok(());
            }
            _ => unreachable!("`may` refuses what isn't known"),
        }
        if self.plan_bytes() > PLAN_BYTES_MAX {
            return Err("This event can't hold any more.".to_owned());
        }
        self.sequence = self.sequence.saturating_add(1);
        self.changed_ms = ctx.now_ms;
        Ok(())
    }

    fn answer(&mut self, ctx: &Context, value: &Value) -> Result<(), String> {
        let answer = match value {
            Value::Null => None,
            value => {
                let known = value.as_str().and_then(Answer::read);
                Some(known.ok_or("An answer is `yes`, `maybe` or `no`.")?)
            }
        };
        if self.cancelled {
            return Err("This event is cancelled.".to_owned());
        }
        if self
            .dates_after(ctx.now_ms, &self.plan.zone())
            .next()
            .is_none()
        {
            return Err("This event is over.".to_owned());
        }
        self.answers.set(&ctx.actor, answer, self.plan.capacity)
    }

    /// Puts what is given in place of what was; `null` takes a field away. All is checked as for a
    /// new event.
    fn edit(&mut self, ctx: &Context, settings: &Settings, value: &Value) -> Result<(), String> {
        let changes = value
            .as_object()
            .ok_or("A change is an object with what is to be another.")?;
        let mut data: Value = parse_json(&to_json(&self.plan.data()))?;
        let takes_length = changes.contains_key("starts") && !changes.contains_key("ends");
        for (field, change) in changes {
            match change {
                Value::Null => drop(data.as_object_mut().map(|data| data.remove(field))),
                change => data[field] = change.clone(),
            }
        }
        // Moved alone, it lasts as long as before.
        if takes_length {
            data["ends"] = json!(null);
        }
        let new: NewEvent = parse_json(&data.to_string())
            .map_err(|error| format!("This is no change of an event: {error}."))?;
        if new.created_by.is_some() {
            return Err("`created_by` is not for you to say.".to_owned());
        }
        let mut plan = new.check(settings, ctx.now_ms)?;
        if takes_length && plan.all_day == self.plan.all_day {
            plan.minutes = self.plan.minutes;
        }
        let times = |plan: &crate::event::Plan| {
            let repeat = plan.repeat.clone();
            (
                plan.start,
                plan.minutes,
                plan.all_day,
                plan.time_zone.clone(),
                repeat,
            )
        };
        let reminders = &plan.remind_minutes_before;
        if times(&plan) != times(&self.plan) || *reminders != self.plan.remind_minutes_before {
            self.planned_ms = ctx.now_ms;
        }
        let was_all_day = self.plan.all_day;
        self.plan = plan;
        self.fit_exceptions(was_all_day);
        self.answers.move_up(self.plan.capacity);
        Ok(())
    }

    /// What the state takes but for answers.
    fn plan_bytes(&self) -> usize {
        to_json(&(&self.plan, &self.skipped, &self.moved)).len()
    }
}

fn date(value: &Value) -> Result<&str, String> {
    let date = value.as_str();
    date.ok_or_else(|| "Which date? Such as `2026-12-04`.".to_owned())
}

fn users(value: &Value) -> Result<Vec<String>, String> {
    parse_json(&value.to_string()).map_err(|_| "Who? A list of users.".to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn by(user: &str, role: Role) -> Context {
        Context {
            actor: user.into(),
            actor_role: role,
            now_ms: 1_795_176_000_000,
            ..Context::default()
        }
    }

    fn event() -> Event {
        let data = r#"{"title": "Lunch", "starts": "2026-12-04T12:30", "ends": "2026-12-04T13:30",
            "time_zone": "Europe/Berlin", "repeat": {"frequency": "weekly"}, "capacity": 1}"#;
        let new: NewEvent = parse_json(data).unwrap();
        let ctx = by("alice", Role::Member);
        let plan = new.check(&Settings::default(), ctx.now_ms).unwrap();
        Event::new(&ctx, plan, "alice".into())
    }

    fn act(event: &mut Event, ctx: &Context, action: &str, value: Value) -> Result<(), String> {
        event.act(ctx, &Settings::default(), action, &value)
    }

    #[test]
    fn the_rules_by_person() {
        let deeds = [
            ("answer", json!("yes")),
            ("edit", json!({"title": "Dinner"})),
            ("skip", json!("2026-12-11")),
            ("move", json!({"date": "2026-12-11", "place": "Roma"})),
            ("cancel", json!(null)),
            ("forget", json!(["bob"])),
            ("told", json!(["bob"])),
        ];
        let allowed = |ctx: &Context| -> Vec<&str> {
            let fits =
                |deed: &&(&str, Value)| act(&mut event(), ctx, deed.0, deed.1.clone()).is_ok();
            deeds.iter().filter(fits).map(|deed| deed.0).collect()
        };
        assert_eq!(
            allowed(&by("alice", Role::Member)),
            ["answer", "edit", "skip", "move", "cancel"]
        );
        assert_eq!(
            allowed(&by("zoe", Role::Admin)),
            ["answer", "edit", "skip", "move", "cancel"]
        );
        assert_eq!(allowed(&by("bob", Role::Member)), ["answer"]);
        assert_eq!(
            allowed(&by("", Role::Server)),
            ["edit", "skip", "move", "cancel"]
        );
        let the_plugins = ["edit", "skip", "move", "cancel", "forget", "told"];
        assert_eq!(allowed(&by("bot:event", Role::Plugin)), the_plugins);
        assert!(allowed(&by("", Role::None)).is_empty());
    }

    #[test]
    fn a_change_is_checked_and_counted() {
        let mut event = event();
        let alice = by("alice", Role::Member);
        act(&mut event, &alice, "skip", json!("2026-12-11")).unwrap();
        act(
            &mut event,
            &alice,
            "edit",
            json!({"place": "Roma", "capacity": null}),
        )
        .unwrap();
        assert_eq!((event.sequence, event.skipped.len()), (2, 1));
        assert_eq!(
            (event.plan.place.as_str(), event.plan.capacity),
            ("Roma", None)
        );
        act(
            &mut event,
            &alice,
            "edit",
            json!({"starts": "2026-12-05T19:00"}),
        )
        .unwrap();
        assert_eq!(
            event.plan.minutes, 60,
            "moved alone, it lasts as long as before"
        );
        assert!(event.skipped.is_empty());
        let before = event.clone();
        for change in [
            json!({"starts": "soon"}),
            json!({"title": null}),
            json!({"colour": 1}),
            json!([]),
            json!(null),
            json!({"created_by": "bob"}),
            json!({"starts": "2020-01-01T10:00", "repeat": null}),
        ] {
            assert!(
                act(&mut event, &alice, "edit", change.clone()).is_err(),
                "{change}"
            );
        }
        assert_eq!(event, before);
        act(
            &mut event,
            &alice,
            "edit",
            json!({"ends": "2026-12-05T22:00"}),
        )
        .unwrap();
        assert_eq!(event.plan.minutes, 180);
    }

    #[test]
    fn what_is_left_out_stays_so_while_it_is_a_date() {
        let (mut event, alice) = (event(), by("alice", Role::Member));
        for date in ["2026-12-11", "2026-12-25"] {
            act(&mut event, &alice, "skip", json!(date)).unwrap();
        }
        let edit = |event: &mut Event, change: Value| {
            act(event, &alice, "edit", change).unwrap();
            let skipped = event.skipped.iter();
            skipped
                .map(|day| althing_plugin::dates::date_of(*day).to_string())
                .collect::<Vec<_>>()
        };
        let both = ["2026-12-11", "2026-12-25"];
        assert_eq!(edit(&mut event, json!({"ends": "2026-12-04T14:00"})), both);
        assert_eq!(
            edit(&mut event, json!({"starts": "2026-12-04T13:00"})),
            both
        );
        let until = |date: &str, interval: u32| json!({"repeat": {"frequency": "weekly", "interval": interval, "until": date}});
        assert_eq!(edit(&mut event, until("2027-03-01", 1)), both);
        // Every other Friday from the fourth on: the eleventh is none of them.
        assert!(edit(&mut event, until("2027-03-01", 2)).is_empty());
        act(&mut event, &alice, "skip", json!("2026-12-18")).unwrap();
        assert_eq!(edit(&mut event, until("2027-03-01", 1)), ["2026-12-18"]);
        assert!(edit(&mut event, until("2026-12-11", 1)).is_empty());
        act(&mut event, &alice, "skip", json!("2026-12-04")).unwrap();
        assert!(
            edit(&mut event, json!({"repeat": null})).is_empty(),
            "it has this date alone"
        );
    }

    #[test]
    fn a_cancelled_event_takes_no_answers() {
        let (mut event, alice) = (event(), by("alice", Role::Member));
        act(&mut event, &alice, "answer", json!("yes")).unwrap();
        act(&mut event, &alice, "cancel", json!(null)).unwrap();
        assert!(act(&mut event, &alice, "cancel", json!(null)).is_err());
        assert!(
            act(&mut event, &alice, "answer", json!("no"))
                .unwrap_err()
                .contains("cancelled")
        );
        act(&mut event, &alice, "revive", json!(null)).unwrap();
        act(&mut event, &alice, "answer", json!(null)).unwrap();
        assert!(event.answers.going.is_empty());
        let late = Context {
            now_ms: 4_000_000_000_000,
            ..alice.clone()
        };
        act(&mut event, &alice, "edit", json!({"repeat": null})).unwrap();
        assert!(
            act(&mut event, &late, "answer", json!("yes"))
                .unwrap_err()
                .contains("over")
        );
    }

    #[test]
    fn more_room_lets_people_in() {
        let (mut event, alice) = (event(), by("alice", Role::Member));
        for user in ["a", "b", "c"] {
            act(&mut event, &by(user, Role::Member), "answer", json!("yes")).unwrap();
        }
        act(&mut event, &alice, "edit", json!({"capacity": 2})).unwrap();
        assert_eq!(event.answers.moved_up, ["b"]);
        act(
            &mut event,
            &by("bot:event", Role::Plugin),
            "told",
            json!(["b"]),
        )
        .unwrap();
        act(
            &mut event,
            &by("bot:event", Role::Plugin),
            "forget",
            json!(["a"]),
        )
        .unwrap();
        assert_eq!(event.answers.going, ["b", "c"]);
    }

    proptest! {
        /// Whatever is sent: a refusal changes nothing.
        #[test]
        fn any_action_is_done_or_refused(
            action in prop::sample::select(vec!["answer", "edit", "skip", "move", "restore", "cancel", "revive", "told", "forget", "x"]),
            field in prop::sample::select(vec!["title", "starts", "ends", "time_zone", "repeat", "capacity", "remind_minutes_before", "date"]),
            text in "\\PC{0,30}", number in any::<i64>(), form in 0..5u8
        ) {
            let mut event = event();
            let before = event.clone();
            let value = match form {
                0 => json!(text),
                1 => json!(number),
                2 => json!({ field: text }),
                3 => json!({ field: number }),
                _ => json!([text]),
            };
            if act(&mut event, &by("alice", Role::Admin), action, value).is_err() {
                prop_assert_eq!(event, before);
            }
        }
    }
}
