//! Files: uploaded, shown in messages, read by those who may, and gone when they are to be.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Answer, Database, Person, TestHost, eventually, stories};

stories!(
    a_file_is_read_where_a_message_shows_it,
    a_link_is_good_for_its_file_and_its_time,
    a_message_shows_what_its_sender_may_show,
    files_are_bounded,
    a_plugin_says_which_files_are_kept,
    captions_are_guarded,
    captions_are_masked,
    what_waits_for_review_keeps_its_file,
    nothing_is_left_of_files_that_are_gone,
);

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR and so on";

async fn upload(person: &Person, name: &str, bytes: &[u8]) -> Answer {
    let body = ("application/x-thing", bytes.to_vec());
    person
        .raw("POST", &format!("/v1/files?name={name}"), Some(body))
        .await
}

fn id(file: &Value) -> String {
    file["id"].as_str().expect("an id").to_owned()
}

async fn show(person: &Person, kind: &str, file: &Value) -> Answer {
    let data = json!({ "file_id": file["id"], "text": "Look!" });
    let message = json!({ "channel_id": "general", "type": kind, "data": data });
    person.post("/v1/messages", message).await
}

/// Names and folders below the folder of files, those of uploads under way among them.
fn on_disk(database: &Database) -> Vec<String> {
    fn walk(folder: &std::path::Path, found: &mut Vec<String>) {
        for entry in folder.read_dir().into_iter().flatten().flatten() {
            match entry.path() {
                path if path.is_dir() => walk(&path, found),
                path => found.push(path.display().to_string()),
            }
        }
    }
    let mut found = Vec::new();
    walk(&database.data_dir().join("files"), &mut found);
    found
}

async fn a_file_is_read_where_a_message_shows_it(database: Database) {
    let host = TestHost::start(&database).await;
    let app = &host.app;
    let [alice, bob, carol] = app.users(["alice", "bob", "carol"]).await;
    app.channel("general", &[&alice, &bob]).await;
    let file = upload(&alice, "cat%20%C3%BC.png", PNG).await.is(201);
    assert_eq!(file["name"], "cat ü.png");
    assert_eq!(file["media_type"], "image/png", "its bytes say so");
    assert_eq!(file["bytes"], PNG.len());
    assert_eq!(file["sha256"].as_str().map(str::len), Some(64));
    assert_eq!(file["user_id"], "alice");
    let path = format!("/v1/files/{}", id(&file));

    // So far it is hers alone.
    alice.get(&path).await.is(200);
    app.backend.get(&path).await.is(200);
    for other in [
        &bob,
        &carol,
        &host.other.backend,
        &host.other.session("alice").await,
    ] {
        other.get(&path).await.refused(404, "not_found");
    }
    let message = show(&alice, "image", &file).await.is(201);
    assert_eq!(
        message["data"],
        json!({ "file_id": file["id"], "name": "cat ü.png", "media_type": "image/png",
            "bytes": PNG.len(), "text": "Look!" })
    );
    assert_eq!(message["view"]["text"], "Look!");
    let seen = bob.get(&path).await.is(200);
    carol.get(&path).await.refused(404, "not_found");
    let bytes = host
        .stranger()
        .get(seen["url"].as_str().expect("a link"))
        .await;
    assert_eq!(bytes.header("content-type"), Some("image/png"));
    assert_eq!(
        bytes.raw_is(200).as_bytes(),
        String::from_utf8_lossy(PNG).as_bytes()
    );

    // Whoever leaves, or sees the message go, reads it no longer.
    app.channel("second", &[&alice, &carol]).await;
    let again =
        json!({ "channel_id": "second", "type": "file", "data": { "file_id": file["id"] } });
    alice.post("/v1/messages", again).await.is(201);
    carol.get(&path).await.is(200);
    app.backend
        .delete("/v1/channels/second/participants/carol")
        .await
        .is(204);
    carol.get(&path).await.refused(404, "not_found");
    let message = format!("/v1/messages/{}", id(&message));
    alice.delete(&message).await.is(200);
    bob.get(&path).await.refused(404, "not_found");
    alice.get(&path).await.is(200);

    let listed = alice.get("/v1/files?limit=1").await.is(200);
    assert_eq!(listed["files"][0]["id"], file["id"]);
    bob.get("/v1/files?user_id=alice")
        .await
        .refused(403, "forbidden");
    let listed = app.backend.get("/v1/files?user_id=alice").await.is(200);
    assert_eq!(listed["files"].as_array().map(Vec::len), Some(1));
    let others = host
        .other
        .backend
        .get("/v1/files?user_id=alice")
        .await
        .is(200);
    assert_eq!(others, json!({ "files": [] }));
}

async fn a_link_is_good_for_its_file_and_its_time(database: Database) {
    let host = TestHost::timeless(&database).await;
    let [alice] = host.app.users(["alice"]).await;
    let file = upload(&alice, "a.txt", b"0123456789").await.is(201);
    let second = upload(&alice, "b.txt", b"other").await.is(201);
    let link = file["url"].as_str().expect("a link").to_owned();
    let stranger = host.stranger();
    let answer = stranger.get(&link).await;
    assert_eq!(answer.header("content-length"), Some("10"));
    assert_eq!(
        answer.header("content-disposition"),
        Some("attachment; filename*=UTF-8''a.txt")
    );
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    let tag = answer.header("etag").expect("a tag").to_owned();
    assert_eq!(answer.raw_is(200), "0123456789");
    let part = stranger.with_header("range", "bytes=2-4").get(&link).await;
    assert_eq!(part.header("content-range"), Some("bytes 2-4/10"));
    assert_eq!(part.raw_is(206), "234");
    let none = stranger.with_header("range", "bytes=10-").get(&link).await;
    assert_eq!(none.header("content-range"), Some("bytes */10"));
    none.raw_is(416);
    stranger
        .with_header("if-none-match", &tag)
        .get(&link)
        .await
        .raw_is(304);

    // A link leads nowhere else, and is none when anything of it is changed.
    let elsewhere = link.replace(&id(&file), &id(&second));
    let elsewhere_still = link.replace(&host.app.id, &host.other.id);
    let changed = link.replace("link=", "link=A");
    for bad in [&elsewhere, &elsewhere_still, &changed] {
        stranger.get(bad).await.refused(404, "not_found");
    }
    let bare = link.split('?').next().expect("a path");
    stranger.get(bare).await.refused(422, "invalid");

    host.pass(Duration::from_secs(3601)).await;
    stranger.get(&link).await.refused(404, "not_found");
    let alice = host.app.session("alice").await;
    let fresh = alice.get(format!("/v1/files/{}", id(&file))).await.is(200);
    let fresh = fresh["url"].as_str().expect("a link").to_owned();
    stranger.get(&fresh).await.raw_is(200);
    alice
        .delete(format!("/v1/files/{}", id(&file)))
        .await
        .is(204);
    stranger.get(&fresh).await.refused(404, "not_found");
}

async fn a_message_shows_what_its_sender_may_show(database: Database) {
    let host = TestHost::start(&database).await;
    let app = &host.app;
    let [alice, bob] = app.users(["alice", "bob"]).await;
    app.channel("general", &[&alice, &bob]).await;
    let file = upload(&alice, "cat.png", PNG).await.is(201);
    let foreign = upload(&host.other.session("alice").await, "x", PNG)
        .await
        .is(201);
    let at_fault = |answer: Answer| answer.refused(422, "invalid")["errors"][0]["field"].clone();
    // Somebody else's, one of another app, one that isn't there: all the same.
    assert_eq!(at_fault(show(&bob, "image", &file).await), "data.file_id");
    assert_eq!(
        at_fault(show(&alice, "image", &foreign).await),
        "data.file_id"
    );
    let nothing = json!({ "id": "fil_0000000000000001" });
    assert_eq!(
        at_fault(show(&alice, "image", &nothing).await),
        "data.file_id"
    );
    assert_eq!(at_fault(show(&alice, "video", &file).await), "data.file_id");
    for data in [
        json!("cat.png"),
        json!({}),
        json!({ "file_id": file["id"], "size": 1 }),
    ] {
        let message = json!({ "channel_id": "general", "type": "file", "data": data });
        assert_eq!(at_fault(alice.post("/v1/messages", message).await), "data");
    }
    // Who was shown it may pass it on.
    show(&alice, "image", &file).await.is(201);
    show(&bob, "file", &file).await.is(201);
    // A file that is gone is in no new message, and the old ones stay what they are.
    alice
        .delete(format!("/v1/files/{}", id(&file)))
        .await
        .is(204);
    assert_eq!(at_fault(show(&alice, "image", &file).await), "data.file_id");
    assert_eq!(alice.history("general").await.len(), 2);
    // The backend shows any file of its app in anybody's name, and none of another.
    let file = upload(&alice, "dog.png", PNG).await.is(201);
    let as_bob = |file: &Value| {
        json!({ "channel_id": "general", "as": "bob", "type": "image",
            "data": { "file_id": file["id"] } })
    };
    let messages = "/v1/messages";
    app.backend.post(messages, as_bob(&file)).await.is(201);
    let answer = app.backend.post(messages, as_bob(&foreign)).await;
    assert_eq!(at_fault(answer), "data.file_id");
}

async fn files_are_bounded(database: Database) {
    let host = TestHost::with(&database, |config| {
        config.files.bytes_max = 1000;
        config.files.app_bytes_max = 2500;
    })
    .await;
    let alice = host.app.user("alice").await;
    upload(&alice, "a", &[b'a'; 1001])
        .await
        .refused(413, "payload_too_large");
    upload(&alice, "a", &[b'a'; 1000]).await.is(201);
    upload(&alice, "b", &[b'b'; 1000]).await.is(201);
    upload(&alice, "c", &[b'c'; 501])
        .await
        .refused(422, "limit_reached");
    upload(&alice, "c", &[b'c'; 500]).await.is(201);
    upload(&alice, "d", b"d")
        .await
        .refused(422, "limit_reached");
    // Nobody else's room is taken.
    let other = host.other.session("alice").await;
    upload(&other, "d", b"").await.is(201);
    for name in ["%00", "%0A", &"x".repeat(256)] {
        upload(&other, name, b"d").await.refused(422, "invalid");
    }
    assert_eq!(
        on_disk(&database).len(),
        4,
        "nothing stays of what was refused"
    );
}

async fn a_plugin_says_which_files_are_kept(database: Database) {
    let host = TestHost::start(&database).await;
    host.expect_plugin_faults();
    let app = &host.app;
    let [alice] = app.users(["alice"]).await;
    app.plugin("hostile", json!({})).await;
    let problem = upload(&alice, "say%20not%20this", b"x").await;
    let problem = problem.refused(422, "file_rejected");
    assert_eq!(
        (&problem["reason"], &problem["detail"]),
        (&json!("said"), &json!("not this"))
    );
    // It sees what the file begins with, and the backend asks it, too.
    let problem = upload(&app.backend, "a", b"code%20small").await.is(201);
    assert_eq!(problem.get("user_id"), None);
    let problem = upload(&app.backend, "a", b"code small").await;
    assert_eq!(problem.refused(422, "file_rejected")["reason"], "small");
    let held = upload(&alice, "set%201%201", b"x")
        .await
        .refused(422, "file_rejected");
    assert!(
        held["detail"]
            .as_str()
            .is_some_and(|why| why.contains("Denied")),
        "{held}"
    );
    // One that fails means what its install says.
    let policy = |on_fault: &'static str| async move {
        let install = json!({ "on_fault": on_fault });
        app.backend
            .put("/v1/plugins/hostile", install)
            .await
            .is(200);
    };
    policy("closed").await;
    upload(&alice, "trap", b"x")
        .await
        .refused(503, "plugin_failed");
    policy("open").await;
    upload(&alice, "trap", b"x").await.is(201);
    upload(&host.other.session("alice").await, "say%20no", b"x")
        .await
        .is(201);
    assert_eq!(on_disk(&database).len(), 3);
    let decided = async || {
        let page = app
            .backend
            .get("/v1/plugins/hostile/decisions")
            .await
            .is(200);
        let decisions = page["decisions"].as_array().expect("a list").clone();
        (decisions.len() == 5).then_some(decisions)
    };
    let decisions = eventually("its decisions are kept", decided).await;
    assert!(
        decisions
            .iter()
            .all(|decision| decision["hook"] == "file-guard")
    );
}

async fn captions_are_guarded(database: Database) {
    let host = TestHost::start(&database).await;
    let app = &host.app;
    let [alice, bob] = app.users(["alice", "bob"]).await;
    app.channel("general", &[&alice, &bob]).await;
    let words = json!([{ "words": ["darn"], "action": "reject" }]);
    app.plugin("moderation", json!({ "words": words })).await;
    let file = async |name: &str| upload(&bob, name, PNG).await.is(201);
    let [fine, bad] = [file("fine.png").await, file("darn.png").await];
    let send = async |file: &Value, text: &str| {
        let data = json!({ "file_id": file["id"], "text": text });
        let message = json!({ "channel_id": "general", "type": "image", "data": data });
        bob.post("/v1/messages", message).await
    };
    send(&fine, "Look!").await.is(201);
    send(&fine, "darn").await.refused(422, "message_rejected");
    // Without a caption its name is what others read, and with one they get it, too.
    for text in ["", "Look!"] {
        send(&bad, text).await.refused(422, "message_rejected");
    }
}

async fn captions_are_masked(database: Database) {
    let host = TestHost::start(&database).await;
    let app = &host.app;
    let [alice, bob] = app.users(["alice", "bob"]).await;
    app.channel("general", &[&alice, &bob]).await;
    let words = json!([{ "words": ["darn"], "action": "mask" }]);
    app.plugin("moderation", json!({ "words": words })).await;
    app.plugin("hostile", json!({})).await;
    let mut files = Vec::new();
    for name in ["fine.png", "darn.png", ""] {
        files.push(upload(&bob, name, PNG).await.is(201));
    }
    let send = async |file: &Value, text: &str| {
        let data = json!({ "file_id": file["id"], "text": text });
        let message = json!({ "channel_id": "general", "type": "image", "data": data });
        bob.post("/v1/messages", message).await
    };
    // By a guard that knows of data, and by one that knows of texts alone.
    for (file, text, masked) in [
        (&files[0], "Look, darn it!", "Look, **** it!"),
        (&files[2], "patch 3", "xxx"),
    ] {
        let sent = send(file, text).await.is(201);
        assert_eq!(sent["data"]["text"], masked);
        assert_eq!(sent["data"]["name"], file["name"]);
        assert_eq!(sent["view"]["text"], masked);
    }
    // The file's name is not theirs to change: nothing goes out as it was.
    for (file, text) in [
        (&files[1], "Look!"),
        (&files[1], ""),
        (&files[0], "patch 3"),
    ] {
        let problem = send(file, text).await.refused(422, "message_rejected");
        assert_eq!(problem["reason"], "words_not_allowed", "{text}");
    }
    assert_eq!(alice.history("general").await.len(), 2);
}

async fn what_waits_for_review_keeps_its_file(database: Database) {
    let host = TestHost::timeless(&database).await;
    let app = &host.app;
    let [bob, alice] = app.users(["bob", "alice"]).await;
    app.channel("general", &[&bob, &alice]).await;
    let words = json!([{ "words": ["darn"], "action": "hold" }]);
    app.plugin("moderation", json!({ "words": words })).await;
    let mut held = Vec::new();
    let mut paths = Vec::new();
    for name in ["darn1.png", "darn.png", "darn.png"] {
        let file = upload(&alice, name, PNG).await.is(201);
        paths.push(format!("/v1/files/{}", id(&file)));
        let data = json!({ "file_id": file["id"], "text": "darn" });
        let message = json!({ "channel_id": "general", "type": "image", "data": data });
        held.push(id(&alice.post("/v1/messages", message).await.is(202)));
    }
    bob.get(&paths[0]).await.refused(404, "not_found");
    // Past the time for files that nobody is shown.
    host.pass(Duration::from_secs(8 * 24 * 3600)).await;
    host.restart().await;
    let [alice, bob] = [app.session("alice").await, app.session("bob").await];
    let decide = async |held: &str, what: &str| {
        app.backend
            .post(format!("/v1/held/{held}/{what}"), json!({}))
            .await
    };
    let approved = decide(&held[0], "approve").await.is(201);
    assert_eq!(approved["type"], "image");
    bob.get(&paths[0]).await.is(200);
    decide(&held[1], "reject").await.is(204);
    alice.get(&paths[1]).await.is(200);
    // Without its file there is nothing to approve.
    alice.delete(&paths[2]).await.is(204);
    decide(&held[2], "approve").await.refused(409, "conflict");
    decide(&held[2], "reject").await.is(204);
}

async fn nothing_is_left_of_files_that_are_gone(database: Database) {
    let host = TestHost::timeless(&database).await;
    let app = &host.app;
    let [alice, bob] = app.users(["alice", "bob"]).await;
    app.channel("general", &[&alice, &bob]).await;
    let left = async |count: usize| {
        let files = async || (on_disk(&database).len() == count).then_some(());
        eventually(&format!("{count} files are left"), files).await;
    };
    let shown = upload(&alice, "shown", PNG).await.is(201);
    show(&alice, "image", &shown).await.is(201);
    upload(&alice, "not-shown", PNG).await.is(201);
    upload(&app.backend, "of-the-backend", PNG).await.is(201);
    let of_bob = upload(&bob, "of-bob", PNG).await.is(201);
    show(&bob, "image", &of_bob).await.is(201);
    let other = host.other.session("alice").await;
    upload(&other, "of-another-app", PNG).await.is(201);
    left(5).await;

    let removed = upload(&alice, "removed", PNG).await.is(201);
    left(6).await;
    alice
        .delete(format!("/v1/files/{}", id(&removed)))
        .await
        .is(204);
    left(5).await;
    app.backend.delete("/v1/users/bob").await.is(204);
    left(4).await;
    // What nobody is shown goes with its time, also in the other app.
    host.pass(Duration::from_secs(8 * 24 * 3600)).await;
    host.restart().await;
    left(2).await;
    // And what was shown in a channel that is gone.
    app.backend.delete("/v1/channels/general").await.is(204);
    let goes = async || {
        host.restart().await;
        (on_disk(&database).len() == 1).then_some(())
    };
    eventually("the file of a channel that is gone goes", goes).await;
    host.org
        .admin
        .delete(format!("/v1/apps/{}", app.id))
        .await
        .is(204);
    left(0).await;
}
