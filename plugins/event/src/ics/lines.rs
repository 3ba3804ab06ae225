//! The lines of a calendar file: folded, escaped, each ended by CR and LF.

/// Bytes of a line, without its end.
const LINE_BYTES_MAX: usize = 75;

/// A file that is being written.
#[derive(Default)]
pub struct Lines(String);

impl Lines {
    /// A property whose value is written as it stands: a number, a time, a name of the standard's.
    /// Control characters are left out, whatever it is.
    pub fn line(&mut self, name: &str, value: &str) {
        let mut room = LINE_BYTES_MAX;
        for char in name
            .chars()
            .chain([':'])
            .chain(value.chars())
            .filter(|char| !char.is_control())
        {
            let bytes = char.len_utf8();
            if bytes > room {
                self.0.push_str("\r\n ");
                room = LINE_BYTES_MAX - 1;
            }
            self.0.push(char);
            room -= bytes;
        }
        self.0.push_str("\r\n");
    }

    /// A property whose value is a text that somebody wrote.
    pub fn text(&mut self, name: &str, text: &str) {
        let mut escaped = String::with_capacity(text.len());
        for char in text.chars() {
            match char {
                '\n' => escaped.push_str("\\n"),
                '\\' | ',' | ';' => escaped.extend(['\\', char]),
                char => escaped.push(char),
            }
        }
        self.line(name, &escaped);
    }

    /// Puts what another has at the end.
    pub fn append(&mut self, other: Lines) {
        self.0.push_str(&other.0);
    }

    /// How long it is so far.
    pub fn bytes(&self) -> usize {
        self.0.len()
    }

    /// The whole file.
    pub fn finish(self) -> String {
        self.0
    }
}

/// The value of a parameter, in quotes. The standard has no way to write a quote in it.
pub fn parameter(text: &str) -> String {
    let plain = text.chars().filter(|char| !char.is_control());
    let plain: String = plain
        .map(|char| if char == '"' { '\'' } else { char })
        .collect();
    format!("\"{plain}\"")
}

/// A user as an address: the standard wants one, and nobody here needs to have one for mail.
pub fn user_uri(user: &str) -> String {
    let mut uri = "urn:althing:".to_owned();
    for byte in user.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                uri.push(char::from(byte));
            }
            byte => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_are_folded_between_characters() {
        let mut lines = Lines::default();
        lines.text("SUMMARY", &"é".repeat(100));
        let file = lines.finish();
        let parts: Vec<&str> = file.trim_end().split("\r\n").collect();
        assert!(parts.len() > 2 && parts.iter().all(|part| part.len() <= 75));
        assert!(parts[1..].iter().all(|part| part.starts_with(' ')));
        let unfolded = file.replace("\r\n ", "");
        assert_eq!(unfolded, format!("SUMMARY:{}\r\n", "é".repeat(100)));
    }

    #[test]
    fn nobody_writes_lines_of_their_own() {
        let mut lines = Lines::default();
        lines.text("SUMMARY", "a\nEND:VEVENT\r\nb;c,d\\e");
        lines.line("X", "a\r\nEND:VEVENT");
        assert_eq!(
            lines.finish(),
            "SUMMARY:a\\nEND:VEVENT\\nb\\;c\\,d\\\\e\r\nX:aEND:VEVENT\r\n"
        );
        assert_eq!(parameter("a\"b\r\n;c"), "\"a'b;c\"");
    }
}
