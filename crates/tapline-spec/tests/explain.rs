//! Every code that any crate uses is explained, once.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use tapline_spec::{codes, explain};

/// The codes in the sources below `folder`, tests left out.
fn used(folder: &Path, out: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.file_stem().is_some_and(|name| name == "explain") {
            continue;
        }
        if path.is_dir() {
            used(&path, out);
        } else if path.extension().is_some_and(|e| e == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            let code = text.split("#[cfg(test)]").next().unwrap_or_default();
            out.extend(
                code.split('"')
                    .filter(|word| is_code(word))
                    .map(str::to_owned),
            );
        }
    }
}

fn is_code(word: &str) -> bool {
    let name = word.strip_prefix("E-").or_else(|| word.strip_prefix("L-"));
    let is_name = |name: &str| {
        name.chars()
            .all(|c| c.is_ascii_lowercase() || "0123456789-".contains(c))
    };
    name.is_some_and(|name| !name.is_empty() && is_name(name))
}

#[test]
fn every_code_is_explained_and_every_explanation_is_used() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(crates).unwrap() {
        let source = entry.unwrap().path().join("src");
        if source.is_dir() {
            used(&source, &mut found);
        }
    }
    let explained: BTreeSet<String> = codes().map(str::to_owned).collect();
    let missing: Vec<&String> = found.difference(&explained).collect();
    assert!(missing.is_empty(), "used, and not explained: {missing:?}");
    assert_eq!(
        codes().count(),
        explained.len(),
        "a code is explained twice"
    );
}

#[test]
fn an_explanation_has_all_its_parts() {
    for code in codes() {
        let found = explain(&code.to_lowercase()).unwrap();
        assert_eq!(found.code, code);
        assert!(
            found.text.ends_with('.') && !found.title.ends_with('.'),
            "{code}"
        );
        assert!(
            !found.example_bad.is_empty() && !found.example_good.is_empty(),
            "{code}"
        );
    }
    assert!(explain("E-nothing").is_none());
    assert!(explain("L-case").unwrap().is_fixable() && !explain("L-no-id").unwrap().is_fixable());
}
