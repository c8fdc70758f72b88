//! One row for each record, beside all of its versions.
//!
//! The table is never written to by itself: what a page touches is made again from the table of
//! versions, in the transaction of the page. So it holds the same whatever came late, twice or
//! under another setting. The table of versions has three more columns for that: the number of the
//! row, by arrival; the rank of its cursor; and whether the record is deleted.

use tapline_core::{Deletions, Stage, column};
use tokio_postgres::Client;
use tokio_postgres::types::{ToSql, Type};

use crate::columns::{self, Column, Wanted};
use crate::failure::{Failure, Result};
use crate::kind::Kind;
use crate::name::{Table, column_name, hash, quote};
use crate::rank::{RANK, rank};
use crate::table;

/// The column with the number of the row.
const ROW: &str = "_tapline_row";
/// Rows whose rank is found at once.
const CHUNK: i64 = 10_000;
/// A page touches few records, and what the server knows of a young table may say otherwise.
const BY_INDEX: &str = "SET LOCAL enable_seqscan = off; ";
/// Where a statement has a number of a row that is known later; no SQL has this character.
const AFTER: &str = "\0";
/// How many hundredths of a page of the stage are filled at first. A new version then finds room on
/// the page of the old one, and no index has to learn of it. Of the sizes that were measured, this
/// is where the table stays smallest while rows are changed here and there.
const FILLED: u32 = 90;

/// The stage of a table that is written.
#[derive(Clone)]
pub(crate) struct Staged {
    pub(crate) stage: Stage,
    /// The table of versions.
    raw: Table,
    /// The table with the last of them.
    table: Table,
    /// `None` as long as the keys are not among the columns.
    shape: Option<Shape>,
}

/// How the columns of the table of versions are used.
#[derive(Clone)]
struct Shape {
    /// Names of the columns of the stage, as SQL.
    columns: Vec<String>,
    /// Names of the keys, as SQL.
    keys: Vec<String>,
    /// Whether a version, called `r`, says that its record is deleted, as SQL.
    deleted: String,
    /// What every page asks for, with [`AFTER`] in the place of a number: puts the latest versions of
    /// all records that have one after that row in the place of what the stage has of them.
    merge: String,
}

impl Shape {
    /// Whether two tables speak of the same record.
    fn same(&self, a: &str, b: &str) -> String {
        self.each_key(" AND ", |key| format!("{a}.{key} = {b}.{key}"))
    }

    /// Whether a version of `of` has all keys: one that lacks any is of no record.
    fn has_all(&self, of: &str) -> String {
        self.each_key(" AND ", |key| format!("{of}.{key} IS NOT NULL"))
    }

    fn each_key(&self, between: &str, sql: impl Fn(&str) -> String) -> String {
        let keys: Vec<String> = self.keys.iter().map(|key| sql(key)).collect();
        keys.join(between)
    }

    /// The row that a version of `r` becomes.
    fn values(&self) -> String {
        let marked = quote(column::DELETED);
        let value = |column: &String| match *column == marked {
            true => format!("{} AS {column}", self.deleted),
            false => format!("r.{column}"),
        };
        let values: Vec<String> = self.columns.iter().map(value).collect();
        values.join(", ")
    }

    /// The latest version of each record.
    fn latest_of_all(&self, raw: &Table) -> String {
        let by = self.each_key(", ", |key| format!("r.{key}"));
        format!(
            "SELECT DISTINCT ON ({by}) {} FROM {} AS r WHERE {} ORDER BY {by}, {}",
            self.values(),
            raw.quoted(),
            self.has_all("r"),
            order("r"),
        )
    }

    /// The same of each record that has a version after the row [`AFTER`].
    fn latest_after(&self, raw: &Table) -> String {
        let raw = raw.quoted();
        format!(
            "SELECT latest.* FROM (
                SELECT DISTINCT {} FROM {raw} AS r WHERE r.{ROW} > {AFTER} AND {}
             ) AS k CROSS JOIN LATERAL (
                SELECT {} FROM {raw} AS r WHERE {} ORDER BY {} LIMIT 1
             ) AS latest",
            self.each_key(", ", |key| format!("r.{key}")),
            self.has_all("r"),
            self.values(),
            self.same("r", "k"),
            order("r"),
        )
    }

    /// Puts what the query `latest` finds in the place of what the table has of those records.
    fn put(&self, latest: &str, staged: &Staged) -> String {
        let table = staged.table.quoted();
        let marked = quote(column::DELETED);
        // What is deleted and not to be shown leaves the table.
        let (delete, is_shown) = match staged.stage.deletions {
            Some(Deletions { soft: false, .. }) => (
                format!(
                    ", gone AS (DELETE FROM {table} AS s USING latest AS l WHERE {} AND l.{marked})",
                    self.same("s", "l")
                ),
                format!("WHERE NOT {marked}"),
            ),
            _ => (String::new(), String::new()),
        };
        // Keys that are equal may still look different, and are those of the latest version, too.
        let set = |column: &String| format!("{column} = excluded.{column}");
        let set: Vec<String> = self.columns.iter().map(set).collect();
        let columns = self.columns.join(", ");
        format!(
            "WITH latest AS ({latest}){delete}
             INSERT INTO {table} ({columns}) SELECT {columns} FROM latest {is_shown}
             ON CONFLICT ({}) DO UPDATE SET {}",
            self.keys.join(", "),
            set.join(", "),
        )
    }
}

/// The later version first.
fn order(of: &str) -> String {
    format!("{of}.{RANK} DESC NULLS LAST, {of}.{ROW} DESC")
}

impl Staged {
    /// Opens the stage of `raw`. It is made anew if it is not known to be what `raw` says. Returns
    /// the columns of `raw`, too.
    pub(crate) async fn enter(
        client: &Client,
        raw: &Table,
        stage: Stage,
    ) -> Result<(Self, Vec<Column>)> {
        let table = Table::of(&stage.table)?;
        tapline_postgres::make_schema(client, &table.schema).await?;
        let settings = stage.settings();
        let settings = settings.map_err(|error| {
            Failure::Refused(format!("the stage cannot be written down: {error}"))
        })?;
        let known = known(client, raw).await?;
        let is_there = table::is_there(client, &table).await?;
        if is_there && !known.as_ref().is_some_and(|(known, _)| *known == table) {
            return Err(Failure::Refused(format!(
                "table {} was not written by tapline as the stage of {}; choose another one for \
                 it, or drop this one",
                table.quoted(),
                raw.quoted()
            )));
        }
        let is_valid = is_there && known.is_some_and(|(_, known)| known == settings);
        if is_there && !is_valid {
            let drop = format!("DROP TABLE {}", table.quoted());
            client.batch_execute(&drop).await?;
        }
        let sql = "INSERT INTO _tapline_stages VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (table_schema, table_name) DO UPDATE SET
             staged_schema = excluded.staged_schema, staged_name = excluded.staged_name,
             settings = excluded.settings";
        let texts = [
            &raw.schema,
            &raw.name,
            &table.schema,
            &table.name,
            &settings,
        ];
        let parameters = texts.map(|text| (text as &(dyn ToSql + Sync), Type::TEXT));
        client.execute_typed(sql, &parameters).await?;
        add_columns(client, raw).await?;
        let columns = columns::read(client, raw).await?;
        let mut staged = Self {
            stage,
            raw: raw.clone(),
            table,
            shape: None,
        };
        if !is_valid {
            staged.rank_all(client, &columns).await?;
        }
        staged.fit(client, &columns).await?;
        if !is_valid {
            let table = staged.table.quoted();
            let leave_room = format!("ALTER TABLE {table} SET (fillfactor = {FILLED})");
            client.batch_execute(&leave_room).await?;
            staged.refresh(client, 0).await?;
        }
        Ok((staged, columns))
    }

    /// Gives the stage the `columns` that the table of versions has now.
    pub(crate) async fn fit(&mut self, client: &Client, columns: &[Column]) -> Result<()> {
        let own = |column: &&Column| ![ROW, RANK].contains(&column.name.as_str());
        let columns: Vec<&Column> = columns.iter().filter(own).collect();
        let mut wanted = Vec::new();
        for column in &columns {
            wanted.push(Wanted {
                field: column.name.clone(),
                column: column.name.clone(),
                kind: Some(column.kind()?),
            });
        }
        columns::fit_to(client, &self.table, wanted).await?;
        self.shape = self.shape(&columns);
        let Some(Shape { keys, .. }) = &self.shape else {
            return Ok(());
        };
        let keys = keys.join(", ");
        let versions = format!("{keys}, {RANK} DESC NULLS LAST, {ROW} DESC");
        // It was the index of an earlier version.
        let outdated = self.raw.beside(&index_name(&self.raw, &keys));
        let drop = format!("DROP INDEX IF EXISTS {}", outdated.quoted());
        client.batch_execute(&drop).await?;
        for (kind, table, list) in [
            ("INDEX", &self.raw, versions.as_str()),
            ("INDEX", &self.raw, ROW),
            ("UNIQUE INDEX", &self.table, keys.as_str()),
        ] {
            let index = quote(&index_name(table, list));
            let table = table.quoted();
            let sql = format!("CREATE {kind} IF NOT EXISTS {index} ON {table} ({list})");
            client.batch_execute(&sql).await?;
        }
        Ok(())
    }

    fn shape(&self, columns: &[&Column]) -> Option<Shape> {
        let named = |field: &str| {
            let name = column_name(field);
            let is_there = columns.iter().any(|column| column.name == name);
            is_there.then(|| quote(&name))
        };
        let keys = self.stage.keys.iter();
        let keys: Option<Vec<String>> = keys.map(|key| named(key)).collect();
        let field = self.stage.deletions.as_ref();
        let field = field.and_then(|deletions| named(deletions.field.as_deref()?));
        let mut deleted = match self.stage.deletions {
            Some(_) => format!("coalesce(r.{}, false)", quote(column::DELETED)),
            None => "false".to_owned(),
        };
        if let Some(field) = field {
            let no = Deletions::NO;
            deleted = format!("({deleted} OR coalesce(r.{field}::text, '') NOT IN ({no}))");
        }
        let mut shape = Shape {
            columns: columns.iter().map(|column| quote(&column.name)).collect(),
            keys: keys.filter(|keys| !keys.is_empty())?,
            deleted,
            merge: String::new(),
        };
        let merge = shape.put(&shape.latest_after(&self.raw), self);
        shape.merge = format!("{BY_INDEX}{merge}");
        Some(shape)
    }

    /// Asks for the number of the last row of the table of versions.
    pub(crate) fn last_row(&self) -> String {
        format!("SELECT coalesce(max({ROW}), 0) FROM {}", self.raw.quoted())
    }

    /// What makes the rows of all records again that have a version after the row number `after`.
    ///
    /// The latest version of a record is the first entry of the index of versions, and on the page
    /// of the index where the new one was just put: however many there are, one is looked at.
    pub(crate) fn refreshing(&self, after: i64) -> Option<String> {
        let shape = self.shape.as_ref()?;
        Some(match after {
            0 => shape.put(&shape.latest_of_all(&self.raw), self),
            _ => shape.merge.replacen(AFTER, &after.to_string(), 1),
        })
    }

    async fn refresh(&self, client: &Client, after: i64) -> Result<()> {
        if let Some(sql) = self.refreshing(after) {
            client.batch_execute(&sql).await?;
        }
        Ok(())
    }

    /// Writes down that those records are deleted of which `run` has brought no version.
    pub(crate) async fn bury(&self, client: &Client, run: &str) -> Result<()> {
        let is_asked = self.stage.deletions.as_ref().is_some_and(|of| of.absent);
        let Some(shape) = self.shape.as_ref().filter(|_| is_asked) else {
            return Ok(());
        };
        let last = client.query_typed_one(&self.last_row(), &[]).await?;
        let last: i64 = last.try_get(0)?;
        let (raw, table) = (self.raw.quoted(), self.table.quoted());
        let (marked, run_id) = (quote(column::DELETED), quote(column::RUN_ID));
        let values: Vec<String> = shape
            .columns
            .iter()
            .map(|column| match column {
                column if *column == marked => "true".to_owned(),
                column if *column == run_id => "$1".to_owned(),
                column => format!("s.{column}"),
            })
            .collect();
        let same = shape.same("r", "s");
        let sql = format!(
            "INSERT INTO {raw} ({columns}, {RANK}) SELECT {}, (
                SELECT r.{RANK} FROM {raw} AS r WHERE {same} ORDER BY {} LIMIT 1)
             FROM {table} AS s WHERE NOT coalesce(s.{marked}, false) AND NOT EXISTS (
                SELECT FROM {raw} AS r WHERE {same} AND r.{run_id} = $1)",
            values.join(", "),
            order("r"),
            columns = shape.columns.join(", "),
        );
        client.execute_typed(&sql, &[(&run, Type::TEXT)]).await?;
        self.refresh(client, last).await
    }

    /// Finds the ranks of rows that have none, or that of another cursor.
    async fn rank_all(&self, client: &Client, columns: &[Column]) -> Result<()> {
        let raw = self.raw.quoted();
        let forget = format!("UPDATE {raw} SET {RANK} = NULL WHERE {RANK} IS NOT NULL");
        client.batch_execute(&forget).await?;
        let named = |name: &str| {
            let name = column_name(name);
            columns.iter().find(|column| column.name == name)
        };
        let Some((column, inside)) = self.stage.find_cursor(named) else {
            return Ok(());
        };
        let name = quote(&column.name);
        let value = column.kind()?.converted(&name, Kind::Text);
        let read = format!(
            "SELECT {ROW}, {value} FROM {raw} WHERE {name} IS NOT NULL AND {ROW} > $1
             ORDER BY {ROW} LIMIT {CHUNK}"
        );
        let write = format!(
            "UPDATE {raw} AS r SET {RANK} = k.rank
             FROM unnest($1, $2) AS k (row, rank) WHERE r.{ROW} = k.row"
        );
        let mut last = 0_i64;
        loop {
            let rows = client.query_typed(&read, &[(&last, Type::INT8)]).await?;
            let (mut numbers, mut ranks) = (Vec::new(), Vec::new());
            for row in &rows {
                last = row.try_get(0)?;
                if let Some(rank) = rank(&self.stage, row.try_get(1)?, inside) {
                    numbers.push(last);
                    ranks.push(rank.to_vec());
                }
            }
            let parameters: [(&(dyn ToSql + Sync), Type); 2] =
                [(&numbers, Type::INT8_ARRAY), (&ranks, Type::BYTEA_ARRAY)];
            client.execute_typed(&write, &parameters).await?;
            if rows.is_empty() {
                return Ok(());
            }
        }
    }
}

/// The stage that `raw` had last, and under which settings.
async fn known(client: &Client, raw: &Table) -> Result<Option<(Table, String)>> {
    let sql = "SELECT staged_schema, staged_name, settings FROM _tapline_stages
         WHERE table_schema = $1 AND table_name = $2";
    let parameters: [(&(dyn ToSql + Sync), Type); 2] =
        [(&raw.schema, Type::TEXT), (&raw.name, Type::TEXT)];
    let row = client.query_typed_opt(sql, &parameters).await?;
    let Some(row) = row else { return Ok(None) };
    let table = Table {
        schema: row.try_get(0)?,
        name: row.try_get(1)?,
    };
    Ok(Some((table, row.try_get(2)?)))
}

async fn add_columns(client: &Client, raw: &Table) -> Result<()> {
    let table = raw.quoted();
    let known = columns::read(client, raw).await?;
    for (name, of) in [
        (ROW, "bigint GENERATED ALWAYS AS IDENTITY"),
        (RANK, "bytea"),
        (column::DELETED, "boolean"),
    ] {
        if !known.iter().any(|column| column.name == name) {
            let sql = format!("ALTER TABLE {table} ADD COLUMN {name} {of}");
            client.batch_execute(&sql).await?;
        }
    }
    Ok(())
}

/// The stage of `raw` is not what it says any more: rows come without it.
pub(crate) async fn outdate(client: &Client, raw: &Table) -> Result<()> {
    let sql =
        "UPDATE _tapline_stages SET settings = '' WHERE table_schema = $1 AND table_name = $2";
    let parameters: [(&(dyn ToSql + Sync), Type); 2] =
        [(&raw.schema, Type::TEXT), (&raw.name, Type::TEXT)];
    client.execute_typed(sql, &parameters).await?;
    Ok(())
}

/// What the index of `list` on `table` is called.
fn index_name(table: &Table, list: &str) -> String {
    let whole = format!("{}\0{list}", table.quoted());
    format!("_tapline_key_{:016x}", hash(&whole))
}
