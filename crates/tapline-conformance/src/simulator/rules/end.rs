//! After an honest run to which nothing happened, and which began anew.

use std::collections::BTreeSet;

use super::super::{Goal, PIPELINE};
use super::shares::spans;
use super::{Ledger, Logical, Process, Rule, Seen, TABLE, check, part_name};
use crate::simulator::records::Records;
use crate::simulator::scenario::{Mode, Scenario};

/// What runs before had kept was not asked for again.
pub(in crate::simulator) fn went_on(ledger: &Ledger, process: &Process) -> Rule {
    let Some((id, run)) = ledger.last(&process.goal) else {
        return Ok(());
    };
    let left = process.before.disk.recover(PIPELINE, false);
    let is_left = left.iter().any(|last| last.key.run == id);
    if run.done.is_some()
        || !is_left
        || !run.told.is_empty()
        || Ledger::was_moved(run, &process.shares)
    {
        return Ok(());
    }
    let from = process
        .report
        .as_ref()
        .and_then(|report| report.resumed_from);
    check(from.is_some_and(|from| from.run_id == id), || {
        format!("pages of run {id} were kept, but the next one has not gone on with them")
    })
}

/// All that there is was brought, but for what lies have hidden for good.
pub(in crate::simulator) fn at_the_end(
    scenario: &Scenario,
    records: &Records,
    ledger: &Ledger,
    seen: &Seen,
) -> Rule {
    let table = seen.disk.visible(TABLE);
    let rows = table.map_or(&[][..], |table| &table.rows);
    let serials: BTreeSet<u64> = rows.iter().map(|row| row.serial).collect();
    for part in 0..records.parts() {
        let shelf = records.shelf(part).iter();
        let missing = shelf.filter(|version| !serials.contains(&version.serial));
        // Of a part without a record since the beginning that somebody chose, nothing before it can be
        // asked for: nobody knows how far it would have to go.
        let is_known = is_known(scenario, seen, part);
        let missing = missing.filter(|version| {
            is_known
                || scenario
                    .cursor
                    .start
                    .is_none_or(|start| start <= version.at)
        });
        let missing: Vec<u64> = missing.map(|version| version.serial).collect();
        let is_lost = missing.iter().all(|serial| ledger.lost.contains(serial));
        check(is_lost, || format!("at the end {missing:?} are missing"))?;
    }
    check(seen.disk.hidden().next().is_none(), || {
        "hidden tables are left at the end".to_owned()
    })?;
    match scenario.mode {
        Mode::FullLoad => in_order(scenario, records, seen),
        Mode::FullAppend => Ok(()),
        Mode::Incremental => all_is_covered(scenario, records, seen),
    }
}

fn is_known(scenario: &Scenario, seen: &Seen, part: u64) -> bool {
    let marks = seen.marks.as_ref();
    let known = marks.and_then(|marks| marks.known(&part_name(scenario, part)));
    scenario.mode != Mode::Incremental || known.is_some_and(|known| known.newest.is_some())
}

/// Rows of a run that has never come to its end are there because nobody has asked for the same
/// again; or because something is known that kept it from being gone on with.
pub(in crate::simulator) fn nothing_given_up(ledger: &Ledger, goal: &Goal, seen: &Seen) -> Rule {
    let given_up = ledger.given_up(goal);
    let is_odd = |run: &Logical| {
        let next = ledger.shares_after(run);
        run.told.is_empty()
            && !ledger.was_replaced(run)
            && !next.is_some_and(|next| Ledger::was_moved(run, next))
    };
    for (id, run) in given_up.filter(|(_, run)| is_odd(run)) {
        let rows = seen.visible().map_or(&[][..], |table| &table.rows);
        let count = rows.iter().filter(|row| row.run == id).count();
        check(count == 0, || {
            format!(
                "{count} rows are those of run {id} ({:?}), which was given up",
                run.goal
            )
        })?;
    }
    Ok(())
}

/// One that reads the pages of one stream, one after the other, shows them in the order of the API.
fn in_order(scenario: &Scenario, records: &Records, seen: &Seen) -> Rule {
    if scenario.parts > 0 || scenario.concurrency > 1 || scenario.most.is_some() {
        return Ok(());
    }
    let shelf: Vec<u64> = records
        .shelf(0)
        .iter()
        .map(|version| version.serial)
        .collect();
    let rows = seen.visible().map(|table| table.rows.iter());
    let rows: Vec<u64> = rows.into_iter().flatten().map(|row| row.serial).collect();
    check(rows == shelf, || {
        format!("at the end the table holds {rows:?}")
    })
}

/// What is remembered says that nothing is missing.
fn all_is_covered(scenario: &Scenario, records: &Records, seen: &Seen) -> Rule {
    let Some(marks) = &seen.marks else {
        return Err("at the end nothing is remembered".to_owned());
    };
    for part in 0..records.parts() {
        let Some(known) = marks.known(&part_name(scenario, part)) else {
            continue;
        };
        let newest = known.newest.as_ref().and_then(super::shares::value);
        let spans = spans(&known.coverage);
        let is_whole = newest.is_none_or(|newest| spans == [(None, newest)]);
        check(is_whole, || {
            format!("at the end {spans:?} of part {part} are covered, up to {newest:?}")
        })?;
    }
    Ok(())
}
