//! Whether the fields that a pipeline's `sync` names are among the columns its stream declares.

use tapline_spec::{ColumnPlan, Diagnostic};

use super::sync::Sync;
use crate::output::text::closest;

/// The fields of `sync`, at `pointer`, that are not among `columns`. A stream that declares none
/// may have any. Of a dotted path, the first part is the column.
pub(super) fn undeclared(pointer: &str, sync: &Sync, columns: &[ColumnPlan]) -> Vec<Diagnostic> {
    if columns.is_empty() {
        return Vec::new();
    }
    let cursor = sync.cursor.iter();
    let cursor = cursor.map(|name| (format!("{pointer}/cursor"), name));
    let keys = sync.primary_keys.iter().enumerate();
    let keys = keys.map(|(index, name)| (format!("{pointer}/primary_keys/{index}"), name));
    let mut found = Vec::new();
    for (at, name) in cursor.chain(keys) {
        let first = name.split('.').next().unwrap_or(name);
        let known = columns.iter().map(|column| column.name.as_str());
        if known
            .clone()
            .any(|column| column == first || column == name)
        {
            continue;
        }
        let message = format!("the stream declares no column `{first}`");
        let lint = Diagnostic::lint("L-undeclared-column", at, message);
        found.push(match closest(first, known) {
            Some(column) => lint.with_hint(format!("did you mean `{column}`?")),
            None => lint,
        });
    }
    found
}

#[cfg(test)]
mod tests {
    use tapline_spec::ColumnKind;

    use super::*;

    #[test]
    fn the_fields_of_sync_are_looked_up_among_the_columns() {
        let sync: Sync = serde_json::from_value(serde_json::json!({
            "mode": "incremental_with_qualify",
            "cursor": "updated_att",
            "primary_keys": ["member.id", "id"],
        }))
        .unwrap();
        let column = |name: &str| ColumnPlan {
            name: name.to_owned(),
            kind: ColumnKind::String,
        };
        let columns = ["member", "updated_at"].map(column);
        let found = undeclared("/sync", &sync, &columns);
        let pointers: Vec<_> = found.iter().map(|found| found.pointer.as_str()).collect();
        assert_eq!(pointers, ["/sync/cursor", "/sync/primary_keys/1"]);
        assert_eq!(found[0].hint.as_deref(), Some("did you mean `updated_at`?"));
        assert_eq!(undeclared("/sync", &sync, &[]), []);
    }
}
