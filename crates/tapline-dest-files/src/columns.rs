//! The columns of a table: their set only grows, their kinds only widen.

use std::sync::Arc;

use arrow_schema::{Schema, SchemaRef};
use serde::{Deserialize, Serialize};
use tapline_core::SchemaChange;

use crate::failure::{Failure, Result};
use crate::kind::Kind;

/// A column.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Column {
    pub(crate) name: String,
    #[serde(rename = "type")]
    pub(crate) kind: Kind,
}

/// The columns of a table, or of a file, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Columns(pub(crate) Vec<Column>);

impl Columns {
    /// The columns of `schema`.
    pub(crate) fn of(schema: &Schema) -> Result<Self> {
        let mut columns = Self::default();
        for field in schema.fields() {
            if columns.kind(field.name()).is_some() {
                let name = field.name();
                return Err(Failure::Refused(format!("two columns are named {name:?}")));
            }
            columns.0.push(Column {
                name: field.name().clone(),
                kind: Kind::of(field)?,
            });
        }
        Ok(columns)
    }

    pub(crate) fn kind(&self, name: &str) -> Option<Kind> {
        let found = self.0.iter().find(|column| column.name == name);
        found.map(|column| column.kind)
    }

    /// Adds what `other` has besides, and widens what is too narrow for it.
    pub(crate) fn join(&mut self, other: &Self) -> SchemaChange {
        let mut change = SchemaChange::default();
        for new in &other.0 {
            match self.0.iter_mut().find(|column| column.name == new.name) {
                None => {
                    self.0.push(new.clone());
                    change.added.push(new.name.clone());
                }
                Some(column) if column.kind.join(new.kind) != column.kind => {
                    column.kind = column.kind.join(new.kind);
                    change.widened.push(new.name.clone());
                }
                Some(_) => {}
            }
        }
        change
    }

    /// Fails if a batch with the columns `other` needs [`Columns::join`] first.
    pub(crate) fn check_holds(&self, other: &Self) -> Result<()> {
        let held = |column: &&Column| {
            let held = self.kind(&column.name);
            held.is_some_and(|held| held.join(column.kind) == held)
        };
        match other.0.iter().find(|column| !held(column)) {
            None => Ok(()),
            Some(column) => Err(Failure::NotEvolved {
                column: column.name.clone(),
                wanted: column.kind,
            }),
        }
    }

    /// The columns of a file into which batches with the columns `batch` go.
    pub(crate) fn stored(&self, batch: &Self) -> Self {
        let stored = |column: &Column| Column {
            name: column.name.clone(),
            kind: batch
                .kind(&column.name)
                .map_or(column.kind, |kind| kind.stored(column.kind)),
        };
        Self(self.0.iter().map(stored).collect())
    }

    /// Whether readers can unite files with these columns to a table with the columns `table`.
    pub(crate) fn unite(&self, table: &Self) -> bool {
        self.0.iter().all(|column| {
            let wanted = table.kind(&column.name);
            wanted.is_none_or(|wanted| column.kind.unites(wanted))
        })
    }

    pub(crate) fn schema(&self) -> SchemaRef {
        let fields = self.0.iter().map(|column| column.kind.field(&column.name));
        Arc::new(Schema::new(fields.collect::<Vec<_>>()))
    }
}
