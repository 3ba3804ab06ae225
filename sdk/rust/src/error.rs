//! Why a host function refused, as a Rust error.

use std::fmt;

use crate::bindings::types;

/// What host functions return.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a host function refused. Turns into a `String` by `?`, which is what hooks fail with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// Not granted, or not allowed in this kind of call; says what is missing.
    Denied(String),
    /// No such thing, or none that this plugin may see.
    NotFound(String),
    /// The arguments don't fit; says how.
    Invalid(String),
    /// Somebody else changed it first.
    Conflict,
    /// A limit was reached; says which.
    Limited(String),
    /// The host can't do it now. Trying again later may work.
    Unavailable(String),
}

impl Error {
    /// Whether the same may go better later: a limit that is reached now, a host that is busy, somebody
    /// who was quicker. Fail the call with such an error, and an event or a timer is tried again; with
    /// any other the tries are in vain, and whatever comes after it waits for them.
    pub fn may_pass(&self) -> bool {
        matches!(
            self,
            Error::Conflict | Error::Limited(_) | Error::Unavailable(_)
        )
    }
}

/// A sentence or a phrase for people. What the arguments are refused for stands alone: it mostly is
/// what a guard or a message kind has to say to whoever wrote them.
impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, detail) = match self {
            Error::Invalid(detail) => return f.write_str(detail),
            Error::Denied(detail) => ("not allowed", detail.as_str()),
            Error::NotFound(detail) => ("not found", detail.as_str()),
            Error::Conflict => ("somebody else changed it first", ""),
            Error::Limited(detail) => ("over a limit", detail.as_str()),
            Error::Unavailable(detail) => ("not possible at the moment", detail.as_str()),
        };
        match detail {
            "" => f.write_str(what),
            detail => write!(f, "{what}: {detail}"),
        }
    }
}

impl std::error::Error for Error {}

impl From<Error> for String {
    fn from(error: Error) -> String {
        error.to_string()
    }
}

impl From<types::Error> for Error {
    fn from(error: types::Error) -> Error {
        match error {
            types::Error::Denied(detail) => Error::Denied(detail),
            types::Error::NotFound(detail) => Error::NotFound(detail),
            types::Error::Invalid(detail) => Error::Invalid(detail),
            types::Error::Conflict => Error::Conflict,
            types::Error::Limited(detail) => Error::Limited(detail),
            types::Error::Unavailable(detail) => Error::Unavailable(detail),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Error;

    #[test]
    fn what_may_pass_is_worth_another_try() {
        let detail = || "…".to_owned();
        for error in [
            Error::Conflict,
            Error::Limited(detail()),
            Error::Unavailable(detail()),
        ] {
            assert!(error.may_pass(), "{error}");
        }
        for error in [
            Error::Denied(detail()),
            Error::NotFound(detail()),
            Error::Invalid(detail()),
        ] {
            assert!(!error.may_pass(), "{error}");
        }
    }
}
