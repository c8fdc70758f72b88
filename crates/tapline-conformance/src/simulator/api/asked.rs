//! A request, understood.

use tapline_core::{Error, ErrorKind, Result};
use url::Url;

use crate::simulator::records::{FIRST, Rank, read_cursor};
use crate::simulator::scenario::{Paging, Scenario};

/// What part of the records is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::simulator) struct Window {
    pub(in crate::simulator) part: u64,
    /// From this cursor on.
    pub(in crate::simulator) from: Option<i64>,
    /// Before this cursor.
    pub(in crate::simulator) to: Option<i64>,
}

impl Window {
    pub(super) fn contains(&self, at: i64) -> bool {
        self.from.is_none_or(|from| from <= at) && self.to.is_none_or(|to| at < to)
    }
}

/// Where a page starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Start {
    /// At the record of this index.
    Index(u64),
    /// After the record that stands there.
    After(Rank),
}

impl Start {
    pub(super) fn index(self) -> Option<u64> {
        match self {
            Self::Index(index) => Some(index),
            Self::After(_) => None,
        }
    }

    /// What leads there, in a token.
    pub(super) fn rank(self) -> Rank {
        match self {
            Self::Index(_) => FIRST,
            Self::After(rank) => rank,
        }
    }
}

/// A request.
pub(super) struct Asked {
    pub(super) window: Window,
    pub(super) start: Start,
}

impl Asked {
    /// Reads `url` as the API of `scenario` does.
    pub(super) fn read(scenario: &Scenario, url: &Url) -> Result<Self> {
        Self::parse(scenario, url).ok_or_else(|| {
            let message = format!("asked for what was never offered: {url}");
            Error::new(ErrorKind::Protocol, "send", message)
        })
    }

    fn parse(scenario: &Scenario, url: &Url) -> Option<Self> {
        let (paging, page) = (scenario.paging, scenario.page);
        let param = |name: &str| {
            let mut pairs = url.query_pairs();
            pairs.find_map(|(key, value)| (key == name).then_some(value))
        };
        let bound = |name: &str| match param(name) {
            None => Some(None),
            Some(text) => read_cursor(&text).map(Some),
        };
        let part = match url.path().strip_prefix("/parts/p") {
            None if url.path() == "/items" => 0,
            None => return None,
            Some(rest) => rest.strip_suffix("/items")?.parse().ok()?,
        };
        let number = |name: &str| param(name)?.parse::<u64>().ok();
        let start = match paging {
            Paging::Offset => Start::Index(number("offset")?),
            Paging::Page | Paging::CountedPages => {
                Start::Index(number("page")?.saturating_sub(1) * page)
            }
            _ => match param("after") {
                None => Start::After(FIRST),
                Some(token) => Start::After(rank(&token)?),
            },
        };
        // Cursors are whole: after one is from the next one on.
        let after = i64::from(scenario.cursor.excludes);
        Some(Self {
            window: Window {
                part,
                from: bound("from")?.map(|from| from + after),
                to: bound("to")?,
            },
            start,
        })
    }
}

/// The token that leads to what comes after `rank`, as `run` is given it.
pub(super) fn token((primary, id): Rank, run: u64) -> String {
    format!("t{primary}_{id}r{run}")
}

fn rank(token: &str) -> Option<Rank> {
    let (rank, _) = token.strip_prefix('t')?.split_once('r')?;
    let (primary, id) = rank.split_once('_')?;
    Some((primary.parse().ok()?, id.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulator::scenario::Mode;

    #[test]
    fn a_request_says_where_and_what() {
        let url = "http://api.test/parts/p2/items?from=5&to=2026-01-01T00:00:00Z&page=3";
        let scenario = |paging| Scenario {
            page: 4,
            ..Scenario::plain(Mode::Incremental, paging)
        };
        let mut by_page = scenario(Paging::Page);
        let asked = Asked::read(&by_page, &url.parse().unwrap()).unwrap();
        let window = Window {
            part: 2,
            from: Some(5),
            to: Some(1_767_225_600),
        };
        assert_eq!((asked.window, asked.start), (window, Start::Index(8)));
        assert!(window.contains(5) && !window.contains(4));
        by_page.cursor.excludes = true;
        let asked = Asked::read(&by_page, &url.parse().unwrap()).unwrap();
        assert_eq!(asked.window.from, Some(6));
        let url = format!("http://api.test/items?after={}", token((-7, 3), 12));
        let asked = Asked::read(&scenario(Paging::Token), &url.parse().unwrap()).unwrap();
        assert_eq!(asked.start, Start::After((-7, 3)));
        for wrong in [
            "/items",
            "/other?page=1",
            "/items?page=x",
            "/items?page=1&from=x",
        ] {
            let url = format!("http://api.test{wrong}").parse().unwrap();
            assert!(Asked::read(&by_page, &url).is_err(), "{wrong}");
        }
    }
}
