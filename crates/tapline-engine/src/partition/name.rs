//! Names a slice: what its positions are kept by.
//!
//! The same values make the same name in every run, whatever comes before them and however many
//! there are: `campaignId=42`, or `region=eu&year=2024`, escaped as in the query of a URL. What is
//! too long for a key becomes a hash; no value is written like one, because `~` is escaped.

use url::form_urlencoded;
use xxhash_rust::xxh3::xxh3_128;

/// Longest name that is written out, in bytes.
const LONGEST: usize = 200;

/// The name of the slice with these parameters, in their order.
pub(super) fn of<'a>(chosen: impl Iterator<Item = (&'a str, &'a str)> + Clone) -> String {
    let whole = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(chosen.clone())
        .finish();
    if whole.len() <= LONGEST {
        return whole;
    }
    let names: Vec<&str> = chosen.map(|(name, _)| name).collect();
    let hash = xxh3_128(whole.as_bytes());
    let names: String = names.join(",").chars().take(LONGEST / 2).collect();
    format!("{names}=~{hash:032x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(chosen: &[(&str, &str)], expected: &str) {
        assert_eq!(of(chosen.iter().copied()), expected);
    }

    #[test]
    fn a_name_says_what_was_chosen() {
        check(&[("campaignId", "42")], "campaignId=42");
        check(&[("a", "x y"), ("b", "1&c=2~")], "a=x+y&b=1%26c%3D2%7E");
        check(&[("ids", "1,2")], "ids=1%2C2");
    }

    #[test]
    fn a_long_one_is_a_hash_that_tells_it_from_others() {
        let (one, other) = ("7,".repeat(100) + "1", "7,".repeat(100) + "2");
        let named = |ids: &str| of([("ids", ids)].into_iter());
        assert!(named(&one).starts_with("ids=~"), "{}", named(&one));
        assert!(named(&one).len() < LONGEST);
        assert_eq!(named(&one), named(&one));
        assert_ne!(named(&one), named(&other));
    }
}
