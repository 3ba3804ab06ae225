//! How one talks to a model: the chat completions that OpenAI has, and that nearly all others take.

use althing_plugin::{Value, json};

/// The most bytes that a model may call a tool with.
const ARGUMENTS_BYTES_MAX: usize = 8_000;
/// The most tools that it calls at once.
const CALLS_MAX: usize = 4;

/// A model and how it is to answer.
pub struct Model<'a> {
    pub name: &'a str,
    pub temperature: Option<f64>,
    pub max_tokens: u32,
    /// What this model calls the limit.
    pub max_tokens_name: &'a str,
}

/// The body of a request. Without `may_call` it is to answer at last.
pub fn body(model: &Model<'_>, messages: &[Value], tools: &[Value], may_call: bool) -> Value {
    let mut body = json!({ "model": model.name, "messages": messages, "stream": true });
    body[model.max_tokens_name] = model.max_tokens.into();
    if let Some(temperature) = model.temperature {
        body["temperature"] = temperature.into();
    }
    if !tools.is_empty() {
        body["tools"] = tools.into();
        if !may_call {
            body["tool_choice"] = "none".into();
        }
    }
    body
}

/// What a model says at once: text, calls of tools, or both.
#[derive(Debug, Default, PartialEq)]
pub struct Turn {
    pub said: String,
    pub calls: Vec<Call>,
    /// Why it ended; none if it didn't say that it did.
    pub finish: Option<String>,
}

/// A tool that the model wants used.
#[derive(Debug, Default, PartialEq)]
pub struct Call {
    pub id: String,
    pub name: String,
    /// JSON text, if the model did well.
    pub arguments: String,
    /// Its place among those of the turn.
    index: Option<u64>,
}

/// Why a piece of an answer can't be used.
#[derive(Debug, PartialEq)]
pub enum Fault {
    /// It is none of this protocol.
    Nonsense,
    /// The other side says so, in its own words.
    Told(String),
}

impl Turn {
    /// Takes the data of one event, and gives what text it adds.
    pub fn take(&mut self, data: &str) -> Result<String, Fault> {
        if data.trim() == "[DONE]" {
            self.finish.get_or_insert_with(|| "stop".to_owned());
            return Ok(String::new());
        }
        let chunk: Value = althing_plugin::parse_json(data).map_err(|_| Fault::Nonsense)?;
        self.take_value(&chunk, "delta")
    }

    /// Takes an answer that came whole, from one who doesn't know streams.
    pub fn take_whole(&mut self, body: &[u8]) -> Result<String, Fault> {
        let text = std::str::from_utf8(body).map_err(|_| Fault::Nonsense)?;
        let whole: Value = althing_plugin::parse_json(text).map_err(|_| Fault::Nonsense)?;
        let said = self.take_value(&whole, "message")?;
        self.finish.get_or_insert_with(|| "stop".to_owned());
        Ok(said)
    }

    fn take_value(&mut self, chunk: &Value, part: &str) -> Result<String, Fault> {
        if let Some(error) = chunk.get("error").filter(|error| !error.is_null()) {
            return Err(Fault::Told(told(error)));
        }
        // The last chunk may tell of nothing but tokens.
        let choices = chunk["choices"].as_array().ok_or(Fault::Nonsense)?;
        let Some(choice) = choices.first() else {
            return Ok(String::new());
        };
        let part = &choice[part];
        let text = |name: &str| part[name].as_str().unwrap_or_default();
        let said = format!("{}{}", text("content"), text("refusal"));
        self.said.push_str(&said);
        for (at, call) in part["tool_calls"]
            .as_array()
            .into_iter()
            .flatten()
            .enumerate()
        {
            self.take_call(call, at as u64);
        }
        if let Some(reason) = choice["finish_reason"].as_str() {
            self.finish = Some(reason.to_owned());
        }
        Ok(said)
    }

    /// A call comes in parts: those with its index belong together.
    fn take_call(&mut self, part: &Value, at: u64) {
        let index = part["index"].as_u64().or(Some(at));
        let id = part["id"].as_str().unwrap_or_default();
        let known = |call: &Call| {
            call.index == index && (id.is_empty() || call.id.is_empty() || call.id == id)
        };
        let place = match self.calls.iter().position(known) {
            Some(place) => place,
            None if self.calls.len() == CALLS_MAX => return,
            None => {
                self.calls.push(Call {
                    index,
                    ..Call::default()
                });
                self.calls.len() - 1
            }
        };
        let call = &mut self.calls[place];
        if call.id.is_empty() {
            call.id = id.to_owned();
        }
        let function = &part["function"];
        let text = |name: &str| function[name].as_str().unwrap_or_default();
        call.name.push_str(text("name"));
        let room = ARGUMENTS_BYTES_MAX.saturating_sub(call.arguments.len());
        call.arguments.extend(text("arguments").chars().take(room));
    }

    /// The turn as the model is reminded of it.
    pub fn as_message(&self) -> Value {
        let calls: Vec<Value> = self
            .calls
            .iter()
            .map(|call| {
                let function = json!({ "name": call.name, "arguments": call.arguments });
                json!({ "id": call.id, "type": "function", "function": function })
            })
            .collect();
        json!({ "role": "assistant", "content": self.said, "tool_calls": calls })
    }
}

/// How those who run models say that a question is too long for theirs.
const TOO_LONG: [&str; 8] = [
    "context length",
    "context window",
    "context size",
    "maximum context",
    "input length",
    "prompt is too long",
    "input is too long",
    "too many tokens",
];

/// Whether a refusal says that the messages are more than the model takes.
pub fn is_too_long(status: u16, error: &Value) -> bool {
    let words = error["message"].as_str().or(error.as_str());
    let words = words.unwrap_or_default().to_lowercase();
    match status {
        413 => true,
        400 | 422 => {
            error["code"] == "context_length_exceeded"
                || TOO_LONG.iter().any(|known| words.contains(known))
        }
        _ => false,
    }
}

/// What an error of the other side says, for the log.
pub fn told(error: &Value) -> String {
    let words = error["message"].as_str().or(error.as_str());
    words.unwrap_or("no reason").chars().take(300).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_says_what_the_tenant_chose() {
        let model = Model {
            name: "m",
            temperature: Some(0.5),
            max_tokens: 10,
            max_tokens_name: "max_completion_tokens",
        };
        let tool = json!({ "type": "function" });
        let body = body(&model, &[], std::slice::from_ref(&tool), false);
        let expected = json!({ "model": "m", "messages": [], "stream": true, "temperature": 0.5,
            "max_completion_tokens": 10, "tools": [tool], "tool_choice": "none" });
        assert_eq!(body, expected);
    }

    #[test]
    fn text_is_put_together() {
        let mut turn = Turn::default();
        for data in [
            r#"{"choices":[{"delta":{"role":"assistant","content":""}}]}"#,
            r#"{"choices":[{"delta":{"content":"Hel"},"finish_reason":null}]}"#,
            r#"{"choices":[{"delta":{"content":"lo"}}]}"#,
            r#"{"choices":[{"delta":{"content":null},"finish_reason":"length"}]}"#,
            r#"{"choices":[],"usage":{"total_tokens":5}}"#,
            "[DONE]",
        ] {
            turn.take(data).unwrap();
        }
        assert_eq!(turn.said, "Hello");
        assert_eq!(turn.finish.as_deref(), Some("length"));
    }

    #[test]
    fn calls_come_in_parts() {
        let mut turn = Turn::default();
        for data in [
            r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"read_","arguments":""}}]}}]}"#,
            r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"name":"history","arguments":"{\"li"}}]}}]}"#,
            r#"{"choices":[{"delta":{"tool_calls":[{"index":1,"id":"b","function":{"name":"members","arguments":"{}"}}]}}]}"#,
            r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"arguments":"mit\":1}"}}]},"finish_reason":"tool_calls"}]}"#,
        ] {
            turn.take(data).unwrap();
        }
        let calls: Vec<_> = turn
            .calls
            .iter()
            .map(|call| {
                (
                    call.id.as_str(),
                    call.name.as_str(),
                    call.arguments.as_str(),
                )
            })
            .collect();
        assert_eq!(
            calls,
            [
                ("a", "read_history", "{\"limit\":1}"),
                ("b", "members", "{}")
            ]
        );
        assert_eq!(
            turn.as_message()["tool_calls"][1]["function"]["name"],
            "members"
        );
    }

    #[test]
    fn more_calls_than_may_be_are_left_out() {
        let mut turn = Turn::default();
        for index in 0..9 {
            let call = json!({ "index": index, "id": format!("c{index}"), "function": { "name": "x", "arguments": "y".repeat(5_000) } });
            let chunk = json!({ "choices": [{ "delta": { "tool_calls": [call, call] } }] });
            turn.take(&chunk.to_string()).unwrap();
        }
        assert_eq!(turn.calls.len(), CALLS_MAX);
        assert!(turn.calls[0].arguments.len() <= ARGUMENTS_BYTES_MAX);
    }

    #[test]
    fn faults_are_told_apart() {
        let take = |data: &str| Turn::default().take(data).unwrap_err();
        assert_eq!(take("<html>"), Fault::Nonsense);
        assert_eq!(take("{}"), Fault::Nonsense);
        assert_eq!(take("7"), Fault::Nonsense);
        assert_eq!(
            take(r#"{"error":{"message":"too much"}}"#),
            Fault::Told("too much".into())
        );
        assert_eq!(take(r#"{"error":"no"}"#), Fault::Told("no".into()));
    }

    #[test]
    fn what_is_too_long_is_known() {
        for words in [
            "This model's maximum context length is 4096 tokens. However, you requested 9000 tokens.",
            "the request exceeds the available context size. try increasing it",
            "Prompt is too long: 9000 tokens > 4096 maximum",
        ] {
            assert!(is_too_long(400, &json!({ "message": words })), "{words}");
            assert!(is_too_long(422, &json!(words)), "{words}");
            assert!(!is_too_long(401, &json!({ "message": words })), "{words}");
        }
        assert!(is_too_long(
            400,
            &json!({ "code": "context_length_exceeded" })
        ));
        assert!(is_too_long(413, &json!(null)));
        let other =
            "max_tokens is too large: 9000. This model supports at most 4096 completion tokens.";
        assert!(!is_too_long(400, &json!({ "message": other })));
        assert!(!is_too_long(400, &json!(null)));
    }

    #[test]
    fn an_answer_may_come_whole() {
        let mut turn = Turn::default();
        let body = r#"{"choices":[{"message":{"role":"assistant","content":"Hi"},"finish_reason":"stop"}]}"#;
        assert_eq!(turn.take_whole(body.as_bytes()), Ok("Hi".into()));
        assert_eq!(turn.finish.as_deref(), Some("stop"));
        assert_eq!(Turn::default().take_whole(b"\xff"), Err(Fault::Nonsense));
    }
}
