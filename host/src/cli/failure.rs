//! Why a command ended without what it was asked for, how that is said, and with which exit code.

use std::io;

use serde::Deserialize;
use serde_json::Value;

use super::screen::{Screen, plain};

/// The exit code of a command line that can't be followed.
pub const USAGE: u8 = 2;
const REFUSED: u8 = 1;

/// Why there is no result.
#[derive(Debug)]
pub enum Failure {
    /// The command can't be followed as it stands: a missing key, an unreadable file.
    Usage(String),
    /// The host said no.
    Problem(Box<Problem>),
    /// Anything else, in a sentence.
    Other(String),
    /// Whoever read the output has gone, as `head` does.
    Pipe,
}

/// Problem details, as far as people need them.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Problem {
    pub title: String,
    pub status: u16,
    pub code: String,
    pub detail: String,
    pub reason: Option<String>,
    pub retryable: bool,
    pub retry_after_ms: Option<u64>,
    pub errors: Vec<FieldFault>,
    pub request_id: Option<String>,
    /// What came, for programs.
    #[serde(skip)]
    pub whole: Value,
}

/// What is wrong with one field.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct FieldFault {
    pub field: String,
    pub message: String,
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Failure::Pipe,
            _ => Failure::Other(format!("can't write the output: {error}")),
        }
    }
}

impl Failure {
    /// Says what went wrong and gives the exit code.
    pub fn report(&self, screen: &mut Screen<'_>) -> u8 {
        let (code, text) = match self {
            Failure::Pipe => return 0,
            Failure::Usage(text) => (USAGE, text.clone()),
            Failure::Other(text) => (REFUSED, text.clone()),
            Failure::Problem(problem) if screen.json => (REFUSED, problem.whole.to_string()),
            Failure::Problem(problem) => (REFUSED, problem.text()),
        };
        let text = match self {
            Failure::Usage(_) | Failure::Other(_) if screen.json => {
                serde_json::json!({ "detail": text }).to_string()
            }
            _ if screen.json => text,
            _ => format!("error: {text}"),
        };
        // There is nowhere left to say that standard error is gone.
        let _ = screen.note(&text);
        code
    }
}

impl Problem {
    fn text(&self) -> String {
        let title = if self.title.is_empty() {
            "The host refused"
        } else {
            &self.title
        };
        let mut text = format!("{} ({} {})", plain(title), self.status, plain(&self.code));
        let mut line = |words: String| {
            text.push_str("\n  ");
            text.push_str(&words);
        };
        // With one faulty field, the detail says what the field's line would.
        if !self.detail.is_empty() {
            line(plain(&self.detail));
        }
        for fault in self
            .errors
            .iter()
            .filter(|fault| !self.detail.contains(&fault.message))
        {
            line(format!(
                "{}: {}",
                plain(&fault.field),
                plain(&fault.message)
            ));
        }
        if let Some(reason) = &self.reason {
            line(format!("reason: {}", plain(reason)));
        }
        match self.retry_after_ms {
            Some(ms) => line(format!(
                "Trying again makes sense in {} s.",
                ms.div_ceil(1000)
            )),
            None if self.retryable => line("Trying again may work.".into()),
            None => {}
        }
        if let Some(id) = &self.request_id {
            line(format!("request id: {}", plain(id)));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(failure: &Failure, json: bool) -> (u8, String) {
        let (mut out, mut notes) = (Vec::new(), Vec::new());
        let code = failure.report(&mut Screen::new(&mut out, &mut notes, json));
        assert!(out.is_empty(), "errors are not output");
        (code, String::from_utf8(notes).unwrap())
    }

    #[test]
    fn a_problem_says_all_that_helps() {
        let problem: Problem = serde_json::from_value(serde_json::json!({
            "type": "/v1/docs/errors#invalid", "title": "A value is not valid", "status": 422,
            "code": "invalid", "detail": "2 fields are not valid.", "retryable": false,
            "errors": [{ "field": "name", "message": "must not be empty" },
                       { "field": "email", "message": "must be an email address" }],
            "request_id": "req_1", "new_in_a_later_version": 1,
        }))
        .unwrap();
        let (code, text) = said(&Failure::Problem(Box::new(problem)), false);
        assert_eq!(code, 1);
        assert_eq!(
            text,
            "error: A value is not valid (422 invalid)\n  2 fields are not valid.\n  \
             name: must not be empty\n  email: must be an email address\n  request id: req_1\n"
        );
    }

    #[test]
    fn what_comes_from_elsewhere_can_not_steer_the_terminal() {
        let problem = Problem {
            detail: "\u{1b}[2Jboo".into(),
            ..Problem::default()
        };
        let (_, text) = said(&Failure::Problem(Box::new(problem)), false);
        assert!(!text.contains('\u{1b}'), "{text:?}");
    }

    #[test]
    fn programs_get_json_and_closed_pipes_are_no_failure() {
        let (code, text) = said(&Failure::Usage("no key".into()), true);
        assert_eq!((code, text.as_str()), (2, "{\"detail\":\"no key\"}\n"));
        let pipe = Failure::from(io::Error::from(io::ErrorKind::BrokenPipe));
        assert_eq!(said(&pipe, false), (0, String::new()));
    }
}
