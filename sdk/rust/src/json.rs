//! JSON at the edges: to and from the host's text, with errors that a person can act on.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// Reads a value from JSON text. The error is a phrase such as ``missing field `question` ``,
/// without the position in the text, which tells a person nothing.
pub fn parse_json<T: DeserializeOwned>(text: &str) -> std::result::Result<T, String> {
    serde_json::from_str(text).map_err(|error| {
        let message = error.to_string();
        match message.rfind(" at line ") {
            Some(end) => message[..end].to_owned(),
            None => message,
        }
    })
}

/// Writes a value as JSON text.
///
/// # Panics
/// If JSON can't hold the value, such as a map whose keys aren't strings: a fault of the program.
pub fn to_json<T: Serialize + ?Sized>(value: &T) -> String {
    match serde_json::to_string(value) {
        Ok(text) => text,
        Err(error) => panic!("a value that JSON can't hold: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_name_the_fault_and_not_the_position() {
        #[derive(Debug, serde::Deserialize)]
        struct Poll {
            #[expect(dead_code, reason = "only its absence matters")]
            question: String,
        }
        let error = parse_json::<Poll>("{}").unwrap_err();
        assert_eq!(error, "missing field `question`");
    }
}
