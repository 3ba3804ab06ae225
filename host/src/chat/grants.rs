//! What a tenant grants a plugin, and what is missing. A permission that names places (`http` hosts,
//! `public-routes` paths) is granted place by place, so that what a later version asks for on top is
//! not granted by it.

use super::outside::HOST_GRANT;
use crate::address::ANYWHERE;
use crate::error::{Code, Error, FieldFault, Result};
use crate::plugins::{Grants, Inspection, Manifest, Permission, PermissionRequest};
use crate::store::Version;
use crate::wire;

/// What a grant of a path begins with: `public-routes:/hook`.
pub(super) const PATH_GRANT: &str = "public-routes:";

/// The permissions that are granted, in full or in part.
pub(super) fn granted(names: &[String]) -> Result<Grants> {
    let mut grants = Grants::default();
    for (at, name) in names.iter().enumerate() {
        let whole = match place_in(name) {
            Some((permission, _)) => Some(permission),
            None => Permission::from_name(name),
        };
        let permission = whole.ok_or_else(|| {
            Error::invalid(
                format!("grants[{at}]"),
                "is no permission that this host knows",
            )
        })?;
        grants.insert(permission);
    }
    Ok(grants)
}

/// The place that a grant is for.
fn place_in(grant: &str) -> Option<(Permission, &str)> {
    let host = || Some((Permission::Http, grant.strip_prefix(HOST_GRANT)?));
    let path = || Some((Permission::PublicRoutes, grant.strip_prefix(PATH_GRANT)?));
    host().or_else(path)
}

/// The places that a request names.
fn places(asked: &PermissionRequest) -> &[String] {
    match asked.name {
        Permission::Http => &asked.hosts,
        Permission::PublicRoutes => &asked.paths,
        _ => &[],
    }
}

/// The grants with one for each place in the stead of those for all of them.
pub(super) fn place_by_place(manifest: &Manifest, grants: Vec<String>) -> Vec<String> {
    let mut settled: Vec<String> = Vec::new();
    for grant in grants {
        let asked = Permission::from_name(&grant).and_then(|name| manifest.request(name));
        let some = match asked {
            Some(asked) if !places(asked).is_empty() => {
                let places = places(asked).iter();
                places.map(|place| format!("{grant}:{place}")).collect()
            }
            _ => vec![grant],
        };
        for grant in some {
            if !settled.contains(&grant) {
                settled.push(grant);
            }
        }
    }
    settled
}

/// Everything that a version asks for.
pub(super) fn all(manifest: &Manifest) -> Vec<String> {
    let names = manifest.permissions.iter();
    let names = names.map(|asked| asked.name.name().to_owned()).collect();
    place_by_place(manifest, names)
}

/// Whether a version asks for what a grant allows.
pub(super) fn asks_for(manifest: &Manifest, grant: &str) -> bool {
    match place_in(grant) {
        Some((permission, place)) => manifest
            .request(permission)
            .is_some_and(|asked| places(asked).iter().any(|known| known == place)),
        None => manifest
            .permissions
            .iter()
            .any(|asked| places(asked).is_empty() && asked.name.name() == grant),
    }
}

/// What an earlier version had, without what the tenant has taken from the one that runs since: what
/// that one asks for and does not have.
pub(super) fn still(had: Vec<String>, asked: &[wire::Permission], now: &[String]) -> Vec<String> {
    let is_asked = |grant: &String| match place_in(grant) {
        Some((permission, place)) => asked.iter().any(|asked| {
            let mut places = asked.hosts.iter().chain(&asked.paths);
            asked.name == permission.name() && places.any(|known| known == place)
        }),
        None => asked.iter().any(|asked| asked.name == *grant),
    };
    let still = had.into_iter();
    still
        .filter(|grant| now.contains(grant) || !is_asked(grant))
        .collect()
}

/// Refuses grants that are not asked for, and those without which the version can't run. `unseen` is
/// what it sees and was not consented to.
pub(super) fn check(
    inspection: &Inspection,
    names: &[String],
    unseen: Vec<wire::Permission>,
) -> Result<()> {
    let given = granted(names)?;
    if let Some(extra) = names
        .iter()
        .find(|name| !asks_for(&inspection.manifest, name))
    {
        let message = format!("the plugin does not ask for `{extra}`");
        return Err(Error::invalid("grants", message));
    }
    let missing = inspection.needed.without(given);
    let asked = described(inspection).into_iter();
    let is_missing = |asked: &wire::Permission| missing.iter().any(|one| one.name() == asked.name);
    let missing: Vec<_> = asked.filter(is_missing).collect();
    let mut detail = Vec::new();
    if !missing.is_empty() {
        let names = quoted(&missing);
        detail.push(format!(
            "The plugin needs {names}, which it was not granted."
        ));
    }
    if !unseen.is_empty() {
        let names = quoted(&unseen);
        detail.push(format!(
            "This version sees what the one that runs does not, and nobody has consented to it yet: {names}."
        ));
    }
    if detail.is_empty() {
        return Ok(());
    }
    let faults = missing.iter().chain(&unseen).map(fault).collect();
    Err(Error::new(Code::GrantMissing, detail.join(" ")).with_fields(faults))
}

fn quoted(asked: &[wire::Permission]) -> String {
    let names: Vec<_> = asked.iter().map(|one| format!("`{}`", one.name)).collect();
    names.join(", ")
}

fn fault(asked: &wire::Permission) -> FieldFault {
    let what_for = match asked.reason.as_str() {
        "" => String::new(),
        reason => format!(" What for: {reason}"),
    };
    FieldFault {
        field: format!("grants.{}", asked.name),
        message: format!("is missing. {}{what_for}", in_words(asked)),
    }
}

fn in_words(asked: &wire::Permission) -> String {
    let places: Vec<&str> = asked
        .hosts
        .iter()
        .chain(&asked.paths)
        .map(String::as_str)
        .collect();
    match places.is_empty() {
        true => asked.allows.clone(),
        false => format!("{} ({})", asked.allows, places.join(", ")),
    }
}

/// What is asked for beyond what is granted; of places, those that are not.
pub(super) fn beyond(asked: Vec<wire::Permission>, grants: &[String]) -> Vec<wire::Permission> {
    let mut wanted = Vec::new();
    for mut asked in asked {
        let is_granted = |place: &String| grants.contains(&format!("{}:{place}", asked.name));
        let (hosts, paths): (Vec<_>, Vec<_>) = (
            asked
                .hosts
                .iter()
                .filter(|host| !is_granted(host))
                .cloned()
                .collect(),
            asked
                .paths
                .iter()
                .filter(|path| !is_granted(path))
                .cloned()
                .collect(),
        );
        let names_places = !asked.hosts.is_empty() || !asked.paths.is_empty();
        let is_wanted = match names_places {
            true => !hosts.is_empty() || !paths.is_empty(),
            false => !grants.contains(&asked.name),
        };
        if is_wanted {
            // Some of it granted is enough to run.
            asked.required &= (asked.hosts.len(), asked.paths.len()) == (hosts.len(), paths.len());
            (asked.hosts, asked.paths) = (hosts, paths);
            wanted.push(asked);
        }
    }
    wanted
}

/// What a version asks for, as it was kept when it was uploaded.
pub(super) fn asked(version: &Version) -> Vec<wire::Permission> {
    serde_json::from_str(&version.permissions).unwrap_or_default()
}

/// What a version asks for, as its tenant reads it.
pub(super) fn described(inspection: &Inspection) -> Vec<wire::Permission> {
    let permission = |asked: &PermissionRequest| wire::Permission {
        name: asked.name.name().to_owned(),
        reason: asked.reason.clone(),
        allows: allows_as_asked(asked).to_owned(),
        required: inspection.needed.contains(asked.name),
        hosts: asked.hosts.clone(),
        paths: asked.paths.clone(),
        secrets: asked
            .secrets
            .iter()
            .map(|(name, hosts)| wire::SecretUse {
                name: name.clone(),
                hosts: hosts.clone(),
            })
            .collect(),
    };
    let asked = inspection.manifest.permissions.iter();
    asked.map(permission).collect()
}

/// What is allowed by granting what a plugin asks for, in words for those who grant it.
fn allows_as_asked(asked: &PermissionRequest) -> &'static str {
    if asked.name == Permission::Http && asked.hosts.iter().any(|host| host == ANYWHERE) {
        "Send what it knows to any public address on the internet."
    } else {
        allows(asked.name)
    }
}

/// What a permission allows, in those words; `http` with hosts that are named.
pub(crate) fn allows(asked: Permission) -> &'static str {
    match asked {
        Permission::Kv => "Keep small values of its own between calls.",
        Permission::Counters => "Count how often something happens within a time.",
        Permission::ChatRead => {
            "Read the messages, participants and users of every channel of the app."
        }
        Permission::ChatWrite => {
            "Post messages by its bot user in every channel, and change or delete those."
        }
        Permission::ChatModerate => "Delete anybody's messages.",
        Permission::ChatAttach => "Show blocks of its own below anybody's messages.",
        Permission::Timers => "Do something at a later time.",
        Permission::PublicRoutes => {
            "Answer requests of anybody, without a key or token, at the routes named."
        }
        Permission::Http => {
            "Send what it knows to the hosts named, with the secrets that you enter for them."
        }
    }
}
