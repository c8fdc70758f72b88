//! Bugs that are planted behind the doors and in the runner: each must be found. And a runner that
//! lies about what it has proved: if that is not found, nothing is.

use std::sync::Arc;

use arrow_schema::SchemaRef;
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt};
use tapline_conformance::simulator::{
    Act, Flaw, Lie, Mishap, Mode, Paging, Runner, Scenario, Session, Simulator,
};
use tapline_core::{
    Boundary, EndSignal, Page, PageStream, Resume, RunReport, ShortReason, Slice, SliceStream,
    Source, Verdict, Window,
};
use tapline_engine::{Aim, HttpSource, RunTask};
use uuid::Uuid;

use super::runner::{drive, runner, source};

/// Worlds in which a bug must be found; large ones are left out.
const BOUND: u64 = 4_000;

/// How `what` is found out in the first of the worlds that are `wanted`.
fn found(what: &str, simulator: Simulator, wanted: impl Fn(&Scenario) -> bool) -> String {
    let worlds = (0..BOUND).map(Scenario::draw);
    let mut worlds = worlds.filter(|scenario| scenario.records < 100 && wanted(scenario));
    let violation = worlds.find_map(|scenario| simulator.play(&scenario).err());
    let violation = violation.unwrap_or_else(|| panic!("{what} is not found"));
    let (seed, rule) = (violation.scenario.seed, violation.rule);
    format!("{what}: found by seed {seed}: {rule}")
}

fn is_struck(scenario: &Scenario, wanted: fn(&Mishap) -> bool) -> bool {
    scenario.acts.iter().any(|act| wanted(&act.mishap))
}

/// Whether `flaw` can make a difference in a world, as far as that is known beforehand. The others would
/// only take time.
fn may_show(flaw: Flaw, scenario: &Scenario) -> bool {
    let is_race = |mishap: &Mishap| matches!(mishap, Mishap::Takeover(_) | Mishap::Pause(_));
    let is_cut = |mishap: &Mishap| *mishap != Mishap::None;
    let replaces = scenario.mode == Mode::FullLoad;
    let remembers = scenario.mode == Mode::Incremental;
    match flaw {
        Flaw::IgnoresFence | Flaw::SameFence | Flaw::IgnoresVersion => is_struck(scenario, is_race),
        Flaw::TornPublication | Flaw::KeepsStale | Flaw::ShowsAborted => replaces,
        Flaw::LosesKept => replaces && is_struck(scenario, is_cut),
        Flaw::PositionFirst | Flaw::OlderPosition => is_struck(scenario, is_cut),
        Flaw::LosesFlush | Flaw::DefersFlush => scenario.lazy,
        Flaw::PublishesEarly => scenario.lazy,
        Flaw::MixesSlices => scenario.parts > 1,
        Flaw::ForgetsOthers => !replaces,
        Flaw::LosesPage | Flaw::PublishesTwice => true,
        Flaw::ForgetsTies | Flaw::MarksTooFar | Flaw::CoversTooMuch | Flaw::LosesMarks => remembers,
        Flaw::WithholdsBoundary => remembers && scenario.cursor.asks.0,
    }
}

#[test]
fn planted_bugs_are_found() {
    for flaw in Flaw::ALL {
        let simulator = Simulator::new(runner).with_flaw(flaw);
        let what = format!("{flaw:?}");
        println!("{}", found(&what, simulator, |world| may_show(flaw, world)));
    }
}

#[test]
fn bugs_of_a_runner_are_found() {
    let runners: [(&str, Runner); 5] = [
        ("takes a short page for the end", ends_at_a_short_page),
        ("does not look at evidence", ignores_evidence),
        ("forgets to look back", forgets_to_look_back),
        ("leaves out the newest cursor", leaves_out_the_newest),
        ("reads every second slice", reads_every_second_slice),
    ];
    for (what, runner) in runners {
        println!("{}", found(what, Simulator::new(runner), |_| true));
    }
}

/// The canary: whatever it has read, it says that this is all.
#[test]
fn a_runner_that_lies_is_found_out() {
    let boastful: Runner = |session| {
        let run = runner(session);
        async move {
            let mut report = run.await;
            report.verdict = Verdict::Complete(EndSignal::AllSlices);
            report
        }
        .boxed()
    };
    for mode in [Mode::FullLoad, Mode::FullAppend, Mode::Incremental] {
        let mut scenario = Scenario::plain(mode, Paging::Token);
        scenario.acts = vec![Act {
            lie: Some(Lie::RepeatToken(2)),
            ..Act::PLAIN
        }];
        let violation = Simulator::new(boastful).play(&scenario).unwrap_err();
        println!("{mode:?}: {}", violation.rule);
        // It says what has happened, and it is the boast that is found.
        assert!(
            violation.to_string().contains("ends: complete"),
            "{violation}"
        );
        let story = Simulator::new(runner).play(&scenario).unwrap();
        assert_eq!(story.scenes[0].verdict.as_ref().unwrap().name(), "short");
    }
}

fn forgets_to_look_back(session: Session) -> BoxFuture<'static, RunReport> {
    let source = Arc::new(source(&session));
    drive(session, source, |task: &mut RunTask| {
        if let Aim::Missing { cursor, .. } = &mut task.aim {
            cursor.lookback = None;
        }
    })
}

fn leaves_out_the_newest(session: Session) -> BoxFuture<'static, RunReport> {
    let source = Arc::new(source(&session));
    drive(session, source, |task: &mut RunTask| {
        if let Aim::Missing { cursor, .. } = &mut task.aim {
            cursor.boundary = Boundary::Open;
        }
    })
}

fn ends_at_a_short_page(session: Session) -> BoxFuture<'static, RunReport> {
    let short = |page: &mut Page| {
        let evidence = &mut page.info.evidence;
        if evidence.asked.is_some_and(|asked| evidence.records < asked) {
            (page.info.next, evidence.end) = (None, Some(EndSignal::LastPage));
            (evidence.total, evidence.short) = (None, None);
        }
    };
    bent(session, short, false)
}

fn ignores_evidence(session: Session) -> BoxFuture<'static, RunReport> {
    let ignore = |page: &mut Page| {
        let evidence = &mut page.info.evidence;
        if !matches!(evidence.short, Some(ShortReason::Limit { .. })) {
            (evidence.short, evidence.total) = (None, None);
        }
        if evidence.end.is_none() && page.info.next.is_none() {
            evidence.end = Some(EndSignal::NoNext);
        }
    };
    bent(session, ignore, false)
}

fn reads_every_second_slice(session: Session) -> BoxFuture<'static, RunReport> {
    bent(session, |_| {}, true)
}

fn bent(session: Session, bend: fn(&mut Page), skips: bool) -> BoxFuture<'static, RunReport> {
    let source = Bent {
        inner: source(&session),
        bend,
        skips,
    };
    drive(session, Arc::new(source), |_| {})
}

/// A source whose pages are bent, and some of whose slices are left out.
struct Bent {
    inner: HttpSource,
    bend: fn(&mut Page),
    skips: bool,
}

impl Source for Bent {
    fn schema(&self) -> SchemaRef {
        self.inner.schema()
    }

    fn slices(&self, window: &Window) -> SliceStream {
        let slices = self.inner.slices(window).enumerate();
        let skips = self.skips;
        let wanted = slices.filter_map(move |(index, slice)| async move {
            (!skips || index.is_multiple_of(2)).then_some(slice)
        });
        wanted.boxed()
    }

    fn open(&self, slice: &Slice, from: Option<Resume>) -> PageStream {
        let bend = self.bend;
        let pages = self.inner.open(slice, from);
        let pages = pages.map(move |page| {
            page.map(|mut page| {
                bend(&mut page);
                page
            })
        });
        // Nothing comes after a page that is said to be the last.
        let pages = pages.scan(false, |is_over, page| {
            let was_over = *is_over;
            *is_over |= page.as_ref().is_ok_and(|page| page.info.next.is_none());
            async move { (!was_over).then_some(page) }
        });
        pages.boxed()
    }

    fn spent(&self) -> Option<ShortReason> {
        self.inner.spent()
    }

    fn fingerprint(&self) -> String {
        self.inner.fingerprint()
    }

    fn identity(&self) -> String {
        self.inner.identity()
    }

    fn read_for(&self, run: Uuid) {
        self.inner.read_for(run);
    }

    fn kept(&self) {
        self.inner.kept();
    }
}
