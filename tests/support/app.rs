//! Orgs and apps, made through the API as an operator and a tenant would.

use std::path::Path;

use serde_json::{Value, json};

use super::{Person, eventually};

/// An org.
#[derive(Clone)]
pub struct Org {
    pub id: String,
    /// Who has the org's key.
    pub admin: Person,
}

/// An app.
#[derive(Clone)]
pub struct App {
    pub id: String,
    pub org: Org,
    /// The app's backend, with its server key.
    pub backend: Person,
}

impl Org {
    /// A new org.
    pub async fn create(operator: &Person, name: &str) -> Self {
        let made = operator
            .post(
                "/v1/orgs",
                json!({ "name": name, "email": "ops@zoo.example" }),
            )
            .await
            .is(201);
        let id = made["org"]["id"].as_str().expect("an id").to_owned();
        Self {
            id,
            admin: operator.holding(&made["key"]),
        }
    }

    /// A new app of this org, with what `settings` adds to its name.
    pub async fn app(&self, name: &str, settings: Value) -> App {
        let mut new = json!({ "name": name });
        new.as_object_mut()
            .expect("an object")
            .extend(settings.as_object().expect("an object").clone());
        let made = self
            .admin
            .post(&format!("/v1/orgs/{}/apps", self.id), new)
            .await
            .is(201);
        let id = made["app"]["id"].as_str().expect("an id").to_owned();
        App {
            id,
            org: self.clone(),
            backend: self.admin.holding(&made["key"]),
        }
    }
}

impl App {
    /// A new app of a new org.
    pub async fn create(operator: &Person, name: &str) -> (Org, Self) {
        let org = Org::create(operator, name).await;
        let app = org.app(name, json!({})).await;
        (org, app)
    }

    /// A user of the app with a session; made if need be.
    pub async fn user(&self, id: &str) -> Person {
        let [user] = self.users([id]).await;
        user
    }

    /// Several of them.
    pub async fn users<const N: usize>(&self, ids: [&str; N]) -> [Person; N] {
        let people = self.crowd(&ids).await;
        people
            .try_into()
            .unwrap_or_else(|_| unreachable!("as many people as ids"))
    }

    /// Any number of them.
    pub async fn crowd(&self, ids: &[&str]) -> Vec<Person> {
        let users: Vec<Value> = ids.iter().map(|id| json!({ "id": id })).collect();
        for some in users.chunks(100) {
            self.backend
                .put("/v1/users", json!({ "users": some }))
                .await
                .is(200);
        }
        let mut people = Vec::new();
        for id in ids {
            people.push(self.session(id).await);
        }
        people
    }

    /// A user who is there already, with a new session.
    pub async fn session(&self, id: &str) -> Person {
        let made = self
            .backend
            .post("/v1/sessions", json!({ "user_id": id }))
            .await
            .is(201);
        self.backend.holding(&made["token"]).named(id)
    }

    /// The same, for a day: the longest that there is. For stories that let time pass.
    pub async fn day_session(&self, id: &str) -> Person {
        let new = json!({ "user_id": id, "expires_in_s": 86_400 });
        let made = self.backend.post("/v1/sessions", new).await.is(201);
        self.backend.holding(&made["token"]).named(id)
    }

    /// A channel with these people in it; the first is its owner.
    pub async fn channel(&self, id: &str, people: &[&Person]) -> String {
        let ids: Vec<&str> = people.iter().map(|person| person.id.as_str()).collect();
        let new = json!({ "id": id, "owner": ids.first(), "members": ids });
        self.backend.post("/v1/channels", new).await.is(201);
        id.to_owned()
    }

    /// Lets one of the plugins that come with the host run, with everything it asks for.
    pub async fn plugin(&self, name: &str, config: Value) -> Value {
        let component = super::component(name);
        self.install(&component, json!({ "config": config })).await
    }

    /// Waits until a plugin has handled all events that there are for it.
    pub async fn handled_all(&self, plugin: &str) {
        let path = format!("/v1/plugins/{plugin}/usage");
        eventually("all events are handled", async || {
            let usage = self.backend.get(&path).await;
            (usage.is(200)["events_waiting"] == 0).then_some(())
        })
        .await;
    }

    /// Uploads a component and lets it run as `settings` say, with everything it asks for.
    pub async fn install(&self, component: &[u8], mut settings: Value) -> Value {
        let known = self.backend.upload(component).await.is(201);
        settings["consent"] = true.into();
        settings["digest"] = known["digest"].clone();
        let name = known["name"].as_str().expect("a name");
        self.backend
            .put(format!("/v1/plugins/{name}"), settings)
            .await
            .is(200)
    }

    /// Runs `althing` as the app's backend: the exit code, what was printed, and what was said about it.
    pub async fn althing(&self, folder: &Path, line: &str) -> (i32, String, String) {
        let mut command = super::althing();
        command.args(line.split(' ')).current_dir(folder);
        command.env("ALTHING_KEY", self.backend.credential());
        command.env("ALTHING_URL", format!("http://{}", self.backend.address()));
        let run = tokio::task::spawn_blocking(move || command.output());
        let done = run.await.expect("a thread").expect("althing runs");
        let text = |bytes| String::from_utf8(bytes).expect("text");
        let code = done.status.code().unwrap_or(-1);
        (code, text(done.stdout), text(done.stderr))
    }

    /// People, channels and messages with the names that stories use, so that anything which leaks
    /// from one app into another shows.
    pub async fn populate(&self) {
        let users: Vec<Value> = ["alice", "bob", "carol", "dave"]
            .iter()
            .map(|id| json!({ "id": id, "name": OTHERS }))
            .collect();
        let made = self
            .backend
            .put("/v1/users", json!({ "users": users }))
            .await;
        assert_eq!(made.status, 200, "{}", made.text);
        let channel = json!({ "id": "general", "name": OTHERS, "tags": ["red"], "owner": "alice", "members": ["bob"] });
        let made = self.backend.post("/v1/channels", channel).await;
        assert_eq!(made.status, 201, "{}", made.text);
        let message =
            json!({ "channel_id": "general", "type": "text", "data": OTHERS, "as": "alice" });
        let made = self.backend.post("/v1/messages", message).await;
        assert_eq!(made.status, 201, "{}", made.text);
    }
}

/// Stands in everything that belongs to the other app.
pub const OTHERS: &str = "the other app's own";
