//! Nested values as structs and lists: what becomes of them under the policy `struct`.
//!
//! What was seen at a place decides what it is: a column, a member of its objects, an item of its lists.
//! That only ever grows. Where values have nothing in common, as an object and a number, where an object
//! gives a member twice, and where structs would not do, the place holds JSON as text, and only that place.
//! A library that reads JSON by a schema loses what the schema does not hold, so none is used here.

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::builder::StringBuilder;
use arrow_array::cast::AsArray;
use arrow_array::{
    Array, ArrayRef, BooleanArray, Float64Array, Int64Array, ListArray, NullArray, StructArray,
    new_null_array,
};
use arrow_buffer::{NullBuffer, OffsetBuffer};
use arrow_schema::{ArrowError, DataType, Field, Fields};
use tapline_core::is_json;
use tapline_spec::ColumnKind;

use super::cell::Cells;
use crate::decode::text::{inner, unescaped};
use crate::decode::{Input, Seen, Value, json};

/// Items that the lists at one place of a page have at most; more of them stay JSON, which takes less.
const ITEMS: usize = 500_000;
/// Levels that become structs and lists; what is nested deeper stays JSON.
const DEEPEST: usize = 16;

/// A column of nested values, and what was seen in it in this run.
#[derive(Debug)]
pub(super) struct Nesting {
    nest: Nest,
    /// Members that it may still get.
    members: usize,
}

/// What was seen at a place.
#[derive(Clone, Debug, PartialEq)]
enum Nest {
    /// Anything but objects and lists; nothing at all, perhaps.
    Scalars(Seen),
    /// Objects, with what was seen in their members, in the order in which these came.
    Objects(Vec<(String, Nest)>),
    /// Lists, with what was seen in their items.
    Lists(Box<Nest>),
    /// What has no other type in common.
    Json,
}

/// What a column may still take.
struct Room<'r> {
    /// Members.
    members: &'r mut usize,
    /// Bytes for members that rows do not have.
    padding: &'r mut usize,
}

/// The values at a place, one for each row, object or item around it.
type Values<'a> = [Option<Value<'a>>];

/// The values of a member, each with the place of its object among the [`Values`].
type Part<'a> = Vec<(usize, Value<'a>)>;

impl Nesting {
    /// Nothing was seen yet; there is room for so many `members`.
    pub(super) fn new(members: usize) -> Self {
        Self {
            nest: Nest::NOTHING,
            members,
        }
    }

    /// How many members it has, at all depths.
    pub(super) fn members(&self) -> usize {
        self.nest.members()
    }

    /// The JSON texts of `array` as a column called `called`, which may take `padding` bytes for what
    /// rows do not have.
    pub(super) fn column(
        &mut self,
        array: &ArrayRef,
        called: &str,
        padding: &mut usize,
    ) -> Result<(Field, ArrayRef), ArrowError> {
        let Some(texts) = array.as_string_opt::<i32>() else {
            let field = Field::new(called, array.data_type().clone(), true);
            return Ok((json(field), ArrayRef::clone(array)));
        };
        let mut values = Vec::with_capacity(texts.len());
        for text in texts {
            match text.map(value) {
                None => values.push(None),
                Some(Some(value)) if value.seen == Seen::NOTHING => values.push(None),
                Some(Some(value)) if value.seen == Seen::NESTED => values.push(Some(value)),
                // A column that was declared as JSON may hold anything, and says so.
                Some(_) => {
                    self.nest = Nest::Json;
                    break;
                }
            }
        }
        if self.nest == Nest::Json {
            return Ok((self.nest.field(called), ArrayRef::clone(array)));
        }
        let mut room = Room {
            members: &mut self.members,
            padding,
        };
        let array = self.nest.array(&values, 0, &mut room)?;
        Ok((self.nest.field(called), array))
    }
}

/// The values of `cells` in a column `to` of structs or lists; the rows in `misfits` hold what that does
/// not take as it is, and are null.
pub(super) fn fitted(
    cells: &Cells<'_>,
    rows: usize,
    to: &Field,
    misfits: &mut Vec<usize>,
) -> Result<ArrayRef, ArrowError> {
    let Some(mut nest) = Nest::of(to) else {
        let others = (0..rows).filter(|row| cells.get(*row).text().is_some());
        misfits.extend(others);
        return Ok(new_null_array(to.data_type(), rows));
    };
    let all: Vec<_> = (0..rows).map(|row| cells.get(row)).collect();
    let texts: Vec<_> = all.iter().map(|cell| cell.json()).collect();
    let mut values = Vec::with_capacity(rows);
    for (row, text) in texts.iter().enumerate() {
        let read = text.as_deref().map(value);
        values.push(match read {
            None => None,
            Some(Some(value)) if nest.takes(&value) => {
                (value.seen != Seen::NOTHING).then_some(value)
            }
            Some(_) => {
                misfits.push(row);
                None
            }
        });
    }
    let (mut members, mut padding) = (usize::MAX, usize::MAX);
    let mut room = Room {
        members: &mut members,
        padding: &mut padding,
    };
    nest.array(&values, 0, &mut room)
}

/// Whether two columns of structs or lists hold the same.
pub(super) fn is_same(one: &Field, other: &Field) -> bool {
    let nests = Nest::of(one).zip(Nest::of(other));
    nests.is_some_and(|(one, other)| one == other)
}

impl Nest {
    const NOTHING: Self = Self::Scalars(Seen::NOTHING);

    /// What `field` takes; `None` if it has a type that this module makes of nothing.
    fn of(field: &Field) -> Option<Self> {
        Some(match field.data_type() {
            DataType::Null => Self::NOTHING,
            DataType::Boolean => Self::Scalars(Seen::fitting(ColumnKind::Boolean)),
            DataType::Int64 => Self::Scalars(Seen::fitting(ColumnKind::Integer)),
            DataType::Float64 => Self::Scalars(Seen::fitting(ColumnKind::Number)),
            DataType::Utf8 if is_json(field) => Self::Json,
            DataType::Utf8 => Self::Scalars(Seen::STRING),
            DataType::Struct(fields) => {
                let members = fields
                    .iter()
                    .map(|it| Some((it.name().clone(), Self::of(it)?)));
                Self::Objects(members.collect::<Option<_>>()?)
            }
            DataType::List(item) => Self::Lists(Box::new(Self::of(item)?)),
            _ => return None,
        })
    }

    /// The type of scalars; `None` if only JSON holds all of them. Otherwise than in a column, a text and
    /// a number are not both texts: nobody could tell them apart.
    fn scalar(seen: Seen) -> Option<DataType> {
        match seen.kind() {
            None => Some(DataType::Null),
            Some(ColumnKind::Boolean) => Some(DataType::Boolean),
            Some(ColumnKind::Integer) => Some(DataType::Int64),
            Some(ColumnKind::Number) => Some(DataType::Float64),
            Some(_) => (seen == Seen::STRING).then_some(DataType::Utf8),
        }
    }

    /// The column, member or item `name`.
    fn field(&self, name: &str) -> Field {
        let field = |data_type| Field::new(name, data_type, true);
        match self {
            Self::Scalars(seen) => match Self::scalar(*seen) {
                Some(data_type) => field(data_type),
                None => json(field(DataType::Utf8)),
            },
            Self::Objects(members) => field(DataType::Struct(fields(members))),
            Self::Lists(item) => field(DataType::List(item.item())),
            Self::Json => json(field(DataType::Utf8)),
        }
    }

    /// The field of a list of these.
    fn item(&self) -> Arc<Field> {
        Arc::new(self.field(Field::LIST_FIELD_DEFAULT_NAME))
    }

    fn nulls(&self, rows: usize) -> ArrayRef {
        new_null_array(self.field("").data_type(), rows)
    }

    fn members(&self) -> usize {
        match self {
            Self::Objects(members) => {
                let within = members.iter().map(|(_, nest)| 1 + nest.members());
                within.sum()
            }
            Self::Lists(item) => item.members(),
            Self::Scalars(_) | Self::Json => 0,
        }
    }

    /// Whether `value` is, as it is, of this type.
    fn takes(&self, value: &Value<'_>) -> bool {
        if value.seen == Seen::NOTHING {
            return true;
        }
        match self {
            Self::Json => true,
            Self::Scalars(seen) => seen.contains(form(value)),
            Self::Objects(members) => {
                let (mut had, mut next) = (vec![false; members.len()], 0);
                each_member(value.raw, |name, value| {
                    let is = |at: &usize| members.get(*at).is_some_and(|(own, _)| own == name);
                    let found = Some(next).filter(is);
                    let found = found.or_else(|| (0..members.len()).find(is));
                    found.is_some_and(|at| {
                        next = at + 1;
                        !std::mem::replace(&mut had[at], true) && members[at].1.takes(&value)
                    })
                })
            }
            Self::Lists(item) => {
                let mut items = Vec::new();
                split_list(value.raw, &mut items)
                    && items.iter().flatten().all(|value| item.takes(value))
            }
        }
    }

    /// Becomes what holds `values`, too, and makes an array of them.
    fn array(
        &mut self,
        values: &Values<'_>,
        level: usize,
        room: &mut Room<'_>,
    ) -> Result<ArrayRef, ArrowError> {
        self.see(values, level, room);
        let mut parts = Vec::new();
        if let Self::Objects(members) = self {
            match split_objects(members, values, room) {
                Some(split) => parts = split,
                None => self.give_up(room),
            }
        }
        let (mut items, mut lengths) = (Vec::new(), Vec::new());
        if let Self::Lists(_) = self {
            match split_lists(values) {
                Some(split) => (items, lengths) = split,
                None => self.give_up(room),
            }
        }
        match self {
            Self::Scalars(seen) => Ok(scalars(values, *seen)),
            Self::Objects(members) => {
                let mut arrays = Vec::with_capacity(members.len());
                for ((_, nest), part) in members.iter_mut().zip(parts) {
                    arrays.push(nest.member(&part, values.len(), level + 1, room)?);
                }
                let nulls = NullBuffer::from_iter(values.iter().map(Option::is_some));
                let (fields, rows) = (fields(members), values.len());
                // There may be no member to tell the number of rows by.
                let objects = StructArray::try_new_with_length(fields, arrays, Some(nulls), rows)?;
                Ok(Arc::new(objects))
            }
            Self::Lists(item) => {
                let offsets = OffsetBuffer::from_lengths(lengths);
                let nulls = NullBuffer::from_iter(values.iter().map(Option::is_some));
                let items = item.array(&items, level + 1, room)?;
                let lists = ListArray::try_new(item.item(), offsets, items, Some(nulls))?;
                Ok(Arc::new(lists))
            }
            Self::Json => Ok(raws(values)),
        }
    }

    /// The array of a member that the objects in `part` have, of so many `rows`.
    fn member(
        &mut self,
        part: &Part<'_>,
        rows: usize,
        level: usize,
        room: &mut Room<'_>,
    ) -> Result<ArrayRef, ArrowError> {
        if part.is_empty() {
            return Ok(self.nulls(rows));
        }
        let mut values = vec![None; rows];
        for (row, value) in part {
            values[*row] = (value.seen != Seen::NOTHING).then_some(*value);
        }
        self.array(&values, level, room)
    }

    /// Becomes what holds `values`, too, as far as their own forms tell.
    fn see(&mut self, values: &Values<'_>, level: usize, room: &mut Room<'_>) {
        let (mut seen, mut objects, mut lists) = (Seen::NOTHING, false, false);
        for value in values.iter().flatten() {
            match value.raw.as_bytes().first() {
                Some(b'{') => objects = true,
                Some(b'[') => lists = true,
                _ => seen = seen.with(form(value)),
            }
        }
        let nested = objects || lists;
        if !nested && seen == Seen::NOTHING {
            return;
        }
        match self {
            Self::Json => {}
            Self::Scalars(all) if !nested => *all = all.with(seen),
            Self::Scalars(all) if all.with(seen) == Seen::NOTHING && level < DEEPEST => {
                *self = match (objects, lists) {
                    (true, false) => Self::Objects(Vec::new()),
                    (false, true) => Self::Lists(Box::new(Self::NOTHING)),
                    _ => Self::Json,
                };
            }
            Self::Objects(_) if !lists && seen == Seen::NOTHING => {}
            Self::Lists(_) if !objects && seen == Seen::NOTHING => {}
            _ => self.give_up(room),
        }
    }

    /// Becomes JSON, which holds anything.
    fn give_up(&mut self, room: &mut Room<'_>) {
        *room.members = room.members.saturating_add(self.members());
        *self = Self::Json;
    }
}

fn fields(members: &[(String, Nest)]) -> Fields {
    members
        .iter()
        .map(|(name, nest)| nest.field(name))
        .collect()
}

/// The values of each member of the objects in `values`; their `members` become those, too. `None` if
/// structs do not hold them, or there is no room for so many.
fn split_objects<'a>(
    members: &mut Vec<(String, Nest)>,
    values: &Values<'a>,
    room: &mut Room<'_>,
) -> Option<Vec<Part<'a>>> {
    let named = members.iter().enumerate();
    let mut known: HashMap<String, usize> =
        named.map(|(at, (name, _))| (name.clone(), at)).collect();
    let mut parts: Vec<Part<'a>> = vec![Vec::new(); members.len()];
    for (row, value) in values.iter().enumerate() {
        let Some(value) = value else { continue };
        // Objects mostly have their members in one order.
        let mut next = 0;
        let is_whole = each_member(value.raw, |name, value| {
            let is_next = members.get(next).is_some_and(|(own, _)| own == name);
            let found = is_next.then_some(next).or_else(|| known.get(name).copied());
            let at = found.unwrap_or(members.len());
            if found.is_none() {
                let Some(left) = room.members.checked_sub(1) else {
                    return false;
                };
                *room.members = left;
                known.insert(name.to_owned(), at);
                members.push((name.to_owned(), Nest::NOTHING));
                parts.push(Vec::new());
            }
            next = at + 1;
            let is_first = parts[at].last().is_none_or(|(last, _)| *last != row);
            parts[at].push((row, value));
            is_first
        });
        if !is_whole {
            return None;
        }
    }
    let absent = values.len().saturating_mul(members.len());
    let padding = absent.saturating_mul(size_of::<u64>());
    *room.padding = room.padding.checked_sub(padding)?;
    Some(parts)
}

/// Calls `see` with the name and the value of each member of the object `raw`, until it has seen enough.
/// Whether it was an object whose names are texts, and was seen to its end.
fn each_member<'a>(raw: &'a str, mut see: impl FnMut(&str, Value<'a>) -> bool) -> bool {
    let mut input = Input::new(raw, usize::MAX);
    each(&mut input, b'{', b'}', |input| {
        let key = input.scan.key().ok()?;
        let quoted = &input.text[key.span];
        let value = input.value().ok()?;
        let is_wanted = match key.escaped {
            true => see(&unescaped(quoted)?, value),
            false => see(inner(quoted), value),
        };
        is_wanted.then_some(())
    })
    .is_some()
}

/// The items of all lists in `values`, and how many each has; `None` if they are too many.
fn split_lists<'a>(values: &Values<'a>) -> Option<(Vec<Option<Value<'a>>>, Vec<usize>)> {
    let (mut items, mut lengths) = (Vec::new(), Vec::with_capacity(values.len()));
    for value in values {
        let before = items.len();
        if let Some(value) = value
            && !split_list(value.raw, &mut items)
        {
            return None;
        }
        lengths.push(items.len() - before);
    }
    Some((items, lengths))
}

/// Appends the items of the list `raw` to `items`; whether it is a list, and there are not too many.
fn split_list<'a>(raw: &'a str, items: &mut Vec<Option<Value<'a>>>) -> bool {
    let mut input = Input::new(raw, usize::MAX);
    each(&mut input, b'[', b']', |input| {
        let value = input.value().ok()?;
        items.push((value.seen != Seen::NOTHING).then_some(value));
        (items.len() <= ITEMS).then_some(())
    })
    .is_some()
}

/// Calls `read` at each part of what stands between `opening` and `closing`.
fn each<'a>(
    input: &mut Input<'a>,
    opening: u8,
    closing: u8,
    mut read: impl FnMut(&mut Input<'a>) -> Option<()>,
) -> Option<()> {
    if !input.scan.eat(opening) {
        return None;
    }
    input.scan.space();
    if input.scan.eat(closing) {
        return Some(());
    }
    loop {
        read(input)?;
        input.scan.space();
        if input.scan.eat(closing) {
            return Some(());
        }
        if !input.scan.eat(b',') {
            return None;
        }
        input.scan.space();
    }
}

/// The value `text`; `None` if it is no JSON.
fn value(text: &str) -> Option<Value<'_>> {
    let text = text.trim();
    let value = Input::new(text, usize::MAX).value().ok()?;
    (value.raw.len() == text.len()).then_some(value)
}

/// What `value` is. A string that no text holds, for a lone surrogate, is what a number is that only its
/// own text holds: neither has a type but JSON.
fn form(value: &Value<'_>) -> Seen {
    let is_text = value.seen != Seen::STRING || !value.escaped || unescaped(value.raw).is_some();
    if is_text { value.seen } else { Seen::LONG }
}

/// An array of scalars of which so much was seen.
fn scalars(values: &Values<'_>, seen: Seen) -> ArrayRef {
    let all = values.iter();
    match Nest::scalar(seen) {
        Some(DataType::Boolean) => {
            let all = all.map(|it| it.map(|value| value.integer == 1));
            Arc::new(all.collect::<BooleanArray>())
        }
        Some(DataType::Int64) => {
            let all = all.map(|it| it.map(|value| value.integer));
            Arc::new(all.collect::<Int64Array>())
        }
        Some(DataType::Float64) => {
            let all = all.map(|it| it.map(|value| value.float));
            Arc::new(all.collect::<Float64Array>())
        }
        Some(DataType::Utf8) => {
            let mut texts = StringBuilder::new();
            for value in all {
                match value {
                    Some(value) if value.escaped => texts.append_option(unescaped(value.raw)),
                    value => texts.append_option(value.map(|value| inner(value.raw))),
                }
            }
            Arc::new(texts.finish())
        }
        Some(_) => Arc::new(NullArray::new(values.len())),
        None => raws(values),
    }
}

/// The values as JSON.
fn raws(values: &Values<'_>) -> ArrayRef {
    let mut texts = StringBuilder::new();
    for value in values {
        texts.append_option(value.map(|value| value.raw));
    }
    Arc::new(texts.finish())
}
