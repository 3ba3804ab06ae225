//! The whole content of a database as text: for looking whether something is really gone.

use sqlx::postgres::PgConnection;
use sqlx::sqlite::SqliteConnection;
use sqlx::{AssertSqlSafe, Connection as _, Row as _};

/// Every row of every table of a SQLite database, as `table: value | value`.
pub async fn sqlite(url: &str) -> String {
    let mut connection = SqliteConnection::connect(url).await.expect("the database");
    let mut text = String::new();
    for table in sqlite_tables(&mut connection).await {
        let columns: Vec<String> = sqlx::query_scalar("SELECT name FROM pragma_table_info($1)")
            .bind(&table)
            .fetch_all(&mut connection)
            .await
            .expect("the columns");
        let values: Vec<String> = columns
            .iter()
            .map(|column| format!("cast(\"{column}\" AS BLOB)"))
            .collect();
        let sql = format!("SELECT {} FROM \"{table}\"", values.join(", "));
        for row in sqlx::query(AssertSqlSafe(sql))
            .fetch_all(&mut connection)
            .await
            .expect("the rows")
        {
            let values: Vec<String> = (0..columns.len()).map(|at| shown(row.get(at))).collect();
            text.push_str(&format!("{table}: {}\n", values.join(" | ")));
        }
    }
    let _ = connection.close().await;
    text
}

/// Every row of every table of a Postgres database, in the same form.
pub async fn postgres(url: &str) -> String {
    let mut connection = PgConnection::connect(url).await.expect("the database");
    let mut text = String::new();
    for table in postgres_tables(&mut connection).await {
        let columns: Vec<(String, String)> = sqlx::query_as(
            "SELECT column_name::text, data_type::text FROM information_schema.columns \
             WHERE table_name = $1 ORDER BY ordinal_position",
        )
        .bind(&table)
        .fetch_all(&mut connection)
        .await
        .expect("the columns");
        let values: Vec<String> = columns
            .iter()
            .map(|(column, kind)| match kind.as_str() {
                "bytea" => format!("\"{column}\""),
                _ => format!("convert_to(\"{column}\"::text, 'UTF8')"),
            })
            .collect();
        let sql = format!("SELECT {} FROM \"{table}\"", values.join(", "));
        for row in sqlx::query(AssertSqlSafe(sql))
            .fetch_all(&mut connection)
            .await
            .expect("the rows")
        {
            let values: Vec<String> = (0..columns.len()).map(|at| shown(row.get(at))).collect();
            text.push_str(&format!("{table}: {}\n", values.join(" | ")));
        }
    }
    let _ = connection.close().await;
    text
}

/// The host's tables in a SQLite database.
pub async fn sqlite_tables(connection: &mut SqliteConnection) -> Vec<String> {
    let sql = "SELECT name FROM sqlite_master WHERE type = 'table' AND substr(name, 1, 1) <> '_' ORDER BY name";
    sqlx::query_scalar(sql)
        .fetch_all(connection)
        .await
        .expect("the tables")
}

/// The host's tables in a Postgres database.
pub async fn postgres_tables(connection: &mut PgConnection) -> Vec<String> {
    let sql = "SELECT tablename::text FROM pg_tables WHERE schemaname = 'public' AND substr(tablename, 1, 1) <> '_' ORDER BY 1";
    sqlx::query_scalar(sql)
        .fetch_all(connection)
        .await
        .expect("the tables")
}

fn shown(value: Option<Vec<u8>>) -> String {
    value
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        .unwrap_or_default()
}
