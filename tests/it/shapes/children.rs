//! Child tables: their rows lead to their parents, and come and go with them.

use std::fs;

use serde_json::json;

#[cfg(unix)]
use super::Pg;
use super::{Files, Place, Rig, Sqlite};
use crate::hostile::server::Reply;
#[cfg(unix)]
use crate::postgres::{Postgres, runtime};

const LINES: &str = "{ columns: { lines: { nested: child_table } } }";

/// The parts of the records in `table`, each beside the id of its record.
fn joined(table: &str) -> String {
    format!(
        "select p.id, c.sku, c._tapline_position as place from {table} as p
         join t__lines as c on c._tapline_run_id = p._tapline_run_id
         and c._tapline_request_id = p._tapline_request_id and c._tapline_number = p._tapline_number
         order by p.id, place"
    )
}

/// Two runs, of which the second brings another version with other parts.
#[track_caller]
fn versions_lead_to_their_parts(place: &dyn Place, staged: &str) {
    let sync = "{ mode: incremental_with_qualify, primary_keys: [id], cursor: at }";
    let rig = Rig::new(place, sync, LINES);
    let first = r#"{"id":1,"at":"2026-01-01T00:00:00Z","lines":[{"sku":"a"},{"sku":"b"}]},
        {"id":2,"at":"2026-01-01T00:00:00Z","lines":[]},
        {"id":3,"at":"2026-01-01T00:00:00Z"}"#;
    let run = rig.run(first);
    assert_eq!(run.code, 0, "{run}");
    assert!(run.stdout.contains("3 records"), "parts are none: {run}");
    let second = r#"{"id":1,"at":"2026-01-02T00:00:00Z","lines":[{"sku":"c","price":2.5}]}"#;
    assert_eq!(rig.run(second).code, 0);
    let ask = |sql: &str| {
        let run = rig.tapline(&["sql", sql, "--output", "json"]);
        assert_eq!(run.code, 0, "{run}");
        run.json()["rows"].clone()
    };
    let latest = json!([{ "id": 1, "sku": "c", "place": 0 }]);
    assert_eq!(ask(&joined(staged)), latest);
    assert_eq!(
        ask(&joined("t")),
        json!([
            { "id": 1, "sku": "a", "place": 0 },
            { "id": 1, "sku": "c", "place": 0 },
            { "id": 1, "sku": "b", "place": 1 },
        ])
    );
    let ids = ask(&format!("select id from {staged} order by id"));
    assert_eq!(ids, json!([{ "id": 1 }, { "id": 2 }, { "id": 3 }]));
    let price = ask("select sum(price) as sum from t__lines");
    assert_eq!(price, json!([{ "sum": 2.5 }]));
}

#[test]
fn a_part_leads_to_its_record_and_the_latest_version_to_its_own() {
    versions_lead_to_their_parts(&Sqlite, "staged__t");
}

#[cfg(unix)]
#[test]
fn so_it_does_in_postgres() {
    let place = Pg(Postgres::quick(), "versions".to_owned());
    runtime().block_on(place.0.ask("CREATE DATABASE versions"));
    versions_lead_to_their_parts(&place, "staged.t");
}

/// Tables of one name in two schemas have child tables of their own.
#[test]
fn a_child_table_is_in_the_schema_of_its_table() {
    let rig = Rig::new(&Sqlite, "{ mode: full_load }", LINES);
    let project = fs::read_to_string(rig.project.path("tapline.yaml")).unwrap();
    let in_schema = project.replace("table: t }", "table: t, schema: crm }");
    rig.project.input("tapline.yaml", &in_schema);
    for sku in ["a", "b"] {
        assert_eq!(
            rig.run(&format!(r#"{{"id":1,"lines":[{{"sku":"{sku}"}}]}}"#))
                .code,
            0
        );
        let skus = format!("select count(*) from crm__t__lines where sku = '{sku}'");
        assert_eq!(rig.project.count(&skus), 1);
    }
    let others = "select count(*) from sqlite_schema where name = 't__lines'";
    assert_eq!(rig.project.count(others), 0);
}

#[test]
fn a_full_load_replaces_the_child_table_as_well() {
    let sync = "{ mode: full_load }";
    let rig = Rig::new(&Sqlite, sync, LINES);
    assert_eq!(
        rig.run(r#"{"id":1,"lines":[{"sku":"a"},"loose",7,null]}"#)
            .code,
        0
    );
    let held = "select sku, value, _tapline_position as place from t__lines order by place";
    assert_eq!(
        rig.project.sql(held)["rows"],
        json!([
            { "sku": "a", "value": null, "place": 0 },
            { "sku": null, "value": "loose", "place": 1 },
            { "sku": null, "value": "7", "place": 2 },
            { "sku": null, "value": null, "place": 3 },
        ])
    );
    // A run that ends in vain changes neither.
    rig.server.turn(|_| Reply::new("404 Not Found", "", ""));
    assert_eq!(rig.tapline(&["run"]).code, 1);
    assert_eq!(rig.project.count("select count(*) from t__lines"), 4);
    assert_eq!(rig.run(r#"{"id":2}"#).code, 0);
    assert_eq!(rig.project.count("select count(*) from t__lines"), 0);
    assert_eq!(rig.project.count("select count(*) from t where id = 2"), 1);
}

#[test]
fn parts_are_kept_in_the_shape_that_is_asked_for() {
    let schema = "{ mask_key: \"a key for masks\", columns: { lines: { rename: items, nested: child_table },
        lines__email: { mask: true }, lines__note: { drop: true }, lines__n: { cast: string, rename: number },
        lines__at: { nested: flatten } } }";
    let rig = Rig::new(&Sqlite, super::APPEND, schema);
    let sent = r#"{"id":1,"lines":[{"email":"ann@example.com","note":"m-note","n":7,"at":{"city":"Ulm"}}]}"#;
    rig.server.turn(move |_| Reply::items(sent));
    let preview = rig.tapline(&["preview", "p", "--output", "json"]);
    assert_eq!(preview.code, 0, "{preview}");
    let shown = &preview.json()["child_tables"]["t__items"][0];
    assert_eq!(
        (&shown["number"], &shown["at__city"]),
        (&json!("7"), &json!("Ulm"))
    );
    let preview = rig.tapline(&["preview", "p"]);
    assert!(preview.stdout.contains("t__items:"), "{preview}");
    let run = rig.run(sent);
    assert_eq!(run.code, 0, "{run}");
    let held = "select number, at__city, length(email) as digits from t__items";
    assert_eq!(
        rig.project.sql(held)["rows"],
        json!([{ "number": "7", "at__city": "Ulm", "digits": 64 }])
    );
    let columns = Sqlite.columns(&rig.project);
    assert_eq!(columns, ["id"]);
    let all = fs::read(rig.project.path("warehouse.db")).unwrap();
    let all = String::from_utf8_lossy(&all);
    assert!(!all.contains("ann@example.com") && !all.contains("m-note"));
}

/// A record of which a child table does not take a part stays whole: among the rejects, or in the table.
#[test]
fn a_record_is_rejected_with_all_its_parts() {
    let rig = Rig::new(&Sqlite, super::APPEND, LINES);
    assert_eq!(rig.run(r#"{"id":1,"lines":[{"sku":"a"}]}"#).code, 0);
    let strict = "{ contract: discard_row, columns: { lines: { nested: child_table } } }";
    rig.write(super::APPEND, strict);
    let run = rig.run(
        r#"{"id":2,"lines":[{"sku":"b"},{"sku":"c","price":1}]},{"id":3,"lines":[{"sku":"d"}]}"#,
    );
    assert_eq!(run.code, 0, "{run}");
    let rejects = rig.rejects();
    assert_eq!(rejects.len(), 1, "{rejects:?}");
    let reason = rejects[0]["reason"].as_str().unwrap();
    assert_eq!(reason, "in `t__lines` the table has no column `price`");
    assert_eq!(rig.project.count("select count(*) from t__lines"), 2);
    rig.write(super::APPEND, LINES);
    let retried = rig.tapline(&["rejects", "retry", "p"]);
    assert_eq!(retried.code, 0, "{retried}");
    assert_eq!(rig.rejects(), [0; 0]);
    let all = rig.project.sql(&joined("t"))["rows"].clone();
    let skus = all.as_array().unwrap().iter();
    let skus: Vec<_> = skus
        .map(|row| (row["id"].as_i64(), row["sku"].as_str()))
        .collect();
    let expected = [(1, "a"), (2, "b"), (2, "c"), (3, "d")];
    assert_eq!(skus, expected.map(|(id, sku)| (Some(id), Some(sku))));
    // One column may be strict by itself.
    let own = "{ columns: { lines: { nested: child_table, contract: freeze } } }";
    rig.write(super::APPEND, own);
    let run = rig.run(r#"{"id":4,"more":1,"lines":[{"sku":"e","colour":"red"}]}"#);
    assert_eq!(run.code, 3, "{run}");
    assert!(
        run.stdout.contains("the table has no column `colour`"),
        "{run}"
    );
}

#[test]
fn both_tables_are_made_again_of_raw_pages() {
    for mode in ["full_load", "full_append"] {
        let sync = format!("{{ mode: {mode} }}");
        let raw = "    raw: { keep: 30d }\n";
        let rig = Rig::new(&Sqlite, &sync, "{}");
        rig.write_with(&sync, "{}", raw);
        for sent in [
            r#"{"id":1,"lines":[{"sku":"a"}]}"#,
            r#"{"id":2,"lines":[{"sku":"b"},{"sku":"c"}]}"#,
        ] {
            assert_eq!(rig.run(sent).code, 0);
        }
        rig.write_with(&sync, LINES, raw);
        let run = rig.tapline(&["rebuild", "p"]);
        assert_eq!(run.code, 0, "{mode}: {run}");
        let skus = "select count(distinct sku) from t__lines";
        let expected = if mode == "full_load" { 2 } else { 3 };
        assert_eq!(rig.project.count(skus), expected, "{mode}");
        let ids = Sqlite.ids(&rig.project).len();
        assert!(run.stdout.contains(&format!("{ids} row")), "{run}");
        assert_eq!(Sqlite.columns(&rig.project), ["id"], "{mode}");
    }
}

#[test]
fn files_have_no_child_tables() {
    let rig = Rig::new(&Files, super::APPEND, LINES);
    let run = rig.tapline(&["validate"]);
    assert_eq!(run.code, 2, "{run}");
    let said = format!("{}{}", run.stdout, run.stderr);
    assert!(said.contains("files have no child tables"), "{run}");
}

/// What the server refuses of a child table is kept beside the record, which is there.
#[cfg(unix)]
#[test]
fn postgres_keeps_what_the_server_refuses_of_a_child_table() {
    let place = Pg(Postgres::quick(), "children".to_owned());
    runtime().block_on(place.0.ask("CREATE DATABASE children"));
    let rig = Rig::new(&place, super::APPEND, LINES);
    let run = rig.run(r#"{"id":1,"lines":[{"sku":"a"},{"sku":"b\u0000"}]},{"id":2,"lines":["c"]}"#);
    assert_eq!(run.code, 0, "{run}");
    assert_eq!(place.ids(&rig.project), ["1", "2"]);
    assert_eq!(
        place.ask("SELECT sku FROM t__lines WHERE sku IS NOT NULL"),
        ["a"]
    );
    let rejects = rig.rejects();
    assert_eq!(rejects.len(), 1, "{rejects:?}");
    let kept = rejects[0].to_string();
    assert!(
        kept.contains("t__lines") && kept.contains("\\u0000"),
        "{kept}"
    );
    let retried = rig.tapline(&["rejects", "retry", "p", "--output", "json"]);
    assert_eq!(retried.json()["left"], 1, "{retried}");
    assert_eq!(rig.rejects().len(), 1);
    // A record that the server refused finds its parts again.
    let check = |sql: &str| drop(place.ask(sql));
    check("ALTER TABLE t ADD CONSTRAINT few CHECK (id < 3)");
    assert_eq!(rig.run(r#"{"id":3,"lines":[{"sku":"d"}]}"#).code, 0);
    assert_eq!(place.ids(&rig.project), ["1", "2"]);
    check("ALTER TABLE t DROP CONSTRAINT few");
    // A retry that is refused again changes nothing of that.
    check("ALTER TABLE t ADD CONSTRAINT few CHECK (id < 3)");
    let retried = rig.tapline(&["rejects", "retry", "p", "--output", "json"]);
    assert_eq!(retried.json()["accepted"], 0, "{retried}");
    check("ALTER TABLE t DROP CONSTRAINT few");
    let retried = rig.tapline(&["rejects", "retry", "p", "--output", "json"]);
    assert_eq!(retried.json()["accepted"], 1, "{retried}");
    let parts = joined("t").replace("p.id, c.sku, c._tapline_position as place", "c.sku || p.id");
    let parts = parts.replace("order by p.id, place", "where p.id = 3");
    assert_eq!(place.ask(&parts), ["d3"]);
}
