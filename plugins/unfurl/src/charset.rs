//! From the bytes of a page to its text, in the character set that it says it has.

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

/// Where a page says which it is, if it does: so far browsers look.
const PRESCAN_BYTES: usize = 4096;

/// The text of a page, or of its beginning. What is none in its character set is replaced.
pub fn decode(body: &[u8], content_type: &str) -> String {
    let named = Encoding::for_bom(body)
        .map(|(encoding, _)| encoding)
        .or_else(|| Encoding::for_label(parameter(content_type.as_bytes())?))
        .or_else(|| said_within(body));
    let encoding = named.unwrap_or_else(|| match is_utf8(body) {
        true => UTF_8,
        false => WINDOWS_1252,
    });
    encoding.decode(body).0.into_owned()
}

/// The value of `charset=` in a header or tag.
fn parameter(text: &[u8]) -> Option<&[u8]> {
    const NAME: &[u8] = b"charset";
    let windows = text.windows(NAME.len()).enumerate();
    windows
        .filter(|(_, window)| window.eq_ignore_ascii_case(NAME))
        .find_map(|(at, _)| {
            let rest = text[at + NAME.len()..].trim_ascii_start();
            let rest = rest.strip_prefix(b"=")?.trim_ascii_start();
            let value = match rest.first()? {
                quote @ (b'"' | b'\'') => rest[1..].split(|byte| byte == quote).next()?,
                _ => rest
                    .split(|byte| {
                        byte.is_ascii_whitespace()
                            || matches!(byte, b';' | b'"' | b'\'' | b'/' | b'>')
                    })
                    .next()?,
            };
            Some(value)
        })
}

/// What the page's own `<meta>` says. It can be read as ASCII, so it is not UTF-16.
fn said_within(body: &[u8]) -> Option<&'static Encoding> {
    let mut rest = &body[..body.len().min(PRESCAN_BYTES)];
    while let Some(start) = rest
        .windows(5)
        .position(|tag| tag.eq_ignore_ascii_case(b"<meta"))
    {
        rest = &rest[start + 5..];
        let tag = rest.split(|byte| *byte == b'>').next()?;
        if let Some(encoding) = parameter(tag).and_then(Encoding::for_label) {
            let is_wide = encoding == UTF_16LE || encoding == UTF_16BE;
            return Some(if is_wide { UTF_8 } else { encoding });
        }
    }
    None
}

/// Whether it is UTF-8, perhaps cut off within a character.
fn is_utf8(body: &[u8]) -> bool {
    std::str::from_utf8(body).map_or_else(|error| error.error_len().is_none(), |_| true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_say_what_they_are() {
        let latin = b"<meta charset=iso-8859-1><title>Caf\xe9</title>";
        for (body, content_type, has) in [
            (&b"Caf\xc3\xa9"[..], "text/html", "Café"),
            (b"Caf\xe9!", "text/html", "Café"),
            (b"Caf\xe9", "text/html; charset=ISO-8859-1", "Café"),
            (b"Caf\xe9", "text/html;CHARSET=\"windows-1252\"", "Café"),
            (b"\x80 5", "text/html; charset=latin1", "€ 5"),
            (
                b"\xef\xbb\xbfCaf\xc3\xa9",
                "text/html; charset=latin1",
                "Café",
            ),
            (latin, "text/html", "Café"),
            (
                b"<META http-equiv=x content='text/html; charset=windows-1251'>\xcf\xf0",
                "",
                "Пр",
            ),
            (b"<meta charset='shift_jis'>\x83\x65", "", "テ"),
            (b"<meta charset=utf-16>Caf\xc3\xa9", "", "Café"),
            (b"Caf\xc3\xa9", "text/html; charset=nonsense", "Café"),
            (b"cut off \xc3", "", "cut off \u{fffd}"),
        ] {
            let text = decode(body, content_type);
            assert!(text.contains(has), "{content_type}: {text}");
        }
    }
}
