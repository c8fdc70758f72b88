//! Finds every canary, in every form, in one pass.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use aho_corasick::AhoCorasick;

use super::CANARIES;
use super::forms;

struct Search {
    automaton: AhoCorasick,
    /// The canary and the form of each pattern.
    patterns: Vec<(usize, &'static str)>,
}

static SEARCH: LazyLock<Search> = LazyLock::new(|| {
    let canaries = CANARIES.iter().enumerate();
    let all = canaries.flat_map(|(canary, secret)| {
        let forms = forms::all(secret).into_iter();
        forms.map(move |(form, text)| (text, (canary, form)))
    });
    let (texts, patterns): (Vec<String>, Vec<_>) = all.unzip();
    let automaton = AhoCorasick::builder()
        .ascii_case_insensitive(true)
        .build(texts)
        .unwrap();
    Search {
        automaton,
        patterns,
    }
});

/// What is wrong with `text`: the first canary in it, and where.
pub(crate) fn search(text: &[u8]) -> Result<(), String> {
    let Some(found) = SEARCH.automaton.find(text) else {
        return Ok(());
    };
    let (canary, form) = SEARCH.patterns[found.pattern().as_usize()];
    let from = found.start().saturating_sub(200);
    let to = text.len().min(found.end() + 100);
    let around = String::from_utf8_lossy(&text[from..to]);
    let (place, secret) = (found.start(), CANARIES[canary]);
    Err(format!(
        "canary {canary}, {secret:?} ({form}), at byte {place}: {around:?}"
    ))
}

/// The canaries that `text` holds.
pub(crate) fn held(text: &[u8]) -> BTreeSet<usize> {
    let found = SEARCH.automaton.find_overlapping_iter(text);
    found
        .map(|found| SEARCH.patterns[found.pattern().as_usize()].0)
        .collect()
}
