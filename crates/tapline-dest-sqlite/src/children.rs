//! Child tables: parts of the rows of a table, written in the commits of those rows, and hidden, shown
//! and forgotten together with them.

use std::collections::BTreeMap;

use arrow_schema::Schema;
use rusqlite::Connection;
use tapline_core::{Batch, SchemaChange, TableRef, column};

use crate::bookkeeping::Owner;
use crate::columns::{self, Column};
use crate::failure::{Failure, Result};
use crate::insert::insert;
use crate::{generation, name};

/// The child tables that a writer was told of, by the names they are told by.
#[derive(Default)]
pub(crate) struct Children(BTreeMap<String, Child>);

struct Child {
    /// The table that is written: hidden for a full load, else the visible one.
    table: String,
    columns: Vec<Column>,
}

/// A child table that was opened or has changed; it counts once the transaction has ended.
pub(crate) struct Fitted {
    name: String,
    child: Child,
}

impl Children {
    /// Opens the child table `name` if it is new, and gives it what it lacks for `schema`.
    pub(crate) fn fit(
        &self,
        connection: &Connection,
        owner: &Owner,
        name: &str,
        schema: &Schema,
    ) -> Result<(Fitted, SchemaChange)> {
        let table = match self.0.get(name) {
            Some(child) => child.table.clone(),
            None => open(connection, owner, name)?,
        };
        let (columns, change) = columns::fit(connection, &table, schema)?;
        let name = name.to_owned();
        let child = Child { table, columns };
        Ok((Fitted { name, child }, change))
    }

    /// Goes on with what was `fitted`.
    pub(crate) fn keep(&mut self, fitted: Fitted) {
        self.0.insert(fitted.name, fitted.child);
    }

    /// Adds the rows of `batch` to the child table `name`.
    pub(crate) fn insert(&self, connection: &Connection, name: &str, batch: &Batch) -> Result<()> {
        let Some(child) = self.0.get(name) else {
            return Err(Failure::Refused(format!(
                "rows of the child table {name:?}, which was not opened"
            )));
        };
        insert(connection, &child.table, &child.columns, &batch.records)
    }
}

/// The table in which the rows of the child table `name` go.
fn open(connection: &Connection, owner: &Owner, name: &str) -> Result<String> {
    let wanted = name::table(&TableRef {
        schema: owner.schema.clone(),
        name: name.to_owned(),
    })?;
    let visible = generation::visible(connection, &wanted)?;
    let known = columns::read(connection, &visible)?;
    if !known.is_empty() && !known.iter().any(|it| it.name == column::POSITION) {
        return Err(Failure::Refused(format!(
            "table {visible:?} was not written by tapline as a child table; rename the column, or drop \
             the table"
        )));
    }
    match owner.replace {
        true => generation::enter_child(connection, owner, &wanted),
        false => Ok(visible),
    }
}
