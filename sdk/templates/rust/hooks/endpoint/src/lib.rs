//! Keeps a note for each user: `PUT /v1/x/{{name}}/note` writes it, `GET` reads it.

use althing_plugin::endpoint::{Request, Response};
use althing_plugin::prelude::*;

struct Notebook;

impl Endpoint for Notebook {
    fn handle(ctx: &Context, request: Request) -> Result<Response, String> {
        if request.path != "/note" || ctx.actor.is_empty() {
            return Ok(Response::status(404));
        }
        let scope = kv::Scope::User(ctx.actor.clone());
        match request.method.as_str() {
            "GET" => Ok(match kv::get(&scope, "note")? {
                Some(note) => Response::of(TEXT, note.value),
                None => Response::status(404),
            }),
            "PUT" => match note(&request) {
                Ok(note) => {
                    kv::set(&scope, "note", note.as_bytes())?;
                    Ok(Response::status(204))
                }
                Err(sentence) => Ok(Response::text(sentence).with_status(400)),
            },
            _ => Ok(Response::status(405)),
        }
    }
}

const TEXT: &str = "text/plain; charset=utf-8";

fn note(request: &Request) -> Result<&str, &'static str> {
    match request.text() {
        Some(note) if note.len() <= 1000 => Ok(note),
        Some(_) => Err("At most 1000 bytes, please."),
        None => Err("Text, please."),
    }
}

althing_plugin::plugin!(Notebook: Endpoint, manifest = "plugin.toml");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_are_short_texts() {
        let request = |body: &[u8]| Request {
            method: "PUT".into(),
            path: "/note".into(),
            query: String::new(),
            headers: Vec::new(),
            body: body.to_vec(),
        };
        assert_eq!(note(&request(b"milk")), Ok("milk"));
        assert!(note(&request(&[0xff])).is_err());
        assert!(note(&request(&[b'a'; 1001])).is_err());
    }
}
