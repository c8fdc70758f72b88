//! How long it takes from starting the binary to its first request.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, Result, ensure};

use super::contestants::Place;
use super::empty;
use super::measure::now;
use super::ours::program;
use super::rivals::asset;

const STARTS: usize = 40;

/// A pipeline for each connector that ships, each with one request. The first is timed; that the
/// other libraries are loaded as well shows in their requests.
const PROJECT: &str = r#"version: 1
connections:
  members: { connector: mailchimp, auth: AUTH, params: { host: "HOST" } }
  tickets: { connector: zendesk, auth: AUTH, params: { host: "HOST" } }
  items: { connector: rest, streams: { items: members.json }, params: { host: "HOST", pages: x } }
destinations:
  out: { type: sqlite, path: out.db }
pipelines:
  members:
    source: { connection: members, stream: lists }
    destination: { name: out, table: members }
  tickets:
    source: { connection: tickets, stream: users }
    destination: { name: out, table: tickets }
  items:
    source: { connection: items, stream: items }
    destination: { name: out, table: items }
"#;
const AUTH: &str = r#"{ specName: Basic Authentication, params: { username: any, password: "${env:BENCH_KEY}" } }"#;

/// Milliseconds of all starts, the quickest first.
pub(crate) struct Startup {
    millis: Vec<f64>,
}

/// Starts the binary again and again. What it finds out about libraries it never saw is known
/// after the first time, which is not counted.
pub(crate) fn measure(place: &Place) -> Result<Startup> {
    let dir = empty(place.dir.join("startup"))?;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let host = format!("http://{}", listener.local_addr()?);
    let project = PROJECT.replace("AUTH", AUTH).replace("HOST", &host);
    fs::write(dir.join("tapline.yaml"), project)?;
    fs::copy(asset("tapline/members.json"), dir.join("members.json"))?;
    let mut millis = Vec::new();
    for start in 0..=STARTS {
        let taken = first_request(place, &dir, &listener)?;
        if start > 0 {
            millis.push(taken);
        }
    }
    millis.sort_by(f64::total_cmp);
    Ok(Startup { millis })
}

/// One run of all pipelines, which are refused: milliseconds to the first byte of a request.
fn first_request(place: &Place, dir: &Path, listener: &TcpListener) -> Result<f64> {
    let mut command = program(place);
    command
        .args(["run", "--output", "json"])
        .env("BENCH_KEY", "any")
        .current_dir(dir)
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let start = now();
    let mut process = command.spawn().context("cannot start tapline")?;
    let (mut stream, _) = listener.accept()?;
    ensure!(
        stream.read(&mut [0])? == 1,
        "tapline closed a connection without a request"
    );
    let millis = start.elapsed().as_secs_f64() * 1e3;
    refuse(&mut stream)?;
    for _ in 1..3 {
        refuse(&mut listener.accept()?.0)?;
    }
    process.wait()?;
    Ok(millis)
}

/// An answer that is not worth a second try.
fn refuse(stream: &mut TcpStream) -> Result<()> {
    let _ = stream.read(&mut [0; 4096])?;
    stream
        .write_all(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")?;
    Ok(())
}

impl Startup {
    pub(crate) fn median(&self) -> f64 {
        self.millis[self.millis.len() / 2]
    }

    pub(crate) fn largest(&self) -> f64 {
        self.millis[self.millis.len() - 1]
    }

    /// For the log.
    pub(crate) fn line(&self) -> String {
        let millis: Vec<String> = self.millis.iter().map(|one| format!("{one:.1}")).collect();
        format!("start to first request, ms: {}", millis.join(" "))
    }
}
