//! RANGE: a number takes the place of `${name}` wherever that stands in the request: in the path, the
//! query, a header or the body. It goes from `first` by `step` up to `last`, which is included, as in
//! Azure Data Factory's `RANGE:0:10000:1000`. With a last number all are asked for, whatever is on
//! them: a number may be a day or a shop, and one without records says nothing of the others. Without,
//! an empty page is the end. Pages with the same records are taken for one that is shown twice, as for
//! every kind: a source that ignores the number looks just like that.

use tapline_core::{EndSignal, Position, Result};

use super::{Addition, Next, Paginator, Seen, foreign};

pub(super) struct Range {
    pub(super) name: String,
    pub(super) first: u64,
    pub(super) last: Option<u64>,
    pub(super) step: u64,
}

impl Range {
    /// The number after the one at `position`, if that is in the range.
    fn after(&self, position: &Position) -> Option<Position> {
        let Position::Offset(number) = position else {
            return None;
        };
        let next = number.checked_add(self.step)?;
        let is_beyond = self.last.is_some_and(|last| next > last);
        (!is_beyond).then_some(Position::Offset(next))
    }
}

impl Paginator for Range {
    fn first(&self) -> Position {
        Position::Offset(self.first)
    }

    fn request(&self, position: &Position) -> Result<Addition> {
        let Position::Offset(number) = position else {
            return Err(foreign("RANGE", position));
        };
        Ok(Addition {
            params: [(self.name.clone(), number.to_string())].into(),
            ..Addition::default()
        })
    }

    fn next(&self, position: &Position, page: &dyn Seen) -> Next {
        if self.last.is_none() && page.is_empty() {
            return Next::Done(EndSignal::EmptyPage);
        }
        match self.after(position) {
            Some(next) => Next::More(next),
            None => Next::Done(EndSignal::LastPage),
        }
    }

    fn ahead(&self, position: &Position, _: &dyn Seen, _: Option<u64>) -> Option<Position> {
        self.after(position)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{ahead, next, next_empty};
    use super::*;

    fn range(last: Option<u64>) -> Range {
        Range {
            name: "day".to_owned(),
            first: 1,
            last,
            step: 2,
        }
    }

    #[test]
    fn every_number_up_to_the_last_is_asked_for_even_if_there_is_nothing() {
        for last in [5, 6] {
            let range = range(Some(last));
            let three = Next::More(Position::Offset(3));
            assert_eq!(next(&range, &range.first(), &[]), three);
            assert_eq!(next_empty(&range, &range.first(), &[]), three);
            let five = Position::Offset(5);
            let end = Next::Done(EndSignal::LastPage);
            assert_eq!(next(&range, &five, &[]), end);
            let here = |number, total| ahead(&range, &Position::Offset(number), &[], total);
            assert_eq!(here(3, Some(1)), Some(five));
            assert_eq!(here(5, None), None);
        }
    }

    #[test]
    fn without_a_last_number_an_empty_page_is_the_end() {
        let range = range(None);
        let three = Position::Offset(3);
        let end = Next::Done(EndSignal::EmptyPage);
        assert_eq!(next_empty(&range, &three, &[]), end);
        let more = Next::More(Position::Offset(5));
        assert_eq!(next(&range, &three, &[]), more);
        let largest = Position::Offset(u64::MAX);
        assert_eq!(next(&range, &largest, &[]), Next::Done(EndSignal::LastPage));
    }

    #[test]
    fn the_request_has_the_number_under_its_name() {
        let addition = range(None).request(&Position::Offset(3)).unwrap();
        assert_eq!(addition.params["day"], "3");
        assert!(range(None).request(&Position::Start).is_err());
    }
}
