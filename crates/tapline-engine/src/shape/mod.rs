//! What a pipeline makes of its rows before they are kept: columns renamed, dropped, cast, masked and
//! taken apart, constants added, and rows held to the columns that their table has.
//!
//! The cursor is followed, and records are compared, before any of that: a [`Shape`] changes what a
//! table holds and never what is fetched. It keeps to what people ask for while rows are loaded;
//! everything else is the business of SQL.
//!
//! What a column does not take is kept: in `_tapline_rest`, or among the rejects with the reason. What
//! is masked or dropped stands nowhere in the clear, unless it is the cursor, which is remembered.

mod cell;
mod children;
mod contract;
mod fit;
mod mask;
mod nest;
mod rest;
mod shaper;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use arrow_schema::{DataType, Field, TimeUnit};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tapline_core::{Secret, Stage};
use xxhash_rust::xxh3::xxh3_128;

pub use self::cell::{Cell, Cells};
pub use self::children::{Children, Numbers, numbered};
pub(crate) use self::children::{parent, places_of};
pub(crate) use self::contract::{Keeper, guard_rows, missing_table, rejected, without};
pub(crate) use self::rest::hoisted;
pub use self::shaper::Shaper;

/// Between the names of a column and of a member of its objects.
const JOIN: &str = "__";

/// What becomes of the rows of a pipeline.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Shape {
    /// By the name that the source gives a column; parts of one that is flattened are named
    /// `column__part`.
    pub columns: BTreeMap<String, ColumnShape>,
    /// Columns that hold the same in every row.
    pub constants: BTreeMap<String, Constant>,
    /// What becomes of nested values in columns that do not say so themselves.
    pub nested: Nested,
    /// What happens if rows do not fit the table that there is.
    pub contracts: Contracts,
    /// What masks are made with, so that nobody finds a value by masking guesses.
    #[serde(skip)]
    pub mask_key: Option<Secret>,
}

/// What becomes of a column.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ColumnShape {
    /// Its name in the table.
    pub rename: Option<String>,
    /// Whether it is left out.
    pub drop: bool,
    /// The type it gets.
    pub cast: Option<Cast>,
    /// Whether its values are replaced by a hash of them.
    pub mask: bool,
    /// What becomes of nested values in it.
    pub nested: Option<Nested>,
    /// What happens if its values do not fit the column that there is.
    pub contract: Option<Contract>,
}

/// A value of a column that holds the same in every row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Constant {
    /// True or false.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// A number.
    Number(f64),
    /// A text.
    Text(String),
}

/// Types that a column can be given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Cast {
    /// `true`, `false`; also of 1 and 0.
    Boolean,
    /// Whole numbers of 64 bits.
    Integer,
    /// Floating-point numbers.
    Number,
    /// Text.
    String,
    /// JSON, as text.
    Json,
    /// Points in time, UTC, to the microsecond.
    Timestamp,
    /// Days.
    Date,
}

/// What becomes of nested values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Nested {
    /// They stay as they are, as JSON.
    #[default]
    Json,
    /// They become structs and lists, in files of the format `parquet`; what has no type in common stays JSON.
    Struct,
    /// The members of objects become columns, `column__member`, and so on inward; arrays stay JSON.
    Flatten,
    /// The elements of lists become rows of a table of their own, `table__column`, in the commits of
    /// their records. For single columns only.
    ChildTable,
    /// They are left out.
    Drop,
}

/// What happens if rows do not fit the table that there is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Contracts {
    /// If there is no table yet.
    pub table: Contract,
    /// If it lacks a column.
    pub columns: Contract,
    /// If a column is of a type that does not hold a value.
    pub types: Contract,
}

/// What happens if a table would have to change for a row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Contract {
    /// It changes.
    #[default]
    Evolve,
    /// The run fails before the page is kept.
    Freeze,
    /// The row goes to the rejects.
    DiscardRow,
    /// The value goes to `_tapline_rest`.
    DiscardValue,
}

impl Shape {
    /// Whether rows stay as they are.
    pub fn is_plain(&self) -> bool {
        self.columns.is_empty() && self.constants.is_empty() && self.nested == Nested::Json
    }

    /// Names what it makes of rows, so that a run never goes on where one of another shape was cut. It
    /// tells no secret. Contracts change no row that is kept, and do not count.
    pub fn fingerprint(&self) -> String {
        if self.is_plain() {
            return String::new();
        }
        let key = self.mask_key.as_ref().map(|key| mask::hash("", Some(key)));
        let named = (&self.columns, &self.constants, self.nested, key);
        let named = serde_json::to_vec(&named).unwrap_or_default();
        format!("{:032x}", xxh3_128(&named))
    }

    /// The shape of rows that are in this one already, but for structs and lists: those are JSON again.
    pub(crate) fn of_rows(&self) -> Self {
        let again = |nested| match nested {
            Nested::Struct => Nested::Struct,
            _ => Nested::Json,
        };
        let own = self.columns.iter().filter_map(|(name, of)| {
            let nested = of.nested.or(of.cast.map(|_| Nested::Json))?;
            let again = ColumnShape {
                nested: Some(again(nested)),
                ..ColumnShape::default()
            };
            Some((of.rename.as_ref().unwrap_or(name).clone(), again))
        });
        Self {
            columns: own.collect(),
            nested: again(self.nested),
            ..Self::default()
        }
    }

    /// `stage` of rows as the source sends them, for rows in this shape.
    #[must_use]
    pub fn of_stage(&self, mut stage: Stage) -> Stage {
        for key in &mut stage.keys {
            self.rename_path(key);
        }
        self.rename_path(&mut stage.cursor);
        if let Some(field) = stage.deletions.as_mut().and_then(|it| it.field.as_mut()) {
            self.rename_path(field);
        }
        stage
    }

    /// Makes of `path`, which is a column of the source or leads into one, what leads there in the table.
    fn rename_path(&self, path: &mut String) {
        if let Some(name) = self.columns.get(path).and_then(|of| of.rename.clone()) {
            *path = name;
            return;
        }
        let mut steps = path.split('.');
        let mut column = steps.next().unwrap_or_default().to_owned();
        let mut within = String::new();
        for step in steps {
            let nested = self.columns.get(&column).and_then(|of| of.nested);
            let is_apart = nested.unwrap_or(self.nested) == Nested::Flatten
                || rest::hides_within(self, &column);
            match is_apart && within.is_empty() {
                true => column = column + JOIN + step,
                false => within = within + "." + step,
            }
        }
        *path = self.called(&column, "") + &within;
    }

    /// A column without which `stage`, of rows as the source sends them, cannot tell the latest version,
    /// and which does not stay as it is.
    pub fn spoils<'a>(&self, stage: &'a Stage) -> Option<&'a str> {
        let field = stage.deletions.as_ref().and_then(|it| it.field.as_ref());
        let exact = [&stage.cursor].into_iter().chain(field);
        let spoilt = |path: &str, exact: bool| {
            let mut ends: Vec<usize> = path.match_indices('.').map(|(dot, _)| dot).collect();
            ends.push(path.len());
            ends.into_iter().any(|end| {
                let name = path[..end].replace('.', JOIN);
                let of = self.columns.get(&path[..end]).or(self.columns.get(&name));
                let is_inner = end < path.len();
                of.is_some_and(|of| {
                    let is_changed = of.mask || of.cast.is_some();
                    of.drop
                        || ((exact || is_inner) && is_changed)
                        || matches!(of.nested, Some(Nested::Drop | Nested::ChildTable))
                }) || (is_inner
                    && of.is_none_or(|of| of.nested.is_none())
                    && self.nested == Nested::Drop)
            })
        };
        let exact = exact.map(|path| (path, true));
        let keys = stage.keys.iter().map(|path| (path, false));
        let mut all = exact.chain(keys);
        let found = all.find(|(path, exact)| spoilt(path, *exact));
        found.map(|(path, _)| path.as_str())
    }

    /// How the column `name` is called where it is kept: in the child table of the column whose parts
    /// begin with `root`, or in the table itself, if that is empty.
    fn called(&self, name: &str, root: &str) -> String {
        let renamed = |column: &str| self.columns.get(column)?.rename.clone();
        if let Some(own) = renamed(name) {
            return own;
        }
        let joins = name.rmatch_indices(JOIN);
        let mut parents = joins.take_while(|(at, _)| *at >= root.len());
        let parent = parents.find_map(|(at, _)| Some(renamed(&name[..at])? + &name[at..]));
        parent.unwrap_or_else(|| name[root.len()..].to_owned())
    }

    fn hides(&self) -> bool {
        self.columns.values().any(|it| it.mask || it.drop)
    }
}

impl Contracts {
    /// Whether anything may change.
    pub fn is_open(&self, columns: &BTreeMap<String, ColumnShape>) -> bool {
        let own = columns.values().filter_map(|column| column.contract);
        *self == Self::default() && own.into_iter().all(|own| own == Contract::Evolve)
    }
}

impl Contract {
    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::Evolve => "evolve",
            Self::Freeze => "freeze",
            Self::DiscardRow => "discard_row",
            Self::DiscardValue => "discard_value",
        }
    }
}

impl Cast {
    /// The column `name` of that type.
    fn field(self, name: &str) -> Field {
        let data_type = match self {
            Self::Boolean => DataType::Boolean,
            Self::Integer => DataType::Int64,
            Self::Number => DataType::Float64,
            Self::String | Self::Json => DataType::Utf8,
            Self::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            Self::Date => DataType::Date32,
        };
        let field = Field::new(name, data_type, true);
        match self {
            Self::Json => crate::decode::json(field),
            _ => field,
        }
    }
}
