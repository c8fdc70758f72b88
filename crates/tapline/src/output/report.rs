//! Diagnostics for other programs: SARIF 2.1.0 for code scanning, workflow commands for GitHub.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;

use serde_json::{Value, json};
use tapline_spec::{Diagnostic, Severity};

use crate::judged::{Found, Judged};

/// `judged` as a SARIF log (OASIS, version 2.1.0).
pub(crate) fn sarif(judged: &Judged) -> Value {
    let codes: BTreeSet<&str> = judged.iter().map(|found| found.diagnostic.code).collect();
    let rules: Vec<Value> = codes.into_iter().map(rule).collect();
    let results: Vec<Value> = judged.iter().map(result).collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "tapline",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            }},
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

fn rule(code: &str) -> Value {
    match tapline_spec::explain(code) {
        Some(explanation) => json!({
            "id": code,
            "shortDescription": { "text": explanation.title },
            "fullDescription": { "text": explanation.text },
        }),
        None => json!({ "id": code }),
    }
}

fn result(found: &Found) -> Value {
    let diagnostic = &found.diagnostic;
    let level = match diagnostic.severity {
        Severity::Error => "error",
        Severity::Lint => "warning",
    };
    let mut place = json!({ "artifactLocation": { "uri": uri(&found.file) } });
    if let Some(line) = diagnostic.line {
        let column = diagnostic.column.unwrap_or(1);
        place["region"] = json!({ "startLine": line, "startColumn": column });
    }
    let mut location = json!({ "physicalLocation": place });
    if !diagnostic.pointer.is_empty() {
        let pointer = &diagnostic.pointer;
        location["logicalLocations"] = json!([{ "fullyQualifiedName": pointer }]);
    }
    json!({
        "ruleId": diagnostic.code,
        "level": level,
        "message": { "text": text(diagnostic) },
        "locations": [location],
    })
}

/// A relative path as a relative URI; an absolute one as a `file:` URI.
fn uri(file: &Path) -> String {
    if let Ok(url) = url::Url::from_file_path(file) {
        return url.into();
    }
    let parts = file.components().map(|part| {
        let part = part.as_os_str().to_string_lossy();
        percent_encoding::utf8_percent_encode(&part, percent_encoding::NON_ALPHANUMERIC)
            .to_string()
            .replace("%2E", ".")
            .replace("%2D", "-")
            .replace("%5F", "_")
    });
    parts.collect::<Vec<_>>().join("/")
}

fn text(diagnostic: &Diagnostic) -> String {
    match &diagnostic.hint {
        Some(hint) => format!("{}; {hint}", diagnostic.message),
        None => diagnostic.message.clone(),
    }
}

/// `judged` as workflow commands, which GitHub shows beside the changed lines.
pub(crate) fn github(judged: &Judged) -> String {
    let mut out = String::new();
    for found in judged.iter() {
        let diagnostic = &found.diagnostic;
        let command = match diagnostic.severity {
            Severity::Error => "error",
            Severity::Lint => "warning",
        };
        let file = property(&found.file.display().to_string());
        // Writing to a text cannot fail.
        let _ = write!(out, "::{command} file={file}");
        if let Some(line) = diagnostic.line {
            let _ = write!(out, ",line={line},col={}", diagnostic.column.unwrap_or(1));
        }
        let title = property(diagnostic.code);
        let _ = writeln!(out, ",title={title}::{}", data(&text(diagnostic)));
    }
    out.truncate(out.trim_end().len());
    out
}

/// `text` as the message of a command.
fn data(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

/// `text` as a property of a command.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged() -> Judged {
        let mut error = Diagnostic::error("E-unknown-key", "/streams/a/x", "unknown key `x`")
            .with_hint("did you mean `y`?\n100%");
        (error.line, error.column) = (Some(3), Some(5));
        let lint = Diagnostic::lint("L-nothing-like-it", "", "an old spelling");
        let mut judged = Judged::of(Path::new("specs/a b,c.json"), None, [error]);
        judged.extend(Judged::of(Path::new("/d/e.yaml"), None, [lint]));
        judged
    }

    #[test]
    fn github_reads_one_command_a_line() {
        assert_eq!(
            github(&judged()),
            "::error file=specs/a b%2Cc.json,line=3,col=5,title=E-unknown-key::unknown key `x`; \
             did you mean `y`?%0A100%25\n\
             ::warning file=/d/e.yaml,title=L-nothing-like-it::an old spelling"
        );
    }

    #[test]
    fn sarif_says_where_and_why() {
        let log = sarif(&judged());
        let [error, lint] = log["runs"][0]["results"].as_array().unwrap().as_slice() else {
            panic!("{log}");
        };
        let place = &error["locations"][0]["physicalLocation"];
        assert_eq!(place["artifactLocation"]["uri"], "specs/a%20b%2Cc.json");
        assert_eq!(place["region"]["startLine"], 3);
        assert_eq!(error["ruleId"], "E-unknown-key");
        assert_eq!(lint["level"], "warning");
        let place = &lint["locations"][0]["physicalLocation"];
        assert_eq!(place["artifactLocation"]["uri"], "file:///d/e.yaml");
        let rules = log["runs"][0]["tool"]["driver"]["rules"]
            .as_array()
            .unwrap();
        assert_eq!(rules.len(), 2);
        assert!(rules[0]["shortDescription"]["text"].is_string(), "{log}");
    }
}
