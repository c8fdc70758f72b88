//! What the seeds have met. A simulator that never meets a fault proves nothing about it.

use std::collections::BTreeMap;
use std::fmt;

use tapline_conformance::simulator::{Lie, Mode, Paging, Scenario, Story, Trouble};
use tapline_core::RecordOrder::Ascending;

#[derive(Debug, Default)]
pub(crate) struct Coverage {
    counts: BTreeMap<String, u64>,
    met: BTreeMap<Trouble, u64>,
    events: usize,
    runs: u64,
    resumed: u64,
}

/// The lies that worlds are drawn with, and the ways of paging that they fit.
const LIES: [(&str, &[Paging]); 18] = [
    ("WrongTotal", &Paging::ALL),
    ("TotalChanges", &Paging::ALL),
    ("RepeatToken", LINKED),
    ("TokenCycle", LINKED),
    ("IgnoreOffset", NUMBERED),
    ("RepeatPage", PAGED),
    ("Withhold", &Paging::ALL),
    ("Hide", &Paging::ALL),
    ("LoseLast", &Paging::ALL),
    ("EmptyPage", &Paging::ALL),
    ("NoContent", &Paging::ALL),
    ("EarlyEnd", LED),
    ("Overlap", PAGED),
    ("Backwards", &Paging::ALL),
    ("Drift", &Paging::ALL),
    ("ForeignNext", URLS),
    ("HugeNext", LINKED),
    ("Boundary", &Paging::ALL),
];

use Paging::{CountedPages, LinkHeader, Offset, Page, Pointer, Token};
const LINKED: &[Paging] = &[Pointer, Token, LinkHeader];
const NUMBERED: &[Paging] = &[Offset, Page, CountedPages];
const PAGED: &[Paging] = &[Offset, Page, CountedPages, Pointer, Token, LinkHeader];
const LED: &[Paging] = &[CountedPages, Pointer, Token, LinkHeader];
const URLS: &[Paging] = &[Pointer, LinkHeader];
const MODES: [Mode; 3] = [Mode::FullLoad, Mode::FullAppend, Mode::Incremental];

impl Coverage {
    pub(crate) fn add(&mut self, story: &Story) {
        let scenario = &story.scenario;
        self.events += story.trace.events();
        self.runs += story.processes;
        self.resumed += story.resumed;
        for (trouble, count) in &story.met {
            *self.met.entry(*trouble).or_default() += count;
        }
        self.count(format!("world {:?} {:?}", scenario.mode, scenario.paging));
        for (scene, act) in story.scenes.iter().zip(&scenario.acts) {
            let verdict = scene
                .verdict
                .as_ref()
                .map_or("dead", |verdict| verdict.name());
            self.count(format!("verdict {:?} {verdict}", scenario.mode));
            if let (Some(lie), true) = (act.lie, scene.lied) {
                self.count(format!("lie {} {:?}", name(&lie), scenario.paging));
            }
            if scene.struck {
                self.count(format!("mishap {}", name(&act.mishap)));
            }
        }
        for (what, is_there) in features(scenario) {
            if is_there {
                self.count(format!("world with {what}"));
            }
        }
    }

    fn count(&mut self, what: String) {
        *self.counts.entry(what).or_default() += 1;
    }

    fn of(&self, what: &str) -> u64 {
        self.counts.get(what).copied().unwrap_or(0)
    }

    /// Fails if something was never met in so many worlds; or too rarely, if they were many.
    pub(crate) fn check(&self, seeds: u64) {
        let least = (seeds / 400).clamp(1, 50);
        for (trouble, name) in Trouble::ALL {
            let met = self.met.get(&trouble).copied().unwrap_or(0);
            assert!(met >= least, "{name}: met {met} times, not {least}");
        }
        for (lie, pagings) in LIES {
            for paging in pagings {
                let what = format!("lie {lie} {paging:?}");
                // How often depends on how many of them there are.
                assert!(self.of(&what) > 0 || seeds < 5_000, "{what} never told");
            }
            let told = pagings
                .iter()
                .map(|paging| self.of(&format!("lie {lie} {paging:?}")));
            assert!(told.sum::<u64>() > 0, "{lie} never told");
        }
        for mishap in [
            "Door", "Kill", "Stop", "Limit", "Takeover", "Pause", "Corrupt",
        ] {
            let what = format!("mishap {mishap}");
            assert!(self.of(&what) >= least, "{what} never happened");
        }
        assert!(self.resumed >= least, "no run was gone on with");
        self.check_honest();
    }

    /// Fails if a way of paging, a mode or another feature was never there.
    pub(crate) fn check_honest(&self) {
        let pairs = MODES
            .into_iter()
            .flat_map(|mode| Paging::ALL.map(|paging| (mode, paging)));
        for (mode, paging) in pairs {
            let what = format!("world {mode:?} {paging:?}");
            assert!(self.of(&what) > 0, "{what} was never there");
        }
        for (what, _) in features(&Scenario::draw(0)) {
            let what = format!("world with {what}");
            assert!(self.of(&what) > 0, "{what} was never there");
        }
    }
}

/// What is there in a world besides its mode and its paging.
fn features(scenario: &Scenario) -> [(&'static str, bool); 19] {
    let cursor = &scenario.cursor;
    let changes = || scenario.acts.iter().map(|act| act.changes);
    [
        ("parts", scenario.parts > 0),
        ("a total", scenario.total),
        ("a cap", scenario.most.is_some()),
        ("ragged pages", scenario.ragged),
        ("an empty page after the last", scenario.trailing),
        ("a lazy destination", scenario.lazy),
        ("concurrency", scenario.concurrency > 1),
        ("times", cursor.is_time),
        ("lookback", cursor.lookback.is_some()),
        ("slices", cursor.slice.is_some()),
        ("a start", cursor.start.is_some()),
        ("a lag", cursor.lag > 0),
        ("windows that cannot be asked for", !cursor.asks.0),
        ("starts that are left out", cursor.excludes),
        (
            "numbers that are cut without a bound",
            scenario.most.is_some() && cursor.order != Ascending && cursor.start.is_none(),
        ),
        ("200 pages", scenario.records / scenario.page > 150),
        ("inserts", changes().any(|changes| changes.inserts > 0)),
        ("updates", changes().any(|changes| changes.updates > 0)),
        ("late records", changes().any(|changes| changes.late > 0)),
    ]
}

fn name(value: &impl fmt::Debug) -> String {
    let text = format!("{value:?}");
    text.split('(').next().unwrap_or_default().to_owned()
}

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            events,
            runs,
            resumed,
            ..
        } = self;
        writeln!(
            f,
            "{events} events, {runs} runs, {resumed} of them went on with another"
        )?;
        for (trouble, name) in Trouble::ALL {
            let met = self.met.get(&trouble).copied().unwrap_or(0);
            writeln!(f, "{met:>8}  {name}")?;
        }
        for (what, count) in &self.counts {
            writeln!(f, "{count:>8}  {what}")?;
        }
        Ok(())
    }
}

/// Whether worlds are drawn with `lie`: the rules of a lie that is never told are not tried.
pub(crate) fn is_drawn(lie: Lie) -> bool {
    LIES.iter().any(|(known, _)| *known == name(&lie))
}
