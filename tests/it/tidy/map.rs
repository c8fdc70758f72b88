//! Whether `ARCHITECTURE.md` speaks of things that are there.

use std::collections::HashSet;

use super::arrows::is;
use super::tree::{Source, Tree};

/// Types of others that the map names.
const FOREIGN: [&str; 1] = ["SystemTime"];

/// Keywords after which a name is a definition.
const DEFINING: [&str; 5] = ["enum", "struct", "trait", "type", "union"];

/// Every type, path and crate that `map` puts between backticks and that is not in the tree.
pub(super) fn findings(map: &str, tree: &Tree) -> Vec<String> {
    let names = Names::of(&tree.rust);
    let missing = |span: &&str| !names.know(span) || (is_path(span) && !tree.has(span));
    let finding = |span| format!("ARCHITECTURE.md names `{span}`, which is not there");
    spans(map).filter(missing).map(finding).collect()
}

/// What stands between single backticks, outside of blocks of code.
fn spans(map: &str) -> impl Iterator<Item = &str> {
    let prose = map.split("```").step_by(2);
    prose.flat_map(|prose| prose.split('`').skip(1).step_by(2))
}

/// Whether a span is a path of the tree; `<` and `*` stand for any name.
fn is_path(span: &str) -> bool {
    let plain = !span.contains([' ', '<', '*', '$', ':']);
    plain && (span.contains('/') || span.ends_with(".rs") || span.starts_with("tapline-"))
}

/// What the sources define, and every word in them.
struct Names<'a> {
    types: HashSet<&'a str>,
    words: HashSet<&'a str>,
}

impl<'a> Names<'a> {
    fn of(sources: &'a [Source]) -> Self {
        let tokens = || sources.iter().flat_map(|source| source.tokens.windows(2));
        let text = |pair: &'a [_], index: usize| -> &'a str {
            let token: &super::tokens::Token = &pair[index];
            &token.text
        };
        let defined = tokens().filter(|pair| DEFINING.contains(&text(pair, 0)));
        Self {
            types: defined.map(|pair| text(pair, 1)).collect(),
            words: tokens().map(|pair| text(pair, 0)).collect(),
        }
    }

    /// Whether `span`, if it is a name or a path of names, is known: `Plan`, `Next::More(x)`.
    fn know(&self, span: &str) -> bool {
        let path = span.split('(').next().unwrap_or_default();
        let mut names = path.split("::");
        let first = names.next().unwrap_or_default();
        if !is_type(first) {
            return true;
        }
        let known = self.types.contains(first) || FOREIGN.contains(&first);
        known && names.all(|name| self.words.contains(name))
    }
}

/// `CamelCase`, as a type is written; `OFFSET` is a word of specs.
fn is_type(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_uppercase())
        && name.contains(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_alphanumeric())
}

/// Where the code map and the table of crates differ: a crate that only one of them has, or an
/// arrow that points up in the drawing.
pub(super) fn drawn(map: &str, crates: &[(&str, &[&str])]) -> Vec<String> {
    let block = map.split("```").nth(1).unwrap_or_default();
    let rows: Vec<&str> = block.lines().collect();
    let row = |pattern: &str| {
        rows.iter()
            .position(|line| named(line).any(|name| is(name, pattern)))
    };
    let in_tree = |row: &usize| rows[*row].starts_with(['├', '└']);
    let mut findings = Vec::new();
    for (name, below) in crates {
        let Some(from) = row(name) else {
            findings.push(format!("the code map has no {name}"));
            continue;
        };
        let to = below
            .iter()
            .filter_map(|name| Some((name, row(name).filter(in_tree)?)));
        let up = to.filter(|(_, to)| in_tree(&from) && *to < from);
        findings.extend(up.map(|(to, _)| format!("the code map draws {to} above {name}")));
    }
    let known = |name: &str| crates.iter().any(|(pattern, _)| is(name, pattern));
    let unknown = rows
        .iter()
        .flat_map(|line| named(line))
        .filter(|name| !known(name));
    findings.extend(unknown.map(|name| format!("the table of crates has no {name}")));
    findings
}

/// The crates that a line of the code map names: `├─ crates/a  text  <- crates/b (the SDK)`.
fn named(line: &str) -> impl Iterator<Item = &str> {
    let words = line.split([' ', '(', ')', ',']);
    words.filter_map(|word| word.strip_prefix("crates/"))
}

#[test]
fn what_is_not_there_is_found() {
    let source = Source::new(
        "crates/a/src/run.rs",
        "struct Plan; enum Next { More(u8) } impl Next { fn of() {} }",
    );
    let texts = [
        ("crates/a/src/run.rs".to_owned(), String::new()),
        ("crates/tapline-a/x".to_owned(), String::new()),
    ];
    let tree = Tree {
        texts: texts.into(),
        rust: vec![source],
    };
    let check = |map: &str, expected: &[&str]| {
        let expected: Vec<String> = expected
            .iter()
            .map(|name| format!("ARCHITECTURE.md names `{name}`, which is not there"))
            .collect();
        assert_eq!(findings(map, &tree), expected, "{map}");
    };
    check(
        "`Plan`, `Next::More(position)`, `Next::of`, `SystemTime`, `OFFSET`, `a: B`",
        &[],
    );
    check(
        "`crates/a/src`, `run.rs`, `crates/<any>`, `plugins/*`, `tapline-a`",
        &[],
    );
    check("```\n`Nothing`\n```\n`Plan`", &[]);
    check("`Plans`", &["Plans"]);
    check("`Next::Less`", &["Next::Less"]);
    check("`More`", &["More"]);
    check(
        "`crates/b`, `ran.rs` and `tapline-b`",
        &["crates/b", "ran.rs", "tapline-b"],
    );
}

#[test]
fn a_drawing_that_differs_is_found() {
    let table: &[(&str, &[&str])] = &[("a", &["b", "d-*"]), ("b", &["d-*"]), ("d-*", &[])];
    let check = |map: &str, expected: &[&str]| {
        assert_eq!(drawn(&format!("```\n{map}\n```"), table), expected, "{map}");
    };
    check("crates/a\n├─ crates/b  text\n└─ crates/d-x", &[]);
    check("crates/d-x <- crates/b\ncrates/a  text (of crates/a)", &[]);
    check("crates/a\n├─ crates/b", &["the code map has no d-*"]);
    check(
        "crates/a\n├─ crates/d-x\n└─ crates/b",
        &["the code map draws d-* above b"],
    );
    check(
        "crates/a\n├─ crates/b\n├─ crates/d-x\n└─ crates/e",
        &["the table of crates has no e"],
    );
}
