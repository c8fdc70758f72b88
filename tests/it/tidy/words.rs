//! What a source may not say, and where.

use super::tokens::{Token, closing};
use super::tree::Source;

/// Where `unsafe` may stand: the plugin border, the library that tries to break it, and the one that
/// takes the place of functions of the C library.
const WITH_UNSAFE: [&str; 5] = [
    "crates/tapline-abi/",
    "crates/tapline-host/",
    "crates/tapline-plugin/",
    "tests/plugins/deadly/",
    "tests/plugins/disk/",
];

/// Crates that do no I/O and know no clock.
const PURE: [&str; 3] = [
    "crates/tapline-engine/src/",
    "crates/tapline-expr/src/",
    "crates/tapline-spec/src/",
];
const CLOCKS: [&str; 2] = ["Instant", "SystemTime"];
const DOORS: [&str; 5] = ["fs", "net", "os", "process", "thread"];

/// Macros of work that is not done.
const UNDONE: [&str; 2] = ["todo", "unimplemented"];
/// Attributes that hide a finding: a lint is expected with its reason, a test is run.
const HIDING: [&str; 2] = ["allow", "ignore"];

/// What is wrong with one Rust file.
pub(super) fn findings(source: &Source) -> Vec<String> {
    let Source { path, text, tokens } = source;
    let mut findings = Vec::new();
    if !text.starts_with("//!") {
        findings.push(format!("{path}: does not open with //!"));
    }
    let mut report = |line: usize, what: String| findings.push(format!("{path}:{line}: {what}"));
    let borders = WITH_UNSAFE.iter().any(|folder| path.starts_with(folder));
    let pure = PURE.iter().any(|folder| path.starts_with(folder));
    for (at, token) in tokens.iter().enumerate() {
        let word = token.text.as_str();
        let next = tokens.get(at + 1).map_or("", |next| &next.text);
        if word == "unsafe" && !borders {
            report(token.line, "unsafe away from the plugin border".to_owned());
        }
        if UNDONE.contains(&word) && next == "!" {
            report(token.line, format!("{word}! is work to be done"));
        }
        if pure && CLOCKS.contains(&word) {
            report(token.line, format!("{word} in a crate that knows no clock"));
        }
        for door in doors(tokens, at).filter(|_| pure) {
            report(
                token.line,
                format!("std::{door} in a crate that does no I/O"),
            );
        }
        for hiding in hiding(tokens, at) {
            report(token.line, format!("#[{hiding}] hides what it should mend"));
        }
    }
    findings
}

/// The I/O modules of `std` that a path beginning at `at` leads to: `std::fs`, `std::{fs, io}`.
fn doors(tokens: &[Token], at: usize) -> impl Iterator<Item = &str> {
    let starts =
        |index: usize, text: &str| tokens.get(index).is_some_and(|token| token.text == text);
    let is_path = starts(at, "std") && starts(at + 1, ":") && starts(at + 2, ":");
    let end = if !is_path {
        at
    } else if starts(at + 3, "{") {
        closing(tokens, at + 3).unwrap_or(at)
    } else {
        at + 4
    };
    words(tokens, at, end).filter(|word| DOORS.contains(word))
}

/// What the attribute beginning at `at` hides; also inside of `cfg_attr`.
fn hiding(tokens: &[Token], at: usize) -> impl Iterator<Item = &str> {
    let text = |index: usize| tokens.get(index).map_or("", |token| token.text.as_str());
    let open = match (text(at), text(at + 1), text(at + 2)) {
        ("#", "[", _) => Some(at + 1),
        ("#", "!", "[") => Some(at + 2),
        _ => None,
    };
    let first = open.map_or("", |open| text(open + 1));
    let end = match open {
        Some(open) if first == "cfg_attr" => closing(tokens, open).unwrap_or(at),
        Some(open) => open + 2,
        None => at,
    };
    words(tokens, at, end).filter(|word| HIDING.contains(word))
}

fn words(tokens: &[Token], start: usize, end: usize) -> impl Iterator<Item = &str> {
    let tokens = tokens.iter().take(end).skip(start);
    tokens
        .filter(|token| token.is_word())
        .map(|token| token.text.as_str())
}

/// Folders of which every machine has its own.
const PLACES: [&str; 3] = ["home", "root", "work"];

/// Every line of `text` that names a place of one machine.
pub(super) fn places(path: &str, text: &str) -> Vec<String> {
    let places = PLACES.map(|place| format!("/{place}/"));
    let lines = text.lines().zip(1..);
    let bad = lines.filter(|(line, _)| places.iter().any(|place| line.contains(place)));
    bad.map(|(line, number)| format!("{path}:{number}: a path of one machine: {}", line.trim()))
        .collect()
}

#[test]
fn what_a_source_may_not_say_is_found() {
    let check = |path: &str, text: &str, expected: &[&str]| {
        let found = findings(&Source::new(path, &format!("//! Doc.\n{text}")));
        let expected: Vec<String> = expected
            .iter()
            .map(|what| format!("{path}:2: {what}"))
            .collect();
        assert_eq!(found, expected, "{text}");
    };
    let (engine, http) = (
        "crates/tapline-engine/src/a.rs",
        "crates/tapline-http/src/a.rs",
    );
    check(engine, "use std::{collections::HashMap, sync::Arc};", &[]);
    check(engine, "// std::fs and unsafe; todo!()", &[]);
    check(
        engine,
        "fn a() { std::fs::read(b) }",
        &["std::fs in a crate that does no I/O"],
    );
    check(
        engine,
        "use std::{io, net};",
        &["std::net in a crate that does no I/O"],
    );
    check(
        engine,
        "use std::time::{Duration, Instant};",
        &["Instant in a crate that knows no clock"],
    );
    check(
        "crates/tapline-spec/src/a.rs",
        "SystemTime",
        &["SystemTime in a crate that knows no clock"],
    );
    check("crates/tapline-engine/tests/a.rs", "use std::fs;", &[]);
    check(http, "use std::time::Instant; use std::net::IpAddr;", &[]);
    check(http, "unsafe {}", &["unsafe away from the plugin border"]);
    check("crates/tapline-host/src/a.rs", "unsafe {}", &[]);
    check(
        http,
        "#[expect(unsafe_code, reason = \"a\")] fn b() {}",
        &[],
    );
    check(http, "fn a() { todo!() }", &["todo! is work to be done"]);
    check(
        http,
        "fn a() { unimplemented!() }",
        &["unimplemented! is work to be done"],
    );
    check(
        http,
        "#[allow(dead_code)] fn a() {}",
        &["#[allow] hides what it should mend"],
    );
    check(
        http,
        "#![allow(dead_code)]",
        &["#[allow] hides what it should mend"],
    );
    check(
        http,
        "#[cfg_attr(unix, allow(dead_code))] fn a() {}",
        &["#[allow] hides what it should mend"],
    );
    check(
        http,
        "#[test] #[ignore = \"slow\"] fn a() {}",
        &["#[ignore] hides what it should mend"],
    );
    check(http, "#[serde(allow)] struct A;", &[]);
}

#[test]
fn a_module_without_a_word_about_it_is_found() {
    let found = findings(&Source::new("a.rs", "use b;\n//! late\n"));
    assert_eq!(found, ["a.rs: does not open with //!"]);
}

#[test]
fn a_place_of_one_machine_is_found() {
    let text = format!("ok: /homes/a, ./work\nbad: /{}/a/b\n", "root");
    assert_eq!(
        places("a.md", &text),
        [format!(
            "a.md:2: a path of one machine: bad: /{}/a/b",
            "root"
        )]
    );
}
