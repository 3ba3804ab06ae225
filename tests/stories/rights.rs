//! Who may do what: a table with every route of the API and every method of the socket. A route
//! without a row fails the test, and so does a row without a route.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::{Database, Person, TestHost, stories};

stories!(every_route_has_its_rights, every_method_has_its_rights);

/// The callers, in the order of the columns.
const CALLERS: [&str; 9] = [
    "nobody",
    "a user of another app",
    "the backend of another app",
    "a user outside the channel",
    "one who was removed from it",
    "a member",
    "an admin",
    "the owner",
    "the app's backend",
];

/// `200 | 201 | …` for each caller; several lines of one route are several bodies.
///
/// In a path `{c}` is a channel of owner, admin, member and plain, `{m}` a message that the member
/// wrote there, `{o}` and `{a}` the org and the app, `{k}` a key of either.
#[rustfmt::skip]
const ROUTES: &[(&str, &str, &str, [u16; 9])] = &[
    // method, path, body                                            nobody other other outside removed member admin owner backend
    ("GET",    "/v1/orgs", "",                                         [401, 403, 403, 403, 403, 403, 403, 403, 403]),
    ("POST",   "/v1/orgs", r#"{"name":"x","email":"a@b.c"}"#,          [401, 403, 403, 403, 403, 403, 403, 403, 403]),
    ("GET",    "/v1/orgs/{org_id}", "",                                [401, 403, 403, 403, 403, 403, 403, 403, 403]),
    ("PATCH",  "/v1/orgs/{org_id}", r#"{"name":"x"}"#,                 [401, 403, 403, 403, 403, 403, 403, 403, 403]),
    ("DELETE", "/v1/orgs/{org_id}", "",                                [401, 403, 403, 403, 403, 403, 403, 403, 403]),
    ("GET",    "/v1/orgs/{org_id}/keys", "",                           [401, 403, 403, 403, 403, 403, 403, 403, 403]),
    ("POST",   "/v1/orgs/{org_id}/keys", r#"{"name":"x"}"#,            [401, 403, 403, 403, 403, 403, 403, 403, 403]),
    ("POST",   "/v1/orgs/{org_id}/keys/{key_id}/rotate", "",           [401, 403, 403, 403, 403, 403, 403, 403, 403]),
    ("DELETE", "/v1/orgs/{org_id}/keys/{key_id}", "",                  [401, 403, 403, 403, 403, 403, 403, 403, 403]),
    ("GET",    "/v1/orgs/{org_id}/apps", "",                           [401, 403, 403, 403, 403, 403, 403, 403, 403]),
    ("POST",   "/v1/orgs/{org_id}/apps", r#"{"name":"x"}"#,            [401, 403, 403, 403, 403, 403, 403, 403, 403]),
    ("GET",    "/v1/apps/{app_id}", "",                                [401, 403, 404, 403, 403, 403, 403, 403, 200]),
    ("PATCH",  "/v1/apps/{app_id}", r#"{"name":"x"}"#,                 [401, 403, 403, 403, 403, 403, 403, 403, 403]),
    ("DELETE", "/v1/apps/{app_id}", "",                                [401, 403, 403, 403, 403, 403, 403, 403, 403]),
    ("GET",    "/v1/apps/{app_id}/keys", "",                           [401, 403, 403, 403, 403, 403, 403, 403, 403]),
    ("POST",   "/v1/apps/{app_id}/keys", r#"{"name":"x"}"#,            [401, 403, 403, 403, 403, 403, 403, 403, 403]),
    ("POST",   "/v1/apps/{app_id}/keys/{key_id}/rotate", "",           [401, 403, 403, 403, 403, 403, 403, 403, 403]),
    ("DELETE", "/v1/apps/{app_id}/keys/{key_id}", "",                  [401, 403, 403, 403, 403, 403, 403, 403, 403]),
    ("GET",    "/v1/apps/{app_id}/signing-keys", "",                   [401, 403, 403, 403, 403, 403, 403, 403, 403]),
    ("POST",   "/v1/apps/{app_id}/signing-keys", r#"{"kid":"x"}"#,     [401, 403, 403, 403, 403, 403, 403, 403, 403]),
    ("DELETE", "/v1/apps/{app_id}/signing-keys/{kid}", "",             [401, 403, 403, 403, 403, 403, 403, 403, 403]),
    ("GET",    "/v1/apps/{app_id}/plugin-trust", "",                   [401, 403, 404, 403, 403, 403, 403, 403, 200]),
    ("PUT",    "/v1/apps/{app_id}/plugin-trust", "{}",                 [401, 403, 403, 403, 403, 403, 403, 403, 403]),
    ("POST",   "/v1/sessions", r#"{"user_id":"plain"}"#,               [401, 403, 422, 403, 403, 403, 403, 403, 201]),
    ("POST",   "/v1/sessions/revoke", r#"{"user_id":"plain"}"#,        [401, 403, 404, 403, 403, 403, 403, 403, 204]),
    ("GET",    "/v1/users", "",                                        [401, 403, 200, 403, 403, 403, 403, 403, 200]),
    ("PUT",    "/v1/users", r#"{"users":[{"id":"x"}]}"#,               [401, 403, 200, 403, 403, 403, 403, 403, 200]),
    ("GET",    "/v1/users/{user_id}", "",                              [401, 404, 404, 200, 200, 200, 200, 200, 200]),
    ("PATCH",  "/v1/users/{user_id}", r#"{"name":"x"}"#,               [401, 403, 404, 403, 403, 403, 403, 403, 200]),
    ("POST",   "/v1/users/{user_id}/deactivate", "",                   [401, 403, 404, 403, 403, 403, 403, 403, 200]),
    ("POST",   "/v1/users/{user_id}/reactivate", "",                   [401, 403, 404, 403, 403, 403, 403, 403, 200]),
    ("DELETE", "/v1/users/{user_id}", "",                              [401, 403, 404, 403, 403, 403, 403, 403, 204]),
    ("GET",    "/v1/channels", "",                                     [401, 200, 200, 200, 200, 200, 200, 200, 200]),
    ("POST",   "/v1/channels", r#"{"name":"x"}"#,                      [401, 201, 201, 201, 201, 201, 201, 201, 201]),
    ("POST",   "/v1/channels", r#"{"owner":"plain"}"#,                 [401, 403, 404, 403, 403, 403, 403, 403, 201]),
    ("POST",   "/v1/channels/direct", r#"{"user_ids":["plain","newcomer"]}"#, [401, 403, 404, 403, 403, 403, 403, 403, 200]),
    ("GET",    "/v1/channels/{channel_id}", "",                        [401, 404, 404, 404, 404, 200, 200, 200, 200]),
    ("PATCH",  "/v1/channels/{channel_id}", r#"{"name":"x"}"#,         [401, 404, 404, 404, 404, 403, 403, 200, 200]),
    ("DELETE", "/v1/channels/{channel_id}", "",                        [401, 404, 404, 404, 404, 403, 403, 204, 204]),
    ("GET",    "/v1/channels/{channel_id}/events?since=0", "",         [401, 404, 404, 404, 404, 200, 200, 200, 200]),
    ("POST",   "/v1/channels/{channel_id}/read", r#"{"seq":1}"#,       [401, 404, 404, 404, 404, 200, 200, 200, 403]),
    ("POST",   "/v1/channels/{channel_id}/typing", r#"{"typing":true}"#, [401, 404, 404, 404, 404, 204, 204, 204, 403]),
    ("GET",    "/v1/channels/{channel_id}/presence", "",               [401, 404, 404, 404, 404, 200, 200, 200, 200]),
    ("GET",    "/v1/channels/{channel_id}/participants", "",           [401, 404, 404, 404, 404, 200, 200, 200, 200]),
    ("PUT",    "/v1/channels/{channel_id}/participants/newcomer", "",  [401, 404, 404, 404, 404, 403, 200, 200, 200]),
    ("PUT",    "/v1/channels/{channel_id}/participants/newcomer", r#"{"role":"admin"}"#, [401, 404, 404, 404, 404, 403, 403, 200, 200]),
    ("PUT",    "/v1/channels/{channel_id}/participants/plain", r#"{"role":"admin"}"#,  [401, 404, 404, 404, 404, 403, 403, 200, 200]),
    ("PUT",    "/v1/channels/{channel_id}/participants/plain", r#"{"role":"owner"}"#,  [401, 404, 404, 404, 404, 422, 422, 422, 422]),
    ("PUT",    "/v1/channels/{channel_id}/participants/admin", r#"{"role":"member"}"#, [401, 404, 404, 404, 404, 403, 403, 200, 200]),
    ("PUT",    "/v1/channels/{channel_id}/participants/owner", r#"{"role":"member"}"#, [401, 404, 404, 404, 404, 403, 403, 403, 403]),
    ("DELETE", "/v1/channels/{channel_id}/participants/plain", "",     [401, 404, 404, 404, 404, 403, 204, 204, 204]),
    ("DELETE", "/v1/channels/{channel_id}/participants/admin", "",     [401, 404, 404, 404, 404, 403, 204, 403, 204]),
    ("DELETE", "/v1/channels/{channel_id}/participants/owner", "",     [401, 404, 404, 404, 404, 403, 403, 204, 204]),
    ("POST",   "/v1/channels/{channel_id}/leave", "",                  [401, 404, 404, 404, 404, 204, 204, 204, 403]),
    ("POST",   "/v1/channels/{channel_id}/owner", r#"{"user_id":"plain"}"#, [401, 404, 404, 404, 404, 403, 403, 200, 200]),
    ("GET",    "/v1/channels/{channel_id}/messages", "",               [401, 404, 404, 404, 404, 200, 200, 200, 200]),
    ("POST",   "/v1/messages", r#"{"channel_id":"{c}","type":"text","data":"x"}"#, [401, 404, 404, 404, 404, 201, 201, 201, 422]),
    ("POST",   "/v1/messages", r#"{"channel_id":"{c}","type":"text","data":"x","as":"plain"}"#, [401, 404, 404, 404, 404, 403, 403, 403, 201]),
    ("POST",   "/v1/messages", r#"{"channel_id":"{c}","to":"plain","type":"text","data":"x"}"#, [401, 404, 404, 404, 404, 201, 201, 201, 422]),
    ("GET",    "/v1/messages/{message_id}", "",                        [401, 404, 404, 404, 404, 200, 200, 200, 200]),
    ("PATCH",  "/v1/messages/{message_id}", r#"{"data":"x"}"#,         [401, 404, 404, 404, 404, 200, 403, 403, 200]),
    ("DELETE", "/v1/messages/{message_id}", "",                        [401, 404, 404, 404, 404, 200, 200, 200, 200]),
    ("POST",   "/v1/files", "{}",                                      [401, 201, 201, 201, 201, 201, 201, 201, 201]),
    ("GET",    "/v1/files", "",                                        [401, 200, 200, 200, 200, 200, 200, 200, 200]),
    ("GET",    "/v1/files/{file_id}", "",                              [401, 404, 404, 404, 404, 200, 200, 200, 200]),
    ("DELETE", "/v1/files/{file_id}", "",                              [401, 404, 404, 404, 404, 204, 403, 403, 204]),
    // A message of text takes no actions from anybody who may see it.
    ("POST",   "/v1/messages/{message_id}/actions", r#"{"action":"x"}"#, [401, 404, 404, 404, 404, 409, 409, 409, 422]),
    ("GET",    "/v1/commands", "",                                     [401, 200, 200, 200, 200, 200, 200, 200, 200]),
    // There is no such command for those who are in the channel, and no such channel for the others.
    ("POST",   "/v1/channels/{channel_id}/commands", r#"{"name":"x"}"#, [401, 404, 404, 404, 404, 404, 404, 404, 422]),
    ("POST",   "/v1/channels/{channel_id}/commands/complete", r#"{"name":"x"}"#, [401, 404, 404, 404, 404, 404, 404, 404, 422]),
    ("GET",    "/v1/feeds", "",                                        [401, 200, 200, 200, 200, 200, 200, 200, 200]),
    ("GET",    "/v1/feeds/{feed}", "",                                 [401, 404, 404, 404, 404, 404, 404, 404, 404]),
    // Nobody but the backend reads for others.
    ("GET",    "/v1/feeds/{feed}?as=plain", "",                        [401, 403, 422, 403, 403, 403, 403, 403, 404]),
    ("GET",    "/v1/held", "",                                         [401, 200, 200, 200, 200, 200, 200, 200, 200]),
    ("POST",   "/v1/held/{held_id}/approve", "",                       [401, 403, 404, 403, 403, 403, 403, 403, 404]),
    ("POST",   "/v1/held/{held_id}/reject", "",                        [401, 403, 404, 403, 403, 403, 403, 403, 404]),
    ("GET",    "/v1/plugins", "",                                      [401, 403, 200, 403, 403, 403, 403, 403, 200]),
    ("POST",   "/v1/plugins", "{}",                                    [401, 403, 415, 403, 403, 403, 403, 403, 415]),
    ("GET",    "/v1/plugins/{name}", "",                               [401, 403, 404, 403, 403, 403, 403, 403, 404]),
    ("PUT",    "/v1/plugins/{name}", "{}",                             [401, 403, 404, 403, 403, 403, 403, 403, 404]),
    ("DELETE", "/v1/plugins/{name}", "",                               [401, 403, 404, 403, 403, 403, 403, 403, 404]),
    ("GET",    "/v1/plugins/{name}/log", "",                           [401, 403, 404, 403, 403, 403, 403, 403, 404]),
    ("DELETE", "/v1/plugins/{name}/versions/{digest}", "",             [401, 403, 404, 403, 403, 403, 403, 403, 404]),
    ("POST",   "/v1/plugins/{name}/rollback", "",                      [401, 403, 404, 403, 403, 403, 403, 403, 404]),
    ("GET",    "/v1/plugins/{name}/decisions", "",                     [401, 403, 404, 403, 403, 403, 403, 403, 404]),
    ("GET",    "/v1/plugins/{name}/usage", "",                         [401, 403, 404, 403, 403, 403, 403, 403, 404]),
    ("GET",    "/v1/plugins/{name}/rollout", "",                       [401, 403, 404, 403, 403, 403, 403, 403, 404]),
    ("PUT",    "/v1/plugins/{name}/rollout", r#"{"mode":"shadow"}"#,    [401, 403, 404, 403, 403, 403, 403, 403, 404]),
    ("DELETE", "/v1/plugins/{name}/rollout", "",                       [401, 403, 404, 403, 403, 403, 403, 403, 404]),
    ("POST",   "/v1/plugins/{name}/rollout/promote", "",               [401, 403, 404, 403, 403, 403, 403, 403, 404]),
    ("GET",    "/v1/plugins/{name}/rollout/log", "",                   [401, 403, 404, 403, 403, 403, 403, 403, 404]),
    ("GET",    "/v1/plugins/{name}/recording", "",                     [401, 403, 404, 403, 403, 403, 403, 403, 404]),
    ("PUT",    "/v1/plugins/{name}/recording", "{}",                   [401, 403, 404, 403, 403, 403, 403, 403, 404]),
    ("DELETE", "/v1/plugins/{name}/recording", "",                     [401, 403, 404, 403, 403, 403, 403, 403, 404]),
    ("GET",    "/v1/plugins/{name}/calls", "",                         [401, 403, 404, 403, 403, 403, 403, 403, 404]),
    ("DELETE", "/v1/plugins/{name}/calls", "",                         [401, 403, 404, 403, 403, 403, 403, 403, 404]),
    ("GET",    "/v1/plugins/{name}/calls/{call_id}", "",               [401, 403, 404, 403, 403, 403, 403, 403, 404]),
];

/// The same for the socket: another app's user, outsider, removed, member, admin, owner.
#[rustfmt::skip]
const METHODS: &[(&str, &str, [&str; 6])] = &[
    ("connect",     r#"{"token":"x"}"#,                                       ["conflict"; 6]),
    ("refresh",     r#"{"token":"x"}"#,                                       ["unauthenticated"; 6]),
    ("ping",        "{}",                                                     ["ok"; 6]),
    ("commands",    "{}",                                                     ["ok"; 6]),
    ("subscribe",   r#"{"channel_id":"{c}"}"#,                                ["not_found", "not_found", "not_found", "ok", "ok", "ok"]),
    ("unsubscribe", r#"{"channel_id":"{c}"}"#,                                ["ok"; 6]),
    ("send",        r#"{"channel_id":"{c}","type":"text","data":"x"}"#,       ["not_found", "not_found", "not_found", "ok", "ok", "ok"]),
    ("edit",        r#"{"message_id":"{m}","data":"x"}"#,                     ["not_found", "not_found", "not_found", "ok", "forbidden", "forbidden"]),
    ("delete",      r#"{"message_id":"{m}"}"#,                                ["not_found", "not_found", "not_found", "ok", "ok", "ok"]),
    ("act",         r#"{"message_id":"{m}","action":"x"}"#,                   ["not_found", "not_found", "not_found", "conflict", "conflict", "conflict"]),
    ("command",     r#"{"channel_id":"{c}","name":"x"}"#,                     ["not_found"; 6]),
    ("complete",    r#"{"channel_id":"{c}","name":"x"}"#,                     ["not_found"; 6]),
    ("typing",      r#"{"channel_id":"{c}","typing":true}"#,                  ["not_found", "not_found", "not_found", "ok", "ok", "ok"]),
    ("read",        r#"{"channel_id":"{c}","seq":1}"#,                        ["not_found", "not_found", "not_found", "ok", "ok", "ok"]),
    ("presence",    r#"{"channel_id":"{c}"}"#,                                ["not_found", "not_found", "not_found", "ok", "ok", "ok"]),
    ("feeds",       "{}",                                                     ["ok"; 6]),
    ("feed",        r#"{"feed":"none"}"#,                                     ["not_found"; 6]),
    ("history",     r#"{"channel_id":"{c}"}"#,                                ["not_found", "not_found", "not_found", "ok", "ok", "ok"]),
];

/// A channel with one message, made anew for each cell, since many requests change it.
struct Scene {
    channel: String,
    message: String,
}

async fn scene(host: &TestHost, people: &[Person; 7], number: usize) -> Scene {
    let [_, removed, member, admin, owner, plain, _] = people;
    let channel = host
        .app
        .channel(&format!("room-{number}"), &[owner, member, plain, removed])
        .await;
    let seat = |user: &str| format!("/v1/channels/{channel}/participants/{user}");
    host.app
        .backend
        .put(&seat(&admin.id), json!({ "role": "admin" }))
        .await
        .is(200);
    host.app.backend.delete(&seat(&removed.id)).await.is(204);
    let message = member.send(&channel, "hello").await;
    Scene {
        message: message["id"].as_str().expect("an id").to_owned(),
        channel,
    }
}

/// A file that a message of the member shows.
async fn shown(member: &Person, scene: &Scene) -> String {
    let file = member.post("/v1/files", json!({})).await.is(201);
    let data = json!({ "file_id": file["id"] });
    let message = json!({ "channel_id": scene.channel, "type": "file", "data": data });
    member.post("/v1/messages", message).await.is(201);
    file["id"].as_str().expect("an id").to_owned()
}

async fn every_route_has_its_rights(database: Database) {
    let host = TestHost::start(&database).await;
    let people = host
        .app
        .users([
            "outsider", "removed", "member", "admin", "owner", "plain", "newcomer",
        ])
        .await;
    let [outsider, removed, member, admin, owner, _, _] = &people;
    let stranger = host.stranger();
    let foreigner = host.other.user("foreigner").await;
    let callers = [
        &stranger,
        &foreigner,
        &host.other.backend,
        outsider,
        removed,
        member,
        admin,
        owner,
        &host.app.backend,
    ];
    let mut faults = Vec::new();
    for (row, (method, path, body, expected)) in ROUTES.iter().enumerate() {
        for (column, (caller, expected)) in callers.iter().zip(expected).enumerate() {
            // Users who were revoked, deactivated or erased by the cell before are there again.
            let ids: Vec<Value> = people
                .iter()
                .map(|person| json!({ "id": person.id }))
                .collect();
            host.app
                .backend
                .put("/v1/users", json!({ "users": ids }))
                .await
                .is(200);
            host.app
                .backend
                .post("/v1/users/plain/reactivate", json!({}))
                .await;
            let scene = scene(&host, &people, row * CALLERS.len() + column).await;
            let file = match path.contains("{file_id}") {
                true => shown(member, &scene).await,
                false => String::new(),
            };
            let fill = |text: &str| {
                text.replace("{c}", &scene.channel)
                    .replace("{m}", &scene.message)
                    .replace("{channel_id}", &scene.channel)
                    .replace("{message_id}", &scene.message)
                    .replace("{file_id}", &file)
                    .replace("{user_id}", "plain")
                    .replace("{org_id}", &host.org.id)
                    .replace("{app_id}", &host.app.id)
                    .replace("{key_id}", "key_0000000000000001")
                    .replace("{held_id}", "hld_0000000000000001")
                    .replace("{feed}", "none")
                    .replace("{call_id}", "cal_0000000000000001")
                    .replace("{kid}", "none")
                    .replace("{digest}", "none")
                    .replace("{name}", "none")
            };
            let body = fill(body);
            let body = (!body.is_empty()).then(|| serde_json::from_str(&body).expect("JSON"));
            let answer = caller.request(method, &fill(path), body).await;
            if answer.status != *expected {
                let who = CALLERS[column];
                faults.push(format!(
                    "{method} {path} by {who}: {} instead of {expected}: {}",
                    answer.status, answer.text
                ));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));

    let rows: BTreeSet<(String, String)> = ROUTES
        .iter()
        .map(|(method, path, ..)| (method.to_string(), pattern(path)))
        .collect();
    assert_eq!(
        rows,
        routes(),
        "a route without a row, or a row without a route"
    );
}

/// The route that a row is about.
fn pattern(path: &str) -> String {
    let path = path.split('?').next().expect("a path");
    match path.rsplit_once("/participants/") {
        Some((channel, _)) => format!("{channel}/participants/{{user_id}}"),
        None => path.to_owned(),
    }
}

/// Every route of the API, from its own description.
fn routes() -> BTreeSet<(String, String)> {
    let document = serde_json::to_value(althing::http::document()).expect("JSON");
    let paths = document["paths"].as_object().expect("paths");
    let operations = paths.iter().flat_map(|(path, item)| {
        let methods = item.as_object().expect("operations").keys();
        methods
            .map(|method| (method.to_uppercase(), path.clone()))
            .collect::<Vec<_>>()
    });
    operations.collect()
}

async fn every_method_has_its_rights(database: Database) {
    let host = TestHost::start(&database).await;
    let people = host
        .app
        .users([
            "outsider", "removed", "member", "admin", "owner", "plain", "newcomer",
        ])
        .await;
    let [outsider, removed, member, admin, owner, _, _] = &people;
    let foreigner = host.other.user("foreigner").await;
    let mut faults = Vec::new();
    for (row, (method, params, expected)) in METHODS.iter().enumerate() {
        let callers = [&foreigner, outsider, removed, member, admin, owner];
        for (column, (caller, expected)) in callers.into_iter().zip(expected).enumerate() {
            let scene = scene(&host, &people, row * callers.len() + column).await;
            let params = params
                .replace("{c}", &scene.channel)
                .replace("{m}", &scene.message);
            let mut socket = caller.connect().await;
            let reply = socket
                .request(method, serde_json::from_str(&params).expect("JSON"))
                .await;
            let code = reply.0["error"]["code"].as_str().unwrap_or("ok");
            if code != *expected {
                faults.push(format!(
                    "{method} by {}: {code} instead of {expected}",
                    caller.id
                ));
            }
            socket.close().await;
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    let rows: BTreeSet<&str> = METHODS.iter().map(|(method, ..)| *method).collect();
    let known: BTreeSet<&str> = althing::socket::METHODS.iter().copied().collect();
    assert_eq!(
        rows, known,
        "a method without a row, or a row without a method"
    );
}
