//! What an API has: records that come and change while time goes on. Every version of each is
//! remembered, with the moments between which it was there, so that it can be said afterwards what a
//! run could see.

use std::fmt::Write as _;

use jiff::Timestamp;
use tapline_core::RecordOrder;

use super::scenario::{Changes, Drift, Scenario};
use super::timeline::BEGINNING;
use crate::random::Random;

/// A version of a record. Its number is its index in [`Records`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Version {
    pub(super) serial: u64,
    pub(super) id: u64,
    pub(super) part: u64,
    /// Its cursor: a number, or seconds since 1970.
    pub(super) at: i64,
    /// The moment from which it is there.
    pub(super) born: u64,
    /// The moment from which it is not there any more.
    pub(super) gone: u64,
}

/// Where a version stands among those of its part.
pub(super) type Rank = (i64, u64);

/// Before all others.
pub(super) const FIRST: Rank = (i64::MIN, 0);

/// All that the API has ever had.
#[derive(Clone, Debug)]
pub(super) struct Records {
    versions: Vec<Version>,
    /// Counts the changes.
    moment: u64,
    /// The largest cursor.
    last: i64,
    /// What is there, by part, in the order of the API.
    shelves: Vec<Vec<Version>>,
    order: RecordOrder,
    is_time: bool,
    /// Whether several records may get one and the same cursor at different moments.
    has_ties: bool,
}

impl Records {
    /// The records that are there at the beginning.
    pub(super) fn new(scenario: &Scenario) -> Self {
        let mut random = Random::new(scenario.seed, 3, 0);
        let cursor = scenario.cursor;
        let parts = scenario.parts.max(1);
        let span = 2 * scenario.records.cast_signed() + 60;
        let mut records = Self {
            versions: Vec::new(),
            moment: 0,
            last: if cursor.is_time { BEGINNING - span } else { 0 },
            shelves: vec![Vec::new(); parts as usize],
            order: cursor.order,
            is_time: cursor.is_time,
            has_ties: cursor.boundary == tapline_core::Boundary::Closed,
        };
        for id in 0..scenario.records {
            // At one moment, several may have the same cursor whatever the boundary.
            let step = random.below(3).min(if id == 0 { 0 } else { 2 });
            records.last += step.cast_signed();
            records.add(id, random.below(parts), records.last);
        }
        records
    }

    /// Which moment it is.
    pub(super) fn moment(&self) -> u64 {
        self.moment
    }

    /// The versions that were ever there, by their number.
    pub(super) fn versions(&self) -> &[Version] {
        &self.versions
    }

    /// What is there of `part`, in the order of the API.
    pub(super) fn shelf(&self, part: u64) -> &[Version] {
        self.shelves.get(part as usize).map_or(&[], Vec::as_slice)
    }

    /// How many parts there are.
    pub(super) fn parts(&self) -> u64 {
        self.shelves.len() as u64
    }

    /// What was there at `moment`, of `part`.
    pub(super) fn shelf_at(&self, part: u64, moment: u64) -> Vec<Version> {
        let all = self.versions.iter();
        let there = all.filter(|v| v.part == part && v.born <= moment && moment < v.gone);
        let mut shelf: Vec<Version> = there.copied().collect();
        shelf.sort_by_key(|version| self.rank(version));
        shelf
    }

    /// The smallest and the largest cursor that there is.
    pub(super) fn span(&self) -> (i64, i64) {
        let all = self.shelves.iter().flatten().map(|version| version.at);
        let low = all.clone().min().unwrap_or(self.last);
        (low, all.max().unwrap_or(self.last))
    }

    /// Where `version` stands.
    pub(super) fn rank(&self, version: &Version) -> Rank {
        match self.order {
            RecordOrder::Ascending => (version.at, version.id),
            RecordOrder::Descending => (-version.at, version.id),
            RecordOrder::Unordered => {
                let mixed = version.id.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
                (mixed.cast_signed(), version.id)
            }
        }
    }

    /// Makes `changes`, when the API's clock says `now`; the numbers of the late ones. They get cursors
    /// from `reach` on, a cursor that was seen and how far back a run will look.
    pub(super) fn change(
        &mut self,
        changes: Changes,
        now: i64,
        reach: Option<(i64, u64)>,
        random: &mut Random,
    ) -> Vec<u64> {
        if changes.inserts + changes.updates + changes.late == 0 {
            return Vec::new();
        }
        self.moment += 1;
        let mut late = Vec::new();
        if let Some((seen, back)) = reach {
            for _ in 0..changes.late {
                let at = seen - 1 - random.below(back).cast_signed();
                late.push(self.insert(at, random));
            }
        }
        for _ in 0..changes.inserts {
            let at = self.next(now, random);
            self.insert(at, random);
        }
        for _ in 0..changes.updates {
            let at = self.next(now, random);
            self.renew(at, random);
        }
        self.sort();
        late
    }

    /// One change in the middle of a run.
    pub(super) fn drift(&mut self, drift: Drift, now: i64, random: &mut Random) {
        self.moment += 1;
        let at = self.next(now, random);
        match drift {
            Drift::Insert => drop(self.insert(at, random)),
            Drift::Move => self.renew(at, random),
            Drift::Delete => drop(self.remove(random)),
        }
        self.sort();
    }

    /// The cursor of the next change: no smaller than any before.
    fn next(&mut self, now: i64, random: &mut Random) -> i64 {
        let is_tie = self.has_ties && random.chance(40);
        let least = self.last + i64::from(!is_tie);
        self.last = if self.is_time { least.max(now) } else { least };
        self.last
    }

    fn insert(&mut self, at: i64, random: &mut Random) -> u64 {
        let id = self.versions.len() as u64;
        let part = random.below(self.parts());
        self.add(id, part, at)
    }

    fn add(&mut self, id: u64, part: u64, at: i64) -> u64 {
        let serial = self.versions.len() as u64;
        let version = Version {
            serial,
            id,
            part,
            at,
            born: self.moment,
            gone: u64::MAX,
        };
        self.versions.push(version);
        self.shelves[part as usize].push(version);
        serial
    }

    /// Takes one record away.
    fn remove(&mut self, random: &mut Random) -> Option<Version> {
        let count = self.shelves.iter().map(Vec::len).sum::<usize>();
        let mut index = random.below(count as u64) as usize;
        for shelf in &mut self.shelves {
            if index < shelf.len() {
                let version = shelf.remove(index);
                self.versions[version.serial as usize].gone = self.moment;
                return Some(version);
            }
            index -= shelf.len();
        }
        None
    }

    fn renew(&mut self, at: i64, random: &mut Random) {
        if let Some(old) = self.remove(random) {
            self.add(old.id, old.part, at);
        }
    }

    fn sort(&mut self) {
        for part in 0..self.shelves.len() {
            let mut shelf = std::mem::take(&mut self.shelves[part]);
            shelf.sort_by_key(|version| self.rank(version));
            self.shelves[part] = shelf;
        }
    }
}

impl Records {
    /// Sorts what is there at the beginning.
    pub(super) fn sorted(mut self) -> Self {
        self.sort();
        self
    }
}

/// What stands beside an id, so that a mixed-up row is seen.
pub(super) fn name(serial: u64, id: u64) -> String {
    format!("v{serial}x{:08x}", check(serial, id))
}

/// The number that `name` was made of, beside that id; `None`: it was not.
pub(super) fn serial(name: &str, id: u64) -> Option<u64> {
    let (serial, mark) = name.strip_prefix('v')?.split_once('x')?;
    let serial = serial.parse().ok()?;
    (u32::from_str_radix(mark, 16).ok()? == check(serial, id)).then_some(serial)
}

fn check(serial: u64, id: u64) -> u32 {
    (serial
        .wrapping_add(id << 20)
        .wrapping_mul(0x9e37_79b9_7f4a_7c15)
        >> 32) as u32
}

/// A cursor as the API writes it: a number, or a time.
pub(super) fn write_cursor(text: &mut String, at: i64, is_time: bool) {
    // Writing to a string cannot fail.
    let _ = match (is_time, Timestamp::from_second(at)) {
        (true, Ok(time)) => write!(text, "\"{time}\""),
        _ => write!(text, "{at}"),
    };
}

/// Reads what [`write_cursor`] writes, and what a request says.
pub(super) fn read_cursor(text: &str) -> Option<i64> {
    let number = text.parse().ok();
    number.or_else(|| Some(text.parse::<Timestamp>().ok()?.as_second()))
}

/// Writes `version` as JSON. Every fifth record has a field that the others have not.
pub(super) fn write_record(text: &mut String, version: &Version, is_time: bool, is_wide: bool) {
    let (id, name) = (version.id, name(version.serial, version.id));
    let _ = write!(text, "{{\"id\":{id},\"name\":\"{name}\",\"at\":");
    write_cursor(text, version.at, is_time);
    // The value is the same, whatever its type.
    let _ = match id % 5 {
        4 if is_wide => write!(text, ",\"extra\":\"{id}\""),
        4 => write!(text, ",\"extra\":{id}"),
        _ => Ok(()),
    };
    text.push('}');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulator::scenario::{Mode, Paging};

    #[test]
    fn names_tell_their_numbers_and_nothing_else_does() {
        for number in [0, 1, 77, 1_000_000] {
            assert_eq!(serial(&name(number, 3), 3), Some(number));
            assert_eq!(serial(&name(number, 3), 4), None);
        }
        for wrong in ["", "v1", "v1x0", "x"] {
            assert_eq!(serial(wrong, 3), None, "{wrong}");
        }
    }

    #[test]
    fn what_changes_is_remembered_with_its_moments() {
        let scenario = Scenario::plain(Mode::Incremental, Paging::Token);
        let mut records = Records::new(&scenario).sorted();
        let before = records.shelf(0).to_vec();
        assert_eq!(before.len(), 11);
        assert!(before.is_sorted_by_key(|version| version.at));
        let changes = Changes {
            inserts: 2,
            updates: 3,
            late: 1,
            seconds: 0,
        };
        let mut random = Random::new(1, 2, 3);
        let (_, newest) = records.span();
        let late = records.change(changes, 0, Some((newest, 2)), &mut random);
        assert_eq!((late.len(), records.shelf(0).len()), (1, 14));
        assert_eq!(records.shelf_at(0, 0), before_as_it_was(&records));
        assert_eq!(records.shelf_at(0, 1), records.shelf(0));
    }

    /// What was there at the beginning, with what is known of it by now.
    fn before_as_it_was(records: &Records) -> Vec<Version> {
        let first = records.versions()[..11].iter().copied();
        first.collect()
    }

    #[test]
    fn cursors_are_read_as_they_are_written() {
        for (at, is_time) in [(0, false), (-7, false), (BEGINNING, true)] {
            let mut text = String::new();
            write_cursor(&mut text, at, is_time);
            assert_eq!(read_cursor(text.trim_matches('"')), Some(at));
        }
    }
}
