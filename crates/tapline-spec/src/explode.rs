//! Where an `explodeEntityPath` leads, seen from an element of the content.
//!
//! The path starts at the record, so it names the wrapper first if there is one. Its array stands
//! inside the element: to explode what stands beside the elements would multiply the two.

use tapline_expr::{Path, Step};

/// Why a path cannot be followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wrong {
    pub(crate) message: String,
    pub(crate) hint: String,
}

/// The keys that lead from the element, which stands under `wrapper`, to the array.
pub(crate) fn keys(path: &Path, wrapper: Option<&str>) -> Result<Vec<String>, Wrong> {
    let all: Option<Vec<&str>> = path.steps().iter().map(key).collect();
    let Some(all) = all else {
        return Err(Wrong {
            message: format!("`{path}` holds an index, but an array is found by keys only"),
            hint: "such as `$.email.activity`".to_owned(),
        });
    };
    let inner = match (wrapper, all.split_first()) {
        (Some(wrapper), Some((first, rest))) if *first == wrapper => rest,
        (Some(wrapper), _) => return Err(outside(path, wrapper)),
        (None, _) => &all,
    };
    if inner.is_empty() {
        return Err(Wrong {
            message: format!("`{path}` leads to the record itself, not to an array in it"),
            hint: "name the array, such as `$.email.activity`".to_owned(),
        });
    }
    Ok(inner.iter().map(|key| (*key).to_owned()).collect())
}

fn key(step: &Step) -> Option<&str> {
    match step {
        Step::Key(key) => Some(key),
        Step::Index(_) => None,
    }
}

fn outside(path: &Path, wrapper: &str) -> Wrong {
    let inner = path.to_string();
    let inner = inner.strip_prefix('$').unwrap_or_default();
    Wrong {
        message: format!("`{path}` does not lead into `{wrapper}`, where the element stands"),
        hint: format!("write `$.{wrapper}{inner}`, or let contentPath `unwrap` the element"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(path: &str, wrapper: Option<&str>, expected: Option<&[&str]>) {
        let found = keys(&path.parse().unwrap(), wrapper).ok();
        let expected = expected.map(|keys| keys.iter().map(ToString::to_string).collect());
        assert_eq!(found, expected, "{path} in {wrapper:?}");
    }

    #[test]
    fn a_path_leads_from_the_record_into_the_element() {
        check("$.email.activity", Some("email"), Some(&["activity"]));
        check("email.a['b c']", Some("email"), Some(&["a", "b c"]));
        check("$.activity", None, Some(&["activity"]));
        check("$.email.activity", None, Some(&["email", "activity"]));
        check("$.activity", Some("email"), None);
        check("$.email", Some("email"), None);
        check("$", Some("email"), None);
        check("$", None, None);
        check("$.email.a[0]", Some("email"), None);
    }
}
