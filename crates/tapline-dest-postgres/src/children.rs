//! Child tables: parts of the rows of a table, written in the commits of those rows, and hidden, shown
//! and forgotten together with them.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_schema::Schema;
use tapline_core::{Batch, SchemaChange, column};
use tokio_postgres::Client;

use crate::bookkeeping::Owner;
use crate::columns::{self, Column};
use crate::failure::{Failure, Result};
use crate::name::Table;
use crate::page::Layout;
use crate::{generation, table};

/// The child tables that a writer was told of, by the names they are told by.
#[derive(Default)]
pub(crate) struct Children(BTreeMap<String, Child>);

struct Child {
    /// The table that is written: hidden for a full load, else the visible one.
    table: Table,
    columns: Vec<Column>,
    /// Of the batches that came last.
    layout: Option<Arc<Layout>>,
}

impl Children {
    /// Opens the child table `name` if it is new, and gives it what it lacks for `schema`. What it says
    /// counts once the transaction has ended.
    pub(crate) async fn fit(
        &self,
        client: &Client,
        owner: &Owner,
        name: &str,
        schema: &Schema,
    ) -> Result<(Table, Vec<Column>, SchemaChange)> {
        let table = match self.0.get(name) {
            Some(child) => child.table.clone(),
            None => open(client, owner, name).await?,
        };
        let (columns, change) = columns::fit(client, &table, schema).await?;
        Ok((table, columns, change))
    }

    /// Goes on with `columns` of the child table `name`.
    pub(crate) fn keep(&mut self, name: &str, table: Table, columns: Vec<Column>) {
        let child = Child {
            table,
            columns,
            layout: None,
        };
        self.0.insert(name.to_owned(), child);
    }

    /// How `batch` goes into the child table `name`.
    pub(crate) fn layout(&mut self, name: &str, batch: &Batch) -> Result<Arc<Layout>> {
        let Some(child) = self.0.get_mut(name) else {
            return Err(Failure::Refused(format!(
                "rows of the child table {name:?}, which was not opened"
            )));
        };
        let schema = batch.records.schema_ref();
        let (table, columns) = (&child.table, &child.columns);
        Layout::known(&mut child.layout, table, columns, schema)
    }
}

/// The table in which the rows of the child table `name` go.
async fn open(client: &Client, owner: &Owner, name: &str) -> Result<Table> {
    let visible = owner.table.sibling(name)?;
    table::check_kind(client, &visible).await?;
    let known = columns::read(client, &visible).await?;
    if !known.is_empty() && !known.iter().any(|it| it.name == column::POSITION) {
        return Err(Failure::Refused(format!(
            "table {:?} was not written by tapline as a child table; rename the column, or drop the \
             table",
            visible.name
        )));
    }
    match owner.replace {
        true => generation::enter_child(client, owner, &visible.name).await,
        false => Ok(visible),
    }
}
