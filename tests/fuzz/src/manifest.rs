//! A manifest is refused or says the same when it is written down and read again. Settings that are
//! taken once are taken again as they were kept, and hold no secret.
//!
//! An input is a manifest and, after a line of three dashes, settings.

use althing::plugins::{Manifest, Settings, parse_manifest};
use serde_json::{Map, Value, json};

/// Reads a manifest, and checks settings against it.
pub fn run(bytes: &[u8]) {
    let (manifest, settings) = split(bytes);
    let Ok(manifest) = parse_manifest(manifest) else {
        return;
    };
    let written = toml::to_string(&document(&manifest)).expect("a manifest is TOML");
    match parse_manifest(written.as_bytes()) {
        Ok(again) => assert_eq!(again, manifest, "{written}"),
        Err(refusal) => panic!("{refusal}\n{written}"),
    }
    check_defaults(&manifest);
    if let Ok(settings) = serde_json::from_slice(settings) {
        check_settings(&manifest, settings);
    }
}

fn split(bytes: &[u8]) -> (&[u8], &[u8]) {
    const BETWEEN: &[u8] = b"\n---\n";
    match bytes
        .windows(BETWEEN.len())
        .position(|window| window == BETWEEN)
    {
        Some(at) => (&bytes[..at + 1], &bytes[at + BETWEEN.len()..]),
        None => (bytes, b"{}"),
    }
}

/// Where nothing must be set, nothing need be.
fn check_defaults(manifest: &Manifest) {
    let says = |keyword| manifest.config.contains_key(keyword);
    if says("required") || says("enum") {
        return;
    }
    if let Err(faults) = manifest.complete_config(json!({}), |_| false) {
        panic!("the defaults don't fit: {faults:?}");
    }
}

fn check_settings(manifest: &Manifest, settings: Value) {
    let complete = |settings: Value, kept: bool| manifest.complete_config(settings, |_| kept);
    let Ok(taken) = complete(settings.clone(), false) else {
        return;
    };
    let plain = taken.plain.as_object().expect("settings are an object");
    for secret in manifest.secrets() {
        assert!(!plain.contains_key(secret), "`{secret}` is in the settings");
    }
    // With the secrets that were kept there is less to ask for.
    assert_eq!(complete(settings, true).as_ref(), Ok(&taken));
    // As they were kept, they are taken again: at the next start, and by the next version.
    let again = complete(taken.plain.clone(), true).map(|again| again.plain);
    assert_eq!(again.as_ref(), Ok(&taken.plain));
    let given = complete(with_secrets(&taken), false);
    assert_eq!(given.as_ref(), Ok(&taken));
}

fn with_secrets(settings: &Settings) -> Value {
    let mut all = settings.plain.clone();
    for (name, secret) in &settings.secrets {
        all[name] = secret.as_ref().map(|secret| secret.expose().clone()).into();
    }
    all
}

/// The manifest as an author would write it.
fn document(manifest: &Manifest) -> Value {
    let Manifest {
        name,
        version,
        title,
        description,
        events,
        permissions,
        commands,
        kinds,
        feeds,
        keep_instances,
        config,
    } = manifest;
    let permissions = permissions.iter().map(|asked| {
        json!({
            "name": asked.name.name(), "reason": asked.reason,
            "hosts": asked.hosts, "secrets": asked.secrets, "paths": asked.paths,
        })
    });
    let commands = commands.iter().map(|command| {
        json!({
            "name": command.name, "usage": command.usage, "description": command.description,
        })
    });
    let kinds = kinds
        .iter()
        .map(|kind| json!({ "name": kind.name, "title": kind.title }));
    let feeds = feeds
        .iter()
        .map(|feed| json!({ "name": feed.name, "title": feed.title, "kinds": feed.kinds }));
    let mut document = json!({
        "name": name, "version": version, "title": title, "description": description,
        "events": events, "keep_instances": keep_instances,
        "permissions": permissions.collect::<Vec<_>>(), "commands": commands.collect::<Vec<_>>(),
        "kinds": kinds.collect::<Vec<_>>(), "feeds": feeds.collect::<Vec<_>>(),
    });
    if *config != Map::new() {
        document["config"] = config.clone().into();
    }
    document
}
