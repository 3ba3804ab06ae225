//! A call of a plugin, written down as a case: what it is called with, what there is when it comes, and
//! what must come of it. Cases are written by hand or recorded on a host, and read strictly, so that a
//! typo is no case that passes. A recorded one holds every answer of the host, so that the call can be
//! made again with exactly what it saw.

mod answers;
mod difference;
mod input;
mod questions;
mod recorded;
mod stream;
mod tape;
mod texts;
mod things;
mod told;
mod written;

use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Context, Grants, HttpResponse, Manifest, Permission};

pub use difference::{Difference, compact};
pub use input::Input;
pub use recorded::Recorded;
pub use tape::{Asked, Noticed, Tape};
pub use texts::Document;
pub use things::{GivenChannel, GivenMember, GivenMessage, GivenUser, KeyValue, scope};
pub use told::Told;

/// A call that is ready to be made.
pub struct Case {
    /// When, where and by whom.
    pub context: Context,
    /// The settings, checked and with defaults, as JSON.
    pub config: String,
    /// What the hook is called with.
    pub input: Input,
    /// What there is, if it was written by hand.
    pub given: Things,
    /// What the host answered, if it was recorded.
    pub answers: Option<Vec<Asked>>,
    /// In the form of an outcome's document.
    pub expect: Value,
    /// Calls that the instance had served before the call that was recorded.
    pub served: u64,
    is_recorded: bool,
    grants: Option<Grants>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Written {
    hook: String,
    call: Option<String>,
    #[serde(default)]
    context: WrittenContext,
    #[serde(default = "things::nothing")]
    config: Document,
    #[serde(default)]
    input: Value,
    #[serde(default, skip_serializing_if = "Things::is_empty")]
    given: Things,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    grants: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    answers: Option<Vec<Asked>>,
    #[serde(default = "no_fields")]
    expect: Value,
    /// What a recorded call says of itself; for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    recorded: Option<Value>,
}

fn no_fields() -> Value {
    json!({})
}

#[derive(Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
struct WrittenContext {
    now_ms: u64,
    seed: u64,
    channel: String,
    channel_type: String,
    actor: String,
    role: String,
}

impl Default for WrittenContext {
    fn default() -> Self {
        Self {
            // 2026-01-01, a Thursday.
            now_ms: 1_767_225_600_000,
            seed: 0,
            channel: "general".into(),
            channel_type: "messaging".into(),
            actor: "alice".into(),
            role: "member".into(),
        }
    }
}

impl From<&Context> for WrittenContext {
    fn from(context: &Context) -> Self {
        let Context {
            now_ms,
            seed,
            channel,
            channel_type,
            actor,
            actor_role,
        } = context.clone();
        let role = things::role_word(actor_role).to_owned();
        Self {
            now_ms,
            seed,
            channel,
            channel_type,
            actor,
            role,
        }
    }
}

impl WrittenContext {
    fn context(self) -> Result<Context, String> {
        let Self {
            now_ms,
            seed,
            channel,
            channel_type,
            actor,
            role,
        } = self;
        let actor_role = things::role(&role).map_err(|error| format!("context.role {error}"))?;
        Ok(Context {
            now_ms,
            seed,
            channel,
            channel_type,
            actor,
            actor_role,
        })
    }
}

/// What there is when the call comes.
#[derive(Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Things {
    pub kv: Vec<KeyValue>,
    pub messages: Vec<GivenMessage>,
    pub channels: Vec<GivenChannel>,
    pub members: Vec<GivenMember>,
    pub users: Vec<GivenUser>,
    pub counters: Vec<Counter>,
    pub http: Vec<Response>,
}

/// What was counted just before the call.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Counter {
    pub key: String,
    pub sum: u32,
}

/// What a host outside answers, and to what.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Response {
    #[serde(default = "things::get")]
    pub method: String,
    pub url: String,
    #[serde(default = "things::ok")]
    status: u16,
    #[serde(default)]
    headers: texts::Headers,
    #[serde(default)]
    body: texts::Body,
    /// Where it comes from, after redirects.
    final_url: Option<String>,
    /// The body as it comes, read by read, for what is read so.
    pub pieces: Option<Vec<String>>,
    /// Whether it breaks off at the end.
    #[serde(default)]
    pub cut: bool,
}

impl Response {
    /// The answer; the error is a phrase for whoever wrote it.
    pub fn answer(&self) -> Result<HttpResponse, String> {
        let body = self.body.read();
        Ok(HttpResponse {
            url: self.final_url.as_ref().unwrap_or(&self.url).clone(),
            status: self.status,
            headers: self.headers.clone().into(),
            body: body.map_err(|error| format!("given.http `{}`: body {error}", self.url))?,
        })
    }
}

impl Things {
    fn is_empty(&self) -> bool {
        let Self {
            kv,
            messages,
            channels,
            members,
            users,
            counters,
            http,
        } = self;
        let chat = messages.is_empty() && channels.is_empty() && members.is_empty();
        chat && kv.is_empty() && users.is_empty() && counters.is_empty() && http.is_empty()
    }

    fn check(&self) -> Result<(), String> {
        for entry in &self.kv {
            things::scope(&entry.scope)?;
            entry.bytes().map(drop)?;
        }
        for given in &self.members {
            things::role(&given.role).map_err(|error| format!("given.members: role {error}"))?;
        }
        for given in &self.http {
            given.answer().map(drop)?;
        }
        Ok(())
    }
}

/// Whether a file is a case, by its name.
pub fn is_case(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str());
    matches!(extension, Some("toml" | "json"))
}

/// A recorded case with a line for each field.
pub fn pretty(text: &str) -> Result<String, String> {
    let written: Written = serde_json::from_str(text).map_err(|error| error.to_string())?;
    serde_json::to_string_pretty(&written).map_err(|error| error.to_string())
}

impl Case {
    /// Reads a case; the error is a phrase for whoever wrote it.
    pub fn read(path: &Path, text: &str, manifest: &Manifest) -> Result<Self, String> {
        let is_json = path
            .extension()
            .is_some_and(|extension| extension == "json");
        let written: Written = if is_json {
            serde_json::from_str(text).map_err(|error| error.to_string())?
        } else {
            toml::from_str(text).map_err(|error| error.to_string())?
        };
        written.given.check()?;
        if written.answers.is_some() && !written.given.is_empty() {
            return Err("a case has `given` or `answers`, not both".into());
        }
        let context = written.context.context()?;
        let call = written.call.as_deref();
        let input = Input::read(&written.hook, call, written.input, &context)?;
        check_expected(&written.expect)?;
        let served = written
            .recorded
            .as_ref()
            .and_then(|about| about["served_before"].as_u64());
        Ok(Self {
            context,
            config: settings(written.config, manifest)?,
            input,
            given: written.given,
            is_recorded: written.answers.is_some(),
            answers: written.answers,
            expect: written.expect,
            served: served.unwrap_or(0),
            grants: written.grants.map(grants).transpose()?,
        })
    }

    /// What a version may do in this call. What it needs to start it has; of the rest only what the
    /// case grants, if it says so.
    pub fn grants(&self, manifest: &Manifest) -> Grants {
        let requested = manifest.requested();
        let may = |permission: &Permission| {
            let named = self
                .grants
                .is_none_or(|grants| grants.contains(*permission));
            named || permission.is_interface()
        };
        requested.iter().filter(may).collect()
    }

    /// Where what came differs from what the case expects. A case that was written by hand leaves out
    /// what is empty; a recorded one has all of it.
    pub fn differences(&self, came: &Value) -> Vec<Difference> {
        match self.is_recorded {
            true => difference::differences(self.expect.clone(), came.clone()),
            false => difference::differences(compact(self.expect.clone()), compact(came.clone())),
        }
    }
}

/// The settings as the plugin gets them: with the defaults of this version. What has all of them
/// stays as it is written.
fn settings(written: Document, manifest: &Manifest) -> Result<String, String> {
    let settings = match serde_json::from_str(&written.0) {
        Ok(Value::Null) => json!({}),
        Ok(settings) => settings,
        Err(error) => return Err(format!("config: {error}")),
    };
    // A case has no secrets: what the host puts in, the plugin doesn't see.
    let complete = manifest
        .complete_config(settings.clone(), |_| true)
        .map_err(|faults| {
            let faults = faults
                .iter()
                .map(|f| format!("config.{} {}", f.field, f.message));
            faults.collect::<Vec<_>>().join("; ")
        })?;
    match complete.plain == settings {
        true => Ok(written.0),
        false => Ok(complete.plain.to_string()),
    }
}

fn grants(names: Vec<String>) -> Result<Grants, String> {
    let named = names.iter().map(|name| {
        // A host is granted by itself: `http:api.example.com`.
        let permission = name.split(':').next().unwrap_or_default();
        Permission::from_name(permission)
            .ok_or_else(|| format!("grants: `{name}` is no permission"))
    });
    named.collect()
}

fn check_expected(expect: &Value) -> Result<(), String> {
    const KNOWN: [&str; 6] = ["result", "error", "fault", "writes", "requests", "progress"];
    let expect = expect.as_object().ok_or("`expect` must be a table")?;
    match expect.keys().find(|key| !KNOWN.contains(&key.as_str())) {
        Some(key) => Err(format!("expect.{key} is none of: {}", KNOWN.join(", "))),
        None => Ok(()),
    }
}
