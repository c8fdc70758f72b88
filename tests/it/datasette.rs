//! A real server that nobody here wrote: datasette over 200,000 real flights.
//!
//! Its JSON API pages in three ways (a next URL, a token, SQL with limit and offset); the specs
//! for them are in `tests/fixtures/specs/`. Server and rows come from `cargo xtask test`.
//! Without them a test fails: one that is silently skipped proves nothing.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;
use serde_json::Value;
use tempfile::TempDir;

use crate::server::{Server, installed, word_after};

/// A running datasette.
pub(crate) struct Datasette {
    _server: Server,
    base_url: String,
    dir: TempDir,
    name: &'static str,
}

impl Datasette {
    /// Serves the flights.
    ///
    /// Table `flights` of database `flights`: `id` (1, 2, 3, ...), `delay`, `distance`, `time`.
    pub(crate) fn start() -> Self {
        Self::serve("flights.db", |database| {
            build(
                database,
                &installed("node_modules/vega-datasets/data/flights-200k.json"),
            );
        })
    }

    /// Serves the database that `make` makes on a free port, 1,000 rows a page.
    pub(crate) fn serve(name: &'static str, make: impl FnOnce(&Path)) -> Self {
        let mut command = Command::new(installed("venv/bin/datasette"));
        let dir = TempDir::new().unwrap();
        let database = dir.path().join(name);
        make(&database);
        command
            .arg("serve")
            .arg(&database)
            .args(["--host", "127.0.0.1", "--port", "0"])
            .args(["--setting", "max_returned_rows", "1000"]);
        let listening = |line: &str| word_after(line, "Uvicorn running on ");
        let (server, base_url) = Server::start(command, listening).unwrap();
        Self {
            _server: server,
            base_url,
            dir,
            name,
        }
    }

    /// `http://127.0.0.1:port`, the `host` of the specs.
    pub(crate) fn base_url(&self) -> &str {
        &self.base_url
    }

    /// Adds flights to those that are served.
    pub(crate) fn insert(&self, count: u16) {
        let connection = rusqlite::Connection::open(self.database()).unwrap();
        let insert = "insert into flights (delay, distance, time)
            select -delay, distance + 1, time / 3 from flights order by id limit ?";
        let inserted = connection.execute(insert, [count]).unwrap();
        assert_eq!(inserted, usize::from(count));
    }

    /// The SQLite file that is served.
    pub(crate) fn database(&self) -> PathBuf {
        self.dir.path().join(self.name)
    }
}

#[derive(Deserialize)]
struct Flight {
    delay: i64,
    distance: i64,
    time: f64,
}

/// One table, with the row's place in the file as its key.
fn build(database: &Path, rows: &Path) {
    let flights: Vec<Flight> = serde_json::from_slice(&fs::read(rows).unwrap()).unwrap();
    assert!(flights.len() >= 100_000, "only {} flights", flights.len());
    let mut connection = rusqlite::Connection::open(database).unwrap();
    let transaction = connection.transaction().unwrap();
    let create = "create table flights (id integer primary key, delay integer not null,
        distance integer not null, time real not null)";
    transaction.execute(create, []).unwrap();
    let mut insert = transaction
        .prepare("insert into flights (delay, distance, time) values (?1, ?2, ?3)")
        .unwrap();
    for flight in &flights {
        insert
            .execute((flight.delay, flight.distance, flight.time))
            .unwrap();
    }
    drop(insert);
    transaction.commit().unwrap();
}

fn get(base_url: &str, target: &str) -> Value {
    let host = base_url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(host).unwrap();
    let request = format!("GET {target} HTTP/1.0\r\nhost: {host}\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    serde_json::from_str(body).unwrap()
}

#[test]
fn datasette_serves_the_rows() {
    let datasette = Datasette::start();
    let connection = rusqlite::Connection::open(datasette.database()).unwrap();
    let count = "select count(*) from flights";
    let rows: i64 = connection.query_row(count, [], |row| row.get(0)).unwrap();
    assert_eq!(rows, 200_000);
    let target = "/flights/flights.json?_shape=objects&_size=1000&_next=1000";
    let page = get(datasette.base_url(), target);
    let next = format!("{}/flights/flights.json?", datasette.base_url());
    assert!(page["next_url"].as_str().unwrap().starts_with(&next));
    assert_eq!(page["next"], "2000");
    assert_eq!(page["rows"][999]["id"], 2_000);
}
