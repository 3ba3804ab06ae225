//! What is wrong with the settings.

use std::fmt;

/// One thing that is wrong. Its text never holds the value of a setting that may be secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The setting, such as `socket.frame_bytes_max`, or the file or variable as a whole.
    pub key: String,
    /// What is wrong with it.
    pub text: String,
    /// Where it was set, such as `ALTHING_SOCKET__FRAME_BYTES_MAX`; empty if `key` says that.
    pub origin: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key, text, origin } = self;
        if origin.is_empty() {
            write!(f, "{key}: {text}")
        } else {
            write!(f, "{key}: {text} (set in {origin})")
        }
    }
}

/// Everything that is wrong, one fault a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Faults(pub Vec<Fault>);

impl Faults {
    /// The stable code of this error.
    pub fn code(&self) -> &'static str {
        "config_invalid"
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, fault) in self.0.iter().enumerate() {
            if at > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{fault}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Faults {}
