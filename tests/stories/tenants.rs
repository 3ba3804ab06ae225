//! Orgs and apps: made by those who may, listed to those whose they are, and gone with all they had.

use serde_json::{Value, json};

use crate::support::{App, Database, Org, TestHost, stories};

stories!(
    orgs_and_apps_are_made_and_changed,
    orgs_do_not_meet,
    only_the_operator_makes_orgs,
    an_org_has_so_many_apps,
    an_org_goes_after_its_apps,
    an_app_goes_with_everything,
);

async fn orgs_and_apps_are_made_and_changed(database: Database) {
    let host = TestHost::start(&database).await;
    let new = json!({ "name": "Acme", "email": "ops@acme.example", "banner": "https://acme.example/b.png" });
    let made = host.operator().post("/v1/orgs", new).await.is(201);
    let org = &made["org"];
    assert_own_id(&org["id"], "org_");
    assert_eq!(org["name"], "Acme");
    assert_time(&org["created_at"]);
    assert!(
        made["key"]
            .as_str()
            .is_some_and(|key| key.starts_with("ogk_"))
    );
    let admin = host.operator().holding(&made["key"]);
    let path = format!("/v1/orgs/{}", org["id"].as_str().expect("an id"));
    assert_eq!(admin.get(&path).await.is(200), *org);
    let changed = admin
        .patch(&path, json!({ "name": "Acme Ltd", "banner": null }))
        .await
        .is(200);
    assert_eq!(changed["name"], "Acme Ltd");
    assert_eq!(changed["banner"], Value::Null);
    assert_eq!(changed["email"], "ops@acme.example");
    assert_eq!(
        admin
            .patch(&path, json!({ "email": "nobody" }))
            .await
            .invalid(),
        ["email"]
    );
    assert_eq!(
        admin.patch(&path, json!({ "owner": "me" })).await.invalid(),
        ["owner"]
    );

    let new = json!({ "name": "Shop", "allowed_origins": ["https://shop.example"] });
    let made = admin.post(&format!("{path}/apps"), new).await.is(201);
    let app = &made["app"];
    assert_own_id(&app["id"], "app_");
    assert_eq!(app["org_id"], org["id"]);
    assert_eq!(app["allowed_ips"], json!(["127.0.0.0/8", "::1/128"]));
    assert_eq!(app["allowed_origins"], json!(["https://shop.example"]));
    let path = format!("/v1/apps/{}", app["id"].as_str().expect("an id"));
    let backend = admin.holding(&made["key"]);
    for who in [&admin, &backend, &host.operator()] {
        assert_eq!(who.get(&path).await.is(200), *app);
    }
    let changed = admin
        .patch(&path, json!({ "name": "Store", "audience": "chat" }))
        .await
        .is(200);
    assert_eq!(
        (&changed["name"], &changed["audience"]),
        (&json!("Store"), &json!("chat"))
    );
    assert_eq!(changed["allowed_origins"], json!(["https://shop.example"]));
    backend
        .patch(&path, json!({ "name": "Mine" }))
        .await
        .refused(403, "forbidden");
}

async fn orgs_do_not_meet(database: Database) {
    let host = TestHost::start(&database).await;
    let (zoo, circus) = (&host.app, &host.other);
    let second = host.org.app("Petting zoo", json!({})).await;
    let page = host
        .org
        .admin
        .get(&format!("/v1/orgs/{}/apps", host.org.id))
        .await
        .is(200);
    assert_eq!(ids(&page["apps"]), [&zoo.id, &second.id]);
    let first = host
        .org
        .admin
        .get(&format!("/v1/orgs/{}/apps?limit=1", host.org.id))
        .await
        .is(200);
    assert_eq!(ids(&first["apps"]), [&zoo.id]);
    let next = first["next"].as_str().expect("a cursor");
    let rest = host
        .org
        .admin
        .get(&format!(
            "/v1/orgs/{}/apps?limit=1&next={next}",
            host.org.id
        ))
        .await
        .is(200);
    assert_eq!(ids(&rest["apps"]), [&second.id]);
    assert_eq!(rest.get("next"), None);
    // A cursor of one org's list is none of another's.
    let path = format!("/v1/orgs/{}/apps?next={next}", circus.org.id);
    circus.org.admin.get(&path).await.refused(400, "bad_cursor");

    // What is another's and what does not exist answer the same.
    let nobody = |path: &str| {
        path.replace(&circus.id, "app_0123456789abcdef")
            .replace(&circus.org.id, "org_0123456789abcdef")
    };
    for path in [
        format!("/v1/orgs/{}", circus.org.id),
        format!("/v1/orgs/{}/apps", circus.org.id),
        format!("/v1/orgs/{}/keys", circus.org.id),
        format!("/v1/apps/{}", circus.id),
        format!("/v1/apps/{}/keys", circus.id),
        format!("/v1/apps/{}/signing-keys", circus.id),
    ] {
        let mut there = host.org.admin.get(&path).await.refused(404, "not_found");
        let mut nowhere = host
            .org
            .admin
            .get(&nobody(&path))
            .await
            .refused(404, "not_found");
        for problem in [&mut there, &mut nowhere] {
            problem
                .as_object_mut()
                .expect("an object")
                .remove("request_id");
        }
        assert_eq!(there, nowhere, "{path}");
    }
    let app = format!("/v1/apps/{}", circus.id);
    host.org
        .admin
        .patch(&app, json!({ "name": "Mine" }))
        .await
        .refused(404, "not_found");
    host.org.admin.delete(&app).await.refused(404, "not_found");
    host.org
        .admin
        .post(&format!("{app}/keys"), json!({ "name": "mine" }))
        .await
        .refused(404, "not_found");
    zoo.backend.get(&app).await.refused(404, "not_found");
}

async fn only_the_operator_makes_orgs(database: Database) {
    let host = TestHost::start(&database).await;
    let alice = host.app.user("alice").await;
    let new = json!({ "name": "Acme", "email": "ops@acme.example" });
    for who in [&host.org.admin, &host.app.backend, &alice] {
        who.post("/v1/orgs", new.clone())
            .await
            .refused(403, "forbidden");
        who.get("/v1/orgs").await.refused(403, "forbidden");
    }
    let answer = host.stranger().post("/v1/orgs", new).await;
    assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
    answer.refused(401, "unauthenticated");
    let page = host.operator().get("/v1/orgs").await.is(200);
    assert_eq!(ids(&page["orgs"]), [&host.org.id, &host.other.org.id]);
    // The operator runs the host; what is inside an app is not the operator's.
    host.operator()
        .get("/v1/users")
        .await
        .refused(403, "forbidden");
    host.org
        .admin
        .get("/v1/channels")
        .await
        .refused(403, "forbidden");
}

async fn an_org_has_so_many_apps(database: Database) {
    let host = TestHost::with(&database, |config| config.limits.apps_per_org_max = 3).await;
    let path = format!("/v1/orgs/{}/apps", host.org.id);
    // It has one, and asks for eight more at once, itself and through the operator.
    let (admin, operator) = (&host.org.admin, &host.operator());
    let asks = (0..4).flat_map(|_| [admin, operator]);
    let asks = asks.map(|who| who.post(&path, json!({ "name": "Aviary" })));
    let (mut made, mut refused) = (0, 0);
    for answer in futures_util::future::join_all(asks).await {
        match answer.status {
            201 => made += 1,
            _ => {
                let problem = answer.refused(422, "limit_reached");
                assert_eq!(problem["detail"], "An org has at most 3 apps.");
                refused += 1;
            }
        }
    }
    assert_eq!((made, refused), (2, 6));
    let apps = host.org.admin.get(&path).await.is(200);
    let apps = ids(&apps["apps"]);
    assert_eq!(apps.len(), 3);
    // Another org has room, and one app less is room for one more.
    host.other.org.app("Tent", json!({})).await;
    let last = format!("/v1/apps/{}", apps[2]);
    host.org.admin.delete(&last).await.is(204);
    host.org.app("Vivarium", json!({})).await;
}

async fn an_org_goes_after_its_apps(database: Database) {
    let host = TestHost::start(&database).await;
    let org = format!("/v1/orgs/{}", host.org.id);
    host.org.admin.delete(&org).await.refused(409, "conflict");
    host.org
        .admin
        .delete(&format!("/v1/apps/{}", host.app.id))
        .await
        .is(204);
    host.org.admin.delete(&org).await.is(204);
    host.org
        .admin
        .get(&org)
        .await
        .refused(401, "unauthenticated");
    host.operator().get(&org).await.refused(404, "not_found");
    assert_eq!(
        ids(&host.operator().get("/v1/orgs").await.is(200)["orgs"]),
        [&host.other.org.id]
    );
}

async fn an_app_goes_with_everything(database: Database) {
    let host = TestHost::start(&database).await;
    let app: &App = &host.app;
    let org: &Org = &host.org;
    let [alice, bob] = app.users(["alice", "bob"]).await;
    app.channel("general", &[&alice, &bob]).await;
    alice
        .with_header("idempotency-key", "k")
        .send("general", "the canary sings")
        .await;
    bob.post(
        "/v1/messages",
        json!({ "channel_id": "general", "type": "text", "data": "psst, canary", "to": "alice" }),
    )
    .await
    .is(201);
    let mut phone = alice.connect().await;
    phone.subscribe("general").await;
    org.admin
        .delete(&format!("/v1/apps/{}", app.id))
        .await
        .is(204);
    assert_eq!(phone.closed().await, 3501);
    alice
        .get("/v1/channels")
        .await
        .refused(401, "unauthenticated");
    app.backend
        .get("/v1/users")
        .await
        .refused(401, "unauthenticated");
    org.admin
        .get(&format!("/v1/apps/{}", app.id))
        .await
        .refused(404, "not_found");
    let page = org
        .admin
        .get(&format!("/v1/orgs/{}/apps", org.id))
        .await
        .is(200);
    assert_eq!(page, json!({ "apps": [] }));
    let left = database.dump().await;
    assert!(
        !left.contains("canary") && !left.contains(&number(&app.id)),
        "something of the app is left: {left}"
    );
    assert!(left.contains(&number(&host.other.id)));
    assert_eq!(
        host.other
            .session("alice")
            .await
            .get("/v1/channels")
            .await
            .status,
        200
    );
}

/// The number in one of the host's ids, as the database keeps it.
fn number(id: &str) -> String {
    let (_, hex) = id.split_once('_').expect("a prefix");
    i64::from_str_radix(hex, 16).expect("a number").to_string()
}

fn ids(list: &Value) -> Vec<&str> {
    list.as_array()
        .expect("a list")
        .iter()
        .map(|item| item["id"].as_str().expect("an id"))
        .collect()
}

fn assert_own_id(id: &Value, prefix: &str) {
    let hex = id
        .as_str()
        .and_then(|id| id.strip_prefix(prefix))
        .unwrap_or_default();
    assert!(
        hex.len() == 16
            && hex
                .bytes()
                .all(|b| b.is_ascii_hexdigit() && !b.is_ascii_uppercase()),
        "{id}"
    );
}

fn assert_time(time: &Value) {
    let text = time.as_str().expect("a time");
    assert!(
        text.len() == 24 && text.ends_with('Z') && text.contains('.'),
        "{text}"
    );
}
