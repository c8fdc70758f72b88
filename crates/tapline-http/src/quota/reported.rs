//! Budgets as the source reports them, and which of them holds a request back.
//!
//! Most sources have one budget for all that a key asks for; some have one for each part of
//! themselves, and say no more than the numbers. So a budget is known by its limit and by the names
//! that came with it, and by the paths that reported it last. A path that has not reported yet
//! shares the source's budget as long as only one is known: then nobody has to collect a refusal
//! first, and nobody waits for a budget that is not theirs.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tapline_core::Redactor;
use url::Url;

use super::spent::Spent;

/// Budgets that are remembered of one source, and paths of one budget.
const MOST: usize = 16;
/// Letters of a path that are kept.
const PATH: usize = 100;
/// A longer segment of a path is taken for a name of something.
const SEGMENT: usize = 24;

/// A budget, as it was reported last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Reported {
    /// The part of the source that it is for, where the source says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) scope: Option<String>,
    /// Its name, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) policy: Option<String>,
    /// Requests in all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) limit: Option<u64>,
    /// Requests that are left.
    pub(crate) remaining: u64,
    /// When there are new ones.
    pub(crate) reset: Timestamp,
    /// When it was reported.
    pub(crate) seen: Timestamp,
    /// The shapes of the paths that reported it last.
    pub(crate) paths: Vec<String>,
}

impl Reported {
    /// A budget of which no more is known than that it is spent until `reset`.
    pub(crate) fn refusal(reset: Timestamp, seen: Timestamp) -> Self {
        Self {
            scope: None,
            policy: None,
            limit: None,
            remaining: 0,
            reset,
            seen,
            paths: Vec::new(),
        }
    }

    /// Spends it for `wait` from when it was reported.
    pub(crate) fn refuse(&mut self, wait: Duration) {
        self.remaining = 0;
        self.reset = self.seen.checked_add(wait).unwrap_or(Timestamp::MAX);
    }

    fn is_same(&self, other: &Self) -> bool {
        let id = |one: &Self| (one.scope.clone(), one.policy.clone(), one.limit);
        id(self) == id(other)
    }

    /// Whether nothing is left of the part, `share` in a hundred, that may be used.
    fn is_spent(&self, share: u8, now: Timestamp) -> bool {
        let others = u64::from(100 - share.min(100));
        let reserve = self.limit.map_or(0, |limit| percent(limit, others));
        self.reset > now && self.remaining <= reserve
    }

    /// Whether less than a fifth is left.
    fn is_low(&self, now: Timestamp) -> bool {
        let low = |limit: u64| self.remaining.saturating_mul(5) < limit;
        self.reset > now && self.limit.is_some_and(low)
    }

    fn spent(&self, share: u8) -> Spent {
        let part = match share {
            100.. => String::new(),
            share => format!("{share}% of "),
        };
        let budget = match self.limit {
            Some(1) => format!("{part}1 request that the source reports"),
            Some(limit) => format!("{part}{limit} requests that the source reports"),
            None => "requests that the source reports".to_owned(),
        };
        Spent {
            budget,
            until: self.reset,
        }
    }
}

/// So many hundredths of `number`, rounded up.
fn percent(number: u64, hundredths: u64) -> u64 {
    let product = u128::from(number) * u128::from(hundredths);
    u64::try_from(product.div_ceil(100)).unwrap_or(u64::MAX)
}

/// The budgets of one source.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Budgets(Vec<Reported>);

impl Budgets {
    /// Whether none is known.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What holds a request to `path` back at `now`, longest first.
    pub(crate) fn hold(&self, path: &str, share: u8, now: Timestamp) -> Option<Spent> {
        let knows = |budget: &&Reported| budget.paths.iter().any(|known| known == path);
        let is_known = self.0.iter().any(|budget| knows(&budget));
        let shared = !is_known && self.is_one();
        let mine = self.0.iter().filter(|budget| shared || knows(budget));
        let spent = mine.filter(|budget| budget.is_spent(share, now));
        let longest = spent.max_by_key(|budget| budget.reset)?;
        Some(longest.spent(share))
    }

    /// Whether the source reports the same budgets everywhere, as far as is known.
    fn is_one(&self) -> bool {
        let mut others = self.0.iter();
        let first = others.next();
        first.is_some_and(|first| {
            let same = |other: &Reported| other.paths == first.paths && other.scope.is_none();
            first.scope.is_none() && others.all(same)
        })
    }

    /// Whether less than a fifth is left of any.
    pub(crate) fn is_low(&self, now: Timestamp) -> bool {
        self.0.iter().any(|budget| budget.is_low(now))
    }

    /// Notes what an answer from `path` has reported.
    pub(crate) fn note(&mut self, path: &str, reported: Vec<Reported>) {
        let is_nameless = |one: &Reported| one.is_same(&Reported::refusal(one.reset, one.seen));
        if let [refusal] = &*reported
            && is_nameless(refusal)
            && self.refuse(path, refusal)
        {
            return;
        }
        for known in &mut self.0 {
            known.paths.retain(|known| known != path);
        }
        for new in reported {
            match self.0.iter_mut().find(|known| known.is_same(&new)) {
                Some(known) => {
                    let paths = std::mem::take(&mut known.paths);
                    *known = Reported { paths, ..new };
                    known.paths.push(path.to_owned());
                }
                None => self.0.push(Reported {
                    paths: vec![path.to_owned()],
                    ..new
                }),
            }
        }
        self.limit();
    }

    /// Spends what `path` has reported before. `false` if that is nothing.
    fn refuse(&mut self, path: &str, refusal: &Reported) -> bool {
        let mut any = false;
        for known in &mut self.0 {
            if known.paths.iter().any(|known| known == path) {
                known.remaining = refusal.remaining;
                known.reset = refusal.reset;
                known.seen = refusal.seen;
                any = true;
            }
        }
        any
    }

    /// Adds what another process knows better.
    pub(crate) fn merge(&mut self, others: Self) {
        for other in others.0 {
            match self.0.iter_mut().find(|known| known.is_same(&other)) {
                Some(known) => {
                    let (mut newer, older) = match known.seen < other.seen {
                        true => (other, known.clone()),
                        false => (known.clone(), other),
                    };
                    let new = older
                        .paths
                        .into_iter()
                        .filter(|path| !newer.paths.contains(path));
                    let new: Vec<String> = new.collect();
                    newer.paths.extend(new);
                    *known = newer;
                }
                None => self.0.push(other),
            }
        }
        self.limit();
    }

    fn limit(&mut self) {
        for known in &mut self.0 {
            let surplus = known.paths.len().saturating_sub(MOST);
            known.paths.drain(..surplus);
        }
        self.0.retain(|known| !known.paths.is_empty());
        if self.0.len() > MOST {
            self.0.sort_by_key(|known| known.seen);
            let surplus = self.0.len() - MOST;
            self.0.drain(..surplus);
        }
    }
}

/// The path of `url` without what tells one thing from another of its kind: `/lists/*/members`.
pub(crate) fn shape(redactor: &Redactor, url: &Url) -> String {
    let is_name = |segment: &str| {
        segment.len() > SEGMENT || segment.bytes().any(|byte| byte.is_ascii_digit())
    };
    let segments = url.path().split('/');
    let shape = segments.map(|segment| if is_name(segment) { "*" } else { segment });
    let shape = shape.collect::<Vec<_>>().join("/");
    redactor.redact(&shape).chars().take(PATH).collect()
}

#[cfg(test)]
mod tests {
    use tapline_core::Secret;

    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_767_225_600 + seconds).unwrap()
    }

    fn of(limit: Option<u64>, remaining: u64, reset: i64) -> Reported {
        Reported {
            limit,
            remaining,
            ..Reported::refusal(at(reset), at(0))
        }
    }

    fn held(budgets: &Budgets, path: &str, share: u8) -> Option<(String, i64)> {
        let spent = budgets.hold(path, share, at(1))?;
        Some((spent.budget, (spent.until - at(0)).get_seconds()))
    }

    #[test]
    fn nothing_left_holds_until_the_reset() {
        let check = |reported: Reported, share: u8, expected: Option<&str>| {
            let mut budgets = Budgets::default();
            budgets.note("/a", vec![reported.clone()]);
            let held = held(&budgets, "/a", share);
            let expected = expected.map(|budget| (budget.to_owned(), 60));
            assert_eq!(held, expected, "{reported:?} {share}");
        };
        check(of(Some(100), 1, 60), 100, None);
        check(
            of(Some(100), 0, 60),
            100,
            Some("100 requests that the source reports"),
        );
        check(
            of(None, 0, 60),
            80,
            Some("requests that the source reports"),
        );
        check(of(Some(100), 21, 60), 80, None);
        check(
            of(Some(100), 20, 60),
            80,
            Some("80% of 100 requests that the source reports"),
        );
        // A fifth of 7 requests are 2, rather than 1.
        check(
            of(Some(7), 2, 60),
            80,
            Some("80% of 7 requests that the source reports"),
        );
        check(
            of(Some(1), 0, 60),
            100,
            Some("1 request that the source reports"),
        );
        check(of(Some(100), 0, 1), 100, None);
        check(of(Some(100), 0, -60), 100, None);
    }

    #[test]
    fn one_budget_is_everybodys_and_of_several_each_has_its_own() {
        let mut budgets = Budgets::default();
        budgets.note("/a", vec![of(Some(100), 0, 60)]);
        assert!(held(&budgets, "/b", 100).is_some());
        budgets.note("/b", vec![of(Some(900), 800, 90)]);
        assert_eq!(held(&budgets, "/b", 100), None);
        assert!(held(&budgets, "/a", 100).is_some());
        assert_eq!(held(&budgets, "/c", 100), None, "nobody knows whose it is");
        // The second path turns out to share the budget of the first.
        budgets.note("/b", vec![of(Some(100), 0, 60)]);
        assert!(held(&budgets, "/c", 100).is_some());
    }

    #[test]
    fn a_part_of_the_source_holds_nobody_else() {
        let mut budgets = Budgets::default();
        let scope = Some("search".to_owned());
        let search = Reported {
            scope,
            ..of(Some(30), 0, 60)
        };
        budgets.note("/search", vec![search]);
        assert!(held(&budgets, "/search", 100).is_some());
        assert_eq!(held(&budgets, "/users", 100), None);
    }

    #[test]
    fn of_budgets_that_come_together_the_longest_holds() {
        let mut budgets = Budgets::default();
        budgets.note("/a", vec![of(Some(1), 0, 2), of(Some(15_000), 0, 60)]);
        assert_eq!(held(&budgets, "/b", 100).unwrap().1, 60);
        budgets.note("/a", vec![of(Some(1), 0, 2), of(Some(15_000), 9, 60)]);
        assert_eq!(held(&budgets, "/a", 100).unwrap().1, 2);
    }

    #[test]
    fn a_refusal_spends_what_was_reported_before() {
        let mut budgets = Budgets::default();
        budgets.note("/a", vec![of(None, 0, 60)]);
        assert_eq!(held(&budgets, "/a", 100).unwrap().1, 60);
        budgets.note("/a", vec![of(Some(100), 50, 60)]);
        assert_eq!(held(&budgets, "/a", 100), None);
        budgets.note("/a", vec![of(None, 0, 90)]);
        let (budget, until) = held(&budgets, "/a", 100).unwrap();
        assert_eq!(
            (budget.as_str(), until),
            ("100 requests that the source reports", 90)
        );
        assert_eq!(budgets.0.len(), 1);
    }

    #[test]
    fn the_newer_report_counts_of_two_processes() {
        let mut mine = Budgets::default();
        mine.note("/a", vec![of(Some(100), 50, 60)]);
        let mut theirs = Budgets::default();
        let newer = Reported {
            seen: at(1),
            ..of(Some(100), 0, 90)
        };
        theirs.note("/b", vec![newer]);
        for (mut one, other) in [(mine.clone(), theirs.clone()), (theirs, mine)] {
            one.merge(other);
            assert_eq!(held(&one, "/a", 100).unwrap().1, 90);
            assert_eq!(held(&one, "/b", 100).unwrap().1, 90);
        }
    }

    #[test]
    fn no_source_fills_the_memory() {
        let mut budgets = Budgets::default();
        for number in 0..100 {
            let seen = at(i64::try_from(number).unwrap());
            let budget = Reported {
                seen,
                ..of(Some(number), 0, 60)
            };
            for path in 0..100 {
                budgets.note(&format!("/{number}/{path}"), vec![budget.clone()]);
            }
        }
        assert_eq!(budgets.0.len(), MOST);
        assert!(budgets.0.iter().all(|budget| budget.paths.len() == MOST));
        assert!(held(&budgets, "/99/99", 100).is_some());
    }

    #[test]
    fn paths_are_told_apart_by_their_kind() {
        #[track_caller]
        fn check(path: &str, expected: &str) {
            let redactor = Redactor::new([&Secret::new("hush-hush")]);
            let url = format!("https://h{path}?page=2").parse().unwrap();
            assert_eq!(shape(&redactor, &url), expected);
        }
        check("/3.0/lists/57afe96172/members", "/*/lists/*/members");
        check("/users", "/users");
        check("/", "/");
        check("/a/thisnameismuchtoolongtobeone/b", "/a/*/b");
        check("/bot/hush-hush/x", "/bot/***/x");
        check(&"/abc".repeat(100), &"/abc".repeat(25));
    }
}
