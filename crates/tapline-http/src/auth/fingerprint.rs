//! What tells the keys of one host apart where something is remembered of them.

use ring::digest::{Context, SHA256};
use tapline_core::{Params, Result};
use tapline_spec::{AuthPlan, oauth_param};

use super::param;

/// Sixteen bits of a hash of what requests to `place` are signed with. That is enough to tell the
/// few keys that anybody has for one host apart, and too little to find a key by: of all keys that
/// somebody tries, one in 65,536 fits.
///
/// # Errors
/// A parameter that `plan` names is missing.
pub(crate) fn fingerprint(plan: &AuthPlan, params: &Params, place: &str) -> Result<u16> {
    let mut hash = Context::new(&SHA256);
    for part in [place].into_iter().chain(parts(plan, params)?) {
        hash.update(&(part.len() as u64).to_le_bytes());
        hash.update(part.as_bytes());
    }
    let hash = hash.finish();
    let hash = hash.as_ref();
    Ok(u16::from_be_bytes([hash[0], hash[1]]))
}

fn parts<'p>(plan: &AuthPlan, params: &'p Params) -> Result<Vec<&'p str>> {
    let named: &[&str] = match plan {
        AuthPlan::None => &[],
        AuthPlan::Basic { username, password } => &[username, password],
        AuthPlan::Bearer { token } => &[token],
        AuthPlan::ApiKey { key, .. } => &[key],
        AuthPlan::OAuth2(_) => return Ok(client(params)),
    };
    named.iter().map(|name| param(params, name)).collect()
}

/// Whose tokens they are: tokens change, and what the operator gave to get them does not.
fn client(params: &Params) -> Vec<&str> {
    let of = |name: &&str| params.get(name).map(|param| param.expose());
    let lasting = [oauth_param::CLIENT_ID, oauth_param::REFRESH_TOKEN];
    let lasting: Vec<&str> = lasting.iter().filter_map(of).collect();
    match lasting.is_empty() {
        true => of(&oauth_param::ACCESS_TOKEN).into_iter().collect(),
        false => lasting,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use tapline_core::{Param, Secret};

    use super::*;

    fn of(pairs: &[(&str, &str)], place: &str) -> u16 {
        let secret = |text: &str| Param::Secret(Secret::new(text));
        let params = pairs.iter().map(|(name, text)| (*name, secret(text)));
        let basic = AuthPlan::Basic {
            username: "user".to_owned(),
            password: "pass".to_owned(),
        };
        fingerprint(&basic, &params.collect(), place).unwrap()
    }

    #[test]
    fn keys_and_places_are_told_apart() {
        let all = [
            of(&[("user", "a"), ("pass", "b")], "h"),
            of(&[("user", "a"), ("pass", "c")], "h"),
            of(&[("user", "ab"), ("pass", "")], "h"),
            of(&[("user", ""), ("pass", "ab")], "h"),
            of(&[("user", "a"), ("pass", "b")], "i"),
        ];
        assert_eq!(BTreeSet::from(all).len(), all.len());
        let again = of(&[("user", "a"), ("pass", "b"), ("other", "x")], "h");
        assert_eq!(all[0], again);
        let bearer = AuthPlan::Bearer {
            token: "token".to_owned(),
        };
        assert!(fingerprint(&bearer, &Params::default(), "h").is_err());
        fingerprint(&AuthPlan::None, &Params::default(), "h").unwrap();
    }

    #[test]
    fn of_oauth_what_lasts_counts() {
        let secret = |text: &str| Param::Secret(Secret::new(text));
        let params = |pairs: &[(&'static str, &str)]| {
            let pairs = pairs.iter().map(|(name, text)| (*name, secret(text)));
            Params::from_iter(pairs)
        };
        assert_eq!(client(&params(&[("accessToken", "a")])), ["a"]);
        let whole = [
            ("accessToken", "a"),
            ("refreshToken", "r"),
            ("clientId", "c"),
        ];
        assert_eq!(client(&params(&whole)), ["c", "r"]);
        assert_eq!(client(&params(&[])), [""; 0]);
    }
}
