//! Keys and signatures: who says that a component is their version of a plugin.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::Args;
use ring::rand::SystemRandom;
use ring::signature::Ed25519KeyPair;
use serde_json::json;

use super::check::check;
use super::read_component;
use crate::cli::failure::Failure;
use crate::cli::screen::{Screen, plain};
use crate::clock::{Clock, rfc3339};
use crate::plugins::{self, PublicKey};
use crate::secrets::{self, NoRandomness, Secret};

/// Where to put a key.
#[derive(Debug, Args)]
pub struct Keygen {
    /// The file for the private key; nobody but its owner may read it
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

/// What to sign.
#[derive(Debug, Args)]
pub struct Sign {
    /// The component
    #[arg(value_name = "FILE.wasm")]
    file: PathBuf,
    /// The private key, as `keygen` made it
    #[arg(long, value_name = "FILE")]
    key_file: PathBuf,
    /// Where to put the signed component; left out, it takes the place of the other
    #[arg(long, value_name = "FILE.wasm")]
    output: Option<PathBuf>,
}

/// Makes a key, and prints its public part.
pub fn keygen(screen: &mut Screen<'_>, keygen: &Keygen) -> Result<(), Failure> {
    let path = &keygen.file;
    let shown = plain(&path.display().to_string());
    if path.symlink_metadata().is_ok() {
        return Err(Failure::Usage(format!(
            "{shown} is there already; nothing was written"
        )));
    }
    let made = secrets::load_or_create(path, &SystemRandom::new(), |random| {
        let pair = Ed25519KeyPair::generate_pkcs8(random).map_err(|_| NoRandomness)?;
        Ok(Secret::new(STANDARD.encode(pair.as_ref())))
    });
    let pair = pair(
        &made.map_err(|error| Failure::Other(error.to_string()))?,
        path,
    )?;
    let key = PublicKey::of(&pair).ok_or_else(|| not_a_key(path))?;
    if screen.json {
        let document =
            json!({ "file": path.display().to_string(), "key": key.to_text(), "id": key.id() });
        return Ok(screen.print_json(&document)?);
    }
    screen.note(&format!(
        "Made the key {} in {shown}. Its public part, for those who are to trust it:",
        key.id()
    ))?;
    Ok(screen.print(&key.to_text())?)
}

fn pair(text: &Secret<String>, path: &Path) -> Result<Ed25519KeyPair, Failure> {
    let bytes = STANDARD
        .decode(text.expose())
        .map_err(|_| not_a_key(path))?;
    Ed25519KeyPair::from_pkcs8(&bytes).map_err(|_| not_a_key(path))
}

fn not_a_key(path: &Path) -> Failure {
    Failure::Usage(format!(
        "{}: not a key that `althing plugin keygen` made",
        plain(&path.display().to_string())
    ))
}

/// Signs a component that a host would take.
pub fn sign(screen: &mut Screen<'_>, sign: &Sign) -> Result<(), Failure> {
    let bytes = read_component(&sign.file)?;
    let key = secrets::load(&sign.key_file).map_err(|error| Failure::Usage(error.to_string()))?;
    let pair = pair(
        &key.ok_or_else(|| not_a_key(&sign.key_file))?,
        &sign.key_file,
    )?;
    let checked = check(screen, &bytes)?;
    let manifest = &checked.inspection.manifest;
    let at = rfc3339(Clock::System.now());
    let signed = plugins::sign(&bytes, manifest, &pair, at);
    let signed = signed.map_err(|refusal| Failure::Other(plain(&refusal.detail)))?;
    let output = sign.output.as_deref().unwrap_or(&sign.file);
    replace(output, &signed).map_err(|error| {
        let shown = plain(&output.display().to_string());
        Failure::Other(format!("{shown}: can't be written: {error}"))
    })?;
    let id = PublicKey::of(&pair).map_or_else(String::new, PublicKey::id);
    let digest = plugins::Digest::of(&signed).to_string();
    if screen.json {
        let document =
            json!({ "file": output.display().to_string(), "key_id": id, "digest": digest });
        return Ok(screen.print_json(&document)?);
    }
    screen.print(&plain(&output.display().to_string()))?;
    Ok(screen.note(&format!(
        "\nSigned {} {} with the key {id}.",
        plain(&manifest.name),
        plain(&manifest.version)
    ))?)
}

/// Whole or not at all.
fn replace(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let unfinished = path.with_extension(format!("{}.part", std::process::id()));
    let written = fs::File::create_new(&unfinished)
        .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(&unfinished, path));
    if written.is_err() {
        let _ = fs::remove_file(&unfinished);
    }
    written
}
