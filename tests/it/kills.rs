//! The real runner, killed at random moments: readers see what they saw before or what the run was to
//! bring, and the next run goes on where the dead one was, without anybody's help.
//!
//! `TAPLINE_KILLS=500 cargo test -p tapline --test it kills -- --nocapture` is the long form. It
//! prints the figures of `docs/reliability.md`.

#![expect(
    clippy::disallowed_methods,
    reason = "a real process dies in real time"
)]

mod loads;
mod places;
pub(crate) mod updates;

use std::process::Child;
use std::thread;
use std::time::{Duration, Instant};
use std::{env, fs};

use serde_json::Value;
use tapline_conformance::fake_api::{FakeApi, FakeApiConfig, Fault, FaultAction};
use tapline_conformance::random::Random;

#[cfg(unix)]
use crate::postgres::Postgres;
use crate::support::{Project, Run, Tapline};

pub(crate) use loads::{PAGE, project, rows};
pub(crate) use places::{Files, Place, Sqlite};

/// How long the API thinks about a page.
pub(crate) const THINKS: Duration = Duration::from_millis(4);
/// Pages that may be fetched again for a kill: the one that was not yet kept, and the one that was
/// on its way already.
const AGAIN: f64 = 2.0;
/// Half of the kills are aimed at the time between the last request and the process's end.
const ENDING: u64 = 80_000;
/// The key of the API, where it asks for one.
pub(crate) const KEY: &str = "fake-key-us1";

#[test]
fn files_show_one_whole_generation_after_every_kill() {
    torture(loads::Rig::new(&Files, number("TAPLINE_SEED", 1)));
}

#[test]
fn sqlite_shows_one_whole_generation_after_every_kill() {
    torture(loads::Rig::new(&Sqlite, number("TAPLINE_SEED", 1)));
}

#[cfg(unix)]
#[test]
fn postgres_shows_one_whole_generation_after_every_kill() {
    let server = Postgres::start();
    torture(loads::Rig::new(&server, number("TAPLINE_SEED", 1)));
}

#[test]
fn files_are_added_to_once_whatever_is_killed() {
    torture(updates::Rig::new(&Files, number("TAPLINE_SEED", 1)));
}

#[test]
fn sqlite_is_added_to_once_whatever_is_killed() {
    torture(updates::Rig::new(&Sqlite, number("TAPLINE_SEED", 1)));
}

#[cfg(unix)]
#[test]
fn postgres_is_added_to_once_whatever_is_killed() {
    let server = Postgres::start();
    torture(updates::Rig::new(&server, number("TAPLINE_SEED", 1)));
}

/// An API, a project, and what its table must hold.
trait Torture {
    fn name(&self) -> String;
    /// Starts a run, kills it at a random moment, and looks at what it has left.
    fn kill_one(&mut self, figures: &mut Figures);
    /// Runs once more, to the end, and checks that all is there.
    fn finish(&mut self, figures: &mut Figures);
}

/// What a kill fell into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Before the first request: load, lease, hidden table.
    Starting,
    /// Between two pages.
    Paging,
    /// All pages were asked for: last commits, publication.
    Ending,
    /// All that the run was to bring was visible already.
    Published,
}

#[derive(Debug, Default)]
struct Figures {
    kills: u64,
    /// Of these: starting, paging, ending, published.
    in_phase: [u64; 4],
    /// Runs that were over before the signal came; they are no kills.
    finished: u64,
    lost: u64,
    twice: u64,
    /// Beyond those that a load needs if nobody kills it.
    pages_again: u64,
    /// The most for the kills of one load, by the kill.
    worst: f64,
    peak_rss_kb: u64,
}

fn torture(mut rig: impl Torture) {
    let kills = number("TAPLINE_KILLS", 15);
    let started = Instant::now();
    let mut figures = Figures::default();
    while figures.kills < kills {
        rig.kill_one(&mut figures);
    }
    rig.finish(&mut figures);
    println!(
        "{}: {figures:?}; {:.1} pages fetched again per kill; {:.0} s",
        rig.name(),
        figures.pages_again as f64 / figures.kills as f64,
        started.elapsed().as_secs_f64()
    );
    assert_eq!((figures.lost, figures.twice), (0, 0));
    assert!(figures.worst <= AGAIN, "{figures:?}");
}

pub(crate) fn number(name: &str, default: u64) -> u64 {
    env::var(name).map_or(default, |value| value.parse().unwrap())
}

/// A run that was to be killed.
struct Struck {
    /// Its exit code, if it was over before the signal.
    code: Option<i32>,
    /// Pages that it asked for.
    pages: u64,
}

/// What runs of one load share: where they run, and how much of the load is done.
struct Site {
    api: FakeApi,
    project: Project,
    random: Random,
    /// How long a whole run takes.
    whole: Duration,
    /// Pages that were asked for in this load, and how often it was killed.
    load: (u64, u64),
}

impl Site {
    /// A site whose API is slow at `path`.
    fn new(path: &str, seed: u64, project: impl FnOnce(&FakeApi) -> Project) -> Self {
        let slow = FaultAction::SlowFirstByte(THINKS);
        let api = FakeApi::start(FakeApiConfig {
            faults: vec![Fault::from(path, 1, slow)],
            ..FakeApiConfig::default()
        });
        let api = api.unwrap();
        let project = project(&api);
        Self {
            api,
            project,
            random: Random::new(seed, 0, 0),
            whole: Duration::ZERO,
            load: (0, 0),
        }
    }

    fn asked(&self) -> u64 {
        self.api.stats().total
    }

    /// The command that runs `words`. Whoever was killed before has left no lock behind.
    fn command(&self, words: &[impl AsRef<str>]) -> Tapline {
        let words = words.iter().map(AsRef::as_ref);
        let words: Vec<&str> = words.chain(["--lock-wait", "0s"]).collect();
        let mut command = self.project.command(&words);
        command.env("KEY", KEY);
        command
    }

    fn run(&self, words: &[impl AsRef<str>]) -> Run {
        Run::of(self.command(words).output().unwrap())
    }

    /// A run to its end, which belongs to the load.
    #[track_caller]
    fn complete(&mut self, words: &[impl AsRef<str>]) {
        let (before, started) = (self.asked(), Instant::now());
        let run = self.run(words);
        assert_eq!(run.code, 0, "{run}");
        self.whole = started.elapsed();
        self.load.0 += self.asked() - before;
    }

    /// Starts a run that is to ask for `pages` pages, all runs of its load together, and kills it at
    /// a random moment: half of the time at one near its end.
    fn strike(&mut self, words: &[impl AsRef<str>], pages: u64, figures: &mut Figures) -> Struck {
        let before = self.asked();
        let mut run = self.command(words).spawn("killed");
        self.wait(&mut run, before + pages.saturating_sub(self.load.0));
        figures.peak_rss_kb = figures.peak_rss_kb.max(peak_rss_kb(run.id()));
        run.kill().unwrap();
        let status = run.wait().unwrap();
        let pages = self.asked() - before;
        self.load.0 += pages;
        Struck {
            code: status.code(),
            pages,
        }
    }

    fn wait(&mut self, run: &mut Child, last: u64) {
        if self.random.chance(50) {
            let micros = self.whole.as_micros() as u64;
            thread::sleep(Duration::from_micros(self.random.below(micros)));
            return;
        }
        while self.asked() < last && run.try_wait().unwrap().is_none() {
            thread::sleep(Duration::from_micros(200));
        }
        thread::sleep(Duration::from_micros(self.random.below(ENDING)));
    }

    /// Enters what became of a run, of a load of so many pages.
    fn enter(&mut self, struck: &Struck, published: bool, pages: u64, figures: &mut Figures) {
        let phase = match self.load.0 {
            _ if published => Phase::Published,
            _ if struck.pages == 0 => Phase::Starting,
            asked if asked < pages => Phase::Paging,
            _ => Phase::Ending,
        };
        match struck.code {
            Some(code) => {
                assert_eq!(code, 0, "a run that was not killed in time");
                assert!(published);
                figures.finished += 1;
            }
            None => {
                figures.kills += 1;
                figures.in_phase[phase as usize] += 1;
                self.load.1 += u64::from(!published);
            }
        }
    }

    /// Counts what a load that is over, and needs `pages` pages, has asked for more often than
    /// once.
    fn settle(&mut self, pages: u64, figures: &mut Figures) {
        let (asked, kills) = std::mem::take(&mut self.load);
        let again = asked.saturating_sub(pages);
        figures.pages_again += again;
        if again > 0 {
            figures.worst = figures.worst.max(again as f64 / kills as f64);
        }
    }
}

/// The numbers that rows, which are JSON arrays, begin with.
pub(crate) fn keys(rows: &[String]) -> Vec<u64> {
    let key = |row: &String| {
        let row: Value = serde_json::from_str(row).unwrap();
        row[0].as_u64().unwrap()
    };
    rows.iter().map(key).collect()
}

/// The largest size the process ever had in memory; 0 where the system does not say.
fn peak_rss_kb(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.and_then(|rest| rest.split_whitespace().next());
    number.map_or(0, |kb| kb.parse().unwrap())
}
