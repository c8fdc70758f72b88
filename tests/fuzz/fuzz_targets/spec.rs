//! A spec that anybody wrote: it is judged, mended, compared with itself and planned.
//!
//! The input is the text, JSON or YAML. What must hold of every text is said where it is asserted.

#![no_main]

use libfuzzer_sys::{Corpus, fuzz_target};
use serde_json::Value;
use tapline_spec::{
    BodyPlan, Checked, ConnectorDocument, Diagnostic, Param, Params, PartitionSource, Plan,
    Planned, SourceSpec, check, diff, explain, fix, locate, plan,
};

fuzz_target!(|data: &[u8]| -> Corpus {
    let Ok(text) = std::str::from_utf8(data) else {
        return Corpus::Reject;
    };
    judge(text);
    Corpus::Keep
});

fn judge(text: &str) {
    let checked = check(text);
    let is_sound = !checked.diagnostics.iter().any(Diagnostic::is_error);
    assert_eq!(checked.document.is_some(), is_sound);
    shown(text, &checked.diagnostics);
    mend(text, &checked);
    if let Some(document) = &checked.document {
        assert_eq!(diff(document, document), []);
        read_again(document);
        plan_all(text, document);
    }
}

/// Every finding is known to `--explain`, and points into the text or just behind it.
fn shown(text: &str, diagnostics: &[Diagnostic]) {
    let lines = lengths(text.trim_start_matches('\u{feff}'));
    for found in diagnostics {
        assert!(!found.to_string().is_empty());
        assert!(explain(found.code).is_some(), "{found}");
        let (Some(line), Some(column)) = (found.line, found.column) else {
            assert_eq!((found.line, found.column), (None, None), "{found}");
            continue;
        };
        assert!(line >= 1 && column >= 1, "{found}");
        let (line, column) = (line as usize, column as usize);
        let length = lines.get(line - 1);
        assert!(length.is_some_and(|length| column <= length + 1), "{found}");
    }
}

/// The length of every line in characters. JSON knows one way to end a line, YAML three.
fn lengths(text: &str) -> Vec<usize> {
    let is_json = text.trim_start().starts_with(['{', '[']);
    let text = match is_json {
        true => text.to_owned(),
        false => text.replace("\r\n", "\n").replace('\r', "\n"),
    };
    text.split('\n').map(|line| line.chars().count()).collect()
}

/// What is mended needs no mending again, and means what it meant.
fn mend(text: &str, checked: &Checked) {
    let fixable = |found: &&Diagnostic| explain(found.code).is_some_and(|e| e.is_fixable());
    let Some(fixed) = fix(text) else {
        let left = checked.diagnostics.iter().find(fixable);
        let is_kept = checked.document.is_none() || text.contains('#');
        assert!(is_kept || left.is_none(), "{left:?} is left");
        return;
    };
    assert_eq!(fix(&fixed), None, "{fixed}");
    let again = check(&fixed);
    let left = again.diagnostics.iter().find(fixable);
    assert_eq!(left, None, "{fixed}");
    assert_eq!(again.document, checked.document, "{fixed}");
}

/// A document written by us is one that we read, and the same.
fn read_again(document: &ConnectorDocument) {
    let text = serde_json::to_string(document).unwrap();
    let again = check(&text);
    assert_eq!(again.document.as_ref(), Some(document), "{text}");
}

/// Plans every stream, with every way to sign in.
fn plan_all(text: &str, document: &ConnectorDocument) {
    let single = document.source_spec.as_ref().map(|source| ("s", source));
    let named = document.streams.iter();
    let streams = named.map(|(name, source)| (name.as_str(), source));
    for (name, source) in streams.chain(single) {
        let ways = document.auth_specs().iter();
        for way in ways.map(|way| Some(way.name.as_str())).chain([None]) {
            for params in [Params::new(), given(document, source)] {
                match plan(document, name, way, &params) {
                    Ok(planned) => travels(planned),
                    Err(mut errors) => {
                        assert!(!errors.is_empty());
                        locate(text, &mut errors);
                        shown(text, &errors);
                    }
                }
            }
        }
    }
}

/// A value for every parameter that the stream or a way to sign in declares.
fn given(document: &ConnectorDocument, source: &SourceSpec) -> Params {
    let ways = document.auth_specs().iter();
    let signing = ways.filter_map(|way| way.spec.get("properties")?.as_object());
    let signing = signing.flatten().map(|(name, of)| (name.as_str(), of));
    let declared = source.properties().chain(signing);
    declared
        .map(|(name, property)| (name, Param::Plain(value(name, property))))
        .collect()
}

fn value(name: &str, property: &Value) -> String {
    let first = property.get("enum").and_then(|values| values.get(0));
    let kind = property.get("type").and_then(Value::as_str);
    match (name, first, kind) {
        ("urlParams", ..) => r#"{"host": "https://api.example.com", "path": "/a"}"#.to_owned(),
        ("contentPath", ..) => r#"{"path": "$.items"}"#.to_owned(),
        ("paginationParams", ..) => r#"{"type": "NONE"}"#.to_owned(),
        (_, Some(Value::String(text)), _) => text.clone(),
        (_, Some(other), _) => other.to_string(),
        (_, None, Some("integer" | "number")) => "7".to_owned(),
        (_, None, Some("boolean")) => "true".to_owned(),
        (_, None, Some("object")) => "{}".to_owned(),
        (_, None, Some("array")) => "[]".to_owned(),
        _ => "https://example.com/a b".to_owned(),
    }
}

/// A plan can be sent to another machine, and is the same there.
fn travels(planned: Planned) {
    let mut plan = planned.plan;
    forget_numbers(&mut plan);
    let text = serde_json::to_string(&plan).unwrap();
    let arrived: Plan = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text}"));
    assert_eq!(arrived, plan, "{text}");
}

/// A body may hold numbers of 17 digits, of which reading keeps only the nearest.
fn forget_numbers(plan: &mut Plan) {
    if let Some(BodyPlan::Json(body)) = &mut plan.request.body {
        body.take();
    }
    for source in plan
        .partitions
        .iter_mut()
        .flat_map(|slices| &mut slices.from)
    {
        if let PartitionSource::Parent { plan, .. } = source {
            forget_numbers(plan);
        }
    }
}
