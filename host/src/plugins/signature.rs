//! Signatures over components: who says that this is their version of a plugin. A signature is an
//! Ed25519 signature over a short statement, which holds the digest of the component without its
//! signatures; both lie in a custom section at the component's top, one section for each signature.
//! One that doesn't hold is refused; whether its key is to be trusted is for the tenant to say.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::digest::{SHA256, digest};
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use serde::{Deserialize, Serialize};
use wasmparser::BinaryReader;

use super::component::Digest;
use super::manifest::Manifest;
use super::refusal::Refusal;

/// The custom section that holds a signature.
const SECTION: &str = "althing:signature";
/// Comes before every statement, so that what is signed here is of no use elsewhere.
const PURPOSE: &[u8] = b"althing plugin signature 1\n";
/// The most signatures of a component.
const SIGNATURES_MAX: usize = 8;
/// The most bytes of one.
const SIGNATURE_BYTES_MAX: usize = 4 << 10;
/// A component's magic number, version and layer.
const HEADER_BYTES: usize = 8;

/// A public key, Ed25519.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PublicKey([u8; 32]);

impl PublicKey {
    /// From its 32 bytes in base64; none if it is something else.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = STANDARD.decode(text).ok()?;
        bytes.try_into().ok().map(Self)
    }

    /// That of a pair.
    pub fn of(pair: &Ed25519KeyPair) -> Option<Self> {
        pair.public_key().as_ref().try_into().ok().map(Self)
    }

    /// Its 32 bytes in base64.
    pub fn to_text(self) -> String {
        STANDARD.encode(self.0)
    }

    /// A short name: the beginning of its SHA-256, 16 hex digits.
    pub fn id(self) -> String {
        let hash = digest(&SHA256, &self.0);
        hash.as_ref()[..8]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }
}

/// A signature that holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// Whose it is.
    pub key: PublicKey,
    /// When it was made, in its maker's words: RFC 3339.
    pub signed_at: String,
}

/// What is signed. Unknown fields are refused: they might take back what the others say.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Statement {
    /// The SHA-256 of the component without its signatures, in hex.
    component: String,
    name: String,
    version: String,
    /// The public key, base64.
    key: String,
    signed_at: String,
}

/// A signature as it lies in its section.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Section {
    /// JSON text of a [`Statement`]: these bytes are signed.
    statement: String,
    /// Base64.
    signature: String,
}

/// A component taken apart: what it is without its signatures, and those.
struct Parts<'a> {
    rest: Vec<&'a [u8]>,
    signatures: Vec<&'a [u8]>,
}

/// Takes a component apart by the sections at its top. What lies deeper belongs to what is signed.
fn take_apart(bytes: &[u8]) -> Result<Parts<'_>, Refusal> {
    let broken = |_| invalid("The sections of the component can't be read.");
    let mut at = HEADER_BYTES.min(bytes.len());
    let mut rest = vec![&bytes[..at]];
    let mut signatures = Vec::new();
    while at < bytes.len() {
        let mut reader = BinaryReader::new(&bytes[at..], 0);
        let id = reader.read_u8().map_err(broken)?;
        let size = reader.read_var_u32().map_err(broken)? as usize;
        let content = reader.read_bytes(size).map_err(broken)?;
        let end = at + reader.original_position();
        match (id, signature_in(content)) {
            (0, Some(signature)) => signatures.push(signature),
            _ => rest.push(&bytes[at..end]),
        }
        at = end;
    }
    Ok(Parts { rest, signatures })
}

/// What is in a custom section, if it is one of ours.
fn signature_in(content: &[u8]) -> Option<&[u8]> {
    let mut reader = BinaryReader::new(content, 0);
    let name = reader.read_string().ok()?;
    (name == SECTION).then(|| &content[reader.original_position()..])
}

fn digest_of(parts: &Parts<'_>) -> Digest {
    Digest::of_parts(&parts.rest)
}

/// The signatures of a component, each key once, in the order of their sections.
///
/// # Errors
/// When one of them does not hold: the bytes were changed since, or it is of another plugin.
pub(super) fn read(bytes: &[u8], manifest: &Manifest) -> Result<Vec<Signature>, Refusal> {
    let parts = take_apart(bytes)?;
    if parts.signatures.is_empty() {
        return Ok(Vec::new());
    }
    if parts.signatures.len() > SIGNATURES_MAX {
        return Err(invalid(&format!(
            "The component has more than {SIGNATURES_MAX} signatures."
        )));
    }
    let component = digest_of(&parts).to_string();
    let mut found: Vec<Signature> = Vec::new();
    for section in parts.signatures {
        let signature = verify(section, &component, manifest)?;
        if found.iter().all(|known| known.key != signature.key) {
            found.push(signature);
        }
    }
    Ok(found)
}

fn verify(section: &[u8], component: &str, manifest: &Manifest) -> Result<Signature, Refusal> {
    let unreadable = || invalid("A signature of the component can't be read.");
    if section.len() > SIGNATURE_BYTES_MAX {
        return Err(unreadable());
    }
    let section: Section = serde_json::from_slice(section).map_err(|_| unreadable())?;
    let statement: Statement =
        serde_json::from_str(&section.statement).map_err(|_| unreadable())?;
    let key = PublicKey::parse(&statement.key).ok_or_else(unreadable)?;
    let signature = STANDARD
        .decode(&section.signature)
        .map_err(|_| unreadable())?;
    let signed = [PURPOSE, section.statement.as_bytes()].concat();
    UnparsedPublicKey::new(&ED25519, key.0)
        .verify(&signed, &signature)
        .map_err(|_| {
            invalid(&format!(
                "The signature of the key {} is not its own.",
                key.id()
            ))
        })?;
    if statement.component != component {
        return Err(invalid(&format!(
            "The component was changed after it was signed with the key {}.",
            key.id()
        )));
    }
    if statement.name != manifest.name || statement.version != manifest.version {
        return Err(invalid(&format!(
            "The signature of the key {} is for another plugin or version.",
            key.id()
        )));
    }
    let is_time = chrono::DateTime::parse_from_rfc3339(&statement.signed_at).is_ok();
    if !is_time || statement.signed_at.len() > 40 {
        return Err(unreadable());
    }
    Ok(Signature {
        key,
        signed_at: statement.signed_at,
    })
}

/// Adds a signature to a component, in the place of an earlier one of the same key. `signed_at` is
/// RFC 3339.
///
/// # Errors
/// For bytes that are no component with a manifest, and one that has too many signatures.
pub fn sign(
    bytes: &[u8],
    manifest: &Manifest,
    pair: &Ed25519KeyPair,
    signed_at: String,
) -> Result<Vec<u8>, Refusal> {
    let key = PublicKey::of(pair).ok_or_else(|| invalid("The key is not an Ed25519 key."))?;
    let parts = take_apart(bytes)?;
    let component = digest_of(&parts).to_string();
    let mut signed = parts.rest.concat();
    let mut sections: Vec<Vec<u8>> = Vec::new();
    for section in parts.signatures {
        if verify(section, &component, manifest)?.key != key {
            sections.push(section.to_vec());
        }
    }
    let statement = Statement {
        component,
        name: manifest.name.clone(),
        version: manifest.version.clone(),
        key: key.to_text(),
        signed_at,
    };
    let statement = serde_json::to_string(&statement)
        .map_err(|_| invalid("The statement can't be written."))?;
    let signature = pair.sign(&[PURPOSE, statement.as_bytes()].concat());
    let section = Section {
        statement,
        signature: STANDARD.encode(signature),
    };
    sections.push(
        serde_json::to_vec(&section).map_err(|_| invalid("The signature can't be written."))?,
    );
    if sections.len() > SIGNATURES_MAX {
        return Err(invalid(&format!(
            "A component has at most {SIGNATURES_MAX} signatures."
        )));
    }
    for section in sections {
        let mut content = var_u32(SECTION.len());
        content.extend_from_slice(SECTION.as_bytes());
        content.extend_from_slice(&section);
        signed.push(0);
        signed.extend(var_u32(content.len()));
        signed.extend(content);
    }
    Ok(signed)
}

/// A number as WebAssembly writes it: seven bits a byte, the lowest first.
fn var_u32(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = (number & 0x7f) as u8;
        number >>= 7;
        if number == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}

fn invalid(detail: &str) -> Refusal {
    Refusal::new("plugin_signature_invalid", detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A component's header and two custom sections.
    fn bytes() -> Vec<u8> {
        let mut bytes = b"\0asm\x0d\0\x01\0".to_vec();
        bytes.extend_from_slice(b"\0\x03\x01ax\0\x03\x01by");
        bytes
    }

    fn section(content: &[u8]) -> Vec<u8> {
        let mut body = var_u32(SECTION.len());
        body.extend_from_slice(SECTION.as_bytes());
        body.extend_from_slice(content);
        [&[0][..], &var_u32(body.len()), &body].concat()
    }

    #[test]
    fn what_is_signed_is_everything_but_the_signatures() {
        let plain = bytes();
        let whole = digest_of(&take_apart(&plain).unwrap());
        assert_eq!(whole, Digest::of(&plain));
        for at in [8, 13, 18] {
            let long = section(&[b'x'; 300]);
            let signed = [&plain[..at], &long, &plain[at..]].concat();
            let parts = take_apart(&signed).unwrap();
            assert_eq!(digest_of(&parts), whole, "at {at}");
            assert_eq!(parts.signatures, [&[b'x'; 300]]);
        }
        let swapped = [&plain[..8], &plain[13..], &plain[8..13]].concat();
        assert_ne!(digest_of(&take_apart(&swapped).unwrap()), whole);
    }

    #[test]
    fn no_bytes_are_too_odd_to_be_taken_apart() {
        let signed = [bytes(), section(b"{}")].concat();
        for end in 0..signed.len() {
            let _ = take_apart(&signed[..end]);
        }
        for at in 0..signed.len() {
            for byte in [0, 1, 0x7f, 0x80, 0xff] {
                let mut odd = signed.clone();
                odd[at] = byte;
                let _ = take_apart(&odd);
            }
        }
    }

    #[test]
    fn keys_are_32_bytes_and_have_short_names() {
        let key = PublicKey::parse(&STANDARD.encode([7; 32])).unwrap();
        assert_eq!(PublicKey::parse(&key.to_text()), Some(key));
        assert_eq!(key.id().len(), 16);
        for odd in ["", "AAAA", "not base64", &STANDARD.encode([7; 33])] {
            assert_eq!(PublicKey::parse(odd), None, "{odd}");
        }
    }
}
