//! Names: the one place where a name from outside becomes part of an SQL text.
//!
//! SQLite ignores the case of ASCII letters in names, sources do not. Of two names that differ
//! only by case the first keeps its spelling; the other gets a suffix computed from its own
//! spelling, so it is the same in every run.

use std::collections::HashSet;

use tapline_core::{TableRef, column};

use crate::failure::{Failure, Result};

/// `name` as an identifier, whatever it holds.
pub(crate) fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// The name of a table: SQLite has no schemas, so any but `public` becomes a prefix.
pub(crate) fn table(table: &TableRef) -> Result<String> {
    let name = if table.schema == TableRef::PUBLIC {
        table.name.clone()
    } else {
        format!("{}__{}", table.schema, table.name)
    };
    let folded = fold(&name);
    let reserved = ["sqlite_", column::PREFIX]
        .into_iter()
        .find(|prefix| folded.starts_with(prefix));
    match reserved {
        Some(prefix) => Err(Failure::Refused(format!(
            "table name {name:?} begins with {prefix}, which is reserved"
        ))),
        None if table.name.is_empty() || name.contains('\0') => Err(Failure::Refused(format!(
            "table name {name:?} is empty or holds a NUL character"
        ))),
        None => Ok(name),
    }
}

/// Names in use, under which a further one is looked up or placed.
#[derive(Default)]
pub(crate) struct Names {
    exact: HashSet<String>,
    folded: HashSet<String>,
}

impl Names {
    /// The name under which `wanted` is, or is from now on, stored beside the others.
    pub(crate) fn place(&mut self, wanted: &str) -> String {
        let plain = printable(wanted);
        let distinct = format!("{plain}_{:08x}", hash(wanted) as u32);
        let known = plain == wanted && self.exact.contains(&plain);
        let clashes = plain != wanted
            || self.folded.contains(&fold(&plain))
            || self.exact.contains(&distinct);
        let name = if clashes && !known { distinct } else { plain };
        self.insert(&name);
        name
    }

    fn insert(&mut self, name: &str) {
        self.exact.insert(name.to_owned());
        self.folded.insert(fold(name));
    }
}

impl<'a> FromIterator<&'a str> for Names {
    fn from_iter<I: IntoIterator<Item = &'a str>>(names: I) -> Self {
        let mut set = Self::default();
        names.into_iter().for_each(|name| set.insert(name));
        set
    }
}

/// FNV-1a, 64 bits: small, and stable for ever, which the names of columns have to be.
pub(crate) fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// SQLite compares names like this: only ASCII letters lose their case.
fn fold(name: &str) -> String {
    name.to_ascii_lowercase()
}

/// An SQL text ends at a NUL, and no column may be without a name. What had to be changed always
/// gets the suffix, since it could not be told from a name that looked like this from the start.
fn printable(name: &str) -> String {
    if name.is_empty() {
        return "_".to_owned();
    }
    name.replace('\0', "\u{FFFD}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quote_cannot_end_the_name() {
        assert_eq!(quote("a\"; drop table x--"), "\"a\"\"; drop table x--\"");
    }

    #[test]
    fn schemas_become_prefixes_and_reserved_names_are_refused() {
        let check = |schema: &str, name: &str, expected: Option<&str>| {
            let given = TableRef {
                schema: schema.into(),
                name: name.into(),
            };
            assert_eq!(table(&given).ok().as_deref(), expected, "{schema}.{name}");
        };
        check("public", "members", Some("members"));
        check("staged", "members", Some("staged__members"));
        check("public", "a b\"😀", Some("a b\"😀"));
        check("public", "sqlite_master", None);
        check("public", "SQLite_x", None);
        check("public", "_Tapline_commits", None);
        check("public", "", None);
        check("public", "a\0b", None);
    }

    #[test]
    fn names_that_differ_by_case_get_a_stable_suffix() {
        let check = |taken: &[&str], wanted: &str, expected: &str| {
            let got = taken.iter().copied().collect::<Names>().place(wanted);
            assert_eq!(got, expected, "{wanted} beside {taken:?}");
        };
        check(&[], "id", "id");
        check(&["id"], "id", "id");
        check(&["Id"], "id", "id_b55c3ac0");
        check(&["Id", "id_b55c3ac0"], "id", "id_b55c3ac0");
        check(&["id"], "Id", "Id_b5b90ca0");
        check(&["É"], "é", "é");
        check(&[], "", "__84222325");
        check(&["__84222325"], "", "__84222325");
        check(&[], "a\0", "a\u{FFFD}_b544f1e4");
    }
}
