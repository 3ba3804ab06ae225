//! Lets nobody in who has not accepted the terms. The app keeps that in the user's `custom` data.

use althing_plugin::prelude::*;
use serde::Deserialize;

#[derive(Deserialize)]
struct User {
    #[serde(default)]
    custom: Custom,
}

#[derive(Default, Deserialize)]
struct Custom {
    #[serde(default)]
    terms_accepted: bool,
}

struct Door;

impl SessionGuard for Door {
    fn before_connect(_ctx: &Context, user: &str) -> Result<(), Rejection> {
        if has_accepted(user) {
            return Ok(());
        }
        Err(Rejection::new("terms", "Please accept the terms first."))
    }
}

fn has_accepted(user: &str) -> bool {
    parse_json::<User>(user).is_ok_and(|user| user.custom.terms_accepted)
}

althing_plugin::plugin!(Door: SessionGuard, manifest = "plugin.toml");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_said_is_not_accepted() {
        assert!(has_accepted(r#"{"custom":{"terms_accepted":true}}"#));
        assert!(!has_accepted(r#"{"custom":{"terms_accepted":false}}"#));
        assert!(!has_accepted(r#"{"custom":{}}"#));
        assert!(!has_accepted(r#"{"custom":{"terms_accepted":"yes"}}"#));
    }
}
