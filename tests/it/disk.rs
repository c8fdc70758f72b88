//! The disk gives out: calls that fail one by one, and the power that goes.
//!
//! The real runner runs with the library `tests/plugins/disk` before the C library. It writes down
//! what every call changes, so that a disk can be made as it may be when the power goes at any moment;
//! and it lets calls fail. Whatever happens, readers see what they saw before or what the run was to
//! bring, and the next run, on a sound disk, brings all of it once.
//!
//! `TAPLINE_IMAGES=10000` and `TAPLINE_FAILURES=10000` are the long forms: so many disks, and at most
//! so many failed calls, for each mode and destination.

#![cfg(target_os = "linux")]

mod image;
mod trace;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::{env, fs};

use tapline_conformance::fake_api::{FakeApi, FakeApiConfig};
use tapline_conformance::random::Random;

use self::image::{Cut, Disk};
use self::trace::Change;
use crate::kills::updates::{project, rows, serve};
use crate::kills::{Files, KEY, Place, Sqlite, keys, number};
use crate::support::{Project, Run, Tapline};

const OLD: u64 = 45;
const NEW: u64 = 100;
const MODES: [&str; 2] = ["full_load", "incremental"];
/// `EIO`, `ENOSPC`, `EDQUOT`, `EMFILE`, `EACCES` and one that may be tried again at once.
const ERRORS: [i32; 6] = [5, 28, 122, 24, 13, EINTR];
const EINTR: i32 = 4;
const FSYNC: &str = "fsync";

#[test]
fn files_survive_a_power_cut() {
    cut_the_power(&Files);
}

#[test]
fn sqlite_survives_a_power_cut() {
    cut_the_power(&Sqlite);
}

#[test]
fn files_survive_a_call_that_fails() {
    fail_calls(&Files);
}

#[test]
fn sqlite_survives_a_call_that_fails() {
    fail_calls(&Sqlite);
}

fn cut_the_power(place: &'static dyn Place) {
    for mode in MODES {
        let rig = Rig::new(place, mode);
        let (calls, before) = rig.traced();
        let images = number("TAPLINE_IMAGES", 20);
        for seed in 0..images {
            let mut random = Random::new(seed, 0, 0);
            // All of the run, now and then: what it has reported must be there.
            let end = match random.chance(10) {
                true => calls.len(),
                false => random.below(calls.len() as u64) as usize,
            };
            let disk = Disk::after(&before, &calls[..end], Cut::AnyTime, &mut random);
            let what = format!("{} {mode}, image {seed}, {end} calls", place.name());
            rig.check(&disk, end == calls.len())
                .unwrap_or_else(|wrong| panic!("{what}: {wrong}"));
        }
        let lied = (0..1_000).find(|seed| {
            let mut random = Random::new(*seed, 0, 0);
            let disk = Disk::after(&before, &calls, Cut::DespiteSync, &mut random);
            rig.check(&disk, true).is_err()
        });
        let lied = lied.expect("a disk that forgets what it has promised to keep is noticed");
        println!(
            "{} {mode}: {images} images of {} calls; a disk that lies is noticed in image {lied}",
            place.name(),
            calls.len()
        );
    }
}

fn fail_calls(place: &'static dyn Place) {
    for mode in MODES {
        let rig = Rig::new(place, mode);
        let (calls, _) = rig.traced();
        let all = calls.len() as u64;
        let mut numbers: Vec<u64> = (1..=all).collect();
        let mut random = Random::new(1, 0, 0);
        numbers.sort_by_cached_key(|_| random.number());
        numbers.truncate(number("TAPLINE_FAILURES", 16) as usize);
        let (mut failed, mut fatal, mut missed) = (0, 0, 0);
        for (turn, number) in numbers.iter().enumerate() {
            let errno = ERRORS[turn % ERRORS.len()];
            // Whoever is interrupted every time tries for ever.
            let goes_on: &[&str] = if errno == EINTR { &[""] } else { &["", ":on"] };
            for goes_on in goes_on {
                let fail = format!("{number}:{errno}{goes_on}");
                let loses = errno != EINTR;
                match rig.fail(&fail, *number, loses) {
                    Some(code) => (failed, fatal) = (failed + 1, fatal + u64::from(code != 0)),
                    None => missed += 1,
                }
            }
        }
        assert!(missed <= failed, "{missed} missed, {failed} failed");
        println!(
            "{} {mode}: {} of {all} calls failed, once and for good: {failed} runs, {fatal} of them \
             in vain; {missed} were over before",
            place.name(),
            numbers.len()
        );
    }
}

/// An API that has more than a first run of it has brought.
struct Rig {
    place: &'static dyn Place,
    mode: &'static str,
    api: FakeApi,
    /// All members, as a run to its end brings them.
    model: Vec<String>,
}

impl Rig {
    fn new(place: &'static dyn Place, mode: &'static str) -> Self {
        let api = FakeApi::start(FakeApiConfig::default()).unwrap();
        let mut rig = Self {
            place,
            mode,
            api,
            model: Vec::new(),
        };
        serve(&rig.api, NEW);
        let project = rig.project();
        let run = Run::of(command(&project).output().unwrap());
        assert_eq!(run.code, 0, "{run}");
        rig.model = rows(place, &project);
        assert_eq!(keys(&rig.model).len() as u64, NEW);
        rig
    }

    fn project(&self) -> Project {
        project(self.place, &format!("mode: {}", self.mode), &self.api)
    }

    /// A project whose table holds what the API had before it had more.
    fn begun(&self) -> Project {
        let project = self.project();
        serve(&self.api, OLD);
        let run = Run::of(command(&project).output().unwrap());
        assert_eq!(run.code, 0, "{run}");
        serve(&self.api, NEW);
        project
    }

    /// The calls of a second run, and the disk before them.
    /// They are all the calls there are: together they make of it what is there then.
    fn traced(&self) -> (Vec<Change>, Disk) {
        let project = self.begun();
        let before = Disk::of(project.dir.path());
        let (run, calls) = run_traced(&project, None);
        assert_eq!(run.code, 0, "{run}");
        let after = Disk::after(&before, &calls, Cut::Never, &mut Random::new(1, 0, 0));
        let real = Disk::of(project.dir.path());
        let (seen, real) = (after.contents(), real.contents());
        let differs = |(name, bytes): &(&_, &_)| real.get(*name) != Some(*bytes);
        let names: Vec<_> = seen.iter().filter(differs).map(|(name, _)| name).collect();
        assert!(seen == real, "a call was not seen: {names:?} differ");
        (calls, before)
    }

    /// Whether `disk` shows what is allowed, and a run makes it whole.
    fn check(&self, disk: &Disk, is_over: bool) -> Result<(), String> {
        let project = self.project();
        disk.write(project.dir.path());
        let checked = self.check_in(&project, is_over);
        if checked.is_err() {
            // What nobody can read cannot be searched for secrets.
            fs::remove_dir_all(project.dir.path()).unwrap();
            fs::create_dir(project.dir.path()).unwrap();
        }
        checked
    }

    fn check_in(&self, project: &Project, is_over: bool) -> Result<(), String> {
        self.look(project, is_over)?;
        let run = Run::of(command(project).output().unwrap());
        match run.code {
            0 => {}
            _ => return Err(run.to_string()),
        }
        self.look(project, true)?;
        match self.place.hidden(project) {
            0 => Ok(()),
            left => Err(format!("{left} hidden generations are left")),
        }
    }

    /// What readers see: all of the new rows, if the run `is_over`; else what was there before, and
    /// nothing that no run was to bring.
    fn look(&self, project: &Project, is_over: bool) -> Result<(), String> {
        let seen = catch_unwind(AssertUnwindSafe(|| rows(self.place, project)));
        let seen = seen.map_err(|_| "the table cannot be read".to_owned())?;
        let old = &self.model[..OLD as usize];
        let fits = match (is_over, self.mode) {
            _ if seen == self.model => true,
            (true, _) => false,
            (false, "incremental") => {
                let mut once = seen.clone();
                once.dedup();
                let has = |row| seen.binary_search(row).is_ok();
                once == seen
                    && old.iter().all(has)
                    && seen.iter().all(|row| self.model.contains(row))
            }
            (false, _) => seen == old,
        };
        match fits {
            true => Ok(()),
            false => Err(format!("the table has {:?}", keys(&seen))),
        }
    }

    /// A run of which a call fails, and one of which none does. Then the same, but the power goes
    /// after the first: what a failed `fsync` was to bring to the disk is gone. `None`: the run needed
    /// fewer calls, since how many pages share a commit depends on the time they take.
    ///
    /// A call that is interrupted is made again by the standard library, and nothing is lost.
    fn fail(&self, fail: &str, number: u64, loses: bool) -> Option<i32> {
        let project = self.begun();
        let before = Disk::of(project.dir.path());
        let (run, calls) = run_traced(&project, Some(fail));
        let what = format!("{} {}, {fail}: {run}", self.place.name(), self.mode);
        assert!((0..=6).contains(&run.code), "{what}");
        let failed = calls.iter().find_map(|change| match change {
            Change::Failed { call, .. } => Some(call.clone()),
            _ => None,
        });
        let Some(failed) = failed else {
            assert!((calls.len() as u64) < number, "no call failed: {what}");
            return None;
        };
        let is_over = run.code == 0;
        let look = self.look(&project, is_over);
        look.unwrap_or_else(|wrong| panic!("{wrong}: {what}"));
        let mend = Run::of(command(&project).output().unwrap());
        assert_eq!(mend.code, 0, "after {what}: {mend}");
        let look = self.look(&project, true);
        look.unwrap_or_else(|wrong| panic!("{wrong}: after {what}"));
        assert_eq!(self.place.hidden(&project), 0, "{what}");
        if failed == FSYNC && loses {
            let disk = Disk::after(&before, &calls, Cut::AnyTime, &mut Random::new(1, 0, 0));
            let check = self.check(&disk, is_over);
            check.unwrap_or_else(|wrong| panic!("{wrong}: power cut after {what}"));
        }
        Some(run.code)
    }
}

fn command(project: &Project) -> Tapline {
    let mut command = project.command(&["run", "--lock-wait", "0s"]);
    command.env("KEY", KEY);
    command
}

fn run_traced(project: &Project, fail: Option<&str>) -> (Run, Vec<Change>) {
    let folder = tempfile::TempDir::new().unwrap();
    let trace = folder.path().join("trace");
    let mut command = command(project);
    let root = fs::canonicalize(project.dir.path()).unwrap();
    command
        .env("LD_PRELOAD", library())
        .env("TAPLINE_DISK_ROOT", root)
        .env("TAPLINE_DISK_TRACE", &trace);
    if let Some(fail) = fail {
        command.env("TAPLINE_DISK_FAIL", fail);
    }
    let run = Run::of(command.output().unwrap());
    let calls = trace::read(&fs::read_to_string(&trace).unwrap());
    (run, calls)
}

/// Cargo builds it beside the test binary, because it is a dev-dependency.
fn library() -> PathBuf {
    let built = env::current_exe().unwrap();
    let library = Path::new("libtapline_disk.so");
    built.parent().unwrap().join(library)
}
