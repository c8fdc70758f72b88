//! "Did you mean": the known name nearest to one that is not known.

/// What to say about `name`, which is none of `known`.
pub(crate) fn hint<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.into_iter().collect();
    match nearest(name, &known) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None if known.is_empty() => "none is known here".to_owned(),
        None => format!("known: {}", known.join(", ")),
    }
}

/// The one of `known` that differs from `name` by a third of its letters or less.
fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    let wanted = name.to_lowercase();
    let allowed = (wanted.chars().count() / 3).max(1);
    known
        .iter()
        .map(|candidate| {
            (
                strsim::osa_distance(&wanted, &candidate.to_lowercase()),
                *candidate,
            )
        })
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_or_all_of_them() {
        let known = ["skipAttributes", "keepAttributes", "path"];
        let cases = [
            ("skipAttribute", "did you mean `skipAttributes`?"),
            ("KEEPATTRIBUTES", "did you mean `keepAttributes`?"),
            ("paht", "did you mean `path`?"),
            ("colour", "known: skipAttributes, keepAttributes, path"),
        ];
        for (name, expected) in cases {
            assert_eq!(hint(name, known), expected);
        }
        assert_eq!(hint("x", []), "none is known here");
    }
}
