//! An access token, and how long it is used.

use std::time::Duration;

use http::HeaderValue;
use http::header::AUTHORIZATION;
use jiff::Timestamp;
use jiff::civil::Date;
use tapline_core::{Request, Result, Secret};

use crate::auth::{invalid, secret};

/// A token is renewed so long before its end, so that it does not end on its way.
const SKEW: Duration = Duration::from_secs(30);

/// Of a token that lives shortly, the last quarter is enough.
const SKEW_SHARE: u32 = 4;

/// Longer lives than ten years are ten years; so no sum with a date can overflow.
const LONGEST: Duration = Duration::from_secs(10 * 365 * 86400);

/// An access token.
#[derive(Clone)]
pub(super) struct Token {
    text: Secret,
    header: HeaderValue,
    ends: Option<Timestamp>,
    renew_at: Option<Timestamp>,
}

impl Token {
    /// A token that lives until `ends`, as far as is known at the time `now`.
    pub(super) fn new(text: Secret, ends: Option<Timestamp>, now: Timestamp) -> Result<Self> {
        let header = secret(&format!("Bearer {}", text.expose()), "accessToken")?;
        let renew_at = ends.map(|ends| {
            let life = Duration::try_from(ends.duration_since(now)).unwrap_or_default();
            let skew = SKEW.min(life / SKEW_SHARE);
            ends.checked_sub(skew).unwrap_or(Timestamp::MIN)
        });
        Ok(Self {
            text,
            header,
            ends,
            renew_at,
        })
    }

    pub(super) fn sign(&self, request: &mut Request) {
        request.headers.insert(AUTHORIZATION, self.header.clone());
    }

    pub(super) fn text(&self) -> &Secret {
        &self.text
    }

    /// When it ends, if that is known.
    pub(super) fn ends(&self) -> Option<Timestamp> {
        self.ends
    }

    /// Whether it need not be renewed yet.
    pub(super) fn is_fresh(&self, now: Timestamp) -> bool {
        self.renew_at.is_none_or(|at| now < at)
    }

    /// Whether it has not ended yet.
    pub(super) fn is_alive(&self, now: Timestamp) -> bool {
        self.ends.is_none_or(|ends| now < ends)
    }

    pub(super) fn is(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

/// When a token that lives for `life` from `now` on ends.
pub(super) fn end_of(life: Duration, now: Timestamp) -> Timestamp {
    now.checked_add(life.min(LONGEST)).unwrap_or(Timestamp::MAX)
}

/// Reads `expirationDate`. A day counts from its first moment: a token is better renewed too
/// early.
pub(super) fn expiration(text: &str) -> Result<Timestamp> {
    let day = || {
        let date: Date = text.parse().ok()?;
        Some(date.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp())
    };
    text.parse().ok().or_else(day).ok_or_else(|| {
        invalid(
            "the parameter \"expirationDate\" is no date such as 2026-01-31 or \
             2026-01-31T12:00:00Z"
                .to_owned(),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_renewed_before_it_ends() {
        fn check(life: u64, fresh_until: u64) {
            let now = Timestamp::UNIX_EPOCH;
            let ends = end_of(Duration::from_secs(life), now);
            let token = Token::new(Secret::new("t"), Some(ends), now).unwrap();
            let at = |seconds: u64| now + Duration::from_secs(seconds);
            assert!(token.is_fresh(at(fresh_until - 1)) && token.is_alive(at(fresh_until)));
            assert!(!token.is_fresh(at(fresh_until)) && !token.is_alive(at(life)));
        }
        check(3600, 3570);
        check(120, 90);
        check(4, 3);
        assert!(end_of(Duration::MAX, Timestamp::MAX) == Timestamp::MAX);
    }

    #[test]
    fn a_token_whose_end_is_not_known_stays() {
        let token = Token::new(Secret::new("t"), None, Timestamp::UNIX_EPOCH).unwrap();
        assert!(token.is_fresh(Timestamp::MAX) && token.is_alive(Timestamp::MAX));
    }

    #[test]
    fn an_expiration_date_is_a_day_or_a_time() {
        fn check(text: &str, expected: &str) {
            assert_eq!(expiration(text).unwrap().to_string(), expected);
        }
        check("2026-01-31", "2026-01-31T00:00:00Z");
        check("2026-01-31T12:00:00+01:00", "2026-01-31T11:00:00Z");
        assert!(expiration("soon").is_err());
    }
}
