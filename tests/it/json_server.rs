//! json-server over 3,201 real movies: pages by number, a bare array as body, the total in a header.

use std::fs;
use std::process::Command;

use serde_json::{Map, Value, json};
use tempfile::TempDir;

use crate::server::{Server, fixture, installed, word_after};

/// A running json-server. Its only table is `/movies`.
pub(crate) struct JsonServer {
    _server: Server,
    _dir: TempDir,
    port: u16,
    movies: Vec<Map<String, Value>>,
}

impl JsonServer {
    pub(crate) fn start() -> Self {
        let movies = movies();
        let dir = TempDir::new().unwrap();
        let database = dir.path().join("db.json");
        fs::write(&database, json!({ "movies": movies }).to_string()).unwrap();
        let mut command = Command::new("node");
        command
            .arg(fixture("json-server/serve.js"))
            .arg(installed("node_modules/json-server"))
            .arg(database);
        let listening = |line: &str| word_after(line, "listening on port ");
        let (server, port) = Server::start(command, listening).unwrap();
        Self {
            _server: server,
            _dir: dir,
            port: port.parse().unwrap(),
            movies,
        }
    }

    /// On 127.0.0.1.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// What it serves, by `id`, which counts from 1.
    pub(crate) fn movies(&self) -> &[Map<String, Value>] {
        &self.movies
    }
}

/// Real rows, with nulls, numbers among the titles, and whole numbers among the ratings. They have
/// no key, so their place is their `id`.
fn movies() -> Vec<Map<String, Value>> {
    let file = installed("node_modules/vega-datasets/data/movies.json");
    let mut movies: Vec<Map<String, Value>> =
        serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
    for (id, movie) in (1..).zip(&mut movies) {
        movie.insert("id".to_owned(), json!(id));
    }
    movies
}
