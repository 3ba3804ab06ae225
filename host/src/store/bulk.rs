//! SQL with a list of rows in it. The text for each size is written once and kept, so that the
//! database prepares few statements: there is one for each of a few sizes.
//!
//! The placeholders alone differ between the databases. Postgres wants them numbered, and told what
//! type they have where it can't infer it. SQLite keeps a list of the names of numbered ones, which
//! is walked for each value that is bound: with thousands of them that takes longer than the
//! statement. Plain `?` have no names.

use std::sync::OnceLock;

/// Which database a statement is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    Sqlite,
    Postgres,
}

/// The largest list that one statement takes.
pub const ROWS_MAX: usize = 128;
/// The sizes that there are statements for. A list of another size takes two or three: each is a trip
/// to the database, and most transactions are small.
const SIZES: [usize; 22] = [
    1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 24, 32, 48, 64, 96, ROWS_MAX,
];

/// `before`, then rows of `columns` placeholders, then `after`. `casts` names the type of each
/// placeholder where Postgres can't infer it, else it is empty.
pub struct Bulk {
    before: &'static str,
    before_on_sqlite: &'static str,
    after: &'static str,
    columns: usize,
    casts: &'static [&'static str],
    sqlite: [OnceLock<String>; SIZES.len()],
    postgres: [OnceLock<String>; SIZES.len()],
}

impl Bulk {
    /// A statement with rows of `columns` values whose types the database infers.
    pub const fn new(before: &'static str, columns: usize, after: &'static str) -> Self {
        Self {
            before,
            before_on_sqlite: before,
            after,
            columns,
            casts: &[],
            sqlite: [const { OnceLock::new() }; SIZES.len()],
            postgres: [const { OnceLock::new() }; SIZES.len()],
        }
    }

    /// A statement whose values have the given types.
    pub const fn cast(
        before: &'static str,
        casts: &'static [&'static str],
        after: &'static str,
    ) -> Self {
        Self {
            before,
            before_on_sqlite: before,
            after,
            columns: casts.len(),
            casts,
            sqlite: [const { OnceLock::new() }; SIZES.len()],
            postgres: [const { OnceLock::new() }; SIZES.len()],
        }
    }

    /// The same with another beginning on SQLite.
    pub const fn on_sqlite(mut self, before: &'static str) -> Self {
        self.before_on_sqlite = before;
        self
    }

    /// The text for exactly `SIZES[size]` rows.
    fn text(&'static self, dialect: Dialect, size: usize) -> &'static str {
        match dialect {
            Dialect::Sqlite => self.sqlite[size]
                .get_or_init(|| self.write(self.before_on_sqlite, SIZES[size], |_, _| "?".into())),
            Dialect::Postgres => self.postgres[size].get_or_init(|| {
                self.write(self.before, SIZES[size], |n, cast| match cast {
                    Some(cast) => format!("CAST(${n} AS {cast})"),
                    None => format!("${n}"),
                })
            }),
        }
    }

    /// `placeholder` gets the number of each, from 1, and its type.
    fn write(
        &self,
        before: &str,
        rows: usize,
        placeholder: impl Fn(usize, Option<&str>) -> String,
    ) -> String {
        let mut text = String::from(before);
        let mut n = 0;
        for row in 0..rows {
            text.push_str(if row == 0 { "(" } else { ",(" });
            for column in 0..self.columns {
                n += 1;
                if column > 0 {
                    text.push(',');
                }
                text.push_str(&placeholder(n, self.casts.get(column).copied()));
            }
            text.push(')');
        }
        text.push_str(self.after);
        text
    }

    /// Splits `rows` into pieces with a statement for each: for writing, where each row goes once.
    pub fn exact<'r, T>(
        &'static self,
        dialect: Dialect,
        mut rows: &'r [T],
    ) -> impl Iterator<Item = (&'static str, &'r [T])> {
        std::iter::from_fn(move || {
            if rows.is_empty() {
                return None;
            }
            let size = SIZES.partition_point(|size| *size <= rows.len()) - 1;
            let (piece, rest) = rows.split_at(SIZES[size]);
            rows = rest;
            Some((self.text(dialect, size), piece))
        })
    }

    /// The same where a row may come more than once, as in questions: pieces are padded with their last
    /// row.
    pub fn padded<'r, T>(
        &'static self,
        dialect: Dialect,
        rows: &'r [T],
    ) -> impl Iterator<Item = (&'static str, Vec<T>)> + 'r
    where
        T: Clone + 'r,
    {
        rows.chunks(ROWS_MAX).map(move |piece| {
            let size = SIZES.partition_point(|size| *size < piece.len());
            let mut padded = piece.to_vec();
            padded.extend(std::iter::repeat_n(
                piece[piece.len() - 1].clone(),
                SIZES[size] - piece.len(),
            ));
            (self.text(dialect, size), padded)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static INSERT: Bulk =
        Bulk::new("INSERT INTO t VALUES ", 2, "").on_sqlite("INSERT OR FAIL INTO t VALUES ");
    static ASK: Bulk = Bulk::cast("SELECT * FROM t WHERE k IN (VALUES ", &["BIGINT"], ")");

    #[test]
    fn every_row_goes_once() {
        let rows: Vec<u32> = (0..300).collect();
        let pieces: Vec<_> = INSERT.exact(Dialect::Postgres, &rows).collect();
        assert_eq!(
            pieces.iter().map(|p| p.1.len()).collect::<Vec<_>>(),
            [128, 128, 32, 12]
        );
        assert_eq!(
            pieces.iter().flat_map(|p| p.1).copied().collect::<Vec<_>>(),
            rows
        );
    }

    #[test]
    fn asking_pads() {
        let rows: Vec<u32> = (0..30).collect();
        let pieces: Vec<_> = ASK.padded(Dialect::Sqlite, &rows).collect();
        assert_eq!(pieces.len(), 1);
        assert_eq!(pieces[0].1[28..], [28, 29, 29, 29]);
        assert_eq!(ASK.padded::<u8>(Dialect::Sqlite, &[]).count(), 0);
    }

    #[test]
    fn each_database_has_its_placeholders() {
        assert_eq!(
            INSERT.text(Dialect::Postgres, 1),
            "INSERT INTO t VALUES ($1,$2),($3,$4)"
        );
        assert_eq!(
            INSERT.text(Dialect::Sqlite, 1),
            "INSERT OR FAIL INTO t VALUES (?,?),(?,?)"
        );
        assert_eq!(
            ASK.text(Dialect::Postgres, 1),
            "SELECT * FROM t WHERE k IN (VALUES (CAST($1 AS BIGINT)),(CAST($2 AS BIGINT)))"
        );
        assert_eq!(
            ASK.text(Dialect::Sqlite, 0),
            "SELECT * FROM t WHERE k IN (VALUES (?))"
        );
    }
}
