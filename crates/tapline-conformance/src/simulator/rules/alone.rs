//! After one process, with nobody else about.

use tapline_core::Verdict;

use super::shares::is_nothing;
use super::{Ledger, Process, Rule, check};
use crate::simulator::records::Records;
use crate::simulator::scenario::{Mode, Scenario};
use crate::simulator::{Goal, PIPELINE};

/// Whether what `process` was told and has done is as it must be.
pub(in crate::simulator) fn alone(
    scenario: &Scenario,
    records: &Records,
    ledger: &mut Ledger,
    process: &Process,
) -> Rule {
    let is_done = ledger.enter(process);
    if is_done {
        ledger.settle(scenario, records, process)?;
    }
    ledger.asked_for_no_more(scenario, process)?;
    rows_are_ours(scenario, process, is_done)?;
    let Some(verdict) = process.verdict() else {
        return Ok(());
    };
    let was_done = process
        .run()
        .and_then(|run| ledger.run(run)?.done)
        .is_some();
    check(was_done || !process.is_complete(), || {
        format!("{verdict}, but nothing was published or remembered")
    })?;
    if process.disturbed {
        return Ok(());
    }
    undisturbed(process, verdict, is_done, ledger.was_lied_to(process))
}

fn undisturbed(process: &Process, verdict: &Verdict, is_done: bool, was_lied_to: bool) -> Rule {
    let is_complete = process.is_complete();
    check(is_complete || !is_done, || {
        format!("published or remembered, but {verdict}")
    })?;
    check(
        is_complete || process.after.version == process.before.version,
        || format!("the marks have moved, but {verdict}"),
    )?;
    if !is_complete && !was_lied_to && may_be_empty(process) {
        // A window of which the clock says that it is yet to come.
        check(process.given.requests == 0, || {
            format!("something was asked for, but {verdict}")
        })?;
    } else if is_nothing(&process.goal, &process.shares) {
        check(!is_complete && process.given.requests == 0, || {
            format!("there was nothing to ask for, but {verdict}")
        })?;
    } else {
        check(is_complete || was_lied_to, || {
            format!("the API was honest, but the run is {verdict}")
        })?;
    }
    // One that may be gone on with is no more than one table.
    let disk = &process.after.disk;
    let hidden = disk.hidden().count();
    check(hidden <= usize::from(!is_complete), || {
        format!("{hidden} hidden tables are left")
    })?;
    let left = disk.recover(PIPELINE, false);
    let is_left = left.iter().any(|last| Some(last.key.run) == process.run());
    check(!is_complete || !is_left, || {
        format!("{verdict}, but it is remembered how far it got")
    })?;
    Ok(())
}

/// Whether the window that somebody asks for may be empty, by what the clock shows.
fn may_be_empty(process: &Process) -> bool {
    let is_asked = matches!(process.goal, Goal::Explicit { .. });
    let mut ranges = process.shares.iter().flat_map(|share| &share.ranges);
    is_asked && ranges.any(|range| range.is_empty(process.wall.0))
}

/// A table that is replaced changes only when it is; one that is added to only grows, and by rows of
/// runs that the process wrote for.
fn rows_are_ours(scenario: &Scenario, process: &Process, is_done: bool) -> Rule {
    let rows = |seen: &super::Seen| seen.visible().map(|table| table.rows.clone());
    let (before, after) = (rows(&process.before), rows(&process.after));
    if scenario.mode == Mode::FullLoad {
        return check(is_done || before == after, || {
            "the table has changed, though nothing was published".to_owned()
        });
    }
    let (before, after) = (before.unwrap_or_default(), after.unwrap_or_default());
    let Some(new) = after.strip_prefix(before.as_slice()) else {
        return Err("rows that were there are gone".to_owned());
    };
    let is_ours = |run| process.begun.iter().any(|(begun, _)| *begun == run);
    let strange = new.iter().find(|row| !is_ours(row.run));
    check(strange.is_none(), || {
        format!("{strange:?} is of a run that was not begun")
    })
}
