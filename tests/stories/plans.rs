//! How the databases run what the writer does. Everybody waits for it, so no statement of its may walk
//! through a table, or through all that an app or a channel has.

use std::path::Path;

use althing::store::feed_sql::{FOR_POSTGRES, FOR_SQLITE};

use crate::support::{Database, Kind, TestHost, stories, workspace};

stories!(
    no_write_walks_through_a_table,
    a_feed_walks_through_no_table,
    what_refers_to_something_is_found_by_an_index
);

/// Tables of few rows, whoever uses the host.
const SMALL: [&str; 5] = [
    "meta",
    "leaving",
    "removed_channels",
    "removed_installs",
    "removed_owners",
];
/// Indexes whose first column alone is all of an app, a channel, an install or an owner of answers:
/// only so much of it at a time. By their names on SQLite and on Postgres.
const WIDE: [(&str, &str, &str); 4] = [
    ("events_by_app", "events_by_app", "app_id"),
    ("events_by_seq", "events_by_seq", "channel"),
    ("sqlite_autoindex_plugin_kv_1", "plugin_kv_pkey", "install"),
    (
        "sqlite_autoindex_idempotency_1",
        "idempotency_pkey",
        "owner",
    ),
];
/// What goes through all that one install keeps: asked of one that seems to keep too much.
const OF_INSTALL: &str = "SELECT COUNT(*), CAST(COALESCE(SUM(OCTET_LENGTH(key)";

async fn no_write_walks_through_a_table(database: Database) {
    let _host = TestHost::start(&database).await;
    let statements = statements();
    assert!(
        statements.len() > 80,
        "only {} statements: are the sources read as they are written?",
        statements.len()
    );
    let leads = match database.kind() {
        Kind::Sqlite => Vec::new(),
        Kind::Postgres => database.texts(LEADS).await,
    };
    let mut faults = Vec::new();
    for sql in statements {
        let is_bounded = sql.contains("LIMIT") || sql.starts_with(OF_INSTALL);
        let walks = match (database.plan(&sql).await, database.kind()) {
            (Ok(plan), Kind::Sqlite) => walks_on_sqlite(is_bounded, plan),
            (Ok(plan), Kind::Postgres) => walks_on_postgres(is_bounded, &plan, &leads),
            (Err(error), _) => Some(error.to_string()),
        };
        faults.extend(walks.map(|line| format!("{sql}\n    {line}")));
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

fn walks_on_sqlite(is_bounded: bool, plan: Vec<String>) -> Option<String> {
    plan.into_iter().find(|line| {
        let scans = line.strip_prefix("SCAN ").is_some_and(|table| {
            let small = SMALL.iter().any(|small| table.starts_with(small));
            !small && table != "step" && !table.starts_with("CONSTANT")
        });
        let wide = WIDE
            .iter()
            .any(|(index, _, lead)| line.ends_with(&format!("{index} ({lead}=?)")));
        scans || (wide && !is_bounded)
    })
}

/// Every index with its first column.
const LEADS: &str = "SELECT c.relname || ' ' || a.attname FROM pg_index i \
     JOIN pg_class c ON c.oid = i.indexrelid \
     JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]";

fn walks_on_postgres(is_bounded: bool, plan: &[String], leads: &[String]) -> Option<String> {
    let mut lines = plan.iter().peekable();
    while let Some(line) = lines.next() {
        if let Some((_, table)) = line.split_once("Seq Scan on ") {
            if !SMALL.iter().any(|small| table.starts_with(small)) {
                return Some(line.clone());
            }
            continue;
        }
        let scan = line
            .split_once("Bitmap Index Scan on ")
            .or_else(|| line.split_once(" using "));
        let Some(index) = scan.and_then(|(_, rest)| rest.split_whitespace().next()) else {
            continue;
        };
        let bound = lines
            .peek()
            .and_then(|next| next.trim().strip_prefix("Index Cond: "))
            .unwrap_or_default()
            .replace('"', "");
        // As in `(app_id = $1)` or `((k.install = i.id) AND …`.
        let by_lead = leads.iter().any(|known| {
            known.split_once(' ').is_some_and(|(name, column)| {
                name == index
                    && ["(", "."]
                        .iter()
                        .any(|before| bound.contains(&format!("{before}{column} ")))
            })
        });
        let wide = WIDE.iter().any(|(_, name, _)| *name == index) && !bound.contains(" AND ");
        if !is_bounded && (!by_lead || wide) {
            return Some(format!("{} {bound}", line.trim()));
        }
    }
    None
}

/// By which indexes each of a feed's statements finds log entries, and by which columns of them.
const OF_FEEDS: [(&str, &[&str]); 4] = [
    ("events_by_type", &["channel", "type", "position"]),
    ("events_by_app_type", &["app_id", "type", "position"]),
    ("events_by_seq", &["channel", "seq"]),
    ("events_by_app", &["app_id", "position"]),
];

/// Enough for Postgres to think about which way is the shortest.
const MANY: &str = "\
    INSERT INTO users SELECT id, 'u', NULL, NULL, '{}', NULL, 0, 0, NULL, 0 FROM apps; \
    INSERT INTO channels SELECT k, (SELECT MIN(id) FROM apps), 'c' || k, 'messaging', NULL, NULL, TRUE, '[]', '{}', NULL, \
    NULL, 0, 0, 200, 0, k, 1 FROM generate_series(1, 200) k; \
    INSERT INTO participants SELECT k, (SELECT MIN(id) FROM apps), 'u', 'member', 0, 0 FROM generate_series(1, 200) k; \
    INSERT INTO events (position, app_id, channel, seq, ts, kind, actor, depth, message_id, type, data) \
    SELECT -p, (SELECT MIN(id) FROM apps), p % 200 + 1, p / 200 + 1, p, 1, 'u', 0, -p, \
    CASE p % 3 WHEN 0 THEN 'text' WHEN 1 THEN 'post' ELSE 'reel' END, repeat('x', 300) FROM generate_series(1, 40000) p";

/// Somebody waits for it, and there may be a million messages in a thousand channels.
async fn a_feed_walks_through_no_table(database: Database) {
    let _host = TestHost::start(&database).await;
    let of = match database.kind() {
        Kind::Sqlite => &FOR_SQLITE,
        Kind::Postgres => {
            database.run(MANY).await;
            database.run("VACUUM ANALYZE").await;
            &FOR_POSTGRES
        }
    };
    let statements = [of.of_user, of.of_app, of.text_of_user, of.text_of_app];
    for (sql, (index, columns)) in statements.into_iter().zip(OF_FEEDS) {
        let plan = database.plan(sql).await.expect("a plan");
        let text = plan.join("\n");
        for (at, line) in plan.iter().enumerate() {
            let (_, table) = line
                .split_once("Seq Scan on ")
                .or_else(|| line.split_once("SCAN "))
                .unwrap_or_default();
            let table = table.split_whitespace().next().unwrap_or_default();
            let is_table = ["e", "m", "p", "c", "events", "participants", "channels"];
            assert!(!is_table.contains(&table), "{line}\n{text}");
            // What is found by the feed's own index is found by all of these columns.
            if line.contains(&format!("{index} ")) {
                let condition = [line.as_str(), plan.get(at + 1).map_or("", String::as_str)];
                let condition = condition.join(" ").replace('"', "");
                for column in columns {
                    let bound = ["=", ">", "<", " =", " >", " <"];
                    let is_bound = bound
                        .iter()
                        .any(|bound| condition.contains(&format!("{column}{bound}")));
                    assert!(is_bound, "{column}: {condition}\n{text}");
                }
            }
        }
        assert!(text.contains(&format!("{index} ")), "{index}\n{text}");
    }
}

/// What is deleted takes with it what refers to it, which has to be found.
async fn what_refers_to_something_is_found_by_an_index(database: Database) {
    let _host = TestHost::start(&database).await;
    if database.kind() == Kind::Sqlite {
        return; // It has the same tables and indexes, as a rule of the sources has it.
    }
    let without = database
        .texts(
            "SELECT conname::text FROM pg_constraint c WHERE contype = 'f' AND NOT EXISTS \
             (SELECT 1 FROM pg_index i WHERE i.indrelid = c.conrelid AND i.indpred IS NULL \
             AND (i.indkey::int2[])[0:array_length(c.conkey, 1) - 1] @> c.conkey)",
        )
        .await;
    assert!(without.is_empty(), "{without:?}");
}

/// Every statement in the sources of the store that changes something, or that reads within the
/// writer's transaction. Those with a list of rows in them (`store/bulk.rs`) go by whole keys.
fn statements() -> Vec<String> {
    let folder = workspace().join("host/src/store");
    let mut found = Vec::new();
    for entry in folder.read_dir().expect("the store's sources").flatten() {
        let path = entry.path();
        if path.is_file() && !path.ends_with("bulk.rs") {
            found.extend(statements_in(&path));
        }
    }
    found.sort();
    found.dedup();
    found
}

fn statements_in(path: &Path) -> Vec<String> {
    let text = with_texts(&std::fs::read_to_string(path).expect("a source"));
    let mut found = Vec::new();
    // What a line of code begins tells where a text in it goes.
    let mut in_writer = false;
    let mut rest = text.as_str();
    while let Some(at) = rest.find('"') {
        let (code, from) = rest.split_at(at);
        if let Some(last) = [
            "on_db!(&mut",
            "on_db!(&self.db",
            "on_db!(connection",
            "\nconst ",
            " const ",
        ]
        .into_iter()
        .filter_map(|words| Some((code.rfind(words)?, words)))
        .max()
        {
            in_writer = matches!(last.1, "on_db!(&mut" | "\nconst ");
        }
        let (mut sql, mut after) = literal(from);
        if code.trim_end().ends_with("concat!(") {
            (sql, after) = joined(sql, after);
        }
        rest = after;
        let changes = ["UPDATE ", "DELETE FROM ", "INSERT INTO "]
            .iter()
            .any(|verb| sql.starts_with(verb));
        let reads = in_writer && sql.starts_with("SELECT ") && sql.contains(" FROM ");
        let is_whole = !sql.ends_with("VALUES ");
        if is_whole && (changes || reads) {
            found.push(sql);
        }
    }
    found
}

/// A source with the text of each macro that is no more than that where it is used.
fn with_texts(source: &str) -> String {
    let mut with = source.to_owned();
    for definition in source.split("macro_rules! ").skip(1) {
        let Some((name, body)) = definition.split_once(" {") else {
            continue;
        };
        let text = body
            .trim_start()
            .strip_prefix("() => {")
            .map(str::trim_start);
        if let Some(text) = text.filter(|text| text.starts_with('"')) {
            let (_, behind) = literal(text);
            with = with.replace(&format!("{name}!()"), &text[..text.len() - behind.len()]);
        }
    }
    with
}

/// The text that begins here, and what comes after it.
fn literal(from: &str) -> (String, &str) {
    let mut text = String::new();
    let mut chars = from.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return (text, &from[at + 1..]),
            '\\' => match chars.next() {
                // A text goes on behind the white space of the next line.
                Some((at, '\n')) => {
                    let skipped = from[at..].len() - from[at..].trim_start().len();
                    for _ in 1..skipped {
                        chars.next();
                    }
                }
                Some((_, 'n')) => text.push('\n'),
                Some((_, c)) => text.push(c),
                None => break,
            },
            c => text.push(c),
        }
    }
    (text, "")
}

/// The parts of a `concat!`; the columns that a macro names are as good as all.
fn joined(mut text: String, mut after: &str) -> (String, &str) {
    loop {
        let next = after.trim_start_matches([',', ' ', '\n']);
        if next.starts_with('"') {
            let (more, behind) = literal(next);
            text.push_str(&more);
            after = behind;
        } else if let Some((_, behind)) = next
            .split_once(')')
            .filter(|(name, _)| name.contains("columns!("))
        {
            text.push('*');
            after = behind;
        } else {
            return (text, after);
        }
    }
}
