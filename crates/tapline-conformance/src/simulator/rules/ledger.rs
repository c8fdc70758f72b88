//! The books of a world: which runs there were, whatever processes they took, and what each of them
//! was to bring and has brought.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use super::shares::{Share, of_part};
use super::{Process, Rule, Seen, TABLE, check};
use crate::simulator::Goal;
use crate::simulator::lie::Lie;
use crate::simulator::records::Records;
use crate::simulator::scenario::{Mode, Scenario};

/// A run, which may take several processes.
#[derive(Clone, Debug)]
pub(in crate::simulator) struct Logical {
    pub(in crate::simulator) goal: Goal,
    /// What it was to bring by what was remembered when it began.
    shares: Vec<Share>,
    /// The same, by what was remembered when it was gone on with last: parts that were not begun are
    /// read by that.
    later: Vec<Share>,
    /// The moments at the API between which it was under way.
    moments: (u64, u64),
    /// The smallest and the largest that its clock may have shown when it began.
    wall: (i64, i64),
    /// The process that began it, and the last one.
    pub(in crate::simulator) processes: (u64, u64),
    /// The process that it was done with.
    pub(in crate::simulator) done: Option<u64>,
    /// The lies that it was told, and the processes to which.
    pub(in crate::simulator) told: Vec<(u64, Lie)>,
    /// Whether it was one of two at the same time.
    raced: bool,
}

/// What must be in a table, and what may be: numbers of versions.
struct Bounds {
    least: Vec<u64>,
    most: BTreeSet<u64>,
}

/// All runs of a world.
#[derive(Clone, Debug, Default)]
pub(in crate::simulator) struct Ledger {
    runs: BTreeMap<Uuid, Logical>,
    /// What lies have hidden for good: they left no trace, and it is remembered as read.
    pub(in crate::simulator) lost: BTreeSet<u64>,
    /// What lies have brought in vain: once more, say.
    odd: BTreeSet<u64>,
}

impl Ledger {
    pub(in crate::simulator) fn run(&self, run: Uuid) -> Option<&Logical> {
        self.runs.get(&run)
    }

    /// Whether the run of `process` was told a lie, by this process or an earlier one.
    pub(in crate::simulator) fn was_lied_to(&self, process: &Process) -> bool {
        let run = process.run().and_then(|id| self.runs.get(&id));
        process.given.lied || run.is_some_and(|run| !run.told.is_empty())
    }

    /// Runs that were asked for `goal` and have never come to their end.
    pub(in crate::simulator) fn given_up(
        &self,
        goal: &Goal,
    ) -> impl Iterator<Item = (Uuid, &Logical)> {
        let open = self.runs.iter().filter(|(_, run)| run.done.is_none());
        let open = open.map(|(id, run)| (*id, run));
        open.filter(move |(_, run)| run.goal == *goal)
    }

    /// The smallest that the clock may have shown when a run began that is not over, or that begins `now`.
    pub(in crate::simulator) fn first_wall(&self, now: i64) -> i64 {
        let open = self.runs.values().filter(|run| run.done.is_none());
        open.map(|run| run.wall.0)
            .min()
            .map_or(now, |wall| wall.min(now))
    }

    /// Whether what is remembered has moved the windows of `run`, which would now bring `shares`: then it
    /// cannot be gone on with. Nor can one without an end, if more is known than when it was read.
    pub(in crate::simulator) fn was_moved(run: &Logical, shares: &[Share]) -> bool {
        let mut pairs = run.shares.iter().zip(shares);
        pairs.any(|(before, now)| {
            let has_grown = before.is_endless() && before.newest != now.newest;
            before.ranges != now.ranges || has_grown
        })
    }

    /// What the run after `run` was to bring that was asked for the same.
    pub(in crate::simulator) fn shares_after(&self, run: &Logical) -> Option<&[Share]> {
        let later = self
            .runs
            .values()
            .filter(|other| other.goal == run.goal && other.processes.0 > run.processes.0);
        let next = later.min_by_key(|other| other.processes.0)?;
        Some(&next.shares)
    }

    /// Whether a run that is not over was lied to, and may be gone on with.
    pub(in crate::simulator) fn is_doubtful(&self) -> bool {
        let mut open = self.runs.values().filter(|run| run.done.is_none());
        open.any(|run| !run.told.is_empty())
    }

    /// The run that one for `goal` may go on with: the last one of its kind.
    pub(in crate::simulator) fn last(&self, goal: &Goal) -> Option<(Uuid, &Logical)> {
        let kind = std::mem::discriminant(goal);
        let same = self
            .runs
            .iter()
            .filter(|(_, run)| std::mem::discriminant(&run.goal) == kind);
        let last = same.max_by_key(|(_, run)| run.processes.1);
        last.map(|(id, run)| (*id, run))
            .filter(|(_, run)| run.goal == *goal)
    }

    /// Whether a later run of the same kind was asked for something else.
    pub(in crate::simulator) fn was_replaced(&self, run: &Logical) -> bool {
        let kind = std::mem::discriminant(&run.goal);
        let mut others = self.runs.values();
        others.any(|other| {
            std::mem::discriminant(&other.goal) == kind
                && other.goal != run.goal
                && other.processes.0 > run.processes.0
        })
    }

    /// Takes note that `processes` were at work at the same time. What the one keeps after the other has
    /// looked, nobody goes on with.
    pub(in crate::simulator) fn race(&mut self, processes: [&Process; 2]) {
        let begun = processes.iter().flat_map(|process| &process.begun);
        for (id, _) in begun {
            if let Some(run) = self.runs.get_mut(id) {
                run.raced = true;
            }
        }
    }

    /// Takes note of `process`; whether its run came to its end with it.
    pub(in crate::simulator) fn enter(&mut self, process: &Process) -> bool {
        let mut begun: Vec<Uuid> = process.begun.iter().map(|(run, _)| *run).collect();
        begun.dedup();
        for id in begun {
            let new = || Logical {
                goal: process.goal.clone(),
                shares: process.shares.clone(),
                later: process.shares.clone(),
                moments: process.moments,
                wall: process.wall,
                processes: (process.number, process.number),
                done: None,
                told: Vec::new(),
                raced: false,
            };
            let run = self.runs.entry(id).or_insert_with(new);
            run.later.clone_from(&process.shares);
            run.moments.1 = process.moments.1;
            run.processes.1 = process.number;
            let lie = process.lie.filter(|_| process.given.lied);
            run.told.extend(lie.map(|lie| (process.number, lie)));
        }
        let run = process.run().and_then(|id| self.runs.get_mut(&id));
        match run {
            Some(run) if run.done.is_none() && process.is_done() => {
                run.done = Some(process.number);
                true
            }
            _ => false,
        }
    }

    /// The run of `process` has come to its end: it has brought all that it was to bring, each version
    /// once, and nothing that it was not to bring. Where a lie left no trace, it is written down what
    /// that has hidden.
    pub(in crate::simulator) fn settle(
        &mut self,
        scenario: &Scenario,
        records: &Records,
        process: &Process,
    ) -> Rule {
        let Some(id) = process.run() else {
            return Ok(());
        };
        let Some(run) = self.runs.get(&id).cloned() else {
            return Ok(());
        };
        let remembers = scenario.mode == Mode::Incremental;
        let bounds = self.bounds(records, id, &run, &process.after, remembers);
        let brought = brought(scenario, id, &process.after)?;
        let amiss = amiss(&brought, &bounds);
        if let Some(amiss) = amiss {
            let excuses = run.told.iter().filter(|(number, lie)| {
                let is_alone = run.processes.0 == *number && run.processes.1 == *number;
                lie.is_silent(scenario) || (!is_alone && lie.bends())
            });
            check(excuses.count() > 0, || {
                format!("run {id} is over, but {amiss}; it was told {:?}", run.told)
            })?;
            self.given_is_brought(scenario, &run, process, &brought, &bounds)?;
            self.odd.extend(&brought);
        }
        if run.told.iter().any(|(_, lie)| lie.bends()) {
            self.lost.extend(missing(&bounds.most, &brought));
        }
        self.once(scenario, records, id, &run, &brought, &process.after)
    }

    /// No more is lost than the lie has hidden: what was given was brought.
    fn given_is_brought(
        &self,
        scenario: &Scenario,
        run: &Logical,
        process: &Process,
        brought: &[u64],
        bounds: &Bounds,
    ) -> Rule {
        let is_alone = run.processes.0 == run.processes.1;
        if !is_alone || scenario.concurrency > 1 {
            return Ok(());
        }
        let given = process.given.shown.iter();
        let given = given.filter(|serial| bounds.least.contains(serial));
        let missing: Vec<&u64> = given.filter(|serial| !brought.contains(serial)).collect();
        check(missing.is_empty(), || {
            format!("the API gave {missing:?}, which was not brought")
        })
    }

    /// What the run `id` must have brought, and what it may. One that `remembers` need not bring what
    /// another has.
    fn bounds(
        &self,
        records: &Records,
        id: Uuid,
        run: &Logical,
        after: &Seen,
        remembers: bool,
    ) -> Bounds {
        let (since, until) = run.moments;
        let visible = after.visible().map_or(&[][..], |table| &table.rows);
        let others = visible.iter().filter(|row| row.run != id);
        let is_done = |run| self.runs.get(&run).is_some_and(|run| run.done.is_some());
        let is_there = others.clone().filter(|row| is_done(row.run));
        let there: BTreeSet<u64> = is_there.map(|row| row.serial).collect();
        let known: BTreeSet<u64> = others
            .filter(|row| self.was_done_before(row.run, run))
            .map(|row| row.serial)
            .collect();
        let (mut least, mut most) = (Vec::new(), BTreeSet::new());
        for (part, share) in run.shares.iter().enumerate() {
            for version in of_part(records, part) {
                let (at, serial) = (version.at, version.serial);
                let in_all = version.born <= since && until < version.gone;
                let in_some = version.born <= until && since < version.gone;
                let is_new = |share: &Share| {
                    let is_known = share.newest == Some(at) && known.contains(&serial);
                    share.contains(at, run.wall.1) && !is_known
                };
                if in_some && (is_new(share) || is_new(&run.later[part])) {
                    most.insert(serial);
                }
                let is_needed = !remembers || !there.contains(&serial);
                let is_wanted = |share: &Share| share.contains(at, run.wall.0);
                if in_all && is_needed && is_wanted(share) && is_wanted(&run.later[part]) {
                    least.push(serial);
                }
            }
        }
        Bounds { least, most }
    }

    /// Whether the run `other` was done when `run` began.
    fn was_done_before(&self, other: Uuid, run: &Logical) -> bool {
        let other = self.runs.get(&other).and_then(|other| other.done);
        other.is_some_and(|done| done < run.processes.0)
    }

    /// What an earlier run has brought comes again only if somebody asked for it, or if the run looks
    /// back that far.
    fn once(
        &self,
        scenario: &Scenario,
        records: &Records,
        id: Uuid,
        run: &Logical,
        brought: &[u64],
        after: &Seen,
    ) -> Rule {
        let is_asked = matches!(run.goal, Goal::Explicit { .. });
        if scenario.mode != Mode::Incremental || is_asked || run.raced {
            return Ok(());
        }
        let visible = after.visible().map_or(&[][..], |table| &table.rows);
        let brought: BTreeSet<u64> = brought.iter().copied().collect();
        for row in visible.iter().filter(|row| row.run != id) {
            let was_asked = |other: &Logical| {
                let is_asked = matches!(other.goal, Goal::Explicit { .. });
                is_asked || other.raced || !other.told.is_empty()
            };
            let other = self.runs.get(&row.run);
            let is_first = other.is_none_or(|other| was_asked(other) || other.done.is_none());
            if is_first || self.odd.contains(&row.serial) || !brought.contains(&row.serial) {
                continue;
            }
            let version = &records.versions()[row.serial as usize];
            let part = version.part as usize;
            let newest = [run.shares[part].newest, run.later[part].newest];
            let back = scenario
                .cursor
                .lookback
                .filter(|_| run.goal == Goal::Update);
            let is_back = newest.into_iter().flatten().any(|newest| {
                let back = back.unwrap_or(0);
                (newest - back.cast_signed()..newest).contains(&version.at)
            });
            check(is_back, || {
                format!(
                    "version {} came with run {} and again with {id}",
                    row.serial, row.run
                )
            })?;
        }
        Ok(())
    }

    /// Nothing outside of what `process` was to bring was asked for.
    pub(in crate::simulator) fn asked_for_no_more(
        &self,
        scenario: &Scenario,
        process: &Process,
    ) -> Rule {
        let runs = process
            .begun
            .iter()
            .filter_map(|(run, _)| self.runs.get(run));
        let runs: Vec<&Logical> = runs.collect();
        let (asks_from, asks_to) = scenario.cursor.asks;
        for asked in &process.given.asked {
            let is_wanted = runs.iter().any(|run| {
                let shares = [&run.shares, &run.later];
                let shares = shares
                    .into_iter()
                    .map(|shares| &shares[asked.part as usize]);
                let ranges = shares.flat_map(|share| &share.ranges);
                let now = run.wall.1.max(process.wall.1);
                let mut ranges = ranges.map(|range| (range.from, range.end.at(now)));
                ranges.any(|(from, to)| {
                    (!asks_from || asked.from >= from)
                        && (!asks_to || to.is_none_or(|to| asked.to.is_some_and(|at| at <= to)))
                })
            });
            check(is_wanted, || {
                format!("{asked:?} was asked for, and is not missing")
            })?;
        }
        Ok(())
    }
}

/// The numbers of the rows that the run `id` has brought.
fn brought(scenario: &Scenario, id: Uuid, after: &Seen) -> Result<Vec<u64>, String> {
    let Some(table) = after.disk.visible(TABLE) else {
        return Err("the table is gone".to_owned());
    };
    let rows = table.rows.iter();
    let ours: Vec<u64> = rows
        .filter(|row| row.run == id)
        .map(|row| row.serial)
        .collect();
    check(
        scenario.mode != Mode::FullLoad || ours.len() == table.rows.len(),
        || format!("the table that run {id} published holds rows of others"),
    )?;
    Ok(ours)
}

/// How `brought` is not what it must be.
fn amiss(brought: &[u64], bounds: &Bounds) -> Option<String> {
    let mut once = BTreeSet::new();
    for serial in brought {
        if !bounds.most.contains(serial) {
            return Some(format!(
                "it has brought {serial}, which is not in what was asked for"
            ));
        }
        if !once.insert(*serial) {
            return Some(format!("it has brought {serial} twice"));
        }
    }
    let missing: Vec<u64> = missing(&bounds.least, brought).collect();
    (!missing.is_empty()).then(|| format!("{missing:?} are missing"))
}

/// What of `wanted` was not `brought`.
fn missing<'a>(
    wanted: impl IntoIterator<Item = &'a u64> + 'a,
    brought: &'a [u64],
) -> impl Iterator<Item = u64> + 'a {
    let brought: BTreeSet<u64> = brought.iter().copied().collect();
    let wanted = wanted.into_iter().copied();
    wanted.filter(move |serial| !brought.contains(serial))
}
