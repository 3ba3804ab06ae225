//! Cursors of lists. Opaque to clients, bound to the list and the tenant they came from, and
//! authenticated: one that was changed, or taken from elsewhere, is refused.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;

use crate::app::App;
use crate::error::{Code, Error, Result};

const TAG_BYTES: usize = 12;

/// The longest cursor of a list whose places are short.
const SHORT_MAX: usize = 1024;

/// A cursor for `place` in the list that `list` names, with everything that chose its items.
pub fn make(app: &App, list: &str, place: &str) -> String {
    seal(app, list, place.as_bytes().to_vec())
}

/// The place that a cursor of this list stands for.
pub fn read(app: &App, list: &str, cursor: &str) -> Result<String> {
    let place = open(app, list, cursor, SHORT_MAX)?;
    String::from_utf8(place).map_err(|_| bad())
}

/// A cursor for a place that is no text.
pub fn seal(app: &App, list: &str, mut place: Vec<u8>) -> String {
    let tag = tag(app, list, &place);
    place.extend_from_slice(&tag);
    URL_SAFE_NO_PAD.encode(place)
}

/// The place that a cursor of at most `max` bytes stands for.
pub fn open(app: &App, list: &str, cursor: &str, max: usize) -> Result<Vec<u8>> {
    if cursor.len() > max {
        return Err(bad());
    }
    let mut bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| bad())?;
    let at = bytes.len().checked_sub(TAG_BYTES).ok_or_else(bad)?;
    let (place, given) = bytes.split_at(at);
    if !bool::from(subtle::ConstantTimeEq::ct_eq(
        given,
        &tag(app, list, place)[..],
    )) {
        return Err(bad());
    }
    bytes.truncate(at);
    Ok(bytes)
}

/// What is said of a cursor that is none of this list.
pub fn bad() -> Error {
    Error::new(Code::BadCursor, "The cursor was not given by this list.")
}

fn tag(app: &App, list: &str, place: &[u8]) -> [u8; TAG_BYTES] {
    let mut context = hmac::Context::with_key(&app.cursor_key);
    context.update(&(list.len() as u64).to_le_bytes());
    context.update(list.as_bytes());
    context.update(place);
    let mut tag = [0; TAG_BYTES];
    tag.copy_from_slice(&context.sign().as_ref()[..TAG_BYTES]);
    tag
}
