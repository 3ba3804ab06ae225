//! A place: what may be in a new one, and what becomes of it. Of a live location the position is in
//! the private state alone, from which it can be taken away: a message's data stays as it was. So what a
//! guard has changed comes back without it, and such a location begins with its sender's first move.

use althing_plugin::{Context, Role};
use serde::{Deserialize, Serialize};

use crate::settings::Settings;

/// The name of the message kind.
pub const KIND: &str = "place";

const LABEL_CHARACTERS_MAX: usize = 100;
const ADDRESS_CHARACTERS_MAX: usize = 300;
const ACCURACY_M_MAX: f64 = 100_000.0;
const MINUTE_MS: u64 = 60_000;

/// Somewhere on Earth.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Position {
    /// Degrees of WGS 84, -90 to 90.
    pub latitude: f64,
    /// -180 to 180.
    pub longitude: f64,
    /// How far off it may be, in metres.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accuracy_m: Option<f64>,
}

/// The data of a new place, as its sender writes it; filled in, the message's data.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct NewPlace {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latitude: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub longitude: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accuracy_m: Option<f64>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub label: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub address: String,
    /// For how long it follows its sender.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub live_minutes: Option<u64>,
    /// When that is over; not for senders to say. Part of the data, as `created_by` is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_at_ms: Option<u64>,
    /// For whom the plugin posts it. Nobody else may say so. Part of the data, which guards may change and
    /// which is then looked at anew.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_by: Option<String>,
}

/// A place as it is now.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Place {
    pub created_by: String,
    /// `None` for a live location that has ended, or that nobody has moved yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<Position>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub label: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub address: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub live: Option<Live>,
}

/// What makes a place follow somebody.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Live {
    pub ends_at_ms: u64,
    pub moved_at_ms: u64,
    pub ended: bool,
}

impl Position {
    /// Checks it, and rounds it to a tenth of a metre. The error is a sentence.
    pub fn check(self) -> Result<Position, String> {
        if !(-90.0..=90.0).contains(&self.latitude) {
            return Err("The latitude is -90 to 90 degrees.".to_owned());
        }
        if !(-180.0..=180.0).contains(&self.longitude) {
            return Err("The longitude is -180 to 180 degrees.".to_owned());
        }
        if self
            .accuracy_m
            .is_some_and(|metres| !(0.0..=ACCURACY_M_MAX).contains(&metres))
        {
            return Err(format!("The accuracy is 0 to {ACCURACY_M_MAX} metres."));
        }
        // Nobody wants to read `-0`.
        let round = |degrees: f64| (degrees * 1e6).round() / 1e6 + 0.0;
        Ok(Position {
            latitude: round(self.latitude),
            longitude: round(self.longitude),
            accuracy_m: self.accuracy_m,
        })
    }

    /// `geo:52.52,13.405` (RFC 5870), which phones open.
    pub fn uri(&self) -> String {
        let mut uri = format!("geo:{},{}", self.latitude, self.longitude);
        if let Some(metres) = self.accuracy_m {
            uri.push_str(&format!(";u={metres}"));
        }
        uri
    }
}

impl NewPlace {
    /// Checks it and makes the place that begins with it: the message's data, and what it is now. The
    /// error is a sentence for its sender.
    pub fn begin(
        mut self,
        ctx: &Context,
        settings: &Settings,
    ) -> Result<(NewPlace, Place), String> {
        let position = self.position()?;
        self.label = check_line("The label", &self.label, LABEL_CHARACTERS_MAX)?;
        self.address = check_line("The address", &self.address, ADDRESS_CHARACTERS_MAX)?;
        let live = match self.live_minutes {
            Some(minutes) => Some(self.live(ctx, settings, minutes)?),
            None if position.is_none() => {
                return Err("A place has a `latitude` and a `longitude`.".to_owned());
            }
            None if self.ends_at_ms.is_some() => {
                return Err("`ends_at_ms` is not for you to say.".to_owned());
            }
            None => None,
        };
        self.ends_at_ms = live.as_ref().map(|live| live.ends_at_ms);
        let kept = position.filter(|_| live.is_none());
        self.latitude = kept.map(|position| position.latitude);
        self.longitude = kept.map(|position| position.longitude);
        self.accuracy_m = kept.and_then(|position| position.accuracy_m);
        let place = Place {
            created_by: self.created_by.as_ref().unwrap_or(&ctx.actor).clone(),
            position,
            label: self.label.clone(),
            address: self.address.clone(),
            live,
        };
        Ok((self, place))
    }

    /// Where it is, if it says so.
    fn position(&self) -> Result<Option<Position>, String> {
        match (self.latitude, self.longitude, self.accuracy_m) {
            (Some(latitude), Some(longitude), accuracy_m) => {
                let position = Position {
                    latitude,
                    longitude,
                    accuracy_m,
                };
                position.check().map(Some)
            }
            (None, None, None) => Ok(None),
            _ => Err("A place has a `latitude` and a `longitude`.".to_owned()),
        }
    }

    fn live(&self, ctx: &Context, settings: &Settings, minutes: u64) -> Result<Live, String> {
        let most = settings.live_minutes_max;
        if most == 0 {
            return Err("Nobody shares where they are here.".to_owned());
        }
        if !(1..=most).contains(&minutes) {
            return Err(format!("A live location lasts 1 to {most} minutes."));
        }
        if ctx.actor.is_empty() || ctx.actor_role == Role::Plugin {
            return Err("A live location follows a person: name the user who sends it.".to_owned());
        }
        let latest_ms = ctx.now_ms + minutes * MINUTE_MS;
        let ends_at_ms = self.ends_at_ms.unwrap_or(latest_ms);
        if !(ctx.now_ms..=latest_ms).contains(&ends_at_ms) {
            return Err("`ends_at_ms` is not for you to say.".to_owned());
        }
        Ok(Live {
            ends_at_ms,
            // One that is nowhere yet may be moved at once.
            moved_at_ms: self.latitude.map_or(0, |_| ctx.now_ms),
            ended: false,
        })
    }
}

/// One line of text, perhaps empty, without space around it.
fn check_line(what: &str, text: &str, characters_max: usize) -> Result<String, String> {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let characters = text.chars().count();
    if characters > characters_max {
        return Err(format!(
            "{what} has {characters} characters; {characters_max} are the most."
        ));
    }
    if text.chars().any(char::is_control) {
        return Err(format!("{what} has control characters in it."));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use althing_plugin::prelude::{Value, json, parse_json};
    use proptest::prelude::*;

    use super::*;

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

    #[test]
    fn places_are_somewhere_on_earth() {
        let office = json!({"latitude": 52.520_006_6, "longitude": -0.000_000_1, "label": " The  office ",
            "address": "Main Street 1", "accuracy_m": 12});
        let (data, place) = begin(office).unwrap();
        let expected = json!({"latitude": 52.520007, "longitude": 0.0, "accuracy_m": 12.0,
            "label": "The office", "address": "Main Street 1"});
        assert_eq!(json!(data), expected);
        assert_eq!(place.position.unwrap().uri(), "geo:52.520007,0;u=12");
        for data in [
            json!({}),
            json!({"latitude": 1}),
            json!({"latitude": 90.1, "longitude": 0}),
            json!({"latitude": 0, "longitude": -180.01}),
            json!({"latitude": 0, "longitude": 0, "accuracy_m": -1}),
            json!({"latitude": 0, "longitude": 0, "label": "x".repeat(101)}),
            json!({"latitude": 0, "longitude": 0, "label": "a\u{7}"}),
            json!({"latitude": 0, "longitude": 0, "live_minutes": 0}),
            json!({"latitude": 0, "longitude": 0, "live_minutes": 481}),
            json!({"latitude": 0, "longitude": 0, "ends_at_ms": 1}),
            json!({"latitude": 0, "longitude": 0, "ends_at_ms": NOON + 1}),
            json!({"live_minutes": 1, "ends_at_ms": NOON - 1}),
            json!({"live_minutes": 1, "ends_at_ms": NOON + 60_001}),
            json!({"latitude": 0, "live_minutes": 1}),
            json!({"accuracy_m": 1, "live_minutes": 1}),
            json!({"label": "The office"}),
            json!({"latitude": "0", "longitude": 0}),
        ] {
            assert!(begin(data.clone()).is_err(), "{data}");
        }
        let nan = Position {
            latitude: f64::NAN,
            longitude: 0.0,
            accuracy_m: None,
        };
        assert!(nan.check().is_err());
    }

    #[test]
    fn the_data_of_a_live_location_has_no_position() {
        let (data, place) =
            begin(json!({"latitude": 1, "longitude": 2, "accuracy_m": 3, "live_minutes": 15}))
                .unwrap();
        assert_eq!(
            json!(data),
            json!({"live_minutes": 15, "ends_at_ms": NOON + 900_000})
        );
        assert!(
            place.position.is_some()
                && place.is_live(NOON + 899_999)
                && !place.is_live(NOON + 900_000)
        );
        let off = Settings {
            live_minutes_max: 0,
            ..Settings::default()
        };
        let new = || NewPlace {
            latitude: Some(1.0),
            longitude: Some(1.0),
            live_minutes: Some(1),
            ..NewPlace::default()
        };
        assert!(new().begin(&by("alice", Role::Member, NOON), &off).is_err());
        assert!(
            new()
                .begin(&by("", Role::Server, NOON), &Settings::default())
                .is_err()
        );
        assert!(
            new()
                .begin(&by("bot:place", Role::Plugin, NOON), &Settings::default())
                .is_err()
        );
    }

    #[test]
    fn what_a_guard_changes_of_a_live_location_begins_with_its_first_move() {
        let (mut data, _) =
            begin(json!({"latitude": 1, "longitude": 2, "live_minutes": 15, "label": "darn"}))
                .unwrap();
        data.label = "****".into();
        let (again, mut place) = begin(json!(data)).unwrap();
        assert_eq!(again, data);
        assert_eq!(
            (&place.position, place.is_live(NOON), place.label.as_str()),
            (&None, true, "****")
        );
        let mut move_to = |latitude: f64| {
            let alice = by("alice", Role::Member, NOON + 1);
            let there = json!({"latitude": latitude, "longitude": 4});
            place.act(&alice, &Settings::default(), "move", &there)
        };
        assert_eq!(move_to(3.0), Ok(()));
        assert!(move_to(5.0).unwrap_err().starts_with("Too soon"));
        assert_eq!(place.position.unwrap().uri(), "geo:3,4");
    }

    proptest! {
        #[test]
        fn any_numbers_are_a_place_or_refused(latitude in any::<f64>(), longitude in any::<f64>(), metres in any::<f64>()) {
            let position = Position { latitude, longitude, accuracy_m: Some(metres) };
            if let Ok(position) = position.check() {
                prop_assert!((-90.0..=90.0).contains(&position.latitude));
                prop_assert!((-180.0..=180.0).contains(&position.longitude));
                prop_assert_eq!(position.check(), Ok(position), "it stays where it is");
            }
        }
    }
}
