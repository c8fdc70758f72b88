//! Holds the checker against the documents under `specs/`: what it says of each is written down
//! beside it. `TAPLINE_BLESS=1` writes it anew; read the difference before it is committed.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

use std::fs;
use std::path::{Path, PathBuf};

use tapline_spec::{Checked, check, connector_schema, explain, fix};

fn specs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../specs")
}

/// The JSON files of one folder under `specs/`.
fn documents(folder: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(specs().join(folder)).unwrap();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|e| e == "json"));
    paths.sort();
    assert!(!paths.is_empty(), "specs/{folder} is empty");
    paths
}

fn said(checked: &Checked) -> String {
    let lines = checked.diagnostics.iter().map(|d| format!("{d}\n"));
    lines.collect()
}

/// Compares `text` with the file, or writes the file.
fn assert_blessed(path: &Path, text: &str) {
    if std::env::var_os("TAPLINE_BLESS").is_some() {
        fs::write(path, text).unwrap();
    }
    let expected = fs::read_to_string(path).unwrap_or_default();
    assert_eq!(text, expected, "{}", path.display());
}

#[test]
fn valid_documents_have_nothing_wrong() {
    for path in documents("valid") {
        let checked = check(&fs::read_to_string(&path).unwrap());
        assert!(
            checked.document.is_some(),
            "{}: {}",
            path.display(),
            said(&checked)
        );
    }
}

#[test]
fn invalid_documents_are_explained() {
    for path in documents("invalid") {
        let checked = check(&fs::read_to_string(&path).unwrap());
        assert!(checked.document.is_none(), "{} is valid", path.display());
        assert_blessed(&path.with_extension("expected"), &said(&checked));
    }
}

#[test]
fn doubtful_documents_have_lints() {
    for path in documents("lints") {
        let checked = check(&fs::read_to_string(&path).unwrap());
        assert!(
            checked.document.is_some(),
            "{}: {}",
            path.display(),
            said(&checked)
        );
        assert!(
            !checked.diagnostics.is_empty(),
            "{} has no lint",
            path.display()
        );
        assert_blessed(&path.with_extension("expected"), &said(&checked));
    }
}

/// A file that is only a part of a document is put where it belongs.
fn whole_documents(path: &Path, text: &str) -> Vec<String> {
    let name = path.file_name().unwrap().to_string_lossy();
    let fragment = |pagination: &str| {
        format!(
            r#"{{"attributes": {{"urlParams": {{"path": "/"}}, "contentPath": {{"path": "$"}},
            "paginationParams": {pagination}}}}}"#
        )
    };
    if name.starts_with("authspec.") {
        return vec![format!(r#"{{"authSpec": [{text}]}}"#)];
    }
    if name.starts_with("explorespec.") {
        return vec![format!(r#"{{"exploreSpec": {text}}}"#)];
    }
    if name.starts_with("pagination.") {
        let examples: serde_json::Map<String, serde_json::Value> =
            serde_json::from_str(text).unwrap();
        return examples
            .values()
            .map(|e| fragment(&e.to_string()))
            .collect();
    }
    vec![text.to_owned()]
}

#[test]
fn every_form_that_adobe_published_loads() {
    for path in documents("adobe") {
        let text = fs::read_to_string(&path).unwrap();
        let mut report = String::new();
        for document in whole_documents(&path, &text) {
            let checked = check(&document);
            report.push_str(&said(&checked));
            assert!(checked.document.is_some(), "{}: {report}", path.display());
        }
        assert_blessed(&path.with_extension("expected"), &report);
    }
}

#[test]
fn what_was_read_tolerantly_is_strict_afterwards() {
    for path in documents("adobe").into_iter().chain(documents("valid")) {
        let text = fs::read_to_string(&path).unwrap();
        for document in whole_documents(&path, &text) {
            let document = check(&document).document.unwrap();
            let written = serde_json::to_string(&document).unwrap();
            let again = check(&written).document.unwrap();
            assert_eq!(again, document, "{}", path.display());
        }
    }
}

#[test]
fn what_is_fixed_is_strict_and_means_the_same() {
    let is_fixable = |code: &str| explain(code).is_some_and(|known| known.is_fixable());
    let mut fixed_any = 0;
    for path in documents("adobe").into_iter().chain(documents("valid")) {
        let text = fs::read_to_string(&path).unwrap();
        for document in whole_documents(&path, &text) {
            let before = check(&document);
            let needs_it = before.diagnostics.iter().any(|d| is_fixable(d.code));
            let fixed = fix(&document);
            assert_eq!(fixed.is_some(), needs_it, "{}", path.display());
            let Some(fixed) = fixed else { continue };
            let after = check(&fixed);
            assert!(
                !after.diagnostics.iter().any(|d| is_fixable(d.code)),
                "{}",
                said(&after)
            );
            assert_eq!(after.document, before.document, "{}", path.display());
            assert_eq!(fix(&fixed), None, "{}", path.display());
            fixed_any += 1;
        }
    }
    assert!(fixed_any > 5);
}

#[test]
fn the_published_schema_is_the_one_in_use() {
    let text = format!("{:#}\n", connector_schema());
    assert_blessed(&specs().join("schema/connector.v1.json"), &text);
}

#[test]
fn the_connectors_of_this_repository_are_sound() {
    for connector in ["mailchimp", "rest", "zendesk"] {
        let path = specs().join(format!("../plugins/{connector}/spec.json"));
        let checked = check(&fs::read_to_string(path).unwrap());
        assert!(
            checked.document.is_some(),
            "{connector}: {}",
            said(&checked)
        );
    }
}
