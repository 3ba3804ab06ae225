//! A host that can't keep its promises, or can't start, says why and what to change, and ends.

use crate::support::{ChildHost, Database, Kind, postgres, refusal, stories};

stories!(
    faults_in_the_settings_are_told_together,
    a_database_that_may_lose_commits_is_refused,
    a_second_host_is_refused,
    files_that_are_in_the_way_are_named,
);

/// What it said, if it said so in order.
async fn said(database: &Database, settings: &[(&'static str, &str)]) -> String {
    let said = refusal(database, settings).await;
    assert!(said.contains("error: "), "{said}");
    assert!(!said.contains("panicked"), "{said}");
    said
}

async fn faults_in_the_settings_are_told_together(database: Database) {
    let faults = [
        ("ALTHING_SOCKET__FRAME_BYTE_MAX", "1"),
        ("ALTHING_SERVER__LISTEN", "nowhere"),
        ("ALTHING_SESSIONS__LIFETIME_S", "100000"),
        ("ALTHING_LIMITS__UPLOAD_BYTES_MAX", "1"),
    ];
    let said = said(&database, &faults).await;
    for words in [
        "did you mean `ALTHING_SOCKET__FRAME_BYTES_MAX`",
        "server.listen: must be an IP address",
        "sessions.lifetime_s: must be at most",
        "ALTHING_LIMITS__UPLOAD_BYTES_MAX: no such setting",
    ] {
        assert!(said.contains(words), "{words} is not in: {said}");
    }
}

async fn a_database_that_may_lose_commits_is_refused(database: Database) {
    if database.kind() == Kind::Sqlite {
        std::fs::create_dir_all(database.data_dir()).expect("a folder");
        let file = database.data_dir().join("althing.db");
        std::fs::write(
            &file,
            "not a database, but long enough to be looked at".repeat(100),
        )
        .expect("a file");
        let said = said(&database, &[]).await;
        assert!(said.contains("not a database"), "{said}");
        return;
    }
    for weak in ["off", "local", "remote_write"] {
        let name = database.name();
        database
            .admin(format!(
                "ALTER DATABASE {name} SET synchronous_commit = {weak}"
            ))
            .await;
        let said = said(&database, &[]).await;
        assert!(
            said.contains(&format!("`synchronous_commit` is `{weak}`; set it to `on`")),
            "{said}"
        );
    }
    // What a whole server is set to, and no role or database of it can change.
    let careless = postgres::start(&["fsync=off", "full_page_writes=off"]).expect("a server");
    let (before, after) = &careless.url;
    let url = format!("{before}postgres{after}");
    let said = said(&database, &[("ALTHING_STORE__URL", &url)]).await;
    for name in ["fsync", "full_page_writes"] {
        let words = format!("`{name}` is `off`; set it to `on`");
        assert!(said.contains(&words), "{said}");
    }
    assert!(said.contains("postgresql.conf"), "{said}");
}

async fn a_second_host_is_refused(database: Database) {
    let host = ChildHost::start(&database).await;
    let said = said(&database, &[]).await;
    assert!(
        said.contains("another host is using this database"),
        "{said}"
    );
    host.app.backend.get("/v1/users").await.is(200);
}

async fn files_that_are_in_the_way_are_named(database: Database) {
    // Not a matter of permissions, which root doesn't have to mind.
    let folder = database.data_dir();
    std::fs::create_dir_all(folder.parent().expect("a folder")).expect("a folder");
    std::fs::write(&folder, "").expect("a file");
    let said = said(&database, &[]).await;
    assert!(said.contains(&folder.display().to_string()), "{said}");
}
