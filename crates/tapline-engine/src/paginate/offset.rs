//! OFFSET: `?limit=100&offset=200`. The next offset is the last one plus the page size, as in
//! Azure Data Factory's `RANGE` rule: a short page in the middle is not taken for the end, since
//! APIs return short pages for reasons of their own. An empty page is the end.

use tapline_core::{EndSignal, Position, Result};

use super::{Addition, Next, Paginator, Seen, foreign};

pub(super) struct Offset {
    pub(super) limit_name: String,
    pub(super) limit: u64,
    pub(super) offset_name: String,
    pub(super) first: u64,
}

impl Paginator for Offset {
    fn first(&self) -> Position {
        Position::Offset(self.first)
    }

    fn request(&self, position: &Position) -> Result<Addition> {
        let Position::Offset(offset) = position else {
            return Err(foreign("OFFSET", position));
        };
        Ok(Addition::query([
            (self.limit_name.clone(), self.limit.to_string()),
            (self.offset_name.clone(), offset.to_string()),
        ]))
    }

    fn next(&self, position: &Position, page: &dyn Seen) -> Next {
        match position {
            _ if page.is_empty() => Next::Done(EndSignal::EmptyPage),
            Position::Offset(offset) => {
                Next::More(Position::Offset(offset.saturating_add(self.limit)))
            }
            _ => Next::Done(EndSignal::Connector),
        }
    }

    fn ahead(&self, position: &Position, _: &dyn Seen, total: Option<u64>) -> Option<Position> {
        let Position::Offset(offset) = position else {
            return None;
        };
        let next = offset.checked_add(self.limit)?;
        let is_there = total.is_none_or(|total| next.saturating_sub(self.first) < total);
        is_there.then_some(Position::Offset(next))
    }

    fn before(&self, position: &Position) -> Option<u64> {
        match position {
            Position::Offset(offset) => Some(offset.saturating_sub(self.first)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{ahead, next, next_empty};
    use super::*;

    #[test]
    fn the_offset_grows_by_the_page_size_until_an_empty_page() {
        let offset = Offset {
            limit_name: "count".to_owned(),
            limit: 100,
            offset_name: "offset".to_owned(),
            first: 0,
        };
        let second = Position::Offset(100);
        assert_eq!(
            next(&offset, &offset.first(), &[]),
            Next::More(second.clone())
        );
        let addition = offset.request(&second).unwrap();
        assert_eq!(
            addition.query,
            [("count", "100"), ("offset", "100")].map(|(k, v)| (k.to_owned(), v.to_owned()))
        );
        assert_eq!(
            next_empty(&offset, &second, &[]),
            Next::Done(EndSignal::EmptyPage)
        );
        assert!(offset.request(&Position::Start).is_err());
    }

    #[test]
    fn pages_are_known_ahead_up_to_the_total() {
        let offset = Offset {
            limit_name: "count".to_owned(),
            limit: 100,
            offset_name: "offset".to_owned(),
            first: 1,
        };
        let after = |total| ahead(&offset, &Position::Offset(101), &[], total);
        assert_eq!(after(None), Some(Position::Offset(201)));
        assert_eq!(after(Some(201)), Some(Position::Offset(201)));
        assert_eq!(after(Some(200)), None);
    }
}
