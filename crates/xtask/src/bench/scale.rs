//! Large runs and large projects: what they cost must not grow faster than they do.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, ensure};

use super::api::{Api, number};
use super::contestants::Place;
use super::measure::{Cost, measured};
use super::pages::Shape;
use super::report::megabytes;
use super::rivals::asset;
use super::{PAGES, empty, ours};

/// Records of the runs.
const RECORDS: [u64; 4] = [1_000_000, 2_500_000, 5_000_000, 10_000_000];
/// Pipelines of the projects.
const PIPELINES: [usize; 4] = [1, 10, 100, 1_000];

/// Both tables.
pub(crate) fn tables(place: &Place) -> Result<String> {
    let projects = projects(place)?;
    Ok(format!("{}\n{projects}", runs(place)?))
}

/// One run after the other, each of more records.
fn runs(place: &Place) -> Result<String> {
    let mut out = String::from(
        "| records | CPU | for a record | wall | records/s | peak memory |\n|---|---|---|---|---|---|\n",
    );
    let copies = Copies::new(PAGES);
    for records in RECORDS {
        let dir = empty(place.dir.join("runs/scale"))?;
        let (pages, copies) = (records / PAGES.records, copies.clone());
        let api = Api::start(Duration::ZERO, move |target| {
            copies.page(number(target, "p"), pages)
        })?;
        let command =
            ours::tapline_from(place, &dir, api.host(), "files, path: out, format: parquet")?;
        let cost = measured(&command, &dir)?;
        let rows = ours::count_parquet(place, &dir)?;
        ensure!(
            rows == records,
            "{rows} of {records} records are in the files"
        );
        let line = run_row(records, &cost);
        eprint!("{line}");
        out.push_str(&line);
        fs::remove_dir_all(&dir)?;
    }
    Ok(out)
}

fn run_row(records: u64, cost: &Cost) -> String {
    let count = records as f64;
    format!(
        "| {records} | {:.1} s | {:.1} µs | {:.1} s | {:.0} | {} |\n",
        cost.cpu,
        cost.cpu * 1e6 / count,
        cost.wall,
        count / cost.wall,
        megabytes(cost.peak)
    )
}

/// One project after the other, each of more pipelines.
fn projects(place: &Place) -> Result<String> {
    let commands: [(&str, &[&str]); 3] = [
        ("`validate`, of all", &["validate"]),
        ("`plan`, of one", &["plan", "p0"]),
        ("`plan`, of all", &["plan"]),
    ];
    let mut out = String::from("| pipelines | lines |");
    for (name, _) in commands {
        write!(out, " {name} |").expect("a string takes all");
    }
    out.push_str(" peak memory |\n|---|---|---|---|---|---|\n");
    for count in PIPELINES {
        let dir = empty(place.dir.join("runs/scale"))?;
        let project = project(count);
        fs::write(dir.join("tapline.yaml"), &project)?;
        fs::copy(asset("tapline/members.json"), dir.join("members.json"))?;
        let mut line = format!("| {count} | {} |", project.lines().count());
        let mut peak = 0;
        for (_, arguments) in commands {
            let cost = median(place, &dir, arguments)?;
            peak = peak.max(cost.peak);
            write!(line, " {:.0} ms |", cost.wall * 1e3).expect("a string takes all");
        }
        writeln!(line, " {} |", megabytes(peak)).expect("a string takes all");
        eprint!("{line}");
        out.push_str(&line);
        fs::remove_dir_all(&dir)?;
    }
    Ok(out)
}

/// The middle of five.
fn median(place: &Place, dir: &Path, arguments: &[&str]) -> Result<Cost> {
    let mut costs = Vec::new();
    for _ in 0..5 {
        let mut command = ours::program(place);
        command.args(arguments);
        costs.push(measured(&command, dir)?);
    }
    costs.sort_by(|a, b| a.wall.total_cmp(&b.wall));
    Ok(costs[2])
}

fn project(count: usize) -> String {
    let mut out = String::from(
        "version: 1
connections:
  api:
    connector: rest
    streams: { members: members.json }
    params: { host: \"http://127.0.0.1:9\", pages: x }
destinations:
  out: { type: sqlite, path: out.db }
pipelines:
",
    );
    for number in 0..count {
        write!(
            out,
            "  p{number}:
    source: {{ connection: api, stream: members }}
    destination: {{ name: out, table: t{number} }}
"
        )
        .expect("a string takes all");
    }
    out
}

/// Pages that are shown again and again, each time with other ids.
#[derive(Clone)]
struct Copies {
    pages: Arc<Vec<Copy>>,
    records: u64,
}

/// The records of a page, and where the ids stand in them.
struct Copy {
    items: String,
    ids: Vec<usize>,
}

/// What stands before an id, and how long one is: of [`super::pages`].
const BEFORE_ID: &str = "{\"id\":\"";
const ID: usize = 32;

impl Copies {
    fn new(shape: Shape) -> Self {
        let pages = (1..=shape.pages).map(|number| {
            let items = shape.items(number);
            let ids = items.match_indices(BEFORE_ID);
            let ids = ids.map(|(at, before)| at + before.len()).collect();
            Copy { items, ids }
        });
        Self {
            pages: Arc::new(pages.collect()),
            records: shape.records,
        }
    }

    /// Page `number`, from 0 on, of `pages`.
    fn page(&self, number: u64, pages: u64) -> Vec<u8> {
        let copy = &self.pages[number as usize % self.pages.len()];
        let mut out = Vec::with_capacity(copy.items.len() + 64);
        out.extend_from_slice(b"{\"next\":");
        match number + 1 < pages {
            true => out.extend(format!("\"/v/p1.json?p={}\"", number + 1).bytes()),
            false => out.extend_from_slice(b"null"),
        }
        out.extend_from_slice(b",\"items\":[");
        let start = out.len();
        out.extend_from_slice(copy.items.as_bytes());
        for (id, at) in (number * self.records..).zip(&copy.ids) {
            let id = format!("{id:0ID$}");
            out[start + at..start + at + ID].copy_from_slice(id.as_bytes());
        }
        out.extend_from_slice(b"]}");
        out
    }
}

#[test]
fn no_id_comes_twice() {
    let copies = Copies::new(Shape {
        pages: 2,
        records: 3,
    });
    let mut ids = Vec::new();
    for number in 0..5 {
        let text = String::from_utf8(copies.page(number, 5)).unwrap();
        assert_eq!(text.contains("\"next\":null"), number == 4);
        let found = text.match_indices(BEFORE_ID);
        ids.extend(found.map(|(at, it)| text[at + it.len()..][..ID].parse::<u64>().unwrap()));
    }
    assert_eq!(ids, (0..15).collect::<Vec<_>>());
}
