//! `/here 52.52,13.405 The office`: reading it.

use crate::place::NewPlace;

/// What to write, for those who didn't.
pub const USAGE: &str = "Say where: `/here 52.52,13.405 The office`. That is the latitude, the longitude \
    and, if you like, what is there. A `geo:` address does, too.";

/// Reads what follows `/here`. The error is a sentence.
pub fn parse(text: &str) -> Result<NewPlace, String> {
    let text = text.trim();
    let text = text.strip_prefix("geo:").unwrap_or(text);
    // `52.52, 13.405`, as maps write it, is `52.52,13.405`.
    let (latitude, rest) = text.split_once(',').ok_or(USAGE)?;
    let rest = rest.trim_start();
    let (longitude, label) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    // What a `geo:` address says beyond the place: its height, its accuracy.
    let longitude = longitude.split([';', ',']).next().unwrap_or_default();
    let number = |text: &str| {
        let plain = text
            .bytes()
            .all(|byte| byte.is_ascii_digit() || b"+-.".contains(&byte));
        text.parse::<f64>().ok().filter(|_| plain).ok_or(USAGE)
    };
    Ok(NewPlace {
        latitude: Some(number(latitude.trim())?),
        longitude: Some(number(longitude)?),
        label: label.trim().to_owned(),
        ..NewPlace::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coordinates_and_what_is_there() {
        let read = |text: &str| {
            let place = parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            (
                place.latitude.unwrap(),
                place.longitude.unwrap(),
                place.label,
            )
        };
        assert_eq!(
            read("52.52,13.405 The office"),
            (52.52, 13.405, "The office".into())
        );
        assert_eq!(read("52.52, -13"), (52.52, -13.0, String::new()));
        assert_eq!(read("geo:1.5,2.5,30;u=35 Peak"), (1.5, 2.5, "Peak".into()));
        for text in [
            "",
            "the office",
            "52.52",
            "52.52,x",
            "NaN,1",
            "1,inf",
            "1e3,1",
            "1,,2",
            "1 2,3",
        ] {
            assert_eq!(parse(text), Err(USAGE.to_owned()), "{text}");
        }
    }
}
