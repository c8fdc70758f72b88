//! The columns of a table: their set only grows, their kinds only widen.

use std::sync::Arc;

use arrow_schema::{Field, Fields, Schema, SchemaRef};
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
        Self::each(schema.fields(), Kind::of, "columns")
    }

    /// The members of a struct.
    pub(crate) fn of_members(fields: &Fields) -> Result<Self> {
        Self::each(fields, Kind::within, "members of an object")
    }

    fn each(fields: &Fields, kind: impl Fn(&Field) -> Result<Kind>, what: &str) -> Result<Self> {
        let mut columns = Self::default();
        for field in fields {
            if columns.kind(field.name()).is_some() {
                let name = field.name();
                return Err(Failure::Refused(format!("two {what} are named {name:?}")));
            }
            columns.0.push(Column {
                name: field.name().clone(),
                kind: kind(field)?,
            });
        }
        Ok(columns)
    }

    pub(crate) fn kind(&self, name: &str) -> Option<&Kind> {
        let found = self.0.iter().find(|column| column.name == name);
        found.map(|column| &column.kind)
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
                Some(column) => {
                    let joined = column.kind.join(&new.kind);
                    if joined != column.kind {
                        column.kind = joined;
                        change.widened.push(new.name.clone());
                    }
                }
            }
        }
        change
    }

    /// The members of objects of which some have these, and some those of `other`.
    pub(crate) fn join_members(&self, other: &Self) -> Self {
        let mut joined = self.clone();
        for new in &other.0 {
            match joined.0.iter_mut().find(|member| member.name == new.name) {
                None => joined.0.push(new.clone()),
                Some(member) => member.kind = member.kind.join_within(&new.kind),
            }
        }
        joined
    }

    /// Fails if a batch with the columns `other` needs [`Columns::join`] first.
    pub(crate) fn check_holds(&self, other: &Self) -> Result<()> {
        let held = |column: &&Column| {
            let held = self.kind(&column.name);
            held.is_some_and(|held| held.join(&column.kind) == *held)
        };
        match other.0.iter().find(|column| !held(column)) {
            None => Ok(()),
            Some(column) => Err(Failure::NotEvolved {
                column: column.name.clone(),
                wanted: column.kind.clone(),
            }),
        }
    }

    /// The columns of a file into which batches with the columns `batch` go.
    pub(crate) fn stored(&self, batch: &Self) -> Self {
        let stored = |column: &Column| Column {
            name: column.name.clone(),
            kind: match batch.kind(&column.name) {
                Some(kind) => kind.stored(&column.kind),
                None => column.kind.clone(),
            },
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

    /// The same of the members of objects.
    pub(crate) fn unite_members(&self, table: &Self) -> bool {
        self.0.iter().all(|member| {
            let wanted = table.kind(&member.name);
            wanted.is_some_and(|wanted| member.kind.unites_within(wanted))
        })
    }

    pub(crate) fn fields(&self) -> impl Iterator<Item = Field> + '_ {
        self.0.iter().map(|column| column.kind.field(&column.name))
    }

    pub(crate) fn schema(&self) -> SchemaRef {
        Arc::new(Schema::new(self.fields().collect::<Vec<_>>()))
    }
}
