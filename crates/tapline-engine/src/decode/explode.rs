//! The array inside an element whose own elements become records.
//!
//! Each record is written as text: what stands around the array, and one of its elements in its
//! place. It is then read as if the page had held it. So this costs nothing where it is not asked
//! for, no tree is built, and no more than one record is held at a time.

use std::borrow::Cow;
use std::collections::HashSet;
use std::ops::Range;

use tapline_spec::ExplodePlan;

use super::input::Input;
use super::scan::Fault;
use super::text;

/// The records that one element becomes, one after the other.
pub(crate) struct Exploded<'t> {
    plan: &'t ExplodePlan,
    /// The element up to the members of the object that holds the array.
    head: &'t str,
    /// The wanted members in front of the array.
    before: String,
    /// The array's elements, without its brackets.
    items: Input<'t>,
    /// The wanted members behind the array.
    after: String,
    /// The element from the end of those members on.
    tail: &'t str,
    /// Whether there was a record already.
    begun: bool,
}

impl<'t> Exploded<'t> {
    /// Finds the array of `plan` in the element `raw`, which is known to be JSON.
    pub(crate) fn new(raw: &'t str, plan: &'t ExplodePlan) -> Result<Self, Fault> {
        let mut found = Self {
            plan,
            head: raw,
            before: String::new(),
            items: list(""),
            after: String::new(),
            tail: "",
            begun: false,
        };
        if let Some(around) = object_around(raw, &plan.keys)? {
            found.open(raw, around)?;
        }
        Ok(found)
    }

    /// Looks into the object at `around`, in which the array should be.
    fn open(&mut self, raw: &'t str, around: Range<usize>) -> Result<(), Fault> {
        let inside = around.start + 1..around.end - 1;
        let members = &raw[inside.clone()];
        let name = self.plan.keys.last().map(String::as_str);
        let array = find(members, name.unwrap_or_default())?;
        let (front, back) = match &array {
            Some(array) => (&members[..array.all.start], &members[array.all.end..]),
            None => (members, ""),
        };
        let plan = self.plan;
        let wanted = |name: &str| plan.siblings.wants(name);
        copy(front, wanted, &mut self.before)?;
        copy(back, wanted, &mut self.after)?;
        self.items = list(array.map_or("", |array| items(array.value)));
        (self.head, self.tail) = (&raw[..inside.start], &raw[inside.end..]);
        Ok(())
    }

    /// Bytes that are gone over for every record, whether they end up in it or not.
    pub(crate) fn repeated(&self) -> usize {
        self.head.len() + self.before.len() + self.after.len() + self.tail.len()
    }

    /// Writes the next record into `out`; `false` after the last.
    pub(crate) fn next(&mut self, out: &mut String) -> Result<bool, Fault> {
        out.clear();
        let item = next_value(&mut self.items)?;
        // An element without any is kept once.
        if item.is_none() && std::mem::replace(&mut self.begun, true) {
            return Ok(false);
        }
        self.begun = true;
        self.write(item, out)?;
        Ok(true)
    }

    fn write(&self, item: Option<&str>, out: &mut String) -> Result<(), Fault> {
        let own = match item {
            Some(object) if self.plan.unwrap && object.starts_with('{') => {
                Cow::Borrowed(&object[1..object.len() - 1])
            }
            Some(item) => Cow::Owned(format!("{}:{item}", text::quote(&self.plan.wrapper))),
            None => Cow::Borrowed(""),
        };
        let taken = names(&own)?;
        let free = |name: &str| !taken.contains(name);
        out.push_str(self.head);
        copy(&self.before, free, out)?;
        add(own.trim(), out);
        copy(&self.after, free, out)?;
        out.push_str(self.tail);
        Ok(())
    }
}

/// Where in `raw` the object stands that should hold the array at the end of `keys`.
fn object_around(raw: &str, keys: &[String]) -> Result<Option<Range<usize>>, Fault> {
    let mut at = 0..raw.len();
    let way = keys.split_last().map_or(keys, |(_, way)| way);
    for key in way {
        let Some(members) = members(&raw[at.clone()]) else {
            return Ok(None);
        };
        let Some(next) = find(members, key)? else {
            return Ok(None);
        };
        let start = at.start + 1 + next.all.end - next.value.len();
        at = start..start + next.value.len();
    }
    Ok(members(&raw[at.clone()]).map(|_| at))
}

/// What stands between the braces of an object.
fn members(value: &str) -> Option<&str> {
    value.strip_prefix('{')?.strip_suffix('}')
}

/// The elements of an array. Null has none, anything else is one itself.
fn items(value: &str) -> &str {
    match value {
        "null" => "",
        array if array.starts_with('[') => &array[1..array.len() - 1],
        other => other,
    }
}

/// A member of an object.
struct Member<'t> {
    /// What its key says; `None` if no text holds it.
    name: Option<Cow<'t, str>>,
    value: &'t str,
    /// Where it is, key and value.
    all: Range<usize>,
}

/// A list of values or members, which has been checked before.
fn list(text: &str) -> Input<'_> {
    Input::new(text, usize::MAX)
}

/// Moves to the next part of a list; `false` at its end.
fn more(list: &mut Input<'_>) -> bool {
    list.scan.space();
    if list.scan.eat(b',') {
        list.scan.space();
    }
    list.scan.peek().is_some()
}

fn next_value<'t>(list: &mut Input<'t>) -> Result<Option<&'t str>, Fault> {
    if !more(list) {
        return Ok(None);
    }
    list.value().map(|value| Some(value.raw))
}

fn next_member<'t>(list: &mut Input<'t>) -> Result<Option<Member<'t>>, Fault> {
    if !more(list) {
        return Ok(None);
    }
    let key = list.scan.key()?;
    let start = key.span.start;
    let quoted = &list.text[key.span];
    let value = list.value()?.raw;
    Ok(Some(Member {
        name: if key.escaped {
            text::unescaped(quoted).map(Cow::Owned)
        } else {
            Some(Cow::Borrowed(text::inner(quoted)))
        },
        value,
        all: start..list.scan.pos(),
    }))
}

/// The first of `members` with that name.
fn find<'t>(members: &'t str, name: &str) -> Result<Option<Member<'t>>, Fault> {
    let mut list = list(members);
    while let Some(member) = next_member(&mut list)? {
        if member.name.as_deref() == Some(name) {
            return Ok(Some(member));
        }
    }
    Ok(None)
}

/// The value of the member `name` of `value`, if that is an object.
pub(crate) fn member<'t>(value: &'t str, name: &str) -> Option<&'t str> {
    let found = find(members(value)?, name).ok()?;
    found.map(|member| member.value)
}

fn names(members: &str) -> Result<HashSet<Cow<'_, str>>, Fault> {
    let mut names = HashSet::new();
    let mut list = list(members);
    while let Some(member) = next_member(&mut list)? {
        names.extend(member.name);
    }
    Ok(names)
}

/// Adds those of `members` to `out` whose names are wanted.
fn copy(members: &str, wanted: impl Fn(&str) -> bool, out: &mut String) -> Result<(), Fault> {
    let mut list = list(members);
    while let Some(member) = next_member(&mut list)? {
        if member.name.is_none_or(|name| wanted(&name)) {
            add(&members[member.all], out);
        }
    }
    Ok(())
}

/// Adds one or more members to an object that is open in `out`.
fn add(members: &str, out: &mut String) {
    if !members.is_empty() && !out.is_empty() && !out.ends_with('{') {
        out.push(',');
    }
    out.push_str(members);
}

#[cfg(test)]
mod tests;
