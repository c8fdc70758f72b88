//! After two processes, one of which has lost its lease without knowing.

use tapline_core::Verdict;

use super::{Ledger, Process, Rule, TABLE, check, is_nothing};
use crate::simulator::records::Records;
use crate::simulator::scenario::{Mode, Scenario};

/// After both have come to their end. Whichever of them got the higher fence has come to a good one,
/// or the other had already done all there was to do.
pub(in crate::simulator) fn after_takeover(
    scenario: &Scenario,
    records: &Records,
    ledger: &mut Ledger,
    (first, second): (&Process, &Process),
) -> Rule {
    let (older, newer) = match first.fence() <= second.fence() {
        true => (first, second),
        false => (second, first),
    };
    for process in [older, newer] {
        // Of a table that both have replaced, only the last state is to be seen.
        let is_shown = scenario.mode != Mode::FullLoad || std::ptr::eq(process, newer);
        let is_done = ledger.enter(process);
        ledger.race([older, newer]);
        if is_done && is_shown {
            ledger.settle(scenario, records, process)?;
        }
    }
    let is_over = |process: &Process| {
        let run = process.run().and_then(|run| ledger.run(run));
        run.is_some_and(|run| run.done.is_some())
    };
    if is_nothing(&newer.goal, &newer.shares) {
        return Ok(());
    }
    let is_complete = newer.verdict().is_some_and(Verdict::is_complete);
    check(
        is_complete || (is_over(older) && scenario.mode == Mode::Incremental),
        || format!("the run that took over is {:?}", newer.verdict()),
    )?;
    if scenario.mode == Mode::FullLoad {
        let table = newer.after.disk.visible(TABLE);
        let fence = table.map(|table| table.fence);
        check(fence == Some(newer.fence()), || {
            format!("the visible table has the fence {fence:?}")
        })?;
    }
    Ok(())
}

/// After `sleeper` has woken up, and come to its end when another was over. Its fence is lower: it can
/// do nothing any more, and is complete only if it was `done` before.
pub(in crate::simulator) fn after_pause(sleeper: &Process, was_done: bool) -> Rule {
    let (before, after) = (&sleeper.before, &sleeper.after);
    let table = |seen: &super::Seen| seen.disk.visible(TABLE).cloned();
    check(table(before) == table(after), || {
        "a run that slept past its lease has changed the table".to_owned()
    })?;
    check(before.version == after.version, || {
        "a run that slept past its lease has moved the marks".to_owned()
    })?;
    check(!sleeper.is_complete() || was_done, || {
        "a run that slept past its lease is complete".to_owned()
    })
}
