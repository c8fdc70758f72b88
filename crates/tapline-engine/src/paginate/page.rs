//! PAGE: `?per_page=100&page=3`. It ends with an empty page, or after the last page where its
//! number is fixed by the spec or announced by the response (inclusive). While the response
//! announces more pages, an empty one is not the end: the source itself contradicts that.

use tapline_core::{EndSignal, Position, Result};
use tapline_expr::Selector;
use tapline_spec::LastPagePlan;

use super::{Addition, Next, Paginator, Seen, foreign, limit_pair, scalar};

pub(super) struct Page {
    pub(super) limit: Option<(String, u64)>,
    pub(super) page_name: String,
    pub(super) first: u64,
    pub(super) last: Option<LastPagePlan>,
}

impl Page {
    fn announces(&self) -> bool {
        matches!(self.last, Some(LastPagePlan::Announced(_)))
    }

    fn last(&self, page: &dyn Seen) -> Option<u64> {
        match self.last.as_ref()? {
            LastPagePlan::Fixed(last) => Some(*last),
            LastPagePlan::Announced(selector) => scalar(page.value(selector))?.parse().ok(),
        }
    }
}

impl Paginator for Page {
    fn first(&self) -> Position {
        Position::Page(self.first)
    }

    fn request(&self, position: &Position) -> Result<Addition> {
        let Position::Page(number) = position else {
            return Err(foreign("PAGE", position));
        };
        let number = (self.page_name.clone(), number.to_string());
        Ok(Addition::query(
            limit_pair(self.limit.as_ref()).into_iter().chain([number]),
        ))
    }

    fn next(&self, position: &Position, page: &dyn Seen) -> Next {
        let Position::Page(number) = position else {
            return Next::Done(EndSignal::Connector);
        };
        match self.last(page) {
            Some(last) if *number >= last => Next::Done(EndSignal::LastPage),
            Some(_) if self.announces() => Next::More(Position::Page(number.saturating_add(1))),
            _ if page.is_empty() => Next::Done(EndSignal::EmptyPage),
            _ => Next::More(Position::Page(number.saturating_add(1))),
        }
    }

    fn ahead(&self, position: &Position, page: &dyn Seen, total: Option<u64>) -> Option<Position> {
        let Position::Page(number) = position else {
            return None;
        };
        let next = number.checked_add(1)?;
        let is_beyond = self.last(page).is_some_and(|last| next > last);
        let next = Position::Page(next);
        let before = self.before(&next);
        let is_there = before
            .zip(total)
            .is_none_or(|(before, total)| before < total);
        (is_there && !is_beyond).then_some(next)
    }

    fn before(&self, position: &Position) -> Option<u64> {
        let (Position::Page(number), Some((_, size))) = (position, &self.limit) else {
            return None;
        };
        Some(number.saturating_sub(self.first).saturating_mul(*size))
    }

    fn reads(&self) -> Vec<Selector> {
        match &self.last {
            Some(LastPagePlan::Announced(selector)) => vec![selector.clone()],
            _ => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{ahead, next, next_empty};
    use super::*;

    fn paginator(last: Option<LastPagePlan>) -> Page {
        Page {
            limit: Some(("per_page".to_owned(), 50)),
            page_name: "page".to_owned(),
            first: 1,
            last,
        }
    }

    #[test]
    fn the_last_page_may_be_fixed_announced_or_unknown() {
        let two = Position::Page(2);
        let three = Next::More(Position::Page(3));
        let open = paginator(None);
        assert_eq!(next(&open, &two, &[]), three);
        assert_eq!(
            next_empty(&open, &two, &[]),
            Next::Done(EndSignal::EmptyPage)
        );

        let fixed = paginator(Some(LastPagePlan::Fixed(2)));
        assert_eq!(
            next(&fixed, &Position::Page(1), &[]),
            Next::More(two.clone())
        );
        assert_eq!(next(&fixed, &two, &[]), Next::Done(EndSignal::LastPage));

        let selector = "headers.x-pagecount".parse().unwrap();
        let announced = paginator(Some(LastPagePlan::Announced(selector)));
        assert_eq!(
            next(&announced, &two, &[("headers.x-pagecount", "3")]),
            three
        );
        assert_eq!(
            next(&announced, &two, &[("headers.x-pagecount", "2")]),
            Next::Done(EndSignal::LastPage)
        );
        assert_eq!(next(&announced, &two, &[]), three);
        let more = [("headers.x-pagecount", "3")];
        assert_eq!(next_empty(&announced, &two, &more), three);
        let end = Next::Done(EndSignal::EmptyPage);
        assert_eq!(next_empty(&announced, &two, &[]), end);
        assert_eq!(next_empty(&fixed, &Position::Page(1), &[]), end);
    }

    #[test]
    fn pages_are_known_ahead_up_to_the_last() {
        let two = Position::Page(2);
        let three = Some(Position::Page(3));
        let open = paginator(None);
        assert_eq!(ahead(&open, &two, &[], None), three);
        // Two pages of 50 were before.
        assert_eq!(ahead(&open, &two, &[], Some(101)), three);
        assert_eq!(ahead(&open, &two, &[], Some(100)), None);
        let fixed = paginator(Some(LastPagePlan::Fixed(2)));
        assert_eq!(ahead(&fixed, &two, &[], None), None);
        let selector = "headers.x-pagecount".parse().unwrap();
        let announced = paginator(Some(LastPagePlan::Announced(selector)));
        let pages = |count| [("headers.x-pagecount", count)];
        assert_eq!(ahead(&announced, &two, &pages("3"), None), three);
        assert_eq!(ahead(&announced, &two, &pages("2"), None), None);
    }

    #[test]
    fn the_request_carries_size_and_number() {
        let addition = paginator(None).request(&Position::Page(7)).unwrap();
        assert_eq!(
            addition.query,
            [("per_page", "50"), ("page", "7")].map(|(k, v)| (k.to_owned(), v.to_owned()))
        );
    }
}
