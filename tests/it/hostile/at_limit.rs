//! Pages whose bodies and rows are just within the limits, one after the other: what one leaves
//! behind must not add up.

use super::peak::{LIMIT, watched};
use super::server::{Reply, Server};
use super::victim::{KEY, project};

/// The largest body.
const BODY: usize = 20 << 20;

/// Pages of the load.
const PAGES: usize = 5;

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
    let items = format!("{{{wide}}}{rows}");
    let server = Server::start(move |number| page(number, &items));
    let project = project(&server, "a1", "n");
    let mut command = project.command(&["run", "--output", "json"]);
    let (run, peak) = watched(&project, command.env("KEY", KEY));
    assert_eq!(run.code, 0, "{run:.2000}");
    assert_eq!(run.json()["records"]["read"], PAGES * (ROWS + 2));
    println!("peak: {peak} kB");
    assert!(peak < LIMIT, "{peak} kB");
}
