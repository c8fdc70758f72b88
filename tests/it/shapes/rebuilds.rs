//! Tables made again of the pages that were kept.

use std::fs;

use serde_json::json;

#[cfg(unix)]
use super::Pg;
use super::{Files, Place, Rig, Sqlite};
use crate::hostile::server::Reply;
#[cfg(unix)]
use crate::postgres::{Postgres, runtime};

const RAW: &str = "    raw: { keep: 30d }\n";

/// Three runs of `mode`, of which each but the first is sent what the one before has brought, too; then
/// the table is made again, and is the same, and again in another shape.
#[track_caller]
fn rebuilds(place: &dyn Place, mode: &str) {
    let cursor = "primary_keys: [id], cursor: at, cursor_type: integer";
    let sync = match mode.starts_with("incremental") {
        true => format!("{{ mode: {mode}, {cursor} }}"),
        false => format!("{{ mode: {mode} }}"),
    };
    let rig = Rig::new(place, &sync, "{}");
    let rebuild = |code: i32| {
        let run = rig.tapline(&["rebuild", "p", "--output", "json"]);
        assert_eq!(run.code, code, "{mode}: {run}");
        run
    };
    rebuild(2);
    rig.write_with(&sync, "{}", RAW);
    for sent in [
        r#"{"id":1,"at":1,"name":"m1"},{"id":2,"at":2,"name":"m2","extra":[1]}"#,
        r#"{"id":1,"at":1,"name":"m1"},{"id":2,"at":2,"name":"m2","extra":[1]},{"id":3,"at":2,"name":"m3"}"#,
        r#"{"id":2,"at":2,"name":"m2","extra":[1]},{"id":2,"at":4,"name":"m4"}"#,
    ] {
        let run = rig.run(sent);
        assert_eq!(run.code, 0, "{mode}: {run}");
    }
    // Tables and columns may come in another order.
    let sorted = || {
        let rows = place.rows(&rig.project);
        let mut parts: Vec<String> = rows.split([',', '{', '}']).map(str::to_owned).collect();
        parts.sort_unstable();
        parts
    };
    let (before, ids) = (sorted(), place.ids(&rig.project));
    let asked = rig.server.heads().len();
    let report = rebuild(0).json();
    assert_eq!(report["rows"], ids.len(), "{mode}: {report}");
    assert_eq!(sorted(), before, "{mode}");
    assert_eq!(rig.server.heads().len(), asked, "nothing is fetched");
    rig.write_with(&sync, "{ columns: { name: { rename: called } } }", RAW);
    rebuild(0);
    let columns = place.columns(&rig.project);
    let is_renamed = |name: &str| columns.iter().any(|column| column == name);
    assert!(
        is_renamed("called") && !is_renamed("name"),
        "{mode}: {columns:?}"
    );
    assert_eq!(place.ids(&rig.project), ids, "{mode}");
    // What comes next comes on top.
    let run = rig.run(r#"{"id":2,"at":4,"name":"m4"},{"id":5,"at":5,"name":"m5"}"#);
    assert_eq!(run.code, 0, "{mode}: {run}");
    rebuild(0);
    let after = place.ids(&rig.project);
    let expected = match mode {
        "full_load" => vec!["2".to_owned(), "5".to_owned()],
        "full_append" => {
            let mut all = [&ids[..], &["2".to_owned(), "5".to_owned()]].concat();
            all.sort_by_key(|id| id.parse::<u64>().unwrap());
            all
        }
        _ => [&ids[..], &["5".to_owned()]].concat(),
    };
    assert_eq!(after, expected, "{mode}");
    // A page that is gone leaves the table as it is.
    let folder = rig.project.path(".tapline/raw/p");
    fs::remove_dir_all(&folder).unwrap();
    let run = rebuild(2);
    assert!(run.stderr.contains("is not kept"), "{mode}: {run}");
    assert_eq!(place.ids(&rig.project), after, "{mode}");
}

#[track_caller]
fn rebuilds_all(place: &dyn Place) {
    for mode in [
        "full_load",
        "full_append",
        "incremental",
        "incremental_with_qualify",
    ] {
        if place.merges() || mode != "incremental_with_qualify" {
            rebuilds(place, mode);
        }
    }
}

#[test]
fn tables_of_sqlite_are_made_again_of_raw_pages() {
    rebuilds_all(&Sqlite);
}

#[test]
fn tables_of_files_are_made_again_of_raw_pages() {
    rebuilds_all(&Files);
}

#[cfg(unix)]
#[test]
fn tables_of_postgres_are_made_again_of_raw_pages() {
    let mut server = Pg(Postgres::quick(), String::new());
    for mode in [
        "full_load",
        "full_append",
        "incremental",
        "incremental_with_qualify",
    ] {
        server.1 = mode.to_owned();
        runtime().block_on(server.0.ask(&format!("CREATE DATABASE {mode}")));
        rebuilds(&server, mode);
    }
}

#[test]
fn the_latest_versions_are_made_again_too() {
    let sync =
        "{ mode: incremental_with_qualify, primary_keys: [id], cursor: at, cursor_type: integer }";
    let rig = Rig::new(&Sqlite, sync, "{}");
    rig.write_with(sync, "{}", RAW);
    assert_eq!(
        rig.run(r#"{"id":1,"at":1,"name":"old"},{"id":2,"at":1,"name":"two"}"#)
            .code,
        0
    );
    assert_eq!(rig.run(r#"{"id":1,"at":2,"name":"new"}"#).code, 0);
    rig.write_with(
        sync,
        "{ columns: { id: { rename: key } }, constants: { tenant: a } }",
        RAW,
    );
    let run = rig.tapline(&["rebuild", "p"]);
    assert_eq!(run.code, 0, "{run}");
    assert!(
        run.stdout
            .contains("The table t was made again of 2 pages: 3 rows."),
        "{run}"
    );
    let latest = "select key, name, tenant from staged__t order by key";
    let expected = json!([
        { "key": 1, "name": "new", "tenant": "a" }, { "key": 2, "name": "two", "tenant": "a" }
    ]);
    assert_eq!(rig.project.sql(latest)["rows"], expected);
}

#[test]
fn a_table_that_somebody_dropped_is_made_again() {
    for mode in ["full_load", "full_append"] {
        let sync = format!("{{ mode: {mode} }}");
        let rig = Rig::new(&Sqlite, &sync, "{}");
        rig.write_with(&sync, "{}", RAW);
        for sent in [r#"{"id":1}"#, r#"{"id":2}"#] {
            assert_eq!(rig.run(sent).code, 0);
        }
        let ids = Sqlite.ids(&rig.project);
        // A run that ends in vain leaves nothing that a table is made of.
        rig.server.turn(|_| Reply::new("404 Not Found", "", ""));
        assert_eq!(rig.tapline(&["run"]).code, 1);
        rig.project
            .warehouse()
            .execute_batch("drop table t")
            .unwrap();
        let run = rig.tapline(&["rebuild", "p"]);
        assert_eq!(run.code, 0, "{mode}: {run}");
        assert_eq!(Sqlite.ids(&rig.project), ids, "{mode}");
    }
}

/// What was rejected of rows that are replaced is gone with them.
#[test]
fn a_full_load_shows_only_what_it_rejected_itself() {
    let sync = "{ mode: full_load }";
    let strict = "{ contract: discard_row }";
    for place in [&Sqlite as &dyn Place, &Files] {
        let rig = Rig::new(place, sync, "{}");
        assert_eq!(rig.run(r#"{"id":1}"#).code, 0);
        rig.write_with(sync, strict, RAW);
        for sent in [
            r#"{"id":1},{"id":2,"a":"m1"}"#,
            r#"{"id":1},{"id":2,"a":"m2"}"#,
        ] {
            assert_eq!(rig.run(sent).code, 0);
        }
        let shown = |what: &str| {
            let rejects = rig.rejects();
            assert_eq!(rejects.len(), 1, "{what}: {rejects:?}");
            assert!(rejects[0].to_string().contains("m2"), "{what}: {rejects:?}");
        };
        shown("after two loads");
        assert_eq!(rig.tapline(&["rebuild", "p"]).code, 0);
        shown("after a rebuild");
    }
}

/// A rebuild that comes to nothing half-way leaves the rejects as they were, too.
#[track_caller]
fn fails_halfway(place: &dyn Place) {
    let strict = "{ contract: discard_row }";
    let rig = Rig::new(place, super::APPEND, "{}");
    rig.write_with(super::APPEND, "{}", RAW);
    assert_eq!(rig.run(r#"{"id":1}"#).code, 0);
    rig.write_with(super::APPEND, strict, RAW);
    for sent in [
        r#"{"id":2},{"id":3,"a":"m3"}"#,
        r#"{"id":4},{"id":5,"a":"m5"}"#,
    ] {
        assert_eq!(rig.run(sent).code, 0);
    }
    let (ids, rejects) = (place.ids(&rig.project), rig.rejects());
    assert_eq!(rejects.len(), 2);
    // Folders of runs are named in the order of time.
    let folder = fs::read_dir(rig.project.path(".tapline/raw/p")).unwrap();
    let runs = folder.map(|run| run.unwrap().path());
    fs::remove_dir_all(runs.max().unwrap()).unwrap();
    let run = rig.tapline(&["rebuild", "p"]);
    assert_eq!(run.code, 2, "{run}");
    assert!(run.stderr.contains("is not kept"), "{run}");
    assert_eq!(place.ids(&rig.project), ids);
    assert_eq!(rig.rejects(), rejects);
    assert_eq!(rig.run(r#"{"id":6}"#).code, 0);
    assert_eq!(rig.rejects(), rejects);
}

#[test]
fn a_rebuild_that_fails_halfway_changes_nothing() {
    fails_halfway(&Sqlite);
    fails_halfway(&Files);
}

#[cfg(unix)]
#[test]
fn nor_does_it_in_postgres() {
    let place = Pg(Postgres::quick(), "halfway".to_owned());
    runtime().block_on(place.0.ask("CREATE DATABASE halfway"));
    fails_halfway(&place);
}
