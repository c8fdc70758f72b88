//! What becomes of a pipeline's rows before they are kept: the block `schema` of a pipeline.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use tapline_core::column;
use tapline_engine::shape::{ColumnShape, Constant, Contract, Contracts, Nested, Shape};
use tapline_spec::Diagnostic;

use super::sync::{Sync, SyncMode};
use super::value::Value;
use super::{Destination, FileFormat, pointer};

/// What becomes of rows before they are kept, and what happens if they do not fit their table.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SchemaSettings {
    /// What happens if the table would have to change: one word, or one each for `table`, `columns` and
    /// `types`; `evolve` unless given.
    #[serde(default)]
    contract: ContractSetting,
    /// What becomes of nested values in columns that do not say so themselves; `json` unless given.
    #[serde(default)]
    nested: Nested,
    /// Columns, by the name that the source gives them. Parts of one that is flattened are
    /// `column__part`.
    #[serde(default)]
    columns: BTreeMap<String, ColumnShape>,
    /// Columns that hold the same in every row.
    #[serde(default)]
    constants: BTreeMap<String, Constant>,
    /// What masks are made with: `${env:NAME}`. Without it, who can guess a value can find it.
    pub(crate) mask_key: Option<Value>,
}

/// What happens if a table would have to change.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
enum ContractSetting {
    /// The same for all changes.
    All(Contract),
    /// One for each kind of change.
    Each(Contracts),
}

impl Default for ContractSetting {
    fn default() -> Self {
        Self::All(Contract::default())
    }
}

impl SchemaSettings {
    /// The shape, but for the key of its masks.
    pub(crate) fn shape(&self) -> Shape {
        Shape {
            columns: self.columns.clone(),
            constants: self.constants.clone(),
            nested: self.nested,
            contracts: match self.contract {
                ContractSetting::All(contract) => Contracts {
                    table: Contract::default(),
                    columns: contract,
                    types: contract,
                },
                ContractSetting::Each(contracts) => contracts,
            },
            mask_key: None,
        }
    }

    /// What cannot be meant of the `schema` at `at`, of a pipeline with this `sync`, into `destination`.
    pub(super) fn check(
        &self,
        at: &str,
        sync: &Sync,
        destination: Option<&Destination>,
        found: &mut Vec<Diagnostic>,
    ) {
        let mut refuse = |place: String, message: String, hint: &str| {
            let at = format!("{at}{place}");
            found.push(Diagnostic::error("E-shape", at, message).with_hint(hint.to_owned()));
        };
        let is_body = matches!(
            destination,
            Some(Destination::Files {
                format: FileFormat::Raw,
                ..
            })
        );
        if is_body && self.is_given() {
            let message = "files of the format `raw` keep bodies as they come";
            let hint = "leave `schema` out, or write to parquet, jsonl or csv";
            refuse(String::new(), message.to_owned(), hint);
        }
        if let Some(destination) = destination.filter(|_| !is_body) {
            self.check_structs(destination, &mut refuse);
        }
        if let Some(Err(error)) = self.mask_key.as_ref().map(Value::check) {
            refuse(
                "/mask_key".to_owned(),
                error.to_string(),
                "write ${env:NAME}",
            );
        }
        let renamed = self.columns.iter().filter_map(|(name, of)| {
            let to = of.rename.as_ref()?;
            Some((format!("/columns/{}/rename", pointer(name)), to))
        });
        let constants = self.constants.keys();
        let constants = constants.map(|name| (format!("/constants/{}", pointer(name)), name));
        let mut seen = BTreeMap::new();
        for (place, name) in renamed.chain(constants) {
            if name.is_empty() || name.starts_with(column::PREFIX) {
                let message = format!("`{name}` is no name for a column of yours");
                refuse(
                    place.clone(),
                    message,
                    "names that begin with `_tapline_` are tapline's",
                );
            }
            if let Some(other) = seen.insert(name, place.clone()) {
                let message = format!(
                    "{} makes a column `{name}`, too",
                    other.replace('/', " ").trim()
                );
                refuse(place, message, "every column needs a name of its own");
            }
        }
        self.check_children(destination, &mut refuse);
        for (name, of) in &self.columns {
            let only_dropped = ColumnShape {
                drop: true,
                ..ColumnShape::default()
            };
            if of.drop && *of != only_dropped {
                let message =
                    format!("`{name}` is dropped, so there is nothing else to do with it");
                refuse(
                    format!("/columns/{}", pointer(name)),
                    message,
                    "leave out `drop`, or the rest",
                );
            }
            if of.mask && of.cast.is_some() {
                let message = format!("`{name}` is masked, which makes it a text");
                let place = format!("/columns/{}", pointer(name));
                refuse(place, message, "leave out `cast`");
            }
            if of.mask && of.nested.is_some() {
                let message = format!("`{name}` is masked whole, so it has no parts");
                let hint = "leave out `nested`, or mask its parts, as `column__part`";
                refuse(format!("/columns/{}", pointer(name)), message, hint);
            }
        }
        if sync.mode == SyncMode::IncrementalWithQualify {
            self.check_stage(sync, &mut refuse);
        }
    }

    /// What is joined to the name of the table to name its child tables.
    pub(super) fn children(&self) -> Vec<String> {
        let shape = self.shape();
        shape.children().collect()
    }

    /// Refuses child tables where there can be none.
    fn check_children(
        &self,
        destination: Option<&Destination>,
        refuse: &mut impl FnMut(String, String, &str),
    ) {
        if self.nested == Nested::ChildTable {
            let message = "only single columns become child tables".to_owned();
            let hint = "write `nested: child_table` below `columns`, for each column that is meant";
            refuse("/nested".to_owned(), message, hint);
        }
        let is_child = |of: &ColumnShape| of.nested == Some(Nested::ChildTable);
        let children = self.columns.iter().filter(|(_, of)| is_child(of));
        for (name, of) in children {
            let place = || format!("/columns/{}/nested", pointer(name));
            if matches!(destination, Some(Destination::Files { .. })) {
                let message = "files have no child tables".to_owned();
                refuse(place(), message, "write `json` or `flatten`");
            }
            if of.cast.is_some() {
                let message = format!("`{name}` becomes a table, which has no type");
                let hint = "leave out `cast`, or cast its parts, as `column__part`";
                refuse(place(), message, hint);
            }
            let mut parents = name.match_indices("__").map(|(at, _)| &name[..at]);
            let parent = parents.find(|parent| self.columns.get(*parent).is_some_and(is_child));
            if let Some(parent) = parent {
                let message = format!("`{name}` is a part of the child table of `{parent}`");
                let hint = "a child table has no child tables of its own; leave out `nested`";
                refuse(place(), message, hint);
            }
        }
    }

    /// Refuses structs where none are kept.
    fn check_structs(
        &self,
        destination: &Destination,
        refuse: &mut impl FnMut(String, String, &str),
    ) {
        let format = destination.format();
        let hint = match destination {
            Destination::Files {
                format: FileFormat::Parquet,
                ..
            } => return,
            Destination::Files {
                format: FileFormat::Jsonl,
                ..
            } => "write `json`: in jsonl it keeps nested values as they are",
            _ => "write `json` or `flatten`, or write to parquet",
        };
        let all = [(String::new(), Some(self.nested))].into_iter();
        let own = self.columns.iter();
        let own = own.map(|(name, of)| (format!("/columns/{}", pointer(name)), of.nested));
        for (place, _) in all.chain(own).filter(|it| it.1 == Some(Nested::Struct)) {
            let message = format!("`struct` is for files of the format parquet, not for {format}");
            refuse(format!("{place}/nested"), message, hint);
        }
    }

    /// Refuses to change what tells the latest version of a record.
    fn check_stage(&self, sync: &Sync, refuse: &mut impl FnMut(String, String, &str)) {
        let is_gone = |of: &ColumnShape| {
            of.drop || matches!(of.nested, Some(Nested::Drop | Nested::ChildTable))
        };
        let drops = move |of: &ColumnShape| is_gone(of);
        let changes = move |of: &ColumnShape| is_gone(of) || of.mask || of.cast.is_some();
        let cursor = sync.cursor.iter().map(|name| (name, "the cursor"));
        let field = sync.deletions.iter().filter_map(|it| it.field.as_ref());
        let field = field.map(|name| (name, "what says that a record is deleted"));
        let keys = sync.primary_keys.iter().map(|name| (name, "a primary key"));
        let cursor = cursor
            .chain(field)
            .map(|(name, what)| (name, what, &changes as &dyn Fn(&_) -> _));
        let keys = keys.map(|(name, what)| (name, what, &drops as &dyn Fn(&ColumnShape) -> bool));
        for (name, what, is_refused) in cursor.chain(keys) {
            if self.columns.get(name).is_some_and(is_refused) {
                let message = format!("`{name}` is {what}, which the latest version is told by");
                let hint = "it can be renamed; everything else needs another sync mode";
                refuse(format!("/columns/{}", pointer(name)), message, hint);
            }
        }
    }

    /// Whether some columns are masked or dropped.
    pub(super) fn hides(&self) -> bool {
        self.columns.values().any(|of| of.mask || of.drop)
    }

    fn is_given(&self) -> bool {
        let shape = self.shape();
        !shape.is_plain() || !shape.contracts.is_open(&shape.columns)
    }
}
