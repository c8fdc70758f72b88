//! The real runner, killed at random moments: readers see the whole old table or the whole new
//! one, and the next run goes on where the dead one was, without anybody's help.
//!
//! `TAPLINE_KILLS=500 cargo test -p tapline --test it kills -- --nocapture` is the long form. It
//! prints the figures of `docs/reliability.md`.

#![expect(
    clippy::disallowed_methods,
    reason = "a real process dies in real time"
)]

use std::process::Child;
use std::thread;
use std::time::{Duration, Instant};
use std::{env, fs};

use serde_json::{Value, json};
use tapline_conformance::fake_api::{Counts, FakeApi, FakeApiConfig, Fault, FaultAction};
use tapline_conformance::random::Random;

use crate::readers;
use crate::support::{Project, Run};

pub(crate) const PAGE: u64 = 100;
/// Every load has another number of records than the one before.
const SIZES: [u64; 2] = [4_000, 5_000];
/// How long the API thinks about a page.
const THINKS: Duration = Duration::from_millis(4);
/// Pages that may be fetched again for a kill: the one that was not yet kept, and the one that was
/// on its way already.
const AGAIN: f64 = 2.0;
/// Half of the kills are aimed at the time between the last request and the process's end.
const ENDING: u64 = 80_000;

/// A kind of destination, and how its tables are read without tapline.
pub(crate) struct Place {
    pub(crate) name: &'static str,
    /// The destination in the project file.
    yaml: &'static str,
    /// The visible table, by id: every column but those that differ from run to run.
    pub(crate) rows: fn(&Project) -> Vec<String>,
    /// What runs that were cut have left behind.
    hidden: fn(&Project) -> usize,
}

pub(crate) const SQLITE: Place = Place {
    name: "sqlite",
    yaml: "{ type: sqlite, path: warehouse.db }",
    rows: |project| {
        let warehouse = project.warehouse();
        let check = "pragma quick_check";
        let sound: String = warehouse.query_row(check, [], |row| row.get(0)).unwrap();
        assert_eq!(sound, "ok");
        let sql = "select json_array(id, name, score, active, note, tags, address, updated_at)
            from t order by id";
        let mut rows = warehouse.prepare(sql).unwrap();
        let rows = rows.query_map([], |row| row.get(0)).unwrap();
        rows.collect::<Result<_, _>>().unwrap()
    },
    hidden: |project| {
        let tables = "select count(*) from sqlite_master where name glob '_tapline_gen_*'";
        let listed = "select count(*) from _tapline_generations";
        (project.count(tables) + project.count(listed)) as usize
    },
};

pub(crate) const FILES: Place = Place {
    name: "files",
    yaml: "{ type: files, path: out, format: jsonl, commit: page }",
    rows: |project| {
        let columns = [
            "id",
            "name",
            "score",
            "active",
            "note",
            "tags",
            "address",
            "updated_at",
        ];
        let row = |row: Value| json!(columns.map(|column| &row[column])).to_string();
        let rows = readers::jsonl(&project.path(TABLE));
        rows.into_iter().map(row).collect()
    },
    hidden: |project| readers::unnamed(&project.path(TABLE)),
};

/// The table's folder.
const TABLE: &str = "out/public/t";

#[test]
fn files_show_one_whole_generation_after_every_kill() {
    torture(&FILES);
}

#[test]
fn sqlite_shows_one_whole_generation_after_every_kill() {
    torture(&SQLITE);
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
    /// The new table was visible already.
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

fn torture(place: &Place) {
    let kills = number("TAPLINE_KILLS", 15);
    let seed = number("TAPLINE_SEED", 1);
    let started = Instant::now();
    let mut rig = Rig::new(place, seed);
    let mut figures = Figures::default();
    while figures.kills < kills {
        rig.kill_one(&mut figures);
    }
    let before = rig.asked();
    let last = rig.complete();
    rig.load.0 += rig.asked() - before;
    assert_eq!(last.code, 0, "{last}");
    assert_eq!(rig.seen(), rig.model[..rig.new as usize], "the last load");
    assert_eq!((place.hidden)(&rig.project), 0, "nothing hidden is left");
    rig.settle(&mut figures);
    println!(
        "{}: seed {seed}, {figures:?}; {:.1} pages fetched again per kill; {:.0} s",
        place.name,
        figures.pages_again as f64 / figures.kills as f64,
        started.elapsed().as_secs_f64()
    );
    assert_eq!((figures.lost, figures.twice), (0, 0));
    assert!(figures.worst <= AGAIN, "{figures:?}");
}

fn number(name: &str, default: u64) -> u64 {
    env::var(name).map_or(default, |value| value.parse().unwrap())
}

/// An API, a project, and what the table must hold.
struct Rig<'a> {
    place: &'a Place,
    api: FakeApi,
    project: Project,
    random: Random,
    /// All records, as a run to the end has brought them.
    model: Vec<String>,
    /// Records in the visible table.
    old: u64,
    /// Records of the API now.
    new: u64,
    /// How long a whole run takes.
    whole: Duration,
    /// Pages that were asked for in this load, and how often it was killed.
    load: (u64, u64),
}

impl<'a> Rig<'a> {
    fn new(place: &'a Place, seed: u64) -> Self {
        let slow = FaultAction::SlowFirstByte(THINKS);
        let api = FakeApi::start(FakeApiConfig {
            faults: vec![Fault::from("/generic/token", 1, slow)],
            ..FakeApiConfig::default()
        });
        let api = api.unwrap();
        let project = project(place, "full_load", &api);
        let [fewer, more] = SIZES;
        let mut rig = Self {
            place,
            api,
            project,
            random: Random::new(seed, 0, 0),
            model: Vec::new(),
            old: more,
            new: fewer,
            whole: Duration::ZERO,
            load: (0, 0),
        };
        rig.serve(more);
        let started = Instant::now();
        let first = rig.complete();
        rig.whole = started.elapsed();
        assert_eq!(first.code, 0, "{first}");
        rig.model = rig.seen();
        assert_eq!(ids(&rig.model), (1..=more).collect::<Vec<_>>());
        rig.serve(fewer);
        rig
    }

    fn serve(&self, generic: u64) {
        self.api.set_counts(Counts {
            generic,
            ..Counts::default()
        });
    }

    fn seen(&self) -> Vec<String> {
        (self.place.rows)(&self.project)
    }

    /// A run to its end. Whoever was killed before has left no lock behind.
    fn complete(&self) -> Run {
        self.project.tapline(&["run", "--lock-wait", "0s"])
    }

    /// Starts a run, kills it at a random moment, and looks at what it has left.
    fn kill_one(&mut self, figures: &mut Figures) {
        let before = self.asked();
        let mut command = self.project.command(&["run", "--lock-wait", "0s"]);
        let mut run = command.spawn("killed");
        self.wait(&mut run, before);
        let rss = peak_rss_kb(run.id());
        run.kill().unwrap();
        let status = run.wait().unwrap();
        let pages = self.asked() - before;
        let phase = phase(self.load.0 + pages, self.new.div_ceil(PAGE));
        figures.peak_rss_kb = figures.peak_rss_kb.max(rss);
        let rows = self.seen();
        let published = self.judge(&rows, figures);
        match status.code() {
            Some(code) => {
                assert_eq!(code, 0, "a run that was not killed in time");
                assert!(published);
                figures.finished += 1;
            }
            None => {
                let phase = if published { Phase::Published } else { phase };
                figures.kills += 1;
                figures.in_phase[phase as usize] += 1;
                self.load.1 += u64::from(!published);
            }
        }
        self.load.0 += pages;
        if published {
            self.settle(figures);
            (self.old, self.new) = (self.new, self.old);
            self.serve(self.new);
        }
    }

    /// Counts what a load that is over has asked for more often than once.
    fn settle(&mut self, figures: &mut Figures) {
        let (pages, kills) = std::mem::take(&mut self.load);
        let again = pages.saturating_sub(self.new.div_ceil(PAGE));
        figures.pages_again += again;
        if again > 0 {
            figures.worst = figures.worst.max(again as f64 / kills as f64);
        }
    }

    /// Waits for a random moment of the run, half of the time for one near its end.
    fn wait(&mut self, run: &mut Child, before: u64) {
        if self.random.chance(50) {
            let micros = self.whole.as_micros() as u64;
            thread::sleep(Duration::from_micros(self.random.below(micros)));
            return;
        }
        let pages = self.new.div_ceil(PAGE).saturating_sub(self.load.0);
        while self.asked() - before < pages && run.try_wait().unwrap().is_none() {
            thread::sleep(Duration::from_micros(200));
        }
        thread::sleep(Duration::from_micros(self.random.below(ENDING)));
    }

    fn asked(&self) -> u64 {
        self.api.stats().total
    }

    /// Whether the new table is visible; counts what is neither in the old nor in the new one.
    fn judge(&self, rows: &[String], figures: &mut Figures) -> bool {
        let whole = |records: u64| rows == &self.model[..records as usize];
        if !whole(self.old) && !whole(self.new) {
            let mut ids = ids(rows);
            let seen = ids.len();
            ids.dedup();
            figures.twice += (seen - ids.len()) as u64;
            figures.lost += self.old.saturating_sub(ids.len() as u64).max(1);
        }
        whole(self.new)
    }
}

/// Where a load is that has asked for so many of `all` pages.
fn phase(pages: u64, all: u64) -> Phase {
    match pages {
        0 => Phase::Starting,
        pages if pages < all => Phase::Paging,
        _ => Phase::Ending,
    }
}

/// The ids of rows that are JSON arrays and begin with one.
fn ids(rows: &[String]) -> Vec<u64> {
    let id = |row: &String| {
        let row: Value = serde_json::from_str(row).unwrap();
        row[0].as_u64().unwrap()
    };
    rows.iter().map(id).collect()
}

/// The largest size the process ever had in memory; 0 where the system does not say.
fn peak_rss_kb(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.and_then(|rest| rest.split_whitespace().next());
    number.map_or(0, |kb| kb.parse().unwrap())
}

/// A project that reads the API into the table `t` of `place`.
pub(crate) fn project(place: &Place, mode: &str, api: &FakeApi) -> Project {
    let project = Project::new(&format!(
        "version: 1
connections:
  c:
    connector: rest
    streams: {{ records: records.json }}
    params: {{ host: \"{}\" }}
destinations:
  warehouse: {}
pipelines:
  p:
    source: {{ connection: c, stream: records }}
    destination: {{ name: warehouse, table: t }}
    sync: {{ mode: {mode} }}
",
        api.base_url(),
        place.yaml
    ));
    let spec = json!({
        "authSpec": [],
        "sourceSpec": {
            "attributes": {
                "urlParams": { "host": "${host}", "path": "/generic/token", "method": "GET",
                    "queryParams": { "limit": PAGE.to_string() } },
                "contentPath": { "path": "$.results", "unwrap": true, "siblings": false },
                "paginationParams": { "type": "CONTINUATION_TOKEN",
                    "continuationTokenPath": "$.next_token",
                    "parameterType": "QUERYPARAM", "parameterName": "token" }
            },
            "spec": { "type": "object", "properties": { "host": { "type": "string" } },
                "required": ["host"] }
        }
    });
    fs::write(project.path("records.json"), spec.to_string()).unwrap();
    project
}
