//! The one error. It holds a stable code, a text that is safe to show, and, apart from both, what
//! really happened, which is logged once at the edge and never shown. Status codes exist only here.

use std::fmt;

use serde::Serialize;

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $status:literal, $retryable:literal, $title:literal;)*) => {
        /// The stable codes. `docs/errors.md` explains each to a client's author.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Code { $($(#[$doc])* $name,)* }

        impl Code {
            /// Every code.
            pub const ALL: &'static [Code] = &[$(Code::$name,)*];

            /// The code as clients see it.
            pub fn as_str(self) -> &'static str {
                match self { $(Code::$name => $code,)* }
            }

            /// Its HTTP status.
            pub fn status(self) -> u16 {
                match self { $(Code::$name => $status,)* }
            }

            /// Whether the same request may succeed later.
            pub fn retryable(self) -> bool {
                match self { $(Code::$name => $retryable,)* }
            }

            /// A short name of the fault, the same for every case of it.
            pub fn title(self) -> &'static str {
                match self { $(Code::$name => $title,)* }
            }
        }
    };
}

codes! {
    /// The request can't be read: not JSON, not HTTP as expected.
    Malformed = "malformed", 400, false, "The request can't be read";
    /// A cursor that this list did not give.
    BadCursor = "bad_cursor", 400, false, "The cursor is not one of this list";
    /// No credential, or none that is good here.
    Unauthenticated = "unauthenticated", 401, false, "A valid credential is needed";
    /// The token's time is over: get a new one.
    TokenExpired = "token_expired", 401, false, "The token has expired";
    /// Known, but not allowed.
    Forbidden = "forbidden", 403, false, "Not allowed";
    /// A server key used from an address that is not on the app's list.
    AddressNotAllowed = "address_not_allowed", 403, false, "This address is not on the app's list";
    /// A browser's page that is not on the app's list.
    OriginNotAllowed = "origin_not_allowed", 403, false, "This origin is not on the app's list";
    /// The user was deactivated.
    UserDeactivated = "user_deactivated", 403, false, "The user is deactivated";
    /// A plugin of the app refused the connection.
    SessionRejected = "session_rejected", 403, false, "The connection was refused";
    /// Absent, or somebody else's: the answers are the same.
    NotFound = "not_found", 404, false, "Not found";
    MethodNotAllowed = "method_not_allowed", 405, false, "The method is not allowed here";
    /// The request took too long to arrive.
    Timeout = "request_timeout", 408, true, "The request took too long";
    /// It fits neither what is there now nor what is going on.
    Conflict = "conflict", 409, false, "It conflicts with what is there";
    /// Something with this id exists.
    AlreadyExists = "already_exists", 409, false, "It exists already";
    /// The same idempotency key or client id with another content.
    IdempotencyConflict = "idempotency_conflict", 409, false, "The same key came with another request";
    /// The first request with this idempotency key is still running.
    IdempotencyInProgress = "idempotency_in_progress", 409, true, "The first request is still running";
    /// It is not known whether the first request with this idempotency key was done.
    OutcomeUnknown = "outcome_unknown", 409, false, "It is not known what became of the first request";
    /// The channel takes no messages now.
    ChannelInactive = "channel_inactive", 409, false, "The channel is not active";
    TooLarge = "payload_too_large", 413, false, "The request is too large";
    UnsupportedMediaType = "unsupported_media_type", 415, false, "The media type is not supported";
    /// Readable, but a value is wrong; `errors` names the fields.
    Invalid = "invalid", 422, false, "A value is not valid";
    /// A plugin of the app refused the message; `detail` is for its sender.
    MessageRejected = "message_rejected", 422, false, "The message was refused";
    /// A plugin of the app refused the file.
    FileRejected = "file_rejected", 422, false, "The file was refused";
    /// A plugin of the app refused who would be in the channel, or as what.
    MembershipRejected = "membership_rejected", 422, false, "The change was refused";
    /// A plugin refused the action or command; `detail` is for whoever did it.
    ActionRefused = "action_refused", 422, false, "The action was refused";
    /// A limit on how many there may be.
    LimitReached = "limit_reached", 422, false, "A limit is reached";
    /// The component is not a plugin that this host can run.
    PluginRefused = "plugin_refused", 422, false, "The plugin can't be accepted";
    /// The plugin asks for more than it was granted.
    GrantMissing = "grant_missing", 422, false, "The plugin needs a permission that was not granted";
    UpgradeRequired = "upgrade_required", 426, false, "Open a WebSocket here";
    RateLimited = "rate_limited", 429, true, "Too many requests";
    HeadersTooLarge = "headers_too_large", 431, false, "The headers are too large";
    Internal = "internal", 500, true, "Something went wrong on the host";
    /// A plugin that must run for this failed.
    PluginFailed = "plugin_failed", 503, true, "A plugin failed";
    /// A queue is full.
    Overloaded = "overloaded", 503, true, "The host is overloaded";
    /// The store can't be reached.
    Unavailable = "unavailable", 503, true, "The host can't do this now";
}

/// What was wrong with one field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct FieldFault {
    /// The field, as a path such as `users[3].id`.
    pub field: String,
    /// What is wrong with it, in a sentence.
    pub message: String,
}

/// The result of everything that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A fault, ready to be shown. Small on purpose: it travels in every `Result`.
#[derive(Debug)]
pub struct Error(Box<Inner>);

#[derive(Debug)]
struct Inner {
    code: Code,
    detail: String,
    reason: Option<String>,
    fields: Vec<FieldFault>,
    retry_after_ms: Option<u64>,
    appealable: bool,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// A fault with a sentence that is safe to show.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            code,
            detail: detail.into(),
            reason: None,
            fields: Vec::new(),
            retry_after_ms: None,
            appealable: false,
            source: None,
        }))
    }

    /// Absent, or somebody else's. `what` is a product noun; nothing else is told.
    pub fn not_found(what: &str) -> Self {
        Self::new(Code::NotFound, format!("There is no such {what}."))
    }

    /// Known, but not allowed.
    pub fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(Code::Forbidden, detail)
    }

    /// One field with a wrong value.
    pub fn invalid(field: impl Into<String>, message: impl Into<String>) -> Self {
        let (field, message) = (field.into(), message.into());
        let mut error = Self::new(Code::Invalid, format!("`{field}`: {message}"));
        error.0.fields.push(FieldFault { field, message });
        error
    }

    /// Several fields with wrong values. `faults` is not empty.
    pub fn invalid_fields(faults: Vec<FieldFault>) -> Self {
        let detail = match faults.as_slice() {
            [one] => format!("`{}`: {}", one.field, one.message),
            many => format!("{} fields are not valid.", many.len()),
        };
        let mut error = Self::new(Code::Invalid, detail);
        error.0.fields = faults;
        error
    }

    /// Something that should not happen. `source` is logged, never shown.
    pub fn internal(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::new(
            Code::Internal,
            "The request id tells the operator where to look.",
        )
        .because(source)
    }

    /// Adds what really happened, for the log.
    pub fn because(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// Adds when trying again makes sense.
    pub fn retry_after_ms(mut self, ms: u64) -> Self {
        self.0.retry_after_ms = Some(ms);
        self
    }

    /// Adds a plugin's own short code for its refusal.
    pub fn with_reason(mut self, reason: impl Into<String>) -> Self {
        self.0.reason = Some(reason.into());
        self
    }

    /// Adds the fields at fault, to a code of their own.
    pub fn with_fields(mut self, faults: Vec<FieldFault>) -> Self {
        self.0.fields = faults;
        self
    }

    /// Says that a person can be asked to look at it.
    pub fn appealable(mut self) -> Self {
        self.0.appealable = true;
        self
    }

    /// Its code.
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// The sentence that may be shown.
    pub fn detail(&self) -> &str {
        &self.0.detail
    }

    /// The reason that was given with [`Error::with_reason`].
    pub fn reason(&self) -> Option<&str> {
        self.0.reason.as_deref()
    }

    /// What really happened, for the log alone.
    pub fn cause(&self) -> Option<&(dyn std::error::Error + Send + Sync + 'static)> {
        self.0.source.as_deref()
    }

    /// When trying again makes sense, in milliseconds.
    pub fn retry_after(&self) -> Option<u64> {
        self.0.retry_after_ms
    }

    /// What is shown, as problem details or in an error frame.
    pub fn problem(&self, request_id: Option<&str>) -> Problem {
        let Inner {
            code,
            detail,
            reason,
            fields,
            retry_after_ms,
            appealable,
            ..
        } = &*self.0;
        Problem {
            kind: format!("/v1/docs/errors#{}", code.as_str()),
            title: code.title(),
            status: code.status(),
            code: code.as_str(),
            detail: detail.clone(),
            reason: reason.clone(),
            retryable: code.retryable() || retry_after_ms.is_some(),
            retry_after_ms: *retry_after_ms,
            appealable: *appealable,
            errors: fields.clone(),
            request_id: request_id.map(str::to_owned),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0.code.as_str(), self.0.detail)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

/// Problem details (RFC 9457): the body of every error.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct Problem {
    /// Where this code is explained.
    #[serde(rename = "type")]
    pub kind: String,
    /// A short name of the fault, the same for every case of it.
    pub title: &'static str,
    /// The HTTP status.
    pub status: u16,
    /// The stable code that programs decide by.
    pub code: &'static str,
    /// A sentence about this case.
    pub detail: String,
    /// A plugin's own code for its refusal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Whether the same request may succeed later.
    pub retryable: bool,
    /// When trying again makes sense, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
    /// True when the same message, sent again with `appeal`, waits for a person's decision.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub appealable: bool,
    /// The fields at fault.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldFault>,
    /// Names this request in the host's log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_their_statuses_are_errors() {
        let mut seen = std::collections::HashSet::new();
        for code in Code::ALL {
            assert!(seen.insert(code.as_str()), "{} twice", code.as_str());
            assert!((400..600).contains(&code.status()));
        }
    }

    #[test]
    fn the_cause_is_never_shown() {
        let error = Error::internal("password=hunter2");
        let shown = serde_json::to_string(&error.problem(Some("req"))).unwrap();
        assert!(!shown.contains("hunter2") && !error.to_string().contains("hunter2"));
    }
}
