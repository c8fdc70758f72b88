//! Windows of time in which only so many requests may be sent, and what was used of them.
//!
//! A source counts in windows of its own: some begin at a full minute, some with the first request,
//! some slide. So seconds and minutes are counted in slots, and as many slots in a row as any such
//! window can touch hold no more than the limit, wherever the source's windows begin. Requests may
//! arrive a little closer together than they were sent, which matters for a second; so it has a slot
//! more. That costs a minute's limit 1/60 of its speed, and a second's 1/10. A day is one slot, from
//! 00:00 UTC: one that slides would refuse tonight's run what last night's took a moment later.
//!
//! What may still be sent until some time is counted in the slot of that time, and what is in a
//! later slot counts already: so it is counted wherever it may come to lie.

use serde::{Deserialize, Serialize};

/// How far ahead a slot may begin: requests are taken for a few seconds, and the clocks of hosts
/// differ.
const AHEAD: i64 = 64_000;

/// A kind of window. Times are milliseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Window {
    /// Any second.
    Second,
    /// Any minute.
    Minute,
    /// A day of UTC.
    Day,
}

impl Window {
    /// All of them.
    pub(crate) const ALL: [Self; 3] = [Self::Second, Self::Minute, Self::Day];

    /// What it is called.
    pub(crate) fn noun(self) -> &'static str {
        match self {
            Self::Second => "second",
            Self::Minute => "minute",
            Self::Day => "day",
        }
    }

    /// The part of a limit that may be taken at once. A second is over so soon that nobody misses it.
    pub(crate) fn part(self, limit: u64) -> u64 {
        match self {
            Self::Second => limit / 3,
            Self::Minute | Self::Day => limit / 20,
        }
    }

    /// The slot that the time `at` is in.
    pub(crate) fn slot(self, at: i64) -> i64 {
        at.div_euclid(self.length())
    }

    /// How long a slot is.
    fn length(self) -> i64 {
        match self {
            Self::Second => 50,
            Self::Minute => 1_000,
            Self::Day => 86_400_000,
        }
    }

    /// How many slots in a row hold no more than the limit.
    fn span(self) -> i64 {
        match self {
            Self::Second => 22,
            Self::Minute => 61,
            Self::Day => 1,
        }
    }
}

/// What was used of a window: requests by slot.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Used(Vec<(i64, u64)>);

impl Used {
    /// Forgets the slots that matter no more at `now`, and those that no clock can mean.
    pub(crate) fn forget(&mut self, window: Window, now: i64) {
        let last = window.slot(now.saturating_add(AHEAD));
        let gone = window.slot(now).saturating_sub(window.span());
        self.0.retain(|(slot, _)| (gone + 1..=last).contains(slot));
    }

    /// What is left of `limit`.
    pub(crate) fn left(&self, limit: u64) -> u64 {
        limit.saturating_sub(self.total())
    }

    /// When there is room for one more, if there is none now.
    pub(crate) fn opens(&self, window: Window, limit: u64) -> i64 {
        let mut slots = self.0.clone();
        slots.sort_unstable();
        let mut total = self.total();
        for (slot, used) in slots {
            total = total.saturating_sub(used);
            if total < limit {
                let next = slot.saturating_add(window.span());
                return next.saturating_mul(window.length());
            }
        }
        i64::MIN
    }

    /// Counts `requests` in `slot`.
    pub(crate) fn add(&mut self, slot: i64, requests: u64) {
        match self.0.iter_mut().find(|(known, _)| *known == slot) {
            Some((_, used)) => *used = used.saturating_add(requests),
            None => self.0.push((slot, requests)),
        }
    }

    /// Takes `requests` that were not sent out of `slot` again.
    pub(crate) fn give_back(&mut self, slot: i64, requests: u64) {
        if let Some((_, used)) = self.0.iter_mut().find(|(known, _)| *known == slot) {
            *used = used.saturating_sub(requests);
        }
        self.0.retain(|(_, used)| *used > 0);
    }

    fn total(&self) -> u64 {
        let used = self.0.iter().map(|(_, used)| *used);
        used.fold(0, u64::saturating_add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: i64 = 1_767_268_800_000;

    #[track_caller]
    fn take(used: &mut Used, window: Window, limit: u64, now: i64) -> Result<(), i64> {
        used.forget(window, now);
        if used.left(limit) == 0 {
            return Err(used.opens(window, limit) - now);
        }
        used.add(window.slot(now), 1);
        Ok(())
    }

    #[test]
    fn a_minute_is_any_minute() {
        let mut used = Used::default();
        for at in [0, 30_500, 59_999] {
            assert_eq!(take(&mut used, Window::Minute, 3, NOON + at), Ok(()));
        }
        assert_eq!(
            take(&mut used, Window::Minute, 3, NOON + 60_000),
            Err(1_000)
        );
        assert_eq!(take(&mut used, Window::Minute, 3, NOON + 61_000), Ok(()));
        assert_eq!(
            take(&mut used, Window::Minute, 3, NOON + 61_000),
            Err(30_000)
        );
    }

    #[test]
    fn a_second_is_any_second_and_a_day_is_a_date() {
        let mut used = Used::default();
        assert_eq!(take(&mut used, Window::Second, 1, NOON + 49), Ok(()));
        assert_eq!(take(&mut used, Window::Second, 1, NOON + 50), Err(1_050));
        assert_eq!(take(&mut used, Window::Second, 1, NOON + 1_100), Ok(()));
        let mut used = Used::default();
        let half = 43_200_000;
        assert_eq!(take(&mut used, Window::Day, 1, NOON + half - 1), Ok(()));
        assert_eq!(take(&mut used, Window::Day, 1, NOON + half - 1), Err(1));
        assert_eq!(take(&mut used, Window::Day, 1, NOON + half), Ok(()));
        assert_eq!(take(&mut used, Window::Day, 1, NOON + half), Err(2 * half));
    }

    #[test]
    fn what_is_given_back_can_be_used() {
        let mut used = Used::default();
        let slot = Window::Day.slot(NOON);
        used.add(slot, 10);
        used.give_back(slot, 4);
        used.give_back(slot + 1, 4);
        assert_eq!(used.left(10), 4);
        used.give_back(slot, 100);
        assert_eq!(used, Used::default());
    }

    #[test]
    fn a_clock_that_is_a_little_ahead_counts_and_an_absurd_one_does_not() {
        let mut used = Used::default();
        assert_eq!(take(&mut used, Window::Minute, 1, NOON + 5_000), Ok(()));
        assert_eq!(take(&mut used, Window::Minute, 1, NOON), Err(66_000));
        let mut used = Used(vec![(i64::MAX, 7), (i64::MIN, 7)]);
        assert_eq!(take(&mut used, Window::Minute, 1, NOON), Ok(()));
        assert_eq!(used.0.len(), 1);
    }

    #[test]
    fn no_number_is_too_large() {
        let mut used = Used(vec![(0, u64::MAX), (0, u64::MAX)]);
        used.add(0, u64::MAX);
        assert_eq!(used.left(u64::MAX), 0);
        used.opens(Window::Second, 1);
        used.forget(Window::Second, i64::MAX);
        used.forget(Window::Minute, i64::MIN);
    }
}
