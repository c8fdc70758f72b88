//! Looks at the marks in the moment in which they are moved: what they say must be true then, and not
//! only when the run is over.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use serde_json::Value;
use tapline_core::{Known, Marks};
use uuid::Uuid;

use super::shares::{spans, value};
use super::{Rule, TABLE, check, part_name};
use crate::lock::lock;
use crate::simulator::Goal;
use crate::simulator::api::Given;
use crate::simulator::records::Records;
use crate::simulator::scenario::Scenario;
use crate::simulator::stage::Stage;
use crate::simulator::warehouse::Disk;

/// The marks as a run has read them.
#[derive(Clone, Debug)]
pub(in crate::simulator) struct Recall {
    pub(in crate::simulator) marks: Option<Marks>,
}

/// Sees what one run does with the marks.
pub(in crate::simulator) struct Witness {
    pub(in crate::simulator) scenario: Arc<Scenario>,
    pub(in crate::simulator) goal: Goal,
    pub(in crate::simulator) stage: Stage,
    pub(in crate::simulator) disk: Arc<Mutex<Disk>>,
    pub(in crate::simulator) records: Arc<Mutex<Records>>,
    pub(in crate::simulator) given: Arc<Mutex<Given>>,
    /// What need not be there though it is covered: what lies have hidden, and what came late.
    pub(in crate::simulator) exempt: BTreeSet<u64>,
    /// Whether an earlier process of the run may have been lied to.
    pub(in crate::simulator) is_doubtful: bool,
    /// The smallest that the clock may have shown when the run began, in seconds.
    pub(in crate::simulator) wall: i64,
    pub(in crate::simulator) recalled: Mutex<Option<Recall>>,
    /// The run whose marks were stored last.
    pub(in crate::simulator) stored: Mutex<Option<Uuid>>,
}

impl Witness {
    /// The run reads what is remembered.
    pub(in crate::simulator) fn recalls(&self, marks: Option<&Value>) {
        let recall = Recall {
            marks: marks.and_then(|marks| Marks::read(marks).ok().flatten()),
        };
        *lock(&self.recalled) = Some(recall);
    }

    /// The run moves the marks.
    pub(in crate::simulator) fn stores(&self, before: Option<&Value>, after: &Value) {
        let read = |value: &Value| Marks::read(value).ok().flatten();
        let Some(after) = read(after) else {
            return self
                .stage
                .complain("marks were stored that cannot be read".to_owned());
        };
        *lock(&self.stored) = after.last_run;
        if let Err(broken) = self.judge(before.and_then(read).as_ref(), &after) {
            self.stage
                .complain(format!("as the marks were moved, {broken}"));
        }
    }

    fn judge(&self, before: Option<&Marks>, after: &Marks) -> Rule {
        let disk = lock(&self.disk);
        let rows = disk.visible(TABLE).map_or(&[][..], |table| &table.rows);
        let durable: BTreeSet<u64> = rows.iter().map(|row| row.serial).collect();
        let records = lock(&self.records);
        for part in 0..records.parts() {
            let name = part_name(&self.scenario, part);
            let old = before.and_then(|marks| marks.known(&name));
            let Some(new) = after.known(&name) else {
                check(old.is_none(), || format!("part {part} was forgotten"))?;
                continue;
            };
            self.forwards(part, old.as_ref(), &new, &records)?;
            self.covered_is_durable(part, &new, &records, &durable)?;
        }
        self.oldest(before, after)?;
        let given = lock(&self.given);
        if given.lied || self.is_doubtful {
            return Ok(());
        }
        let lacking = given.shown.iter().find(|serial| {
            let version = records.versions()[**serial as usize];
            !durable.contains(serial) && self.is_wanted(version.part, version.at, before)
        });
        check(lacking.is_none(), || {
            format!("{lacking:?} was given, and is not durable yet")
        })
    }

    /// The newest cursor never goes back, and is that of a record; what is covered never becomes less,
    /// and ends at the newest cursor at the latest.
    fn forwards(&self, part: u64, old: Option<&Known>, new: &Known, records: &Records) -> Rule {
        let newest = |known: &Known| known.newest.as_ref().and_then(value);
        let (was, is) = (old.and_then(newest), newest(new));
        check(was <= is, || {
            format!("the newest cursor of part {part} went from {was:?} to {is:?}")
        })?;
        let moves = !matches!(self.goal, Goal::Backfill { .. });
        check(moves || was == is, || {
            format!("a backfill moved the newest cursor of part {part} from {was:?} to {is:?}")
        })?;
        let is_seen = |at| records.versions().iter().any(|version| version.at == at);
        check(is.is_none_or(is_seen), || {
            format!("no record has {is:?}, the newest cursor of part {part}")
        })?;
        let covered = spans(&new.coverage);
        let is_kept = |(start, end): &(Option<i64>, i64)| {
            covered.iter().any(|(from, to)| from <= start && end <= to)
        };
        let before = old.map_or(Vec::new(), |old| spans(&old.coverage));
        check(before.iter().all(is_kept), || {
            format!("of part {part} {before:?} were covered, and now {covered:?}")
        })?;
        let end = covered.last().map(|(_, end)| *end);
        check(end <= is, || {
            format!("part {part} is covered up to {end:?}, beyond {is:?}")
        })
    }

    /// Data before watermark.
    fn covered_is_durable(
        &self,
        part: u64,
        new: &Known,
        records: &Records,
        durable: &BTreeSet<u64>,
    ) -> Rule {
        if self.is_doubtful || lock(&self.given).lied {
            return Ok(());
        }
        let covered = spans(&new.coverage);
        let is_covered = |at: i64| {
            let mut spans = covered.iter();
            spans.any(|(from, to)| from.is_none_or(|from| from <= at) && at < *to)
        };
        let missing = records.shelf(part).iter().find(|version| {
            is_covered(version.at)
                && !durable.contains(&version.serial)
                && !self.exempt.contains(&version.serial)
        });
        check(missing.is_none(), || {
            format!("{missing:?} is covered, and is not durable yet")
        })
    }

    /// An update leaves the oldest cursor where it is; nothing moves it up.
    fn oldest(&self, before: Option<&Marks>, after: &Marks) -> Rule {
        let oldest = |marks: &Marks| marks.oldest.as_ref().and_then(value);
        let (was, is) = (before.and_then(oldest), oldest(after));
        check(was.is_none() || (is.is_some() && is <= was), || {
            format!("the oldest cursor went from {was:?} to {is:?}")
        })?;
        // A part that turns up is read as a whole.
        let mut parts = 0..self.scenario.parts.max(1);
        let is_new = parts.any(|part| {
            let name = part_name(&self.scenario, part);
            before.is_none_or(|marks| marks.known(&name).is_none())
        });
        let moves = self.goal != Goal::Update || is_new;
        check(moves || was == is, || {
            format!("an update moved the oldest cursor from {was:?} to {is:?}")
        })
    }

    /// Whether a version is in what the run is to bring.
    fn is_wanted(&self, part: u64, at: i64, before: Option<&Marks>) -> bool {
        let shares = super::shares(&self.scenario, &self.goal, before);
        shares[part as usize].contains(at, self.wall)
    }
}
