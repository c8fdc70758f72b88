//! One row for each record, beside all of its versions.
//!
//! The table is never written to by itself: what a page touches is made again from the table of
//! versions, in the transaction of the page. So it holds the same whatever came late, twice or
//! under another setting, and a page that is repeated changes nothing.

use rusqlite::functions::FunctionFlags;
use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, OptionalExtension, params};
use tapline_core::{Cursor, CursorType, Deletions, Stage, column};

use crate::bookkeeping::not_json;
use crate::columns::{self, Column, ROWID};
use crate::declared::Declared;
use crate::failure::{Failure, Result};
use crate::generation;
use crate::name::{self, Names, hash, quote};

/// The function that puts cursors in order.
const RANK: &str = "_tapline_rank";

/// The stage of a table that is written.
pub(crate) struct Staged {
    stage: Stage,
    /// The table of versions.
    raw: String,
    /// The table with the last of them.
    table: String,
    /// What is known of the columns; `None` as long as the keys are not among them.
    shape: Option<Shape>,
}

/// How the columns of the table of versions are used.
struct Shape {
    /// Names of the columns, as SQL.
    columns: Vec<String>,
    /// Names of the keys, as SQL.
    keys: Vec<String>,
    /// In what order versions are, as SQL; the last one is the first.
    order: String,
    /// Whether a version says that its record is deleted, as SQL.
    deleted: String,
    /// How SQLite calls the number of a row in this table.
    rowid: &'static str,
}

impl Staged {
    /// Opens the stage of `raw`, which has these `columns` and is called `name`. It is made anew
    /// if it is not known to be what `raw` says.
    pub(crate) fn enter(
        connection: &Connection,
        (name, raw): (&str, &str),
        columns: &[Column],
        stage: Stage,
    ) -> Result<Self> {
        let wanted = name::table(&stage.table)?;
        let table = generation::visible(connection, &wanted)?;
        let settings = stage.settings().map_err(not_json("stage"))?;
        let known: Option<(String, String)> = connection
            .query_row(
                "SELECT staged, settings FROM _tapline_stages WHERE table_name = ?1",
                [name],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )
            .optional()?;
        let is_there = generation::is_there(connection, &wanted)?;
        let is_ours = known.as_ref().is_some_and(|(staged, _)| *staged == table);
        if is_there && !is_ours {
            return Err(Failure::Refused(format!(
                "table {table:?} was not written by tapline as the stage of {name:?}; choose \
                 another one for it, or drop this one"
            )));
        }
        let is_valid = is_there && known.is_some_and(|(_, known)| known == settings);
        if is_there && !is_valid {
            connection.execute_batch(&format!("DROP TABLE {}", quote(&table)))?;
        }
        connection.execute(
            "INSERT INTO _tapline_stages VALUES (?1, ?2, ?3)
             ON CONFLICT (table_name) DO UPDATE SET
                 staged = excluded.staged, settings = excluded.settings",
            params![name, table, settings],
        )?;
        let mut staged = Self {
            stage,
            raw: raw.to_owned(),
            table,
            shape: None,
        };
        staged.fit(connection, columns)?;
        if !is_valid {
            staged.refresh(connection, 0)?;
        }
        Ok(staged)
    }

    /// The columns that the table of versions has besides those of its rows.
    pub(crate) fn own_columns(stage: &Stage) -> Vec<Column> {
        let deleted = Column {
            name: column::DELETED.to_owned(),
            declared: Declared::Boolean.sql().to_owned(),
        };
        stage.deletions.iter().map(|_| deleted.clone()).collect()
    }

    /// Gives the stage the `columns` that the table of versions has now.
    pub(crate) fn fit(&mut self, connection: &Connection, columns: &[Column]) -> Result<()> {
        columns::mirror(connection, &self.table, columns)?;
        self.shape = self.shape(columns)?;
        if let Some(Shape { keys, .. }) = &self.shape {
            let keys = keys.join(", ");
            for (kind, table) in [("INDEX", &self.raw), ("UNIQUE INDEX", &self.table)] {
                let index = format!("_tapline_key_{:016x}", hash(&format!("{table}\0{keys}")));
                connection.execute_batch(&format!(
                    "CREATE {kind} IF NOT EXISTS {} ON {} ({keys})",
                    quote(&index),
                    quote(table)
                ))?;
            }
        }
        Ok(())
    }

    fn shape(&self, columns: &[Column]) -> Result<Option<Shape>> {
        let named = |field: &str| {
            let mut names: Names = columns.iter().map(|column| column.name.as_str()).collect();
            let name = names.place(field);
            columns
                .iter()
                .any(|column| column.name == name)
                .then_some(name)
        };
        let keys = self.stage.keys.iter();
        let keys: Option<Vec<String>> = keys.map(|key| Some(quote(&named(key)?))).collect();
        let Some(keys) = keys.filter(|keys| !keys.is_empty()) else {
            return Ok(None);
        };
        let Some(rowid) = columns::rowid(columns) else {
            return Err(Failure::Refused(format!(
                "table {:?} has columns of all the names that SQLite has for the number of a row \
                 ({}), so its versions are in no order",
                self.raw,
                ROWID.join(", ")
            )));
        };
        let deletions = self.stage.deletions.as_ref();
        let field = deletions.and_then(|deletions| named(deletions.field.as_deref()?));
        let mut deleted = match deletions {
            Some(_) => vec![format!("coalesce({}, 0)", quote(column::DELETED))],
            None => vec!["0".to_owned()],
        };
        deleted.extend(field.map(|field| {
            let (field, no) = (quote(&field), Deletions::NO);
            format!("coalesce(CAST({field} AS TEXT), '') NOT IN ({no})")
        }));
        Ok(Some(Shape {
            columns: columns.iter().map(|column| quote(&column.name)).collect(),
            keys,
            order: format!(
                "{} DESC NULLS LAST, {rowid} DESC",
                rank(&self.stage, &named)
            ),
            deleted: format!("({})", deleted.join(" OR ")),
            rowid,
        }))
    }

    /// The number of the last row of the table of versions.
    pub(crate) fn last_row(&self, connection: &Connection) -> Result<i64> {
        let Some(Shape { rowid, .. }) = &self.shape else {
            return Ok(0);
        };
        let raw = quote(&self.raw);
        let sql = format!("SELECT coalesce(max({rowid}), 0) FROM {raw}");
        Ok(connection.query_row(&sql, [], |row| row.get(0))?)
    }

    /// Makes the rows of all records again that have a version after the row number `after`.
    pub(crate) fn refresh(&self, connection: &Connection, after: i64) -> Result<()> {
        let Some(shape) = &self.shape else {
            return Ok(());
        };
        let Shape {
            columns,
            keys,
            order,
            deleted,
            rowid,
        } = shape;
        let (raw, table) = (quote(&self.raw), quote(&self.table));
        let key = keys.join(", ");
        let touched = format!("({key}) IN (SELECT {key} FROM {raw} WHERE {rowid} > ?1)");
        let delete = format!("DELETE FROM {table} WHERE {touched}");
        connection.prepare_cached(&delete)?.execute([after])?;
        let has_all = keys.iter().map(|key| format!("{key} IS NOT NULL"));
        let has_all = has_all.collect::<Vec<_>>().join(" AND ");
        let marked = quote(column::DELETED);
        let values: Vec<&str> = columns
            .iter()
            .map(|column| {
                if *column == marked {
                    "_tapline_gone"
                } else {
                    column
                }
            })
            .collect();
        let is_shown = match &self.stage.deletions {
            Some(Deletions { soft: false, .. }) => " AND NOT _tapline_gone",
            _ => "",
        };
        let insert = format!(
            "INSERT INTO {table} ({}) SELECT {} FROM (
                SELECT *, {deleted} AS _tapline_gone,
                    row_number() OVER (PARTITION BY {key} ORDER BY {order}) AS _tapline_place
                FROM {raw} WHERE {touched} AND {has_all}
             ) WHERE _tapline_place = 1{is_shown}",
            columns.join(", "),
            values.join(", ")
        );
        connection.prepare_cached(&insert)?.execute([after])?;
        Ok(())
    }

    /// Writes down that those records are deleted of which `run` has brought no version.
    pub(crate) fn bury(&self, connection: &Connection, run: &str) -> Result<()> {
        let is_asked = self.stage.deletions.as_ref().is_some_and(|of| of.absent);
        let Some(Shape { columns, keys, .. }) = self.shape.as_ref().filter(|_| is_asked) else {
            return Ok(());
        };
        let last = self.last_row(connection)?;
        let (raw, table) = (quote(&self.raw), quote(&self.table));
        let (marked, run_id) = (quote(column::DELETED), quote(column::RUN_ID));
        let values: Vec<&str> = columns
            .iter()
            .map(|column| match column {
                column if *column == marked => "1",
                column if *column == run_id => "?1",
                column => column,
            })
            .collect();
        let same: Vec<String> = keys
            .iter()
            .map(|key| format!("r.{key} = s.{key}"))
            .collect();
        connection.execute(
            &format!(
                "INSERT INTO {raw} ({}) SELECT {} FROM {table} AS s
                 WHERE NOT coalesce(s.{marked}, 0) AND NOT EXISTS (
                    SELECT 1 FROM {raw} AS r WHERE {} AND r.{run_id} = ?1)",
                columns.join(", "),
                values.join(", "),
                same.join(" AND ")
            ),
            [run],
        )?;
        self.refresh(connection, last)
    }
}

/// The stage of the table `name` is not what it says any more: rows come without it.
pub(crate) fn outdate(connection: &Connection, name: &str) -> Result<()> {
    connection.execute(
        "UPDATE _tapline_stages SET settings = '' WHERE table_name = ?1",
        [name],
    )?;
    Ok(())
}

/// The rank of a row's cursor, as SQL: a column, or a member of the JSON in one.
fn rank(stage: &Stage, named: &dyn Fn(&str) -> Option<String>) -> String {
    let Some((column, inside)) = stage.find_cursor(named) else {
        return "NULL".to_owned();
    };
    let column = quote(&column);
    let value = match inside {
        None => column,
        Some(inside) => {
            let members = inside.split('.').map(json_member).collect::<String>();
            let members = members.replace('\'', "''");
            format!("CASE WHEN json_valid({column}) THEN json_extract({column}, '${members}') END")
        }
    };
    format!("{RANK}('{}', {value})", stage.cursor_type.name())
}

fn json_member(name: &str) -> String {
    format!(".{}", serde_json::Value::from(name))
}

/// Gives `connection` the function that puts cursors in order.
pub(crate) fn register(connection: &Connection) -> Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8
        | FunctionFlags::SQLITE_DETERMINISTIC
        | FunctionFlags::SQLITE_DIRECTONLY;
    connection.create_scalar_function(RANK, 2, flags, |context| {
        let cursor_type = match context.get_raw(0).as_str() {
            Ok("timestamp") => CursorType::Timestamp,
            Ok("integer") => CursorType::Integer,
            _ => CursorType::String,
        };
        let cursor = match context.get_raw(1) {
            ValueRef::Integer(number) => Cursor::of_number(cursor_type, number),
            ValueRef::Real(number) => Cursor::read(cursor_type, &number.to_string()),
            ValueRef::Text(text) => std::str::from_utf8(text)
                .ok()
                .and_then(|text| Cursor::read(cursor_type, text)),
            ValueRef::Null | ValueRef::Blob(_) => None,
        };
        let rank = cursor.and_then(|cursor| cursor.rank());
        Ok(rank.map_or(Value::Null, |rank| Value::Blob(rank.to_vec())))
    })?;
    Ok(())
}
