//! APIs that take their time: what the reader adds to it, and what it saves by asking for several
//! pages at once.

use std::fmt::Write as _;
use std::fs;
use std::time::Duration;

use anyhow::{Result, ensure};

use super::api::{Account, Api, number, value};
use super::contestants::Place;
use super::measure::measured;
use super::{empty, ours};

/// Records of a page.
const RECORDS: u64 = 100;

/// A way to read pages.
struct Case {
    name: &'static str,
    path: &'static str,
    /// How a page leads to the next one, as the spec says it. `LAST` is the offset of the last page.
    paging: &'static str,
    /// The rest of the pipeline.
    sync: &'static str,
    /// What the run is told.
    arguments: &'static [&'static str],
    concurrency: u32,
}

const CURSOR: Case = Case {
    name: "a cursor in each page",
    path: "/items",
    paging: r#""paginationParams": { "type": "POINTER", "pointerPath": "$.next" }"#,
    sync: "",
    arguments: &[],
    concurrency: 1,
};
const OFFSET: Case = Case {
    name: "OFFSET",
    paging: r#""paginationParams": { "type": "OFFSET", "limitName": "limit", "limitValue": 100, "offSetName": "offset" },
      "responseParams": { "total": "$.total" }"#,
    ..CURSOR
};
const PAGE: Case = Case {
    name: "PAGE",
    paging: r#""paginationParams": { "type": "PAGE", "limitName": "limit", "limitValue": 100, "pageParamName": "page", "initialPageIndex": 0 },
      "responseParams": { "total": "$.total" }"#,
    ..CURSOR
};
const RANGE: Case = Case {
    name: "RANGE",
    path: "/items?offset=${from}",
    paging: r#""paginationParams": { "type": "RANGE", "rangeName": "from", "rangeEnd": LAST, "rangeStep": 100 }"#,
    ..CURSOR
};
const SLICES: Case = Case {
    name: "a window in parts of a day",
    path: "/items",
    paging: r#""scheduleParams": { "scheduleStartParamName": "since", "scheduleEndParamName": "before",
        "scheduleStartParamFormat": "yyyy-MM-ddTHH:mm:ssZ", "scheduleEndParamFormat": "yyyy-MM-ddTHH:mm:ssZ" },
      "incrementalParams": { "cursor": "changed", "primaryKeys": ["id"] }"#,
    sync: "sync: { mode: incremental, cursor: changed, cursor_type: timestamp, start: 2024-05-01, slice: 1d }",
    arguments: &["--window-start", "2024-05-01"],
    concurrency: 1,
};

fn cases() -> [Case; 10] {
    let with = |case: Case, concurrency| Case {
        concurrency,
        ..case
    };
    [
        CURSOR,
        OFFSET,
        with(OFFSET, 4),
        with(OFFSET, 8),
        with(PAGE, 4),
        with(RANGE, 4),
        with(RANGE, 8),
        SLICES,
        with(SLICES, 4),
        with(SLICES, 8),
    ]
}

/// How long a response takes, and how many pages are read then.
const DELAYS: [(u64, u64); 2] = [(50, 30), (500, 16)];

/// The rows of a table of all cases.
pub(crate) fn table(place: &Place) -> Result<String> {
    let mut out = String::from(
        "| pages | a response takes | `concurrency` | at one time | seconds | one after the other | the reader's own time for a page |\n\
         |---|---|---|---|---|---|---|\n",
    );
    for (millis, pages) in DELAYS {
        for case in cases() {
            let account = case.run(place, Duration::from_millis(millis), pages)?;
            let line = case.row(millis, &account);
            eprint!("{line}");
            out.push_str(&line);
        }
    }
    Ok(out)
}

impl Case {
    /// Reads `pages` pages of an API that takes `delay` for each.
    fn run(&self, place: &Place, delay: Duration, pages: u64) -> Result<Account> {
        let dir = empty(place.dir.join("runs/latency"))?;
        let api = Api::start(delay, move |target| page(target, pages))?;
        fs::write(dir.join("items.json"), self.spec(pages))?;
        fs::write(dir.join("tapline.yaml"), self.project(api.host()))?;
        let mut command = ours::program(place);
        command.args(["run", "items"]).args(self.arguments);
        if !self.arguments.is_empty() {
            // One part is asked for in one page.
            command.args(["--window-end", &format!("2024-05-{:02}", 1 + pages)]);
        }
        measured(&command, &dir)?;
        let (rows, wanted) = (ours::count_sqlite(place, &dir)?, pages * RECORDS);
        ensure!(rows == wanted, "{}: {rows} of {wanted} records", self.name);
        fs::remove_dir_all(&dir)?;
        Ok(api.account())
    }

    fn row(&self, millis: u64, account: &Account) -> String {
        let span = account.span().as_secs_f64();
        let alone = account.busy.as_secs_f64();
        let own = match self.concurrency {
            1 => {
                let gaps = f64::from(account.requests.saturating_sub(1).max(1));
                format!("{:.2} ms", (span - alone) * 1e3 / gaps)
            }
            _ => "-".to_owned(),
        };
        format!(
            "| {}, {} | {millis} ms | {} | {} | {span:.2} s | {alone:.2} s | {own} |\n",
            account.requests, self.name, self.concurrency, account.beside
        )
    }

    fn spec(&self, pages: u64) -> String {
        let last = (pages - 1) * RECORDS;
        let paging = self.paging.replace("LAST", &last.to_string());
        format!(
            r#"{{ "sourceSpec": {{
  "attributes": {{
    "urlParams": {{ "host": "${{host}}", "path": "{}", "method": "GET" }},
    "contentPath": {{ "path": "$.items", "unwrap": true, "siblings": false }},
    {}
  }},
  "spec": {{ "type": "object", "properties": {{ "host": {{ "type": "string" }} }}, "required": ["host"] }}
}} }}"#,
            self.path, paging
        )
    }

    fn project(&self, host: &str) -> String {
        format!(
            "version: 1
connections:
  api:
    connector: rest
    streams: {{ items: items.json }}
    params: {{ host: \"{host}\" }}
destinations:
  out: {{ type: sqlite, path: out.db }}
pipelines:
  items:
    source: {{ connection: api, stream: items, concurrency: {} }}
    destination: {{ name: out, table: members }}
    {}
",
            self.concurrency, self.sync
        )
    }
}

/// The page that `target` asks for, of `pages`, in whichever way it asks.
fn page(target: &str, pages: u64) -> Vec<u8> {
    let at = number(target, "at") + number(target, "page") + number(target, "offset") / RECORDS;
    let since = value(target, "since").and_then(|since| since.get(..10));
    let mut out = format!("{{\"total\":{},\"next\":", pages * RECORDS);
    match at + 1 < pages {
        true => write!(out, "\"/items?at={}\"", at + 1).expect("a string takes all"),
        false => out.push_str("null"),
    }
    out.push_str(",\"items\":[");
    for index in 0..RECORDS * u64::from(at < pages) {
        let (comma, minute) = (if index == 0 { "" } else { "," }, index % 60);
        let (day, hour) = (since.unwrap_or("2024-05-01"), index / 60);
        let note = "Prefers a call at noon. ".repeat(50);
        let id = at * RECORDS + index;
        write!(
            out,
            r#"{comma}{{"id":"{day}-{id}","changed":"{day}T{hour:02}:{minute:02}:00Z","note":"{note}"}}"#
        )
        .expect("a string takes all");
    }
    out.push_str("]}");
    out.into_bytes()
}

#[test]
fn a_page_is_found_in_every_way_of_asking() {
    let ids = |target: &str| {
        let text = String::from_utf8(page(target, 3)).unwrap();
        let first = text
            .find("\"id\":\"")
            .map(|at| text[at + 6..].split('"').next().unwrap().to_owned());
        (first, text.matches("\"changed\"").count())
    };
    let second = (Some("2024-05-01-100".to_owned()), 100);
    assert_eq!(ids("/items?at=1"), second);
    assert_eq!(ids("/items?limit=100&page=1"), second);
    assert_eq!(ids("/items?limit=100&offset=100"), second);
    assert_eq!(ids("/items?page=3"), (None, 0));
    let part = ids("/items?since=2024-05-07T00%3A00%3A00Z&before=x");
    assert_eq!(part, (Some("2024-05-07-0".to_owned()), 100));
}
