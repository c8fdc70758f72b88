//! "Did you mean": the known name nearest to one that is not known.

/// Letters that the beginning of a name must have to stand for the whole.
const SHORTEST_BEGINNING: usize = 3;

/// What to say about `name`, which is none of `known`.
pub(crate) fn hint<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.into_iter().collect();
    let meant = match nearest(name, &known) {
        Some(meant) => vec![meant],
        None => beginning_with(name, &known),
    };
    let quoted: Vec<String> = meant.iter().map(|meant| format!("`{meant}`")).collect();
    match (meant.len(), known.len()) {
        (1 | 2, _) => format!("did you mean {}?", quoted.join(" or ")),
        (_, 0) => "none is known here".to_owned(),
        _ => format!("known: {}", known.join(", ")),
    }
}

fn beginning_with<'a>(name: &str, known: &[&'a str]) -> Vec<&'a str> {
    let wanted = name.to_lowercase();
    let is_meant = |candidate: &&&str| candidate.to_lowercase().starts_with(&wanted);
    if wanted.chars().count() < SHORTEST_BEGINNING {
        return Vec::new();
    }
    known.iter().filter(is_meant).copied().collect()
}

/// The one of `known` that differs from `name` by a third of its letters or less.
pub(crate) fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
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
            ("skip", "did you mean `skipAttributes`?"),
            ("colour", "known: skipAttributes, keepAttributes, path"),
        ];
        for (name, expected) in cases {
            assert_eq!(hint(name, known), expected);
        }
        assert_eq!(hint("x", []), "none is known here");
    }
}
