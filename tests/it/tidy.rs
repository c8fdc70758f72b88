//! What `ARCHITECTURE.md` says must always hold, as far as reading the sources can show it.
//!
//! A check is a function from what was read to a list of findings, one line each; beside it stand
//! the small inputs that it must complain about. Here the checks meet the real tree.

mod arrows;
mod budget;
mod map;
mod tokens;
mod tree;
mod words;

use std::io::{self, Write as _};

use tree::TREE;

/// Fails with all findings at once, so that one run shows all there is to mend.
fn tidy(findings: Vec<String>) {
    assert!(findings.is_empty(), "\n{}\n", findings.join("\n"));
}

#[test]
fn crates_depend_only_downwards() {
    tidy(arrows::findings(&arrows::packages()));
}

#[test]
fn there_is_one_arrow() {
    tidy(arrows::versions(TREE.text("Cargo.lock")));
}

#[test]
fn the_map_names_what_exists() {
    tidy(map::findings(TREE.text("ARCHITECTURE.md"), &TREE));
}

#[test]
fn the_map_draws_the_arrows() {
    tidy(map::drawn(TREE.text("ARCHITECTURE.md"), arrows::CRATES));
}

#[test]
fn sources_say_only_what_they_may() {
    tidy(TREE.rust.iter().flat_map(words::findings).collect());
}

#[test]
fn no_file_names_a_place_of_one_machine() {
    let findings = |(path, text): (&String, &String)| words::places(path, text);
    tidy(TREE.texts.iter().flat_map(findings).collect());
}

#[test]
fn files_and_functions_are_small() {
    let report = budget::report(&TREE.rust);
    // Past libtest's capture: a warning is to be seen although the test passes.
    for warning in &report.warnings {
        writeln!(io::stderr(), "warning: {warning}").unwrap();
    }
    tidy(report.findings);
}
