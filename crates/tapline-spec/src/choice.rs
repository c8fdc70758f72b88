//! Explains a value that fits none of several forms (`oneOf`, `anyOf`).
//!
//! Listing why each form does not fit helps nobody. So the form that was meant is found first:
//! by the word that tells the forms apart, else by the type, else by the fewest faults.

use jsonschema::ValidationError;
use jsonschema::error::ValidationErrorKind as Kind;
use serde_json::Value;

use crate::judge::{Judge, missing, types, words, wrong_type};

type Faults = Vec<ValidationError<'static>>;

/// Explains `error`, whose forms have the faults `forms`.
pub(crate) fn explain(judge: &mut Judge<'_>, error: &ValidationError<'_>, forms: &[Faults]) {
    let at = error.instance_path().as_str();
    let (fitting, others): (Vec<&Faults>, Vec<&Faults>) = forms
        .iter()
        .partition(|form| wanted_types(form, at).is_empty());
    if fitting.is_empty() {
        let mut wanted: Vec<&str> = Vec::new();
        for kind in others.iter().flat_map(|form| wanted_types(form, at)) {
            if !wanted.contains(&kind) {
                wanted.push(kind);
            }
        }
        return judge.push(wrong_type(at, &wanted, error.instance()));
    }
    let meant: Vec<&Faults> = fitting
        .iter()
        .copied()
        .filter(|form| !form.iter().any(is_word))
        .collect();
    if meant.is_empty() {
        return wrong_word(judge, error.instance(), &fitting, at);
    }
    if let Some(key) = lacking_everywhere(&meant) {
        return judge.push(missing(at, key));
    }
    let fewest = meant.iter().min_by_key(|form| form.len());
    for fault in fewest.into_iter().copied().flatten() {
        judge.explain(fault);
    }
}

/// The types that a form asks for, if the value as a whole is of another.
fn wanted_types(form: &Faults, at: &str) -> Vec<&'static str> {
    form.iter()
        .filter(|fault| fault.instance_path().as_str() == at)
        .find_map(|fault| match fault.kind() {
            Kind::Type { kind } => Some(types(kind)),
            _ => None,
        })
        .unwrap_or_default()
}

/// Whether the fault is a word other than the one that stands for its form.
fn is_word(fault: &ValidationError<'_>) -> bool {
    matches!(fault.kind(), Kind::Constant { .. } | Kind::Enum { .. })
}

/// No form has the word that was written: says which there are.
fn wrong_word(judge: &mut Judge<'_>, value: &Value, forms: &[&Faults], at: &str) {
    let faults = || {
        forms
            .iter()
            .copied()
            .flatten()
            .filter(|fault| is_word(fault))
    };
    let Some(first) = faults().next() else { return };
    let place = first.instance_path().as_str();
    let known: Vec<String> = faults()
        .filter(|fault| fault.instance_path().as_str() == place)
        .flat_map(|fault| match fault.kind() {
            Kind::Constant { expected_value } => words(expected_value),
            Kind::Enum { options } => words(options),
            _ => Vec::new(),
        })
        .collect();
    let found = place
        .strip_prefix(at)
        .and_then(|below| value.pointer(below))
        .unwrap_or(value);
    judge.unknown_word(place, found, &known);
}

/// A key that every form needs and the value lacks: the one that tells the forms apart.
fn lacking_everywhere<'a>(forms: &[&'a Faults]) -> Option<&'a str> {
    let (first, rest) = forms.split_first()?;
    if rest.is_empty() {
        return None;
    }
    lacking(first).find(|key| rest.iter().all(|form| lacking(form).any(|k| k == *key)))
}

fn lacking(form: &Faults) -> impl Iterator<Item = &str> {
    form.iter().filter_map(|fault| match fault.kind() {
        Kind::Required { property } => property.as_str(),
        _ => None,
    })
}
