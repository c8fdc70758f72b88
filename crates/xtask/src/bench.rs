//! `cargo xtask bench`: tapline beside others on the same pages, as anybody can repeat it.
//!
//! Everybody reads the same files from the same nginx on this machine, one after the other, in
//! rounds: what the machine does besides meets all of them. A run counts only if every page was
//! fetched and every record is in the output.

mod alone;
mod api;
mod contestants;
mod latency;
mod log;
mod machine;
mod measure;
mod ours;
mod pages;
mod report;
mod rivals;
mod rounds;
mod scale;
mod server;
mod startup;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use crate::command::{cargo, done, run};
use crate::{demo, test_env};

use contestants::{CONTESTANTS, Contestant, Place};
use log::Log;
pub(crate) use measure::{COMMAND as MEASURE, measure};
use pages::Shape;
use rounds::Rounds;
use server::Server;

/// 200,000 records of 1.3 kB, in pages as an API sends them.
const PAGES: Shape = Shape {
    pages: 200,
    records: 1_000,
};
/// The same records in pages ten times as large.
const LARGE_PAGES: Shape = Shape {
    pages: 20,
    records: 10_000,
};

/// One of those pages.
pub(crate) const ONE_PAGE: Shape = Shape { pages: 1, ..PAGES };

/// What is built: the binary and its connectors, and the loop that it is compared with.
const BUILT: [&[&str]; 2] = [
    &[
        "--package=tapline",
        "--package=tapline-connector-mailchimp",
        "--package=tapline-connector-rest",
        "--package=tapline-connector-zendesk",
    ],
    &["--package=xtask", "--example=loop"],
];

/// What is measured of tapline alone, by its own command.
struct Part {
    name: &'static str,
    tables: fn(&Place) -> Result<String>,
}

const PARTS: [Part; 2] = [
    Part {
        name: "latency",
        tables: latency::table,
    },
    Part {
        name: "scale",
        tables: scale::tables,
    },
];

impl Part {
    fn named(name: &str) -> Option<&'static Self> {
        PARTS.iter().find(|part| part.name == name)
    }

    /// Measures, and writes the tables to `docs/`.
    fn run(&self) -> Result<()> {
        let place = prepare("release")?;
        let (when, hardware) = (machine::when("release"), machine::hardware());
        let taken = format!("Taken {when}, on {hardware}.");
        let text = format!("{taken}\n\n{}", (self.tables)(&place)?);
        report::publish(&format!("cargo xtask bench {}", self.name), &text)
    }
}

/// What is asked for.
struct Options {
    rounds: u32,
    profile: String,
    /// Who takes part; all if none is named.
    names: Vec<String>,
}

/// Prepares everything, measures everybody, and writes the table and the log to `docs/`. Where only some
/// take part nothing is written there: that is no comparison.
pub(crate) fn bench(arguments: &[String]) -> Result<()> {
    if let Some(part) = arguments.first().and_then(|name| Part::named(name)) {
        ensure!(arguments.len() == 1, "{} stands alone", part.name);
        return part.run();
    }
    let options = Options::parse(arguments)?;
    let who = options.contestants()?;
    let place = prepare(&options.profile)?;
    let nginx = test_env::install_nginx()?;
    let pages = place.dir.join("pages");
    let bytes = PAGES.write(&pages)?;
    LARGE_PAGES.write(&pages)?;

    let is_whole = options.names.is_empty();
    let mut log = Log::create(&place.dir)?;
    for line in machine::facts(&nginx, &options.profile, bytes)? {
        log.note(&line)?;
    }
    let startup = startup::measure(&place)?;
    log.note(&startup.line())?;
    let server = Server::start(&nginx, &pages, &place.dir.join("nginx"))?;
    let mut rounds = Rounds::new(&place, &server, who, &mut log);
    for round in 1..=options.rounds {
        rounds.play(round)?;
    }
    let entries = rounds.end();
    let table = report::table(&entries);
    eprintln!("\n{table}");
    if is_whole {
        let alone = alone::table(&place, &startup, &entries)?;
        let taken = format!(
            "Taken {}. The [raw log](benchmarks/rivals.log) has every run, the machine and the versions.",
            log.heading()
        );
        report::publish("cargo xtask bench", &format!("{taken}\n\n{table}\n{alone}"))?;
        log.publish()?;
    }
    Ok(())
}

impl Options {
    fn parse(arguments: &[String]) -> Result<Self> {
        let mut options = Self {
            rounds: 3,
            profile: "release".to_owned(),
            names: Vec::new(),
        };
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().context("a value is missing");
            match argument.as_str() {
                "--rounds" => options.rounds = value()?.parse().context("--rounds is a number")?,
                "--profile" => options.profile.clone_from(value()?),
                option if option.starts_with('-') => bail!("unknown option {option}"),
                name => options.names.push(name.to_owned()),
            }
        }
        ensure!(options.rounds > 0, "--rounds is 1 or more");
        Ok(options)
    }

    /// Those whose names begin as asked, `dlt` or `tapline-sqlite`.
    fn contestants(&self) -> Result<Vec<&'static Contestant>> {
        let fits = |contestant: &Contestant, name: &String| contestant.slug().starts_with(name);
        for name in &self.names {
            let known: Vec<String> = CONTESTANTS.iter().map(Contestant::slug).collect();
            ensure!(
                CONTESTANTS.iter().any(|contestant| fits(contestant, name)),
                "{name} does not take part; known: {}",
                known.join(", ")
            );
        }
        let asked = |contestant: &&Contestant| {
            self.names.is_empty() || self.names.iter().any(|name| fits(contestant, name))
        };
        Ok(CONTESTANTS.iter().filter(asked).collect())
    }
}

/// Builds what is measured of ours.
fn prepare(profile: &str) -> Result<Place> {
    for what in BUILT {
        run(cargo()
            .args(["build", "--locked", "--profile", profile])
            .args(what))?;
    }
    let target = std::path::absolute(demo::target_dir())?;
    let folder = if profile == "dev" { "debug" } else { profile };
    let (built, dir) = (target.join(folder), target.join("bench"));
    for made in ["pages", "released"] {
        let made = dir.join(made);
        fs::create_dir_all(&made).with_context(|| format!("cannot make {}", made.display()))?;
    }
    let released = dir.join("released");
    release(&built, &released)?;
    Ok(Place {
        example: built.join("examples/loop"),
        released,
        dir,
        shape: PAGES,
    })
}

/// Makes the folder `dir`. What a benchmark that was cut has left there is removed: tapline would go on
/// where that ended.
fn empty(dir: PathBuf) -> Result<PathBuf> {
    if dir.exists() {
        fs::remove_dir_all(&dir).with_context(|| format!("cannot remove {}", dir.display()))?;
    }
    fs::create_dir_all(&dir).with_context(|| format!("cannot make {}", dir.display()))?;
    Ok(dir)
}

/// Copies the binary and its connectors without what only debuggers read, as they are released:
/// a library is hashed at every start, so its size is time.
fn release(built: &Path, released: &Path) -> Result<()> {
    for entry in fs::read_dir(built)? {
        let name = entry?.file_name();
        let text = name.to_string_lossy();
        let is_library = text.starts_with("libtapline_connector_")
            && (text.ends_with(".so") || text.ends_with(".dylib"));
        if is_library || text == "tapline" {
            let (from, to) = (built.join(&name), released.join(&name));
            done(Command::new("strip").arg("-o").arg(to).arg(from))?;
        }
    }
    Ok(())
}

#[test]
fn contestants_are_chosen_by_the_beginning_of_their_names() {
    let chosen = |names: &[&str]| {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let options = Options::parse(&names).unwrap();
        let chosen = options.contestants();
        chosen.map(|all| all.iter().map(|one| one.slug()).collect::<Vec<_>>())
    };
    assert_eq!(chosen(&[]).unwrap().len(), CONTESTANTS.len());
    assert_eq!(
        chosen(&["tapline", "dlt"]).unwrap(),
        ["tapline-parquet", "tapline-sqlite", "dlt-parquet"]
    );
    assert!(chosen(&["other"]).is_err());
}
