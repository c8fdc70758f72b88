//! The budgets that an answer speaks of in its headers.
//!
//! There are three ways to write them: headers of their own for limit, rest and reset, under many
//! names; a list `limit=100, remaining=50, reset=30` (drafts up to 7 of the IETF); and items with
//! parameters, `"default";r=50;t=30`, whose limits are in `RateLimit-Policy` (drafts since 8). What
//! is missing or absurd makes no budget: the source will say 429 in time.

use std::time::Duration;

use http::HeaderMap;
use http::header::HeaderName;
use jiff::Timestamp;
use tapline_core::{Error, ErrorKind, Result};
use tapline_spec::RatePlan;

use super::reported::Reported;
use crate::wait::{made, renewed};

/// Of families that begin alike, rest and reset go together.
const FAMILIES: [&str; 3] = ["x-ratelimit-", "x-rate-limit-", "ratelimit-"];
const REMAINING: [&str; 3] = [
    "x-ratelimit-remaining",
    "x-rate-limit-remaining",
    "ratelimit-remaining",
];
const LIMIT: [&str; 4] = [
    "x-ratelimit-limit",
    "x-rate-limit-limit",
    "ratelimit-limit",
    "x-rate-limit",
];
const RESET: [&str; 5] = [
    "x-ratelimit-reset",
    "x-rate-limit-reset",
    "ratelimit-reset",
    "x-ratelimit-reset-after",
    "x-rate-limit-reset-after",
];
/// Which part of the source a budget is for, where it has several.
const SCOPE: [&str; 2] = ["x-ratelimit-resource", "x-ratelimit-bucket"];

/// No honest budget lasts longer than a month and a day.
pub(crate) const LONGEST: Duration = Duration::from_secs(32 * 86_400);
/// Budgets of one answer that are read.
const MOST: usize = 8;
/// Letters of a name that are kept.
const NAME: usize = 64;

/// The headers that a spec names.
#[derive(Debug, Default)]
pub(crate) struct Names {
    limit: Option<HeaderName>,
    remaining: Option<HeaderName>,
    reset: Option<HeaderName>,
}

impl Names {
    /// The headers of `rate`.
    ///
    /// # Errors
    /// One of them cannot be a header.
    pub(crate) fn of(rate: &RatePlan) -> Result<Self> {
        let name = |written: &Option<String>| written.as_deref().map(header).transpose();
        Ok(Self {
            limit: name(&rate.limit_header)?,
            remaining: name(&rate.remaining_header)?,
            reset: name(&rate.reset_header)?,
        })
    }

    /// The budgets that `headers`, of an answer that came at `now`, speak of.
    pub(crate) fn read(&self, headers: &HeaderMap, now: Timestamp) -> Vec<Reported> {
        let mut read = match (&self.remaining, text(headers, "ratelimit")) {
            (None, Some(list)) => structured(&list, headers, now),
            _ => Vec::new(),
        };
        if read.is_empty() {
            read = self.plain(headers, now);
        }
        read.truncate(MOST);
        let scope = SCOPE.into_iter().find_map(|name| text(headers, name));
        for budget in &mut read {
            budget.scope = scope.as_deref().map(short);
        }
        read
    }

    /// Headers of their own. Several budgets are lists of the same order.
    fn plain(&self, headers: &HeaderMap, now: Timestamp) -> Vec<Reported> {
        let known =
            |name: &Option<HeaderName>| name.as_ref().and_then(|n| text(headers, n.as_str()));
        let usual = |names: &[&str], family: Option<&str>| {
            let of_family = |name: &&&str| family.is_some_and(|family| name.starts_with(family));
            let first = names.iter().filter(of_family).chain(names);
            first.into_iter().find_map(|name| text(headers, name))
        };
        let present = REMAINING
            .into_iter()
            .find(|name| headers.contains_key(*name));
        let family = FAMILIES
            .into_iter()
            .find(|family| present.is_some_and(|name| name.starts_with(family)));
        let remaining = match &self.remaining {
            Some(_) => known(&self.remaining),
            None => present.and_then(|name| text(headers, name)),
        };
        let reset = match &self.reset {
            Some(_) => known(&self.reset),
            None => usual(&RESET, family),
        };
        let limit = match &self.limit {
            Some(_) => known(&self.limit),
            None => usual(&LIMIT, family),
        };
        let (Some(remaining), Some(reset)) = (remaining, reset) else {
            return Vec::new();
        };
        let resets = resets(&reset, made(headers, now));
        let limits: Vec<Option<u64>> = limit
            .iter()
            .flat_map(|all| all.split(','))
            .map(count)
            .collect();
        let each = remaining.split(',').enumerate();
        let each = each.filter_map(|(index, remaining)| {
            let reset = resets.get(index).or(resets.first());
            budget(
                None,
                limits.get(index).copied().flatten(),
                count(remaining),
                *reset?,
                now,
            )
        });
        each.collect()
    }
}

fn header(name: &str) -> Result<HeaderName> {
    name.parse().map_err(|_| {
        let message = format!("{name:?} is no name of a header");
        Error::new(ErrorKind::Spec, "read rate limit", message)
    })
}

/// All values of the header `name`, as the one list that they are.
fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    let values = headers.get_all(name).iter();
    let values: Vec<&str> = values.filter_map(|value| value.to_str().ok()).collect();
    (!values.is_empty()).then(|| values.join(","))
}

/// The resets of a list; a date in HTTP's form has a comma itself.
fn resets(list: &str, here: Timestamp) -> Vec<Option<Duration>> {
    match renewed(list, here) {
        Some(only) => vec![Some(only)],
        None => list.split(',').map(|one| renewed(one, here)).collect(),
    }
}

/// A number of requests, perhaps with parameters behind it. Some sources send `599.0`; less than
/// nothing, which some send for no limit at all, is none.
fn count(written: &str) -> Option<u64> {
    let number = written.split(';').next()?.trim();
    let number: f64 = number.parse().ok()?;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it is neither negative nor too large"
    )]
    (0.0..1e18).contains(&number).then_some(number as u64)
}

/// The budget, if these can be one.
fn budget(
    policy: Option<&str>,
    limit: Option<u64>,
    remaining: Option<u64>,
    reset: Option<Duration>,
    now: Timestamp,
) -> Option<Reported> {
    let reset = reset.filter(|reset| *reset <= LONGEST)?;
    // A limit of nothing would be no source at all.
    (limit != Some(0)).then_some(())?;
    Some(Reported {
        scope: None,
        policy: policy.map(short),
        limit,
        remaining: remaining?,
        reset: now.checked_add(reset).ok()?,
        seen: now,
        paths: Vec::new(),
    })
}

fn short(name: &str) -> String {
    name.chars().take(NAME).collect()
}

/// The header `RateLimit`.
fn structured(list: &str, headers: &HeaderMap, now: Timestamp) -> Vec<Reported> {
    let here = made(headers, now);
    let delta = |text: &str| renewed(text, here);
    let items = split(list, ',');
    let pairs: Vec<(&str, &str)> = items
        .iter()
        .filter_map(|item| item.split_once('='))
        .collect();
    if let Some(remaining) = value(&pairs, "remaining") {
        let limit = value(&pairs, "limit").and_then(count);
        let reset = value(&pairs, "reset").and_then(delta);
        return budget(None, limit, count(remaining), reset, now)
            .into_iter()
            .collect();
    }
    let policies = text(headers, "ratelimit-policy").unwrap_or_default();
    let policies: Vec<Item<'_>> = split(&policies, ',').into_iter().map(Item::of).collect();
    let each = items.into_iter().map(Item::of).filter_map(|item| {
        let policy = policies.iter().find(|policy| policy.name == item.name);
        let unit = policy.and_then(|policy| policy.get("qu"));
        // Some count bytes, or what is going on at once.
        unit.is_none_or(|unit| unit.trim_matches('"') == "requests")
            .then_some(())?;
        let limit = policy.and_then(|policy| policy.get("q")).and_then(count);
        let reset = item.get("t").and_then(delta);
        budget(
            Some(item.name),
            limit,
            item.get("r").and_then(count),
            reset,
            now,
        )
    });
    each.collect()
}

/// `"name";key=value;key=value`.
struct Item<'a> {
    name: &'a str,
    params: Vec<(&'a str, &'a str)>,
}

impl<'a> Item<'a> {
    fn of(written: &'a str) -> Self {
        let mut parts = split(written, ';').into_iter();
        let name = parts.next().unwrap_or_default();
        Self {
            name: name.trim_matches('"'),
            params: parts.filter_map(|part| part.split_once('=')).collect(),
        }
    }

    fn get(&self, key: &str) -> Option<&'a str> {
        value(&self.params, key)
    }
}

fn value<'a>(pairs: &[(&str, &'a str)], key: &str) -> Option<&'a str> {
    let pair = pairs.iter().find(|(name, _)| name.trim() == key);
    pair.map(|(_, value)| value.trim())
}

/// `text` at every `at` that is not within quotes.
fn split(text: &str, at: char) -> Vec<&str> {
    let mut quoted = false;
    let parts = text.split(|c: char| {
        quoted ^= c == '"';
        c == at && !quoted
    });
    parts.map(str::trim).collect()
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    /// 2026-01-01T00:00:00Z.
    const NOW: i64 = 1_767_225_600;

    /// Limit, rest and seconds to the reset of what `headers` speak of.
    fn read(names: &Names, headers: &[(&'static str, &str)]) -> Vec<(Option<u64>, u64, f64)> {
        let now = Timestamp::from_second(NOW).unwrap();
        let pairs = headers.iter().map(|(name, value)| {
            let name = HeaderName::from_static(name);
            (name, HeaderValue::from_str(value).unwrap())
        });
        let found = names.read(&pairs.collect(), now);
        let said = found.iter().map(|budget| {
            let reset = budget.reset.duration_since(now).as_secs_f64();
            (budget.limit, budget.remaining, reset)
        });
        said.collect()
    }

    #[track_caller]
    fn check(headers: &[(&'static str, &str)], expected: &[(Option<u64>, u64, f64)]) {
        assert_eq!(read(&Names::default(), headers), expected, "{headers:?}");
    }

    #[test]
    fn headers_have_many_names() {
        let epoch = (NOW + 30).to_string();
        for [limit, remaining, reset] in [
            [
                "x-ratelimit-limit",
                "x-ratelimit-remaining",
                "x-ratelimit-reset",
            ],
            [
                "x-rate-limit-limit",
                "x-rate-limit-remaining",
                "x-rate-limit-reset",
            ],
            ["ratelimit-limit", "ratelimit-remaining", "ratelimit-reset"],
            ["x-rate-limit", "x-rate-limit-remaining", "ratelimit-reset"],
            [
                "ratelimit-limit",
                "ratelimit-remaining",
                "x-ratelimit-reset-after",
            ],
        ] {
            let headers = [(limit, "100"), (remaining, "7"), (reset, epoch.as_str())];
            check(&headers, &[(Some(100), 7, 30.0)]);
        }
        // Each rest goes with the reset of its family.
        check(
            &[
                ("x-ratelimit-reset", "3600"),
                ("ratelimit-remaining", "0"),
                ("ratelimit-reset", "1"),
            ],
            &[(None, 0, 1.0)],
        );
    }

    #[test]
    fn resets_are_numbers_and_dates() {
        let of = |reset: &str, expected: f64| {
            let headers = [
                ("x-ratelimit-remaining", "599.0"),
                ("x-ratelimit-reset", reset),
            ];
            check(&headers, &[(None, 599, expected)]);
        };
        of("30", 30.0);
        of("0.25", 0.25);
        of(&(NOW + 9).to_string(), 9.0);
        of(&(NOW * 1000 + 2500).to_string(), 2.5);
        of("Thu, 01 Jan 2026 00:01:00 GMT", 60.0);
        of("2026-01-01T01:00:00+00:30", 1800.0);
        // What has passed means now.
        of(&(NOW - 9).to_string(), 0.0);
        of("-1", 0.0);
        let date = ("date", "Thu, 01 Jan 2026 12:00:00 GMT");
        let reset = ("x-ratelimit-reset", "Thu, 01 Jan 2026 12:00:07 GMT");
        check(
            &[date, reset, ("x-ratelimit-remaining", "0")],
            &[(None, 0, 7.0)],
        );
    }

    #[test]
    fn what_is_missing_or_absurd_is_no_budget() {
        let of = |limit: &str, remaining: &str, reset: &str| {
            let headers = [
                ("x-ratelimit-limit", limit),
                ("x-ratelimit-remaining", remaining),
                ("x-ratelimit-reset", reset),
            ];
            read(&Names::default(), &headers)
        };
        assert_eq!(of("100", "0", "60").len(), 1);
        assert_eq!(of("many", "0", "60"), [(None, 0, 60.0)]);
        for (limit, remaining, reset) in [
            ("0", "0", "60"),
            ("100", "-1", "60"),
            ("100", "unlimited", "60"),
            ("100", "NaN", "60"),
            ("100", "inf", "60"),
            ("100", "", "60"),
            ("100", "0", "soon"),
            ("100", "0", "inf"),
            ("100", "0", "99999999"),
            ("100", "0", "2099-01-01T00:00:00Z"),
        ] {
            assert_eq!(
                of(limit, remaining, reset),
                [],
                "{limit} {remaining} {reset}"
            );
        }
        check(&[("x-ratelimit-remaining", "0")], &[]);
        check(
            &[("x-ratelimit-reset", "60"), ("x-ratelimit-limit", "1")],
            &[],
        );
    }

    #[test]
    fn several_budgets_are_lists() {
        check(
            &[
                ("x-ratelimit-limit", "1, 15000"),
                ("x-ratelimit-remaining", "0, 14000"),
                ("x-ratelimit-reset", "1, 1419704"),
            ],
            &[(Some(1), 0, 1.0), (Some(15_000), 14_000, 1_419_704.0)],
        );
        check(
            &[
                ("ratelimit-limit", "100, 100;w=60, 1000;w=3600"),
                ("ratelimit-remaining", "9"),
                ("ratelimit-reset", "30"),
            ],
            &[(Some(100), 9, 30.0)],
        );
        let many = vec!["0"; 100].join(",");
        let headers = [
            ("x-ratelimit-remaining", many.as_str()),
            ("x-ratelimit-reset", "1"),
        ];
        assert_eq!(read(&Names::default(), &headers).len(), MOST);
    }

    #[test]
    fn the_drafts_are_read() {
        check(
            &[("ratelimit", "limit=100, remaining=50, reset=30")],
            &[(Some(100), 50, 30.0)],
        );
        check(
            &[
                ("ratelimit-policy", "\"default\";q=100;w=60"),
                ("ratelimit", "\"default\";r=50;t=30"),
            ],
            &[(Some(100), 50, 30.0)],
        );
        check(
            &[
                ("ratelimit", "\"a,;b\";r=5;t=3, hour;r=999;t=3000"),
                ("ratelimit-policy", "hour;q=1000;w=3600, \"a,;b\";q=10;w=60"),
            ],
            &[(Some(10), 5, 3.0), (Some(1000), 999, 3000.0)],
        );
        check(
            &[
                (
                    "ratelimit-policy",
                    "\"bytes\";q=100;qu=\"content-bytes\", \"n\";q=7;qu=\"requests\"",
                ),
                ("ratelimit", "\"bytes\";r=0;t=30, \"n\";r=1;t=2"),
            ],
            &[(Some(7), 1, 2.0)],
        );
        for absurd in [
            "",
            "\"open;r=0;t=1",
            "r=0",
            ";;;",
            "\"a\";r=0",
            "remaining=x, reset=1",
        ] {
            check(&[("ratelimit", absurd)], &[]);
        }
    }

    #[test]
    fn a_spec_names_odd_headers() {
        let names = Names::of(&RatePlan {
            limit_header: Some("X-Calls-Allowed".to_owned()),
            remaining_header: Some("X-Calls-Left".to_owned()),
            ..RatePlan::default()
        });
        let headers = [
            ("x-calls-allowed", "50"),
            ("x-calls-left", "0"),
            ("x-ratelimit-remaining", "7"),
            ("ratelimit", "limit=1, remaining=1, reset=1"),
            ("ratelimit-reset", "60"),
        ];
        assert_eq!(read(&names.unwrap(), &headers), [(Some(50), 0, 60.0)]);
        let wrong = RatePlan {
            reset_header: Some("no header".to_owned()),
            ..RatePlan::default()
        };
        assert_eq!(Names::of(&wrong).unwrap_err().kind(), ErrorKind::Spec);
    }

    #[test]
    fn a_budget_may_be_for_a_part_of_the_source() {
        let now = Timestamp::from_second(NOW).unwrap();
        let long = "x".repeat(1_000);
        let headers = HeaderMap::from_iter(
            [
                ("x-ratelimit-remaining", "1"),
                ("x-ratelimit-reset", "1"),
                ("x-ratelimit-resource", long.as_str()),
            ]
            .map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap())),
        );
        let found = Names::default().read(&headers, now);
        assert_eq!(found[0].scope.as_ref().map(String::len), Some(NAME));
    }
}
