//! Holds rows to the columns that their table has, where the pipeline does not let it change.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow_array::{Array, ArrayRef, BooleanArray, RecordBatch};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use arrow_select::filter::filter_record_batch;
use tapline_core::{Batch, Error, ErrorKind, Reject, RejectForm, Result, TableRef, column};

use super::cell::{Cells, row};
use super::fit::{Fitted, Manner, fit, is_same};
use super::rest::{Additions, WITHHELD};
use super::shaper::internal;
use super::{Contract, Contracts, JOIN, Shape};

/// Holds the rows of a run to the columns of its table.
#[derive(Clone, Debug)]
pub(crate) struct Keeper {
    contracts: Contracts,
    /// Of single columns, by their name in the table.
    own: BTreeMap<String, Contract>,
    /// Whether values get the type that the table has wherever they can, though it may change.
    fits_first: bool,
    /// The table's columns, as far as rows have asked for them; `None`: it has none of that name.
    known: BTreeMap<String, Option<Field>>,
    /// Columns that are none of this table: they become child tables.
    passed: BTreeSet<String>,
}

/// Rows that fit, and those that do not.
pub(crate) struct Kept {
    pub(crate) batches: Vec<Batch>,
    pub(crate) rejects: Vec<Reject>,
}

/// What does not fit in a batch.
#[derive(Default)]
struct Misfits {
    /// Why a row is left out.
    rows: BTreeMap<usize, String>,
    rest: Additions,
}

impl Keeper {
    /// A keeper of a table that is there; `None` if `shape` lets it change.
    pub(crate) fn new(shape: &Shape) -> Option<Self> {
        (!shape.contracts.is_open(&shape.columns)).then(|| Self {
            fits_first: false,
            ..Self::of_rows(shape)
        })
    }

    /// A keeper for rows whose types are only those of their JSON: a time is a text there.
    pub(crate) fn of_rows(shape: &Shape) -> Self {
        let is_own = |name: &str| {
            let mut children = shape.child_columns();
            !children.any(|child| name.starts_with(&format!("{child}{JOIN}")))
        };
        let columns = shape.columns.iter().filter(|(name, _)| is_own(name));
        let own = columns.filter_map(|(name, of)| Some((shape.called(name, ""), of.contract?)));
        let children = shape.child_columns();
        Self {
            contracts: shape.contracts,
            own: own.collect(),
            fits_first: true,
            known: BTreeMap::new(),
            passed: children.map(|child| shape.called(child, "")).collect(),
        }
    }

    /// A keeper of the child table of the column `name`; `None` if `shape` lets it change.
    pub(crate) fn of_child(shape: &Shape, name: &str) -> Option<Self> {
        let mut contracts = shape.contracts;
        if let Some(own) = shape.columns.get(name).and_then(|of| of.contract) {
            (contracts.columns, contracts.types) = (own, own);
        }
        let root = format!("{name}{JOIN}");
        let parts = shape.columns.range(root.clone()..);
        let parts = parts.take_while(|(part, _)| part.starts_with(&root));
        let own = parts.filter_map(|(part, of)| Some((shape.called(part, &root), of.contract?)));
        let own: BTreeMap<String, Contract> = own.collect();
        let is_open = contracts.columns == Contract::Evolve
            && contracts.types == Contract::Evolve
            && own.values().all(|own| *own == Contract::Evolve);
        (!is_open).then(|| Self {
            contracts,
            own,
            fits_first: false,
            known: BTreeMap::new(),
            passed: BTreeSet::new(),
        })
    }

    /// Whether the column `name` is not for this keeper to judge.
    fn passes(&self, name: &str) -> bool {
        name.starts_with(column::PREFIX) || self.passed.contains(name)
    }

    /// The columns of `schema` of which nobody has said yet whether the table has them.
    pub(crate) fn unknown(&self, schema: &Schema) -> Option<SchemaRef> {
        let fields = schema
            .fields()
            .iter()
            .filter(|field| !self.passes(field.name()) && !self.known.contains_key(field.name()));
        let fields: Vec<_> = fields.cloned().collect();
        (!fields.is_empty()).then(|| Arc::new(Schema::new(fields)))
    }

    /// Takes note of what the table has of `asked`.
    pub(crate) fn learn(&mut self, asked: &Schema, found: Vec<Option<Field>>) {
        let names = asked.fields().iter().map(|field| field.name().clone());
        self.known.extend(names.zip(found));
    }

    /// `schema` without what rows may not have, for a table that is to be opened.
    pub(crate) fn schema(&self, schema: &SchemaRef) -> Result<SchemaRef> {
        let empty = RecordBatch::new_empty(SchemaRef::clone(schema));
        let (records, _) = self.keep_records(&empty)?;
        Ok(records.schema())
    }

    /// Leaves of the rows of a page what the table takes.
    ///
    /// # Errors
    /// It does not take something, and is not to change.
    pub(crate) fn keep(&self, batches: Vec<Batch>) -> Result<Kept> {
        let mut kept = Kept {
            batches: Vec::with_capacity(batches.len()),
            rejects: Vec::new(),
        };
        let mut before = 0;
        for batch in batches {
            let (records, rejects) = self.keep_records(&batch.records)?;
            kept.rejects
                .extend(rejects.into_iter().map(|reject| Reject {
                    index: before + reject.index,
                    ..reject
                }));
            before += batch.rows() as u64;
            kept.batches.push(Batch { records, ..batch });
        }
        Ok(kept)
    }

    fn keep_records(&self, batch: &RecordBatch) -> Result<(RecordBatch, Vec<Reject>)> {
        let mut columns: Vec<(Field, ArrayRef)> = Vec::new();
        let mut misfits = Misfits::default();
        for (field, array) in batch.schema_ref().fields().iter().zip(batch.columns()) {
            let known = match self.passes(field.name()) {
                true => Some(field.as_ref()),
                false => self.known.get(field.name()).and_then(Option::as_ref),
            };
            match known {
                Some(known) => {
                    columns.push(self.known_column(field, array, known, &mut misfits)?)
                }
                None if self.contracts.columns == Contract::Evolve => {
                    columns.push((field.as_ref().clone(), ArrayRef::clone(array)));
                }
                None => self.new_column(field, array, &mut misfits)?,
            }
        }
        let rest = std::mem::take(&mut misfits.rest);
        let held = columns
            .iter_mut()
            .find(|(field, _)| field.name() == column::REST);
        if let Some((_, array)) = held {
            *array = rest.into_rest(array);
        }
        let (fields, arrays): (Vec<Field>, Vec<ArrayRef>) = columns.into_iter().unzip();
        let schema = Arc::new(Schema::new(fields));
        let kept = RecordBatch::try_new(schema, arrays).map_err(internal)?;
        if misfits.rows.is_empty() {
            return Ok((kept, Vec::new()));
        }
        let stays = (0..batch.num_rows()).map(|row| Some(!misfits.rows.contains_key(&row)));
        let kept = filter_record_batch(&kept, &stays.collect::<BooleanArray>());
        let rejects = misfits.rows.into_iter().map(|(at, reason)| {
            Ok(Reject {
                index: at as u64,
                reason,
                raw: row(batch, at).map_err(internal)?,
                form: RejectForm::Row,
            })
        });
        Ok((kept.map_err(internal)?, rejects.collect::<Result<_>>()?))
    }

    /// The column as the table has it, where it may not change.
    fn known_column(
        &self,
        field: &Field,
        array: &ArrayRef,
        known: &Field,
        misfits: &mut Misfits,
    ) -> Result<(Field, ArrayRef)> {
        let own = self.own.get(field.name()).copied();
        let contract = own.unwrap_or(self.contracts.types);
        let may_change = contract == Contract::Evolve;
        let is_free = (may_change && !self.fits_first) || *known.data_type() == DataType::Null;
        if is_free || is_same(field, known) {
            return Ok((field.clone(), ArrayRef::clone(array)));
        }
        let fitted = fit(array, field, known, Manner::Exact).map_err(internal)?;
        let Fitted {
            array: fitted,
            misfits: rows,
        } = fitted;
        if may_change && !rows.is_empty() {
            return Ok((field.clone(), ArrayRef::clone(array)));
        }
        // What fits these is of a type that is like theirs, and not always the same.
        let is_own = matches!(
            known.data_type(),
            DataType::Decimal128(..) | DataType::Struct(_) | DataType::List(_)
        );
        let held = match is_own {
            true => Field::new(field.name(), fitted.data_type().clone(), true),
            false => known.clone().with_name(field.name()).with_nullable(true),
        };
        let what = format!("column `{}` holds {}", field.name(), known_as(known));
        misfits.settle(contract, &rows, (field, array), &what)?;
        Ok((held, fitted))
    }

    /// A column that the table lacks, and may not get.
    fn new_column(&self, field: &Field, array: &ArrayRef, misfits: &mut Misfits) -> Result<()> {
        let rows: Vec<usize> = match field.data_type() {
            DataType::Null => Vec::new(),
            _ => (0..array.len())
                .filter(|row| array.is_valid(*row))
                .collect(),
        };
        let what = format!("the table has no column `{}`", field.name());
        misfits.settle(self.contracts.columns, &rows, (field, array), &what)
    }
}

/// The rows of `batches` that are `refused`, by their place there and with the reason, beside the
/// `known` rejects of the same page.
pub(crate) fn rejected(
    batches: &[Batch],
    refused: &BTreeMap<u64, String>,
    known: &[Reject],
) -> Result<Vec<Reject>> {
    let mut rejects = Vec::with_capacity(refused.len());
    let mut place = Reject::places(known);
    let mut before = 0;
    for batch in batches {
        let after = before + batch.rows() as u64;
        for (at, reason) in refused.range(before..after) {
            let row_in_batch = usize::try_from(at - before).unwrap_or_default();
            rejects.push(Reject {
                index: place(*at),
                reason: reason.clone(),
                raw: row(&batch.records, row_in_batch).map_err(internal)?,
                form: RejectForm::Row,
            });
        }
        before = after;
    }
    Ok(rejects)
}

/// `batches` without the rows that are `gone`, which count from the first one of the page.
pub(crate) fn without(batches: Vec<Batch>, gone: impl Fn(u64) -> bool) -> Result<Vec<Batch>> {
    let mut before = 0;
    let keep = |batch: Batch| {
        let rows = before..before + batch.rows() as u64;
        before = rows.end;
        if !rows.clone().any(&gone) {
            return Ok(batch);
        }
        let stays = rows.map(|row| Some(!gone(row)));
        let records = filter_record_batch(&batch.records, &stays.collect::<BooleanArray>());
        let records = records.map_err(internal)?;
        Ok(Batch { records, ..batch })
    };
    batches.into_iter().map(keep).collect()
}

/// `rejects`, which are rows, without what `shape` hides: in what goes to child tables that may stand
/// anywhere.
pub(crate) fn guard_rows(shape: &Shape, mut rejects: Vec<Reject>) -> Vec<Reject> {
    if shape.hides_in_children() {
        for reject in &mut rejects {
            WITHHELD.clone_into(&mut reject.raw);
        }
    }
    rejects
}

impl Misfits {
    /// Does to `rows` what `contract` says, because of `what`.
    fn settle(
        &mut self,
        contract: Contract,
        rows: &[usize],
        (field, array): (&Field, &ArrayRef),
        what: &str,
    ) -> Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        match contract {
            Contract::Evolve => {}
            Contract::Freeze => {
                return Err(Error::new(
                    ErrorKind::Contract,
                    "keep the contract",
                    format!("{what}, and its contract is `freeze`"),
                )
                .with("rows", rows.len()));
            }
            Contract::DiscardRow => {
                for at in rows {
                    self.rows.entry(*at).or_insert_with(|| what.to_owned());
                }
            }
            Contract::DiscardValue => {
                let cells = Cells::new(array, field).map_err(internal)?;
                for at in rows {
                    if let Some(raw) = cells.get(*at).member() {
                        self.rest.add(*at, field.name(), &raw);
                    }
                }
            }
        }
        Ok(())
    }
}

/// The type of a column, for people.
fn known_as(field: &Field) -> String {
    match field.data_type() {
        DataType::Boolean => "true and false".to_owned(),
        DataType::Int64 | DataType::UInt64 => "whole numbers".to_owned(),
        DataType::Float64 | DataType::Decimal128(..) => "numbers".to_owned(),
        DataType::Timestamp(..) => "points in time".to_owned(),
        DataType::Date32 => "days".to_owned(),
        DataType::Struct(_) => "objects of other members, or other values in them".to_owned(),
        DataType::List(_) => "lists of other values".to_owned(),
        other => other.to_string(),
    }
}

/// The error of a table that is not there, and may not be made; `None` if it may.
pub(crate) fn missing_table(shape: &Shape, table: &TableRef) -> Option<Error> {
    let contract = shape.contracts.table;
    (contract != Contract::Evolve).then(|| {
        Error::new(
            ErrorKind::Contract,
            "keep the contract",
            format!(
                "there is no table `{table}`, and its contract is `{}`",
                contract.name()
            ),
        )
    })
}
