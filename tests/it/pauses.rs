//! Runners that sleep past their lease: they wake up when another one has taken over, and what they
//! still had in hand must not reach the table.
//!
//! The state is in a real PostgreSQL, which gives the lease to others when the session of its holder is
//! gone; the holder is stopped meanwhile and cannot know. `TAPLINE_PAUSES=500 cargo test -p tapline
//! --test it pauses -- --nocapture` is the long form, for each destination.

#![expect(
    clippy::disallowed_methods,
    reason = "real processes sleep in real time"
)]

use std::process::{Child, Command};
use std::thread;
use std::time::{Duration, Instant};

use tapline_conformance::fake_api::{FakeApi, FakeApiConfig, Fault, FaultAction};
use tapline_conformance::random::Random;

use crate::kills::updates::{MEMBERS, project, rows, serve};
use crate::kills::{Files, KEY, Place, Sqlite, THINKS, number};
use crate::postgres::{Postgres, USER};
use crate::secrets::DATABASE;
use crate::support::{Project, Run, Tapline};

const MODES: [&str; 2] = ["full_load", "incremental"];
/// By how many records every load differs from the one before.
const MORE: u64 = 100;
/// How long another run waits for one that sleeps in the middle of a change, until that is woken up.
const NEXT: Duration = Duration::from_secs(5);
/// How long a run may take at most.
const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn files_take_nothing_from_a_runner_that_lost_its_lease() {
    pause(&Files);
}

#[test]
fn sqlite_takes_nothing_from_a_runner_that_lost_its_lease() {
    pause(&Sqlite);
}

#[test]
fn postgres_takes_nothing_from_a_runner_that_lost_its_lease() {
    pause(&Postgres::start());
}

#[derive(Debug, Default)]
struct Figures {
    pauses: u64,
    /// Of these: the runner was over before it could be stopped.
    over: u64,
    /// Of these: the runner slept in the middle of a change, and the other had to wait.
    blocked: u64,
    /// Of these: the runner woke up and gave up.
    gave_up: u64,
}

fn pause(place: &dyn Place) {
    let server = Postgres::start();
    for mode in MODES {
        let mut figures = Figures::default();
        let pauses = number("TAPLINE_PAUSES", 6) / MODES.len() as u64;
        for seed in 1.. {
            let mut rig = Rig::new(place, mode, seed, &server);
            while figures.pauses < pauses && rig.members < MEMBERS {
                rig.pause_one(&mut figures);
            }
            if figures.pauses >= pauses {
                break;
            }
        }
        println!("{} {mode}: {figures:?}; no stale row", place.name());
    }
}

struct Rig<'a> {
    place: &'a dyn Place,
    server: &'a Postgres,
    api: FakeApi,
    project: Project,
    random: Random,
    /// All members, as a run to its end has brought them.
    model: Vec<String>,
    /// How long a whole run takes.
    whole: Duration,
    /// Members that the API has.
    members: u64,
}

impl<'a> Rig<'a> {
    fn new(place: &'a dyn Place, mode: &str, seed: u64, server: &'a Postgres) -> Self {
        let slow = FaultAction::SlowFirstByte(THINKS);
        let api = FakeApi::start(FakeApiConfig {
            faults: vec![Fault::from("/3.0/lists/x/members", 1, slow)],
            ..FakeApiConfig::default()
        });
        let api = api.unwrap();
        serve(&api, MEMBERS);
        let model = project(place, "mode: full_load", &api);
        let run = Run::of(model.command(&["run"]).env("KEY", KEY).output().unwrap());
        assert_eq!(run.code, 0, "{run}");
        let mut rig = Self {
            place,
            server,
            project: project(place, &format!("mode: {mode}"), &api),
            api,
            random: Random::new(seed, 0, 0),
            model: rows(place, &model),
            whole: Duration::ZERO,
            members: 0,
        };
        let yaml = std::fs::read_to_string(rig.project.path("tapline.yaml")).unwrap();
        let port = server.port;
        let state = format!(
            "state: \"postgres://{USER}:${{env:PGPASSWORD}}@127.0.0.1:{port}/postgres?options=-c%20search_path%3D{}_{mode}_{seed}\"",
            place.name()
        );
        rig.project
            .input("tapline.yaml", &format!("{state}\n{yaml}"));
        rig.more();
        let started = Instant::now();
        rig.complete();
        rig.whole = started.elapsed();
        rig
    }

    /// Lets the API have more members.
    fn more(&mut self) {
        self.members += MORE;
        serve(&self.api, self.members);
    }

    fn command(&self) -> Tapline {
        let mut command = self.project.command(&["run", "--lock-wait", "0s"]);
        command.env("KEY", KEY).env("PGPASSWORD", DATABASE);
        command
    }

    /// Runs to the end, after which all is there.
    fn complete(&self) {
        let run = Run::of(self.command().output().unwrap());
        assert_eq!(run.code, 0, "{run}");
        self.check(&run.to_string());
    }

    fn check(&self, what: &str) {
        let rows = rows(self.place, &self.project);
        let model = &self.model[..self.members as usize];
        assert!(
            rows == model,
            "{} rows instead of {}: {what}",
            rows.len(),
            model.len()
        );
    }

    fn said(&self, name: &str) -> String {
        let end = |end: &str| self.project.path(&format!("{name}.{end}"));
        ["stdout", "stderr"]
            .map(|name| std::fs::read_to_string(end(name)).unwrap())
            .concat()
    }

    /// Stops a run at a random moment, lets another one take over, and wakes the first one up.
    fn pause_one(&mut self, figures: &mut Figures) {
        self.more();
        figures.pauses += 1;
        let mut sleeper = self.command().spawn("sleeper");
        let micros = self.random.below(self.whole.as_micros() as u64);
        thread::sleep(Duration::from_micros(micros));
        signal(&sleeper, "-STOP");
        let holders = "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'";
        self.server.select(holders);
        let mut other = self.command().spawn("other");
        if over(&mut other, NEXT).is_none() {
            figures.blocked += 1;
            signal(&sleeper, "-CONT");
        }
        assert_eq!(
            over(&mut other, PATIENCE),
            Some(0),
            "{}",
            self.said("other")
        );
        self.check("the other run");
        signal(&sleeper, "-CONT");
        match over(&mut sleeper, PATIENCE) {
            Some(0) => figures.over += 1,
            Some(_) => figures.gave_up += 1,
            None => panic!("the sleeper never ends"),
        }
        self.check("the sleeper woke up");
        self.complete();
        assert_eq!(self.place.hidden(&self.project), 0, "nothing is left");
    }
}

fn signal(process: &Child, signal: &str) {
    let mut kill = Command::new("kill");
    // A process that is over takes no signals.
    drop(kill.args([signal, &process.id().to_string()]).output());
}

/// The exit code of a process that is over within `patience`.
fn over(process: &mut Child, patience: Duration) -> Option<i32> {
    let started = Instant::now();
    while started.elapsed() < patience {
        if let Some(status) = process.try_wait().unwrap() {
            return Some(status.code().unwrap_or(-1));
        }
        thread::sleep(Duration::from_millis(5));
    }
    None
}
