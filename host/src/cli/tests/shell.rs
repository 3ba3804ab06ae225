//! A shell to run command lines in, and a small server that answers as the API does and keeps what it
//! was asked.

use std::ffi::OsString;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::response::Response;
use clap::Parser;
use ring::rand::SystemRandom;
use serde_json::{Value, json};

use crate::cli::screen::Screen;
use crate::cli::{Arguments, Command, run, wait_for};
use crate::secrets::{Credential, CredentialKind};

pub type Answers = fn(&str, &Value) -> (u16, Value);

/// A request as it came: method and path with query, and its JSON, or how many bytes it had.
pub type Asked = Arc<Mutex<Vec<(String, Value)>>>;

/// A shell with a key, and the server that it asks.
pub struct Shell {
    pub url: String,
    pub key: PathBuf,
    pub secret: String,
    asked: Asked,
    _folder: tempfile::TempDir,
}

/// What a command left behind.
pub struct Said {
    pub code: u8,
    pub out: String,
    pub notes: String,
}

impl Shell {
    pub fn with(answers: Answers) -> Self {
        let credential =
            Credential::generate(CredentialKind::Server, &SystemRandom::new()).unwrap();
        let secret = credential.text().expose().clone();
        let folder = tempfile::tempdir().unwrap();
        let key = folder.path().join("server.key");
        let mut file = std::fs::OpenOptions::new()
            .create_new(true)
            .write(true)
            .mode(0o600)
            .open(&key)
            .unwrap();
        writeln!(file, "{secret}").unwrap();
        let asked = Asked::default();
        let (sender, receiver) = std::sync::mpsc::channel();
        let (state, expected) = ((asked.clone(), answers), format!("Bearer {secret}"));
        std::thread::spawn(move || {
            wait_for(async move {
                let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
                sender.send(listener.local_addr().unwrap()).unwrap();
                let router = Router::new().fallback(answer).with_state((
                    state.0,
                    state.1,
                    Arc::<str>::from(expected),
                ));
                axum::serve(listener, router).await.unwrap();
                Ok(())
            })
        });
        let url = format!("http://{}", receiver.recv().unwrap());
        Self {
            url,
            key,
            secret,
            asked,
            _folder: folder,
        }
    }

    pub fn run(&self, line: &str) -> Said {
        let connection = [
            "--url".to_owned(),
            self.url.clone(),
            "--key-file".into(),
            self.key.display().to_string(),
        ];
        let words = line.split(' ').map(str::to_owned);
        run_line(
            std::iter::once("althing".to_owned())
                .chain(words)
                .chain(connection),
        )
    }

    pub fn asked(&self) -> Vec<(String, Value)> {
        std::mem::take(&mut *self.asked.lock().unwrap())
    }
}

async fn answer(
    State((asked, answers, key)): State<(Asked, Answers, Arc<str>)>,
    request: Request,
) -> Response {
    let authorised = request
        .headers()
        .get("authorization")
        .is_some_and(|value| value.as_bytes() == key.as_bytes());
    let what = format!("{} {}", request.method(), request.uri());
    let is_component = request
        .headers()
        .get("content-type")
        .is_some_and(|value| value == "application/wasm");
    let body = to_bytes(request.into_body(), 1 << 20).await.unwrap();
    let body = if is_component {
        json!(body.len())
    } else {
        serde_json::from_slice(&body).unwrap_or(Value::Null)
    };
    let (status, value) = match authorised {
        true => answers(&what, &body),
        false => (
            401,
            json!({ "code": "unauthenticated", "title": "A valid credential is needed", "status": 401 }),
        ),
    };
    asked.lock().unwrap().push((what, body));
    let body = if value.is_null() {
        Body::empty()
    } else {
        Body::from(value.to_string())
    };
    Response::builder().status(status).body(body).unwrap()
}

fn run_line(line: impl Iterator<Item = String>) -> Said {
    let arguments = match Arguments::try_parse_from(line.map(OsString::from)) {
        Ok(arguments) => arguments,
        Err(error) => {
            return Said {
                code: error.exit_code() as u8,
                out: String::new(),
                notes: error.to_string(),
            };
        }
    };
    let (mut out, mut notes) = (Vec::new(), Vec::new());
    let mut screen = Screen::new(&mut out, &mut notes, arguments.json);
    let command = run(&mut screen, arguments)
        .unwrap_or_else(|failure| Command::Done(failure.report(&mut screen)));
    let Command::Done(code) = command else {
        panic!("left for main")
    };
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Said {
        code,
        out: text(out),
        notes: text(notes),
    }
}

pub fn alone(line: &str) -> Said {
    run_line(
        std::iter::once("althing")
            .chain(line.split(' '))
            .map(str::to_owned),
    )
}

pub fn not_found() -> (u16, Value) {
    let detail = "There is no such plugin.";
    (
        404,
        json!({ "code": "not_found", "title": "Not found", "status": 404, "detail": detail, "request_id": "req_7" }),
    )
}
