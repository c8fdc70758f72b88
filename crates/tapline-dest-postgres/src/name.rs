//! Names: the one place where a name from outside becomes part of an SQL text.
//!
//! A name of PostgreSQL has at most 63 bytes; the server would cut a longer one without a word. So
//! what is longer is cut here, and a hash of the whole name keeps it apart from every other and is
//! the same in every run. Names are always quoted, so letters keep their case.

use tapline_core::{TableRef, column};

use crate::failure::{Failure, Result};

/// Longest name, in bytes.
const LONGEST: usize = 63;
/// What is kept of a name that has to be changed, in bytes: the rest is `_` and the hash.
const KEPT: usize = LONGEST - 17;
/// Columns that every table has already.
const SYSTEM: [&str; 6] = ["cmax", "cmin", "ctid", "tableoid", "xmax", "xmin"];

/// A table, by the names it is stored under.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Table {
    pub(crate) schema: String,
    pub(crate) name: String,
}

impl Table {
    /// The table that `table` names.
    pub(crate) fn of(table: &TableRef) -> Result<Self> {
        let TableRef { schema, name } = table;
        for (what, text, reserved) in [("schema", schema, "pg_"), ("table", name, column::PREFIX)] {
            if text.is_empty() || text.contains('\0') {
                return Err(Failure::Refused(format!(
                    "{what} name {text:?} is empty or holds a NUL character"
                )));
            }
            if text.to_ascii_lowercase().starts_with(reserved) {
                return Err(Failure::Refused(format!(
                    "{what} name {text:?} begins with {reserved}, which is reserved"
                )));
            }
        }
        Ok(Self {
            schema: stored(schema),
            name: stored(name),
        })
    }

    /// The table of the same schema that is named `name` outside.
    pub(crate) fn sibling(&self, name: &str) -> Result<Self> {
        let public = Self::of(&TableRef::public(name))?;
        Ok(self.beside(&public.name))
    }

    /// Another table of the same schema.
    pub(crate) fn beside(&self, name: &str) -> Self {
        Self {
            schema: self.schema.clone(),
            name: name.to_owned(),
        }
    }

    /// As it stands in an SQL text.
    pub(crate) fn quoted(&self) -> String {
        format!("{}.{}", quote(&self.schema), quote(&self.name))
    }
}

/// `name` as an identifier, whatever it holds.
pub(crate) fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// `table` as people find it: `public.members`.
pub fn table_name(table: &TableRef) -> String {
    format!("{}.{}", stored(&table.schema), stored(&table.name))
}

/// The name of the column that a field called `name` goes to.
pub fn column_name(name: &str) -> String {
    if SYSTEM.contains(&name) {
        return hashed(name);
    }
    stored(name)
}

/// The name under which something called `name` is stored.
fn stored(name: &str) -> String {
    let fits = (1..=LONGEST).contains(&name.len()) && !name.contains('\0');
    if fits { name.to_owned() } else { hashed(name) }
}

fn hashed(name: &str) -> String {
    let harmless = name.replace('\0', "\u{FFFD}");
    let kept = &harmless[..harmless.floor_char_boundary(KEPT)];
    format!("{kept}_{:016x}", hash(name))
}

/// FNV-1a, 64 bits: small, and stable for ever, which the names of columns have to be.
pub(crate) fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quote_cannot_end_the_name() {
        assert_eq!(quote("a\"; drop table x--"), "\"a\"\"; drop table x--\"");
    }

    #[test]
    fn reserved_names_are_refused() {
        let check = |schema: &str, name: &str, expected: Option<&str>| {
            let given = TableRef {
                schema: schema.into(),
                name: name.into(),
            };
            let quoted = Table::of(&given).ok().map(|table| table.quoted());
            assert_eq!(quoted.as_deref(), expected, "{schema}.{name}");
        };
        check("public", "members", Some("\"public\".\"members\""));
        check("public", "Members", Some("\"public\".\"Members\""));
        check("staged", "a b\"😀", Some("\"staged\".\"a b\"\"😀\""));
        check("pg_catalog", "members", None);
        check("public", "_Tapline_commits", None);
        check("public", "", None);
        check("", "members", None);
        check("public", "a\0b", None);
    }

    #[test]
    fn long_and_odd_names_get_a_stable_hash() {
        let check = |name: &str, expected: &str| assert_eq!(column_name(name), expected);
        check("id", "id");
        check(&"n".repeat(63), &"n".repeat(63));
        check(
            &"n".repeat(80),
            &format!("{}_{:016x}", "n".repeat(46), hash(&"n".repeat(80))),
        );
        // A letter is never cut in two.
        check(
            &"é".repeat(40),
            &format!("{}_{:016x}", "é".repeat(23), hash(&"é".repeat(40))),
        );
        check("", "_cbf29ce484222325");
        check("a\0", "a\u{FFFD}_089be207b544f1e4");
        check("ctid", &format!("ctid_{:016x}", hash("ctid")));
        check("CTID", "CTID");
        assert!(column_name(&"😀".repeat(99)).len() <= LONGEST);
    }
}
