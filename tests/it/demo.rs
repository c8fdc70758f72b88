//! `tapline demo`: what a newcomer sees first.

use std::fs;

use crate::support::Project;

#[test]
fn the_demo_ends_in_complete_verdicts_and_can_be_run_again() {
    let home = Project::new("not: a project");
    for _ in 0..2 {
        let run = home.tapline(&["demo"]);
        assert_eq!(run.code, 0, "{run}");
        let text = format!("{}{}", run.stdout, run.stderr);
        assert!(text.matches("complete").count() >= 3, "{text}");
        for word in [
            "members",
            "users",
            "tickets",
            "429",
            "503",
            "members in tapline-demo/warehouse.db has 60 rows more",
            "complete from 2024-01-02T00:00:00Z",
        ] {
            assert!(text.contains(word), "no {word} in {text}");
        }
    }
    let warehouse = rusqlite::Connection::open(home.path("tapline-demo/warehouse.db")).unwrap();
    for table in ["members", "users", "tickets"] {
        let sql = format!("select count(*) from {table}");
        let rows: i64 = warehouse.query_row(&sql, [], |row| row.get(0)).unwrap();
        assert!(rows >= 250, "{table} has {rows} rows");
    }
}

#[test]
fn the_demo_overwrites_nothing_of_the_users() {
    let home = Project::new("");
    fs::create_dir(home.path("tapline-demo")).unwrap();
    fs::write(home.path("tapline-demo/mine.txt"), "keep me").unwrap();
    let run = home.tapline(&["demo"]);
    assert_eq!(run.code, 2, "{run}");
    assert_eq!(
        fs::read_to_string(home.path("tapline-demo/mine.txt")).unwrap(),
        "keep me"
    );
    assert_eq!(fs::read_dir(home.path("tapline-demo")).unwrap().count(), 1);
}
