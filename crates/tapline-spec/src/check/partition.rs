//! Whether the slices of a stream have values, and whether those reach the request.

use crate::check::texts::Text;
use crate::{ConnectorDocument, Diagnostic, ParentParams, PartitionParams, SourceSpec, suggest};

pub(super) fn check(
    document: &ConnectorDocument,
    source: &SourceSpec,
    request: &[Text],
    at: &str,
    out: &mut Vec<Diagnostic>,
) {
    for (index, partition) in source.attributes.partition_params.iter().enumerate() {
        let at = format!("{at}/partitionParams/{index}");
        match (&partition.values, &partition.parent) {
            (Some(_), Some(_)) => out.push(
                Diagnostic::error(
                    "E-partition",
                    at.as_str(),
                    "`values` and `parent` are both given",
                )
                .with_hint("write two of them under the same `name`"),
            ),
            (None, None) => out.push(
                crate::judge::missing(&at, "values")
                    .with_hint(r#"or `parent`, such as {"stream": "lists", "key": "id"}"#),
            ),
            (None, Some(parent)) => check_parent(document, partition, parent, &at, out),
            (Some(_), None) => {}
        }
        check_use(source, partition, request, &at, out);
    }
}

fn check_parent(
    document: &ConnectorDocument,
    partition: &PartitionParams,
    parent: &ParentParams,
    at: &str,
    out: &mut Vec<Diagnostic>,
) {
    if parent.take.contains_key(&partition.name) {
        let message = format!("`{}` is given by `key` already", partition.name);
        out.push(Diagnostic::error(
            "E-partition",
            format!("{at}/parent/take"),
            message,
        ));
    }
    // A fragment's connection has other streams besides.
    if document.is_fragment() {
        return;
    }
    let name = &parent.stream;
    let at_stream = format!("{at}/parent/stream");
    if !document.streams.contains_key(name) {
        let known = document.streams.keys().map(String::as_str);
        let message = format!("there is no stream `{name}`");
        let hint = suggest::hint(name, known);
        out.push(Diagnostic::error("E-stream", at_stream, message).with_hint(hint));
    } else if leads_back(document, name, name, &mut Vec::new()) {
        let message = format!("the stream `{name}` needs itself, by way of its parents");
        out.push(Diagnostic::error("E-partition", at_stream, message));
    } else {
        check_key(document, parent, at, out);
    }
}

/// Whether the parents of `from` lead to `wanted`.
fn leads_back<'a>(
    document: &'a ConnectorDocument,
    from: &'a str,
    wanted: &str,
    seen: &mut Vec<&'a str>,
) -> bool {
    let Some(source) = document.streams.get(from).filter(|_| !seen.contains(&from)) else {
        return false;
    };
    seen.push(from);
    let partitions = source.attributes.partition_params.iter();
    let mut parents = partitions.filter_map(|partition| partition.parent.as_ref());
    parents
        .any(|parent| parent.stream == wanted || leads_back(document, &parent.stream, wanted, seen))
}

/// Whether the parent's schema knows the fields that are taken from its records.
fn check_key(
    document: &ConnectorDocument,
    parent: &ParentParams,
    at: &str,
    out: &mut Vec<Diagnostic>,
) {
    let Some(columns) = document
        .streams
        .get(&parent.stream)
        .and_then(SourceSpec::columns)
    else {
        return;
    };
    let taken = parent
        .take
        .iter()
        .map(|(name, field)| (format!("take/{name}"), field));
    for (below, field) in std::iter::once(("key".to_owned(), &parent.key)).chain(taken) {
        let column = field.split('.').next().unwrap_or_default();
        if !columns
            .iter()
            .any(|known| known == column || known == field)
        {
            let message = format!(
                "the schema of `{}` declares no column `{column}`",
                parent.stream
            );
            let hint = suggest::hint(column, columns.iter().map(String::as_str));
            let at = format!("{at}/parent/{below}");
            out.push(Diagnostic::lint("L-undeclared-key", at, message).with_hint(hint));
        }
    }
}

/// Slices that ask for the same are the same.
fn check_use(
    source: &SourceSpec,
    partition: &PartitionParams,
    request: &[Text],
    at: &str,
    out: &mut Vec<Diagnostic>,
) {
    let name = &partition.name;
    if !request.iter().any(|text| text.uses(name)) {
        let message = format!("`${{{name}}}` stands nowhere, so every slice asks for the same");
        let hint = "put it into `urlParams`, `headerParams` or `bodyParams`";
        let at = format!("{at}/name");
        out.push(Diagnostic::lint("L-slice-unused", at, message).with_hint(hint));
    }
    if source.declares(name) {
        let message = format!("`{name}` is a parameter of `spec`, too; the slices' values win");
        out.push(Diagnostic::lint(
            "L-slice-declared",
            format!("{at}/name"),
            message,
        ));
    }
}
