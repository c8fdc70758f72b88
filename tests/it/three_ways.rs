//! 200,000 real rows, read from a server nobody here wrote, in three ways of paging.

use rusqlite::Connection;

use crate::datasette::Datasette;
use crate::server::fixture;
use crate::support::Project;

/// A project that reads the flights by each of the spec files beside it.
fn project(base_url: &str) -> Project {
    let project = Project::new(&format!(
        "version: 1
connections:
  flights:
    connector: rest
    streams: {{ pointer: pointer.json, token: token.json, offset: offset.json }}
    params: {{ host: \"{base_url}\" }}
destinations:
  warehouse: {{ type: sqlite, path: warehouse.db }}
pipelines:
  pointer:
    source: {{ connection: flights, stream: pointer }}
    destination: {{ name: warehouse, table: pointer }}
    sync: {{ mode: full_load }}
  token:
    source: {{ connection: flights, stream: token }}
    destination: {{ name: warehouse, table: token }}
    sync: {{ mode: full_load }}
  offset:
    source: {{ connection: flights, stream: offset }}
    destination: {{ name: warehouse, table: offset }}
    sync: {{ mode: full_load }}
"
    ));
    for name in ["pointer.json", "token.json", "offset.json"] {
        let spec = fixture(&format!("specs/datasette-{name}"));
        std::fs::copy(spec, project.path(name)).unwrap();
    }
    project
}

/// Rows of `table` that are not in the served database exactly as they are, and the other way
/// round.
fn differences(warehouse: &Connection, table: &str) -> (i64, i64) {
    let columns = "id, delay, distance, time";
    let ours = format!("select {columns} from \"{table}\"");
    let theirs = format!("select {columns} from served.flights");
    let count = |left: &str, right: &str| {
        let sql = format!("select count(*) from ({left} except {right})");
        warehouse.query_row(&sql, [], |row| row.get(0)).unwrap()
    };
    (count(&ours, &theirs), count(&theirs, &ours))
}

#[test]
fn three_ways_of_paging_bring_row_for_row_what_the_server_has() {
    let datasette = Datasette::start();
    let project = project(datasette.base_url());
    for (pass, count) in [(1, 200_000), (2, 200_500)] {
        if pass == 2 {
            datasette.insert(500);
        }
        let run = project.tapline(&["run", "--output", "json"]);
        assert_eq!(run.code, 0, "pass {pass}: {run}");
        let reports = run.json();
        let reports = reports["runs"].as_array().unwrap();
        assert_eq!(reports.len(), 3);
        let warehouse = project.warehouse();
        let served = datasette.database();
        warehouse
            .execute("attach ? as served", [served.to_str().unwrap()])
            .unwrap();
        for report in reports {
            let table = report["pipeline"].as_str().unwrap();
            assert_eq!(report["verdict"]["kind"], "complete", "{table}");
            assert_eq!(report["records"]["written"], count, "{table}");
            // Paged by offset, SQL has no other sign of its end than an empty page.
            let pages = u64::div_ceil(count, 1_000) + u64::from(table == "offset");
            assert_eq!(report["pages"], pages, "{table}, pass {pass}");
            assert_eq!(
                differences(&warehouse, table),
                (0, 0),
                "{table}, pass {pass}"
            );
            let rows = project.count(&format!("select count(*) from \"{table}\""));
            assert_eq!(
                rows,
                count.cast_signed(),
                "{table}: a second load replaces, never adds"
            );
        }
    }
}
