//! json-server over 3,201 real movies: pages by number, a bare array as body, the total in a header.

use std::fs;
use std::process::Command;

use rusqlite::Row;
use rusqlite::types::ValueRef;
use serde_json::{Map, Value, json};
use tempfile::TempDir;

use crate::reading;
use crate::server::{Server, fixture, installed, post, word_after};
use crate::support::Project;

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

    /// `http://127.0.0.1:port`.
    fn base_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Adds copies of the first movies, under new titles.
    fn insert(&mut self, copies: usize) {
        for copy in 0..copies {
            let mut movie = self.movies[copy].clone();
            movie.insert("id".to_owned(), json!(self.movies.len() + 1));
            movie.insert(
                "Title".to_owned(),
                json!(format!("Zoë’s \"№ {copy}\" & 漢字\n")),
            );
            let body = Value::Object(movie.clone()).to_string();
            let headers = [("content-type", "application/json")];
            post(&self.base_url(), "/movies", &headers, &body);
            self.movies.push(movie);
        }
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

/// Whether a cell holds a value. The titles are texts, but for a few numbers, which become texts.
fn holds(cell: ValueRef<'_>, value: &Value) -> bool {
    match (cell, value) {
        (ValueRef::Null, Value::Null) => true,
        (ValueRef::Integer(cell), Value::Number(number)) => number.as_i64() == Some(cell),
        (ValueRef::Real(cell), Value::Number(number)) => number.as_f64() == Some(cell),
        (ValueRef::Text(cell), Value::String(text)) => cell == text.as_bytes(),
        (ValueRef::Text(cell), Value::Number(number)) => cell == number.to_string().as_bytes(),
        _ => false,
    }
}

#[track_caller]
fn check_row(row: &Row<'_>, movie: &Map<String, Value>) {
    for (column, value) in movie {
        let cell = row.get_ref(column.as_str()).unwrap();
        assert!(holds(cell, value), "{column} is {cell:?} in {movie:?}");
    }
    let rest = row.get_ref("_tapline_rest").unwrap();
    assert_eq!(rest, ValueRef::Null, "{movie:?}");
}

/// The table has these rows, column by column, and no other.
#[track_caller]
pub(crate) fn check_rows(project: &Project, movies: &[Map<String, Value>]) {
    let warehouse = project.warehouse();
    let mut select = warehouse.prepare("select * from t order by id").unwrap();
    let mut rows = select.query([]).unwrap();
    for movie in movies {
        check_row(rows.next().unwrap().unwrap(), movie);
    }
    assert!(rows.next().unwrap().is_none(), "there is a row too many");
}

#[test]
fn json_server_is_read_by_its_link_headers_and_by_its_page_numbers() {
    let mut api = JsonServer::start();
    let params = format!("params: {{ host: \"{}\" }}", api.base_url());
    let links = reading::project("json-server-link", &params);
    let numbers = reading::project("json-server-page", &params);
    for (link_pages, number_pages) in [(7, 8), (8, 9)] {
        let count = api.movies.len();
        reading::run(&links, "", link_pages, count);
        check_rows(&links, &api.movies);
        reading::run(&numbers, "", number_pages, count);
        check_rows(&numbers, &api.movies);
        api.insert(310);
    }
}
