//! What a model may look up: all of it in the channel where it was asked, and none of it changes
//! anything.

use althing_plugin::prelude::*;
use althing_plugin::{json, to_json};
use serde::Deserialize;

use super::prompt::Names;
use super::protocol::Call;

/// The most bytes of what a tool gives.
const RESULT_BYTES_MAX: usize = 8_000;
/// The most messages of one page.
const PAGE_MAX: u32 = 50;
/// How many pages of 100 are looked through for words, or for a participant.
const PAGES_MAX: u32 = 5;

/// The tools, as a model is told of them.
pub fn all() -> Vec<Value> {
    let tool = |name: &str, description: &str, properties: Value, required: &[&str]| {
        let parameters = json!({ "type": "object", "properties": properties, "required": required,
            "additionalProperties": false });
        json!({ "type": "function", "function": { "name": name, "description": description,
            "parameters": parameters } })
    };
    vec![
        tool(
            "read_history",
            "Reads messages of this channel, the newest first.",
            json!({
                "before": { "type": "integer", "description": "Only those before the message with this seq." },
                "limit": { "type": "integer", "description": "How many, at most 50." },
            }),
            &[],
        ),
        tool(
            "find_messages",
            "Finds recent messages of this channel that have all these words in them.",
            json!({ "words": { "type": "string" } }),
            &["words"],
        ),
        tool(
            "members",
            "Lists who is in this channel, by user id.",
            json!({ "after": { "type": "string", "description": "Only those after this user id." } }),
            &[],
        ),
        tool(
            "get_user",
            "Tells the name and the role of somebody in this channel.",
            json!({ "user": { "type": "string", "description": "The user id." } }),
            &["user"],
        ),
    ]
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Page {
    before: Option<u64>,
    limit: Option<u32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Words {
    words: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct After {
    after: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Who {
    user: String,
}

/// Does what the model asks, in one channel. What can't be done is told the model.
pub fn run(channel: &str, call: &Call, names: &mut Names) -> String {
    let found = match call.name.as_str() {
        "read_history" => arguments(call).and_then(|page| read_history(channel, &page, names)),
        "find_messages" => arguments(call).and_then(|words| find(channel, &words, names)),
        "members" => arguments(call).and_then(|after| members(channel, &after, names)),
        "get_user" => arguments(call).and_then(|who| get_user(channel, &who, names)),
        _ => Err("there is no such tool".to_owned()),
    };
    match found {
        Ok(found) => fitting(found),
        Err(error) => to_json(&json!({ "error": error })),
    }
}

fn arguments<T: serde::de::DeserializeOwned>(call: &Call) -> Result<T, String> {
    let text = match call.arguments.trim() {
        "" => "{}",
        text => text,
    };
    parse_json(text).map_err(|error| format!("the arguments: {error}"))
}

/// As many of the things as fit.
fn fitting(mut found: Vec<Value>) -> String {
    loop {
        let text = to_json(&found);
        if text.len() <= RESULT_BYTES_MAX || found.is_empty() {
            return text;
        }
        found.truncate(found.len() * 3 / 4);
    }
}

fn shown(message: &Message, names: &mut Names) -> Option<Value> {
    let text: String = message.content.text.chars().take(1_000).collect();
    (!message.deleted && !text.trim().is_empty()).then(|| {
        let from = names.of(&message.sender);
        json!({ "seq": message.seq, "from": from, "at_ms": message.ts_ms, "text": text })
    })
}

fn read_history(channel: &str, page: &Page, names: &mut Names) -> Result<Vec<Value>, String> {
    let limit = page.limit.unwrap_or(20).clamp(1, PAGE_MAX);
    let messages = chat::history(channel, page.before, limit)?;
    Ok(messages
        .iter()
        .filter_map(|message| shown(message, names))
        .collect())
}

fn find(channel: &str, words: &Words, names: &mut Names) -> Result<Vec<Value>, String> {
    let words = words.words.to_lowercase();
    let words: Vec<&str> = words.split_whitespace().collect();
    if words.is_empty() {
        return Err("name at least one word".to_owned());
    }
    let (mut found, mut before) = (Vec::new(), None);
    for _ in 0..PAGES_MAX {
        let messages = chat::history(channel, before, 100)?;
        for message in &messages {
            if has_all(&message.content.text, &words) {
                found.extend(shown(message, names));
            }
        }
        match messages.last() {
            Some(last) if messages.len() == 100 && found.len() < PAGE_MAX as usize => {
                before = Some(last.seq);
            }
            _ => break,
        }
    }
    Ok(found)
}

fn has_all(text: &str, words: &[&str]) -> bool {
    let text = text.to_lowercase();
    words.iter().all(|word| text.contains(word))
}

fn members(channel: &str, after: &After, names: &mut Names) -> Result<Vec<Value>, String> {
    let members = chat::members(channel, after.after.as_deref(), PAGE_MAX)?;
    let shown = |member: &chat::Member| json!({ "user": member.user, "name": names.of(&member.user), "role": role(member.role) });
    Ok(members.iter().map(shown).collect())
}

fn get_user(channel: &str, who: &Who, names: &mut Names) -> Result<Vec<Value>, String> {
    let mut after: Option<String> = None;
    for _ in 0..PAGES_MAX {
        let members = chat::members(channel, after.as_deref(), 100)?;
        if let Some(member) = members.iter().find(|member| member.user == who.user) {
            let name = names.of(&member.user);
            return Ok(vec![
                json!({ "user": member.user, "name": name, "role": role(member.role) }),
            ]);
        }
        match members.last() {
            Some(last) if members.len() == 100 => after = Some(last.user.clone()),
            _ => break,
        }
    }
    Err("nobody in this channel has this id".to_owned())
}

fn role(role: Role) -> &'static str {
    match role {
        Role::Owner => "owner",
        Role::Admin => "admin",
        _ => "member",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_found_fits() {
        let found = vec![json!({ "text": "x".repeat(1_000) }); 50];
        let text = fitting(found);
        assert!(text.len() <= RESULT_BYTES_MAX && text.len() > RESULT_BYTES_MAX / 2);
        assert_eq!(fitting(vec![json!("x".repeat(9_000))]), "[]");
    }

    #[test]
    fn what_a_model_makes_up_is_told_back() {
        let call = |name: &str, arguments: &str| {
            let mut turn = super::super::protocol::Turn::default();
            let call = json!({ "id": "1", "function": { "name": name, "arguments": arguments } });
            let chunk = json!({ "choices": [{ "delta": { "tool_calls": [call] } }] });
            turn.take(&chunk.to_string()).unwrap();
            run("general", &turn.calls[0], &mut Names::default())
        };
        assert_eq!(
            call("delete_all", "{}"),
            r#"{"error":"there is no such tool"}"#
        );
        assert!(call("read_history", "[").contains("the arguments"));
        assert!(call("read_history", r#"{"channel":"secrets"}"#).contains("unknown field"));
        assert!(call("find_messages", r#"{"words":" "}"#).contains("at least one word"));
    }

    #[test]
    fn every_tool_is_described() {
        for tool in all() {
            let name = tool["function"]["name"].as_str().unwrap().to_owned();
            assert!(
                tool["function"]["description"]
                    .as_str()
                    .is_some_and(|text| text.ends_with('.')),
                "{name}"
            );
        }
    }

    #[test]
    fn words_are_found_in_any_case() {
        assert!(has_all("The Office is HERE", &["office", "here"]));
        assert!(!has_all("The Office", &["office", "here"]));
    }
}
