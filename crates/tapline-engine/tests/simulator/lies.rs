//! The ways in which a source can give less than it has, or say what is not so, and what shows it: the
//! answers, a total, or what the pipeline expects. What nothing shows is listed as well. The tables
//! stand in `docs/reliability.md`; `INSTA_UPDATE=always` writes them there.

mod rows;

use std::collections::BTreeSet;
use std::path::Path;
use std::{env, fs};

use tapline_conformance::simulator::{
    Act, Changes, Drift, Expect, Lie, Mishap, Mode, Paging, Scenario, Simulator,
};
use tapline_core::{ShortReason, UnknownReason, Verdict};

use self::rows::{COUNTED_OUT, LOUD, SEEN, SILENT};
use super::coverage::is_drawn;
use super::runner::runner;

/// Where the table stands in the docs.
const DOCS: &str = "../../docs/reliability.md";
const BEGIN: &str =
    "<!-- The tables are checked by tests/simulator/lies.rs of tapline-engine. -->\n";
const END: &str = "<!-- Their end. -->\n";

/// A lie, and what shows it.
#[derive(Clone, Copy)]
struct Row {
    name: &'static str,
    lie: Lie,
    pagings: (&'static str, &'static [Paging]),
    world: World,
    shown: Shown,
}

/// The world in which it is told, to the second of two runs.
#[derive(Clone, Copy, PartialEq, Eq)]
enum World {
    /// Nothing has changed.
    Load,
    /// A load that goes on with what an earlier one has kept.
    Cut,
    /// A load whose API gives a part of the stream for each question.
    Parts,
    /// An update, after records have come.
    Update,
    /// The same, a minute later, where cursors are times.
    Later,
}

/// What shows a lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shown {
    /// The answers.
    Answers,
    /// The total, if the source says one.
    Total,
    /// What the pipeline expects.
    Expected,
    /// Nothing.
    Never,
}

impl Row {
    fn scenario(&self, paging: Paging, total: bool, expect: Expect) -> Scenario {
        let mode = match self.world {
            World::Load | World::Cut | World::Parts => Mode::FullLoad,
            World::Update | World::Later => Mode::Incremental,
        };
        let mut scenario = Scenario::plain(mode, paging);
        (scenario.total, scenario.expect) = (total, expect);
        let mut act = Act {
            lie: Some(self.lie),
            ..Act::PLAIN
        };
        let mut first = Act::PLAIN;
        match self.world {
            World::Load => {}
            World::Cut => first.mishap = Mishap::Limit(1),
            World::Parts => scenario.parts = 2,
            World::Update | World::Later => {
                act.changes = Changes {
                    inserts: 8,
                    seconds: 60,
                    ..Changes::default()
                };
            }
        }
        if self.world == World::Later {
            // What comes is older than the run, which does not ask beyond its own beginning.
            (scenario.cursor.is_time, scenario.cursor.skew) = (true, -10);
        }
        scenario.acts = vec![first, act];
        scenario
    }

    /// What the run says that was lied to.
    fn outcome(&self, paging: Paging, total: bool, expect: Expect) -> &'static str {
        let scenario = self.scenario(paging, total, expect);
        let story = Simulator::new(runner).play(&scenario);
        let story = story.unwrap_or_else(|violation| panic!("{}: {violation}", self.name));
        let scene = &story.scenes[1];
        let is_told = scene.lied || !self.is_told_always();
        assert!(is_told, "{} is not told ({paging:?})", self.name);
        match &scene.verdict {
            Some(Verdict::Short(ShortReason::Failed { .. })) => "failed",
            Some(Verdict::Unknown(UnknownReason::Paused { .. })) => "paused",
            Some(verdict) => verdict.name(),
            None => "dead",
        }
    }

    /// A total that is wrong is none where none is said, and what widens is no lie.
    fn is_told_always(&self) -> bool {
        !matches!(
            self.lie,
            Lie::WrongTotal(_) | Lie::TotalChanges(..) | Lie::Widen(_)
        )
    }

    fn outcomes(&self, total: bool, expect: Expect) -> BTreeSet<&'static str> {
        let pagings = self.pagings.1.iter();
        pagings
            .map(|paging| self.outcome(*paging, total, expect))
            .collect()
    }

    /// The expectations that might show it: what an honest source would bring, and hardly less than
    /// before.
    fn expectations(&self) -> Vec<(&'static str, Expect)> {
        let none = Expect::default();
        let least = |records| Expect {
            min_records: Some(records),
            ..none
        };
        let lag = Expect {
            max_lag: Some(100),
            ..none
        };
        let (records, percent) = match self.lie {
            Lie::Drift(_, Drift::Delete) => (10, 10.0),
            _ => (11, 5.0),
        };
        let drop = Expect {
            max_drop: Some(percent),
            ..none
        };
        match self.world {
            World::Load | World::Cut | World::Parts => {
                vec![("min_records", least(records)), ("max_drop", drop)]
            }
            // How many come, nobody knows.
            World::Update => Vec::new(),
            World::Later => vec![("max_lag", lag)],
        }
    }

    /// Those that show it, whatever the way of paging, and raise no alarm where there is no lie.
    fn expectation(&self) -> String {
        let expectations = self.expectations().into_iter();
        let shown = expectations.filter(|(_, expect)| {
            !self.outcomes(false, *expect).contains("complete") && self.is_met(*expect)
        });
        let names: Vec<&str> = shown.map(|(name, _)| name).collect();
        names.join(", ")
    }

    /// Whether an honest source does as `expect` says.
    fn is_met(&self, expect: Expect) -> bool {
        self.pagings.1.iter().all(|paging| {
            let scenario = self.scenario(*paging, false, expect).honest();
            let story = Simulator::new(runner).play(&scenario);
            // An expectation that is not met breaks the rule that an honest run is complete.
            story.is_ok()
        })
    }

    /// Its line in a table. Fails if something else shows it than is said.
    fn line(&self) -> String {
        let alone = self.outcomes(false, Expect::default());
        let counted = self.outcomes(true, Expect::default());
        let is_complete = |outcomes: &BTreeSet<&str>| outcomes.contains("complete");
        let expectation = match is_complete(&alone) {
            true => self.expectation(),
            false => "-".to_owned(),
        };
        let shown = match expectation.as_str() {
            _ if !is_complete(&alone) => Shown::Answers,
            _ if !is_complete(&counted) => Shown::Total,
            "" => Shown::Never,
            _ => Shown::Expected,
        };
        assert_eq!(shown, self.shown, "{}: {alone:?}, {counted:?}", self.name);
        let join = |outcomes: BTreeSet<&str>| outcomes.into_iter().collect::<Vec<_>>().join(" or ");
        let (name, paging) = (self.name, self.pagings.0);
        let (alone, counted) = (join(alone), join(counted));
        let expectation = match expectation.as_str() {
            "" => "none",
            names => names,
        };
        format!("| {name} | {paging} | {alone} | {counted} | {expectation} |\n")
    }
}

/// The tables, and what each is about.
const TABLES: [(&str, &[Row]); 4] = [
    ("What the answers themselves show", SEEN),
    (
        "What a total shows, where the source announces one",
        COUNTED_OUT,
    ),
    ("What leaves no trace: undetectable in one run", SILENT),
    ("What is odd, though nothing is missing", LOUD),
];

fn tables() -> String {
    let head = "\
        | what the source does | paging | without a total | with one | expectation that shows it \
        |\n|---|---|---|---|---|\n";
    let table = |(title, rows): (&str, &[Row])| {
        let lines: String = rows.iter().map(Row::line).collect();
        format!("\n**{title}**\n\n{head}{lines}")
    };
    let tables: String = TABLES.into_iter().map(table).collect();
    tables + "\n"
}

#[test]
fn what_a_source_hides_is_shown_as_the_docs_say() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(DOCS);
    let docs = fs::read_to_string(&path).unwrap();
    let (before, rest) = docs.split_once(BEGIN).unwrap();
    let (written, after) = rest.split_once(END).unwrap();
    let tables = tables();
    if env::var("INSTA_UPDATE").is_ok_and(|update| update == "always") {
        fs::write(&path, format!("{before}{BEGIN}{tables}{END}{after}")).unwrap();
    } else {
        assert_eq!(written, tables, "docs/reliability.md is out of date");
    }
}

#[test]
fn most_of_them_are_told_in_the_seeds_as_well() {
    let rows = TABLES.into_iter().flat_map(|(_, rows)| rows);
    let drawn = rows.filter(|row| is_drawn(row.lie)).count();
    assert!(drawn > 20, "{drawn}");
}
