//! How a place is shown.

use althing_plugin::View;
use althing_plugin::blocks::{Block, button, heading, map, muted, text};
use althing_plugin::when::Clock;

use crate::place::{Place, Position};
use crate::settings::Settings;

/// Blocks with a map, and a text that says the same with a `geo:` address.
pub fn view(place: &Place, settings: &Settings) -> View {
    let clock = settings.clock(0);
    let title = title(place, &clock);
    let sender = Some(&place.created_by).filter(|user| !user.is_empty());
    let shown_title = heading(&title).users(sender);
    let shown_title = match &place.live {
        Some(live) => {
            shown_title.date_time(date_and_time(live.ends_at_ms, &clock), live.ends_at_ms)
        }
        None => shown_title,
    };
    let (mut words, mut shown) = (vec![title], vec![shown_title]);
    if !place.address.is_empty() {
        words.push(place.address.clone());
        shown.push(text(&place.address));
    }
    if let Some(position) = &place.position {
        words.push(position.uri());
        shown.push(pin(place, position));
        shown.push(muted(format!(
            "{}, {}",
            position.latitude, position.longitude
        )));
    }
    if place.live.as_ref().is_some_and(|live| !live.ended) {
        shown.push(button("Stop", "stop").for_users(sender).for_admins().into());
    }
    View::new(words.join("\n"), shown)
}

/// The map of a place.
pub fn pin(place: &Place, position: &Position) -> Block {
    let mut map = map(position.latitude, position.longitude);
    if let Some(metres) = position.accuracy_m {
        map = map.accuracy_m(metres);
    }
    match (place.label.as_str(), &place.live) {
        ("", None) => map.into(),
        ("", Some(_)) => {
            let user = place.created_by.as_str();
            map.label(format!("@{user}")).user(user).into()
        }
        (label, _) => map.label(label).into(),
    }
}

/// `📍 The office`, `📍 @alice, live until 2026-11-20 15:00 UTC`, `📍 @alice was here`
fn title(place: &Place, clock: &Clock) -> String {
    let label = place.label.as_str();
    let who = match place.created_by.as_str() {
        "" => String::new(),
        user => format!("@{user}"),
    };
    let named = |text: &str| match label {
        "" => format!("📍 {who} {text}"),
        label => format!("📍 {who} {text}: {label}"),
    };
    match &place.live {
        Some(live) if live.ended => named("has stopped sharing their location"),
        Some(live) => named(&format!(
            "shares their location until {}",
            date_and_time(live.ends_at_ms, clock)
        )),
        None if label.is_empty() && who.is_empty() => "📍 A place".to_owned(),
        None if label.is_empty() => format!("📍 A place, by {who}"),
        None => format!("📍 {label}"),
    }
}

/// `2026-11-20 17:00 Europe/Berlin`: the same words whenever they are read.
fn date_and_time(at_ms: u64, clock: &Clock) -> String {
    use althing_plugin::dates::{DAY_MS, date_of, day_of};
    let local = clock.zone().local(i64::try_from(at_ms).unwrap_or(i64::MAX));
    let minutes = local.rem_euclid(DAY_MS) / 60_000;
    let (date, zone) = (date_of(day_of(local)), clock.zone());
    format!("{date} {:02}:{:02} {zone}", minutes / 60, minutes % 60)
}

#[cfg(test)]
mod tests {
    use althing_plugin::prelude::{Value, json, parse_json};

    use super::*;
    use crate::place::Live;

    fn place() -> Place {
        Place {
            created_by: "alice".into(),
            position: Some(Position {
                latitude: 52.52,
                longitude: 13.405,
                accuracy_m: Some(8.0),
            }),
            label: "The office".into(),
            address: "Main Street 1".into(),
            live: None,
        }
    }

    #[test]
    fn a_place_has_a_map_and_an_address() {
        let view = view(&place(), &Settings::default());
        assert_eq!(
            view.text,
            "📍 The office\nMain Street 1\ngeo:52.52,13.405;u=8"
        );
        let blocks: Value = parse_json(&view.blocks).unwrap();
        let map = json!({"type": "map", "latitude": 52.52, "longitude": 13.405, "label": "The office",
            "accuracy_m": 8.0});
        assert_eq!(blocks[2], map);
        assert!(!view.blocks.contains("button"));
    }

    #[test]
    fn a_live_location_says_how_long_and_by_whom() {
        let mut place = place();
        place.label.clear();
        place.live = Some(Live {
            ends_at_ms: 1_795_176_000_000,
            moved_at_ms: 0,
            ended: false,
        });
        let settings = Settings {
            time_zone: "Europe/Berlin".into(),
            ..Settings::default()
        };
        let shown = view(&place, &settings);
        let blocks: Value = parse_json(&shown.blocks).unwrap();
        let alice = json!({"text": "@alice", "user": "alice"});
        let until = json!({"text": "2026-11-20 13:00 Europe/Berlin", "at": 1_795_176_000_000_u64,
            "show": "date_time"});
        assert_eq!(blocks[0]["marks"], json!([alice, until]));
        assert_eq!(blocks[2]["marks"], json!([alice]));
        assert_eq!(
            blocks[4]["for"],
            json!({"users": ["alice"], "role": "admin"})
        );
        let begin = "📍 @alice shares their location until 2026-11-20 13:00 Europe/Berlin\n";
        assert!(shown.text.starts_with(begin), "{}", shown.text);
        assert!(shown.blocks.contains("\"label\":\"@alice\"") && shown.blocks.contains("stop"));
        place.position = None;
        if let Some(live) = &mut place.live {
            live.ended = true;
        }
        let shown = view(&place, &settings);
        assert_eq!(
            shown.text,
            "📍 @alice has stopped sharing their location\nMain Street 1"
        );
        assert!(!shown.blocks.contains("map") && !shown.blocks.contains("button"));
    }
}
