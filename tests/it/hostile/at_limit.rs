//! Pages whose bodies and rows are just within the limits, one after the other: what one leaves
//! behind must not add up.

use std::fs;
use std::sync::Arc;

use super::peak::{LIMIT, watched};
use super::server::{Reply, Server};
use super::victim::{KEY, project};

/// The largest body.
const BODY: usize = 20 << 20;

/// Pages of the load.
const PAGES: usize = 3;

/// Text that no compression makes small.
fn noise(length: usize) -> String {
    let mut state = 1_u32;
    let mut letter = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        char::from(b'#' + (state >> 26) as u8)
    };
    // `\` would be an escape.
    (0..length)
        .map(|_| letter())
        .collect::<String>()
        .replace('\\', "~")
}

/// A body of almost the largest size, whose items are `items`.
fn page(number: usize, items: &str) -> Reply {
    let next = match number + 1 {
        PAGES => "null".to_owned(),
        _ => format!("\"?page={number}\""),
    };
    let head = format!("{{\"next\":{next},\"items\":[{{\"id\":{number}}},");
    let fill = BODY - head.len() - items.len() - "]}".len();
    Reply::ok([&head, items, &" ".repeat(fill), "]}"].concat())
}

/// Every destination, and every format of files.
const DESTINATIONS: [&str; 5] = [
    "type: sqlite, path: warehouse.db",
    "type: files, path: lake, format: parquet",
    "type: files, path: lake, format: jsonl",
    "type: files, path: lake, format: csv",
    "type: files, path: lake, format: raw",
];

/// Loads the pages with `items` into every destination; each page has `records` of them.
fn check(items: String, records: usize) {
    let items: Arc<str> = items.into();
    let peaks = DESTINATIONS.map(|destination| {
        let items = items.clone();
        let server = Server::start(move |number| page(number, &items));
        let project = project(&server, "a1", "n");
        let path = project.path("tapline.yaml");
        let yaml = fs::read_to_string(&path).unwrap();
        fs::write(&path, yaml.replace(DESTINATIONS[0], destination)).unwrap();
        let mut command = project.command(&["run", "--output", "json"]);
        let (run, peak) = watched(&project, command.env("KEY", KEY));
        assert_eq!(run.code, 0, "{destination}: {run:.2000}");
        assert_eq!(run.json()["records"]["read"], PAGES * records);
        println!("{destination}: {peak} kB");
        (destination, peak)
    });
    for (destination, peak) in peaks {
        assert!(peak < LIMIT, "{destination}: {peak} kB");
    }
}

/// The rows take twice what the body does, because most of their fields are missing.
#[test]
fn rows_that_are_just_small_enough_do_not_add_up() {
    const COLUMNS: usize = 100;
    const ROWS: usize = 22_900;
    const TEXT: usize = 880;
    let text = noise(TEXT + ROWS);
    let fields = (0..COLUMNS).map(|n| format!("\"f{n}\":{n}"));
    let wide = fields.collect::<Vec<_>>().join(",");
    let row = |n: usize| format!(",{{\"s\":\"{}\"}}", &text[n..n + TEXT]);
    let rows: String = (0..ROWS).map(row).collect();
    check(format!("{{{wide}}}{rows}"), ROWS + 2);
}

/// One value is nearly all of the body.
#[test]
fn a_text_that_is_just_small_enough_is_not_copied_too_often() {
    let text = noise(BODY - 100);
    check(format!("{{\"s\":\"{text}\"}}"), 2);
}
