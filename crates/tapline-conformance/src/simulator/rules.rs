//! What must hold, whatever an API does and whatever happens to a run.

use tapline_core::Verdict;

use super::api::{self, Given};
use super::scenario::{Lie, Paging, Scenario};
use super::warehouse::{Row, Table};

/// What readers see, and what they do not.
pub(super) struct Seen {
    pub(super) visible: Option<Table>,
    pub(super) hidden: usize,
    /// Rows of the table that is being filled.
    pub(super) kept: Vec<Row>,
}

/// How a run ended.
pub(super) struct Fate {
    /// `None` for one that died.
    pub(super) verdict: Option<Verdict>,
    pub(super) given: Given,
    /// Whether something other than the API may have kept it from its end.
    pub(super) disturbed: bool,
}

type Rule = Result<(), String>;

/// After one run, with nobody else about.
pub(super) fn after_run(
    scenario: &Scenario,
    lie: Option<Lie>,
    fate: &Fate,
    before: &Seen,
    after: &Seen,
) -> Rule {
    let published = after.visible != before.visible;
    if published {
        shown_is_given(&fate.given, before, after)?;
        proven(scenario, lie, &fate.given, after)?;
    }
    let Some(verdict) = &fate.verdict else {
        return Ok(());
    };
    let complete = verdict.is_complete();
    check(published || !complete, || {
        format!("{verdict}, but nothing was published")
    })?;
    if fate.disturbed {
        return Ok(());
    }
    check(complete || !published, || {
        format!("published, but {verdict}")
    })?;
    check(complete || fate.given.lied, || {
        format!("the API was honest, but the run is {verdict}")
    })?;
    check(after.hidden <= usize::from(!complete), || {
        format!("{} hidden tables are left", after.hidden)
    })
}

/// After an honest run that may have gone on with what a lying API gave: nobody can tell then that
/// it is not all, but it is still what was given.
pub(super) fn after_lies(fate: &Fate, before: &Seen, after: &Seen) -> Rule {
    if after.visible != before.visible {
        shown_is_given(&fate.given, before, after)?;
    }
    check(after.hidden == 0, || {
        format!("{} hidden tables are left after lies", after.hidden)
    })
}

/// After an honest run: what runs before it had kept was not asked for again.
pub(super) fn went_on(scenario: &Scenario, before: &Seen, after: &Seen) -> Rule {
    let kept = before.kept.len();
    let resumed = after.visible.as_ref().map_or(0, |table| table.kept);
    check(resumed == kept || scenario.forgetful, || {
        format!("{kept} rows were kept, but the run went on with {resumed}")
    })
}

/// After a run that was overtaken by another has come to its end, and so has the other. Whichever
/// of the two got the second lease, its table is the one to be seen.
pub(super) fn after_takeover(scenario: &Scenario, second: &Fate, after: &Seen) -> Rule {
    let complete = second.verdict.as_ref().is_some_and(Verdict::is_complete);
    check(complete, || {
        format!("the run that took over is {:?}", second.verdict)
    })?;
    let newest = after.visible.as_ref().map(|table| table.fence);
    check(newest == Some(2), || {
        format!("the visible table has the fence {newest:?}")
    })?;
    at_the_end(scenario, after)
}

/// After an honest and undisturbed run: each record once, and nothing else.
pub(super) fn at_the_end(scenario: &Scenario, seen: &Seen) -> Rule {
    let model: Vec<Row> = (0..scenario.records)
        .map(|id| (id, api::name(id)))
        .collect();
    let visible = seen.visible.as_ref().map(|table| &table.rows);
    check(visible == Some(&model), || {
        format!("at the end the table holds {visible:?}")
    })?;
    check(seen.hidden == 0, || {
        format!("{} hidden tables are left at the end", seen.hidden)
    })
}

/// What is visible is what runs before had kept, if this one went on with it, and what the API
/// gave, each record as often as it was given.
fn shown_is_given(given: &Given, before: &Seen, after: &Seen) -> Rule {
    let Some(table) = &after.visible else {
        return Err("the table is gone".to_owned());
    };
    let kept = before.kept.iter().take(table.kept).cloned();
    let given = given.ids.iter().map(|id| (*id, api::name(*id)));
    let rows: Vec<Row> = kept.chain(given).collect();
    let visible = &table.rows;
    check(*visible == rows, || {
        format!(
            "the API gave {} records, visible are {visible:?}",
            rows.len()
        )
    })
}

/// What is published has no evidence against it that the protocol can give.
fn proven(scenario: &Scenario, lie: Option<Lie>, given: &Given, after: &Seen) -> Rule {
    let rows = after.visible.iter().flat_map(|table| &table.rows);
    let ids: Vec<u64> = rows.map(|(id, _)| *id).collect();
    let received = ids.len() as u64;
    check(given.total.is_none_or(|total| total == received), || {
        format!("published {received} records of {:?}", given.total)
    })?;
    let whole = ids.iter().copied().eq(0..scenario.records);
    let silent = lie.is_some_and(|lie| is_silent(lie, scenario, &ids));
    check(whole || (given.lied && silent), || {
        format!("published {received} records, though {lie:?} can be seen")
    })
}

/// Whether a lie leaves nothing on the wire that would contradict it. Where a total is announced,
/// there is always something; where it is not, no more is lost than the lie has hidden.
fn is_silent(lie: Lie, scenario: &Scenario, ids: &[u64]) -> bool {
    let Scenario {
        page,
        records,
        paging,
        ..
    } = *scenario;
    let all_but = |n: u64| {
        let hidden = (n - 1) * page..n * page;
        let rest = (0..records).filter(|id| !hidden.contains(id));
        ids.iter().copied().eq(rest)
    };
    let beginning = || ids.iter().copied().eq(0..ids.len() as u64);
    match lie {
        _ if scenario.total => false,
        Lie::Withhold(n) => all_but(n),
        Lie::EmptyPage(n) if paging == Paging::CountedPages => all_but(n),
        // By design an empty page is the end, and so is a page that names no next one.
        Lie::EmptyPage(_) | Lie::EarlyEnd(_) => beginning(),
        Lie::Overlap(_) => {
            let mut once = ids.to_vec();
            once.dedup();
            once.len() + 1 == ids.len() && once.iter().copied().eq(0..records)
        }
        _ => false,
    }
}

fn check(holds: bool, otherwise: impl FnOnce() -> String) -> Rule {
    if holds { Ok(()) } else { Err(otherwise()) }
}
