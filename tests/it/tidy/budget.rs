//! How long files and functions may be.

use super::tokens::{Token, closing};
use super::tree::Source;

const FILE_LINES: usize = 600;
const FUNCTION_LINES: usize = 100;
/// Of a hundred functions, one may be longer.
const FUNCTION_LINES_P99: usize = 60;

/// What is too long, and what is on the way to it.
#[derive(Debug, Default)]
pub(super) struct Report {
    pub(super) findings: Vec<String>,
    pub(super) warnings: Vec<String>,
}

/// A function's place and length: from `fn` to its last brace.
#[derive(Debug, PartialEq)]
struct Function {
    name: String,
    line: usize,
    lines: usize,
}

/// Judges all files together: a percentile needs them all.
pub(super) fn report(sources: &[Source]) -> Report {
    let mut report = Report::default();
    let mut lengths = Vec::new();
    for Source { path, text, tokens } in sources {
        let lines = text.lines().count();
        if lines > FILE_LINES {
            let finding = format!("{path} has {lines} lines, more than {FILE_LINES}");
            report.findings.push(finding);
        }
        for Function { name, line, lines } in functions(tokens) {
            lengths.push(lines);
            if lines > FUNCTION_LINES {
                let finding =
                    format!("{path}:{line}: {name} has {lines} lines, more than {FUNCTION_LINES}");
                report.findings.push(finding);
            }
        }
    }
    let p99 = percentile(&mut lengths, 99);
    if p99 > FUNCTION_LINES_P99 {
        let warning =
            format!("one function in a hundred has {p99} lines or more, not {FUNCTION_LINES_P99}");
        report.warnings.push(warning);
    }
    report
}

/// The functions that have a body. `fn` without a name is a type.
fn functions(tokens: &[Token]) -> Vec<Function> {
    let starts = tokens.windows(2).enumerate();
    let starts = starts.filter(|(_, pair)| pair[0].text == "fn" && pair[1].is_word());
    starts
        .filter_map(|(start, pair)| function(tokens, start, &pair[1].text))
        .collect()
}

fn function(tokens: &[Token], start: usize, name: &str) -> Option<Function> {
    let mut at = start;
    loop {
        match tokens.get(at)?.text.as_str() {
            ";" => return None,
            "{" => break,
            // A `;` in here is of an array's type.
            "(" | "[" => at = closing(tokens, at)?,
            _ => {}
        }
        at += 1;
    }
    let line = tokens[start].line;
    let lines = tokens[closing(tokens, at)?].line - line + 1;
    Some(Function {
        name: name.to_owned(),
        line,
        lines,
    })
}

/// The value that `percent` of all are not larger than.
fn percentile(values: &mut [usize], percent: usize) -> usize {
    values.sort_unstable();
    let index = (values.len() * percent).div_ceil(100);
    values.get(index.saturating_sub(1)).copied().unwrap_or(0)
}

#[test]
fn functions_are_measured_from_fn_to_brace() {
    let check = |text: &str, expected: &[(&str, usize, usize)]| {
        let source = Source::new("a.rs", text);
        let found = functions(&source.tokens);
        let found: Vec<_> = found
            .iter()
            .map(|f| (f.name.as_str(), f.line, f.lines))
            .collect();
        assert_eq!(found, expected, "{text}");
    };
    check("fn a() {}", &[("a", 1, 1)]);
    check(
        "/// Doc.\n#[test]\nfn a() {\n  // }\n  \"}\";\n}",
        &[("a", 3, 4)],
    );
    check(
        "impl X {\n fn a(&self, x: [u8; 2]) -> [u8; 2] {\n  fn b() {}\n }\n}",
        &[("a", 2, 3), ("b", 3, 1)],
    );
    check("trait X { fn a(); }\nfn b() {\n}", &[("b", 2, 2)]);
    check("type F = fn(u8) -> u8;", &[]);
}

#[test]
fn what_is_too_long_is_found() {
    let file = |lines| Source::new("a.rs", &"//\n".repeat(lines));
    let function =
        |lines: usize| Source::new("b.rs", &format!("fn b() {{{}}}", "\n".repeat(lines - 1)));
    assert!(report(&[file(600), function(60)]).findings.is_empty());
    assert_eq!(
        report(&[file(601)]).findings,
        ["a.rs has 601 lines, more than 600"]
    );
    assert_eq!(
        report(&[function(101)]).findings,
        ["b.rs:1: b has 101 lines, more than 100"]
    );
    assert!(report(&[function(60)]).warnings.is_empty());
    let warnings = report(&[function(61)]).warnings;
    assert_eq!(
        warnings,
        ["one function in a hundred has 61 lines or more, not 60"]
    );
}

#[test]
fn percentiles_are_values_that_occur() {
    let check =
        |mut values: Vec<usize>, expected| assert_eq!(percentile(&mut values, 99), expected);
    check(vec![], 0);
    check(vec![7], 7);
    check((1..=100).rev().collect(), 99);
    check((1..=200).collect(), 198);
}
