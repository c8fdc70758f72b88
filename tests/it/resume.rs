//! The installed binary goes on with runs that were cut, and says so.

use std::fs;
use std::process::Command;
use std::thread;
use std::time::Duration;

use serde_json::Value;
use tapline_conformance::fake_api::{Counts, FakeApi, FakeApiConfig, Fault, FaultAction};

use crate::kills::{Files, PAGE, Place, Sqlite, project, rows};
#[cfg(unix)]
use crate::postgres::Postgres;
use crate::support::{Project, Run};

/// Pages that the API has.
const PAGES: u64 = 6;

struct World<'a> {
    api: FakeApi,
    project: Project,
    place: &'a dyn Place,
}

impl<'a> World<'a> {
    fn new(place: &'a dyn Place, mode: &str, faults: Vec<Fault>) -> Self {
        let config = FakeApiConfig {
            faults,
            ..FakeApiConfig::default()
        };
        let api = FakeApi::start(config).unwrap();
        api.set_counts(Counts {
            generic: PAGES * PAGE,
            ..Counts::default()
        });
        let project = project(place, mode, &api);
        Self {
            api,
            project,
            place,
        }
    }

    fn run(&self) -> (Run, Value) {
        let run = self.project.tapline(&["run", "--output", "json"]);
        let report = run.json();
        (run, report)
    }

    /// A run that must be complete, what it reports, and how many requests it took.
    #[track_caller]
    fn complete(&self) -> (Value, u64) {
        let before = self.asked();
        let (run, report) = self.run();
        assert_eq!(run.code, 0, "{run}");
        (report, self.asked() - before)
    }

    fn asked(&self) -> u64 {
        self.api.stats().total
    }

    /// The number of rows, and of those that are there twice.
    fn rows(&self) -> (u64, u64) {
        let rows = rows(self.place, &self.project);
        let mut once = rows.clone();
        once.dedup();
        (rows.len() as u64, (rows.len() - once.len()) as u64)
    }
}

/// The request `number` is answered with `status`.
fn status(number: u64, status: u16) -> Fault {
    Fault::nth("/generic/token", number, FaultAction::status(status))
}

#[test]
fn a_run_that_failed_is_gone_on_with() {
    for mode in ["full_load", "full_append"] {
        check_failed(&Sqlite, mode);
        check_failed(&Files, mode);
        #[cfg(unix)]
        check_failed(&Postgres::start(), mode);
    }
}

fn check_failed(place: &dyn Place, mode: &str) {
    let world = World::new(place, mode, vec![status(4, 400)]);
    let said = world.project.tapline(&["run"]);
    assert_eq!(said.code, 1, "{said}");
    assert!(
        said.stdout.contains("running it again goes on from there"),
        "{said}"
    );
    let (report, asked) = world.complete();
    assert_eq!(asked, PAGES - 3, "{mode} into {}", place.name());
    let from = &report["resumed_from"];
    assert_eq!(
        (&from["pages"], &from["records"]),
        (&3.into(), &(3 * PAGE).into())
    );
    assert_eq!(report["run_id"], from["run_id"]);
    assert_eq!(world.rows(), (PAGES * PAGE, 0));
    let (_, asked) = world.complete();
    assert_eq!(asked, PAGES, "the next run is a new one");
    let twice = if mode == "full_append" {
        PAGES * PAGE
    } else {
        0
    };
    assert_eq!(world.rows(), (PAGES * PAGE + twice, twice));
}

#[test]
fn people_are_told_where_a_run_went_on() {
    let world = World::new(&Sqlite, "full_load", vec![status(4, 400)]);
    let failed = world.run().1;
    let said = world.project.tapline(&["run"]);
    let run = failed["run_id"].as_str().unwrap();
    let resumed = format!("It was resumed after page 3 of run {run}, which had kept 300 records.");
    assert!(said.stdout.contains(&resumed), "{said}");
}

#[test]
fn a_token_that_has_expired_lets_the_run_begin_anew() {
    let world = World::new(&Sqlite, "full_load", vec![status(4, 400), status(5, 410)]);
    assert_eq!(world.run().0.code, 1);
    let (report, asked) = world.complete();
    assert_eq!((asked, &report["resumed_from"]), (1 + PAGES, &Value::Null));
    assert_eq!(world.rows(), (PAGES * PAGE, 0));
}

#[test]
fn a_spec_that_has_changed_lets_the_run_begin_anew() {
    let world = World::new(&Sqlite, "full_load", vec![status(4, 400)]);
    assert_eq!(world.run().0.code, 1);
    let path = world.project.path("records.json");
    let spec = fs::read_to_string(&path).unwrap();
    let changed = spec.replace(r#""limit":"100""#, r#""limit":"100","sort":"id""#);
    assert_ne!(spec, changed);
    fs::write(&path, changed).unwrap();
    let (run, report) = world.run();
    assert_eq!(run.code, 0, "{run}");
    assert!(run.stderr.contains("begins anew"), "{run}");
    assert_eq!(report["resumed_from"], Value::Null);
    assert_eq!(world.rows(), (PAGES * PAGE, 0));
}

#[cfg(unix)]
#[test]
fn a_run_that_was_stopped_is_gone_on_with() {
    let places: [(&str, &dyn Place); 2] = [("-INT", &Sqlite), ("-TERM", &Files)];
    for (signal, place) in places {
        let slow = FaultAction::SlowFirstByte(Duration::from_millis(150));
        let world = World::new(
            place,
            "full_load",
            vec![Fault::from("/generic/token", 1, slow)],
        );
        let mut command = world.project.command(&["run"]);
        let mut run = command.spawn("stopped");
        while world.asked() < 3 {
            thread::sleep(Duration::from_millis(1));
        }
        let asked = Command::new("kill")
            .args([signal, &run.id().to_string()])
            .status();
        assert!(asked.unwrap().success());
        assert_eq!(run.wait().unwrap().code(), Some(6));
        let (report, _) = world.complete();
        assert_eq!(world.rows(), (PAGES * PAGE, 0));
        assert!(
            report["resumed_from"]["pages"].as_u64() >= Some(1),
            "{report}"
        );
        // The request that was on its way is sent again, and the one after it, if it was.
        assert!(world.asked() <= PAGES + 2);
    }
}
