//! Lets a new channel begin with so many people and no more, and nobody but the app's backend make
//! admins.

use althing_plugin::prelude::*;
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(default)]
struct Settings {
    seats: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { seats: 10 }
    }
}

struct House;

impl MembershipGuard for House {
    fn before_seat(ctx: &Context, seat: Seat) -> Result<(), Rejection> {
        if seat.after == Role::Admin && ctx.actor_role != Role::Server {
            return Err(Rejection::new("no_admins", "Admins are made elsewhere."));
        }
        Ok(())
    }

    fn before_create(_ctx: &Context, _channel: &str, seats: Vec<Seat>) -> Result<(), Rejection> {
        let settings: Settings = config();
        fits(&settings, seats.len())
    }
}

fn fits(settings: &Settings, people: usize) -> Result<(), Rejection> {
    if people <= settings.seats {
        return Ok(());
    }
    let sentence = format!("A new channel has {} seats.", settings.seats);
    Err(Rejection::new("full", sentence))
}

althing_plugin::plugin!(House: MembershipGuard, manifest = "plugin.toml");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_people() {
        let settings = Settings { seats: 2 };
        assert!(fits(&settings, 2).is_ok());
        assert_eq!(fits(&settings, 3).unwrap_err().reason, "A new channel has 2 seats.");
    }
}
