//! The rules of who may do what in a channel: pure functions of roles, decided within the
//! transaction that applies them.

use crate::error::{Code, Error, Result};
use crate::model::Role;
use crate::store::proof::Standing;
use crate::store::{Asker, SeatChange};

/// What somebody with this standing may do; the names that clients see as `own_capabilities`.
pub fn capabilities(standing: Option<&Standing>, kind: &str) -> Vec<&'static str> {
    let Some(standing) = standing else {
        return Vec::new();
    };
    let mut may = vec!["read", "send"];
    if !matches!(kind, "direct" | "side") {
        may.push("send-private");
        let rank = match standing {
            Standing::Participant(Role::Member) | Standing::Plugin(_) => 0,
            Standing::Participant(Role::Admin) => 1,
            Standing::Participant(Role::Owner) => 2,
            Standing::Backend => 3,
        };
        if matches!(standing, Standing::Participant(_)) {
            may.push("leave");
        }
        if rank >= 1 {
            may.extend(["add-members", "remove-members", "delete-any-message"]);
        }
        if rank >= 2 {
            may.extend([
                "set-roles",
                "transfer-ownership",
                "update-channel",
                "delete-channel",
            ]);
        }
    }
    may
}

/// Adding somebody, or giving a role (`None`: whatever it is, else member).
///
/// A participant who is an admin or the owner adds members; the owner alone makes and unmakes
/// admins. Ownership is not a role to be given: it is transferred.
pub fn set_seat(wanted: Option<Role>, asker: Asker, seat: Option<Role>) -> Result<SeatChange> {
    if wanted == Some(Role::Owner) {
        return Err(Error::invalid(
            "role",
            "ownership is transferred, not given: use the channel's owner route",
        ));
    }
    let rank = rank(asker);
    match (seat, wanted) {
        (None, wanted) => {
            let role = wanted.unwrap_or(Role::Member);
            match role {
                Role::Admin if rank < 2 => Err(Error::forbidden("Only the owner makes admins.")),
                _ if rank < 1 => Err(Error::forbidden("Only admins and the owner add members.")),
                role => Ok(SeatChange::Add(role)),
            }
        }
        (Some(_), None) => Ok(SeatChange::Keep),
        (Some(now), Some(wanted)) if now == wanted => Ok(SeatChange::Keep),
        (Some(Role::Owner), Some(_)) => Err(Error::forbidden(
            "The owner's role changes only by a transfer.",
        )),
        (Some(_), Some(_)) if rank < 2 => {
            Err(Error::forbidden("Only the owner makes and unmakes admins."))
        }
        (Some(_), Some(wanted)) => Ok(SeatChange::Set(wanted)),
    }
}

/// Removing somebody, or leaving.
///
/// Everybody may leave. An admin or the owner removes members; an admin is first made a member by
/// the owner.
pub fn remove_seat(asker: Asker, seat: Option<Role>) -> Result<SeatChange> {
    if matches!(asker, Asker::Participant { own: true, .. }) {
        return Ok(SeatChange::Remove);
    }
    let Some(role) = seat else {
        return Err(Error::not_found("participant"));
    };
    match (rank(asker), role) {
        (3, _) => Ok(SeatChange::Remove),
        (0, _) => Err(Error::forbidden(
            "Only admins and the owner remove members.",
        )),
        (_, Role::Member) => Ok(SeatChange::Remove),
        (_, Role::Admin) => Err(Error::forbidden(
            "An admin can't be removed; the owner can make it a member first.",
        )),
        (_, Role::Owner) => Err(Error::forbidden("The owner can't be removed.")),
    }
}

/// Handing the channel over.
pub fn transfer(asker: Asker, seat: Option<Role>) -> Result<SeatChange> {
    if rank(asker) < 2 {
        return Err(Error::forbidden("Only the owner hands the channel over."));
    }
    match seat {
        None => Err(Error::new(
            Code::Conflict,
            "The new owner must be a participant first.",
        )),
        Some(Role::Owner) => Ok(SeatChange::Keep),
        Some(_) => Ok(SeatChange::Transfer),
    }
}

fn rank(asker: Asker) -> u8 {
    match asker {
        Asker::Backend => 3,
        Asker::Participant {
            role: Role::Owner, ..
        } => 2,
        Asker::Participant {
            role: Role::Admin, ..
        } => 1,
        Asker::Participant {
            role: Role::Member, ..
        } => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asker(role: Role) -> Asker {
        Asker::Participant { role, own: false }
    }

    const ROLES: [Role; 3] = [Role::Member, Role::Admin, Role::Owner];

    #[test]
    fn who_adds_whom() {
        let may = |who, wanted| set_seat(wanted, who, None).is_ok();
        assert!(!may(asker(Role::Member), None));
        assert!(may(asker(Role::Admin), None) && may(asker(Role::Admin), Some(Role::Member)));
        assert!(!may(asker(Role::Admin), Some(Role::Admin)));
        assert!(
            may(asker(Role::Owner), Some(Role::Admin)) && may(Asker::Backend, Some(Role::Admin))
        );
        assert!(
            ROLES
                .into_iter()
                .all(|who| !may(asker(who), Some(Role::Owner)))
        );
    }

    #[test]
    fn only_the_owner_makes_and_unmakes_admins() {
        for who in [Role::Member, Role::Admin] {
            assert!(set_seat(Some(Role::Admin), asker(who), Some(Role::Member)).is_err());
            assert!(set_seat(Some(Role::Member), asker(who), Some(Role::Admin)).is_err());
        }
        assert_eq!(
            set_seat(Some(Role::Member), asker(Role::Owner), Some(Role::Admin)).unwrap(),
            SeatChange::Set(Role::Member)
        );
        assert!(set_seat(Some(Role::Member), Asker::Backend, Some(Role::Owner)).is_err());
        assert_eq!(
            set_seat(None, asker(Role::Admin), Some(Role::Admin)).unwrap(),
            SeatChange::Keep
        );
    }

    #[test]
    fn who_removes_whom() {
        let may = |who, whom| remove_seat(who, Some(whom)).is_ok();
        for whom in ROLES {
            assert!(!may(asker(Role::Member), whom));
            assert_eq!(may(asker(Role::Admin), whom), whom == Role::Member);
            assert_eq!(may(asker(Role::Owner), whom), whom == Role::Member);
            assert!(may(Asker::Backend, whom));
            assert!(
                may(
                    Asker::Participant {
                        role: whom,
                        own: true
                    },
                    whom
                ),
                "everybody may leave"
            );
        }
    }

    #[test]
    fn only_the_owner_transfers_and_only_to_a_participant() {
        assert!(transfer(asker(Role::Admin), Some(Role::Member)).is_err());
        assert!(transfer(asker(Role::Owner), None).is_err());
        assert_eq!(
            transfer(asker(Role::Owner), Some(Role::Member)).unwrap(),
            SeatChange::Transfer
        );
    }
}
