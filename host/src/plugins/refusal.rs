//! Why a component was not taken: a stable code for programs and a sentence for its author.

use std::fmt;

/// A component, manifest or grant that the engine refuses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Stable: lower-case letters and `_`.
    pub code: &'static str,
    /// A sentence that says what is wrong and, where it helps, what to do.
    pub detail: String,
    /// The manifest's field at fault, such as `commands[0].name`.
    pub field: Option<String>,
}

impl Refusal {
    pub(super) fn new(code: &'static str, detail: impl Into<String>) -> Self {
        Self {
            code,
            detail: detail.into(),
            field: None,
        }
    }

    pub(super) fn manifest(field: impl Into<String>, detail: impl fmt::Display) -> Self {
        let field = field.into();
        Self {
            code: "plugin_manifest_invalid",
            detail: format!("The manifest's `{field}` {detail}."),
            field: Some(field),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.detail)
    }
}

impl std::error::Error for Refusal {}
