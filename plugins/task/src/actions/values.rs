//! What comes as the value of an action. Errors are sentences for the person.

use althing_plugin::recurrence::Rule;
use althing_plugin::when::{self, Clock};
use althing_plugin::{Value, parse_json};
use serde::de::DeserializeOwned;

use crate::task::{ASSIGNEES_MAX, check_time, check_user};

/// A rule, words such as `every monday until 2027-06-30`, or nothing for none.
pub fn rule(value: &Value) -> Result<Option<Rule>, String> {
    let known = "a rule such as `{\"frequency\": \"weekly\"}`, or words such as `every monday`";
    match value {
        Value::Null => Ok(None),
        Value::String(words) => read_rule(words).map(Some),
        value => read("repeat", value, known).map(Some),
    }
}

fn read_rule(words: &str) -> Result<Rule, String> {
    let (mut rule, mut rest) = Rule::read(words)?;
    while let Some(left) = rule.read_end(rest)? {
        rest = left;
    }
    match rest.is_empty() {
        true => Ok(rule),
        false => Err(format!("I don't understand `{rest}`.")),
    }
}

/// A time to come in milliseconds, words such as `friday 17:00`, or nothing for no time at all.
pub fn time(what: &str, value: &Value, clock: &Clock) -> Result<Option<u64>, String> {
    let at_ms = match value {
        Value::Null => return Ok(None),
        Value::String(words) if words.trim().is_empty() => return Ok(None),
        Value::String(words) => {
            let when = when::deadline(words, clock)?;
            if !when.text.is_empty() {
                return Err(format!("I don't understand `{}`.", when.text));
            }
            when.at_ms.unsigned_abs()
        }
        value => value.as_u64().ok_or_else(|| {
            format!("{what} is a number of milliseconds, or words such as `friday 17:00`.")
        })?,
    };
    check_time(what, at_ms, clock.now_ms().unsigned_abs())?;
    Ok(Some(at_ms))
}

/// Any text.
pub fn text(value: &Value) -> Result<&str, String> {
    value.as_str().ok_or_else(|| "The value is a text.".into())
}

/// One of the things that a value can be; `are` names them.
pub fn read<T: DeserializeOwned>(what: &str, value: &Value, are: &str) -> Result<T, String> {
    parse_json(&value.to_string()).map_err(|_| format!("A {what} is {are}."))
}

/// A user's id, or a list of them.
pub fn users(value: &Value) -> Result<Vec<String>, String> {
    let unclear = || "Who? A user's id, or a list of them.".to_owned();
    match value {
        Value::String(user) => Ok(vec![check_user(user)?]),
        Value::Array(users) if users.len() <= ASSIGNEES_MAX => users
            .iter()
            .map(|user| check_user(user.as_str().ok_or_else(unclear)?))
            .collect(),
        _ => Err(unclear()),
    }
}
