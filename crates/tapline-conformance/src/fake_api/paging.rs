//! Which records a page holds and what follows it, before any shape is put on it.

use std::ops::Range;

use url::Url;

use super::fault::{Lie, Lies};

/// What a client asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Asked {
    /// Index of the first record.
    pub(super) start: u64,
    /// At most so many records.
    pub(super) limit: u64,
}

/// What a page holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Turn {
    /// Indexes of its records.
    pub(super) records: Range<u64>,
    /// Index of the record after them, if there is one.
    pub(super) next: Option<u64>,
    /// Number of all records, as announced.
    pub(super) total: u64,
    /// Where the next link leads, if not back here.
    origin: Option<String>,
}

impl Turn {
    /// The page asked for, out of `total` records, as the lies have it.
    pub(super) fn new(asked: Asked, total: u64, lies: &Lies) -> Self {
        let mut turn = Self::honest(asked, total);
        for lie in &lies.0 {
            turn.lie(lie, asked, total);
        }
        turn
    }

    fn honest(asked: Asked, total: u64) -> Self {
        let start = asked.start.min(total);
        let end = start.saturating_add(asked.limit).min(total);
        Self {
            records: start..end,
            next: (end < total).then_some(end),
            total,
            origin: None,
        }
    }

    fn lie(&mut self, lie: &Lie, asked: Asked, total: u64) {
        match lie {
            Lie::RepeatToken => self.next = Some(asked.start),
            Lie::TokenCycle => self.next = Some(circle(asked)),
            Lie::IgnoreOffset => {
                let first = Asked { start: 0, ..asked };
                self.records = Self::honest(first, total).records;
            }
            Lie::WrongTotal(announced) => self.total = *announced,
            Lie::ForeignNext(origin) => self.origin = Some(origin.clone()),
        }
    }

    /// The URL at `path` with these parameters, at the origin the next link leads to.
    pub(super) fn link(&self, base: &str, path: &str, params: &[(&str, &str)]) -> String {
        let base = self.origin.as_deref().unwrap_or(base);
        let url = format!("{base}{path}");
        match Url::parse_with_params(&url, params) {
            Ok(parsed) => parsed.into(),
            Err(_) => url,
        }
    }
}

/// First page, A, B, A, B, ...
fn circle(asked: Asked) -> u64 {
    if asked.start >= 2 * asked.limit {
        asked.limit
    } else {
        asked.start + asked.limit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(lie: Option<Lie>, start: u64, records: Range<u64>, next: Option<u64>, total: u64) {
        let lies = Lies(lie.into_iter().collect());
        let turn = Turn::new(Asked { start, limit: 10 }, 25, &lies);
        assert_eq!(
            (turn.records, turn.next, turn.total),
            (records, next, total)
        );
    }

    #[test]
    fn pages() {
        check(None, 0, 0..10, Some(10), 25);
        check(None, 20, 20..25, None, 25);
        check(None, 25, 25..25, None, 25);
        check(None, u64::MAX, 25..25, None, 25);
        check(Some(Lie::RepeatToken), 10, 10..20, Some(10), 25);
        check(Some(Lie::TokenCycle), 0, 0..10, Some(10), 25);
        check(Some(Lie::TokenCycle), 10, 10..20, Some(20), 25);
        check(Some(Lie::TokenCycle), 20, 20..25, Some(10), 25);
        check(Some(Lie::IgnoreOffset), 10, 0..10, Some(20), 25);
        check(Some(Lie::WrongTotal(99)), 0, 0..10, Some(10), 99);
    }

    #[test]
    fn links() {
        let lies = Lies(vec![Lie::ForeignNext("http://elsewhere.test".into())]);
        let asked = Asked {
            start: 0,
            limit: 10,
        };
        let link =
            |lies| Turn::new(asked, 25, lies).link("http://here.test", "/a", &[("b[c]", "d e")]);
        assert_eq!(link(&lies), "http://elsewhere.test/a?b%5Bc%5D=d+e");
        assert_eq!(link(&Lies::default()), "http://here.test/a?b%5Bc%5D=d+e");
    }
}
