//! The kinds of destinations, and how their tables are read without tapline.

#[cfg(unix)]
use std::fs;
#[cfg(unix)]
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Value, json};

#[cfg(unix)]
use crate::postgres::{Postgres, runtime};
use crate::readers;
use crate::support::Project;

/// A kind of destination, and how its tables are read without tapline.
pub(crate) trait Place {
    fn name(&self) -> &'static str;
    /// The destination in the project file.
    fn yaml(&self) -> &'static str;
    /// Gives a new project what its destination needs.
    fn prepare(&self, _project: &Project) {}
    /// These columns of the visible table, as JSON arrays, by the first of them, which is a number.
    fn rows(&self, project: &Project, columns: &[&str]) -> Vec<String>;
    /// What runs that were cut have left behind.
    fn hidden(&self, project: &Project) -> usize;
}

#[derive(Debug)]
pub(crate) struct Sqlite;

impl Place for Sqlite {
    fn name(&self) -> &'static str {
        "sqlite"
    }

    fn yaml(&self) -> &'static str {
        "{ type: sqlite, path: warehouse.db }"
    }

    fn rows(&self, project: &Project, columns: &[&str]) -> Vec<String> {
        let warehouse = project.warehouse();
        let check = "pragma quick_check";
        let sound: String = warehouse.query_row(check, [], |row| row.get(0)).unwrap();
        assert_eq!(sound, "ok");
        let (all, key) = (columns.join(", "), columns[0]);
        let known = format!("select count(*) from pragma_table_info('t') where name = '{key}'");
        if project.count(&known) == 0 {
            return Vec::new();
        }
        let sql = format!("select json_array({all}) from t order by {key}");
        let mut rows = warehouse.prepare(&sql).unwrap();
        let rows = rows.query_map([], |row| row.get(0)).unwrap();
        rows.collect::<Result<_, _>>().unwrap()
    }

    fn hidden(&self, project: &Project) -> usize {
        let tables = "select count(*) from sqlite_master where name glob '_tapline_gen_*'";
        let listed = "select count(*) from _tapline_generations";
        (project.count(tables) + project.count(listed)) as usize
    }
}

/// The table's folder.
const TABLE: &str = "out/public/t";

#[derive(Debug)]
pub(crate) struct Files;

impl Place for Files {
    fn name(&self) -> &'static str {
        "files"
    }

    fn yaml(&self) -> &'static str {
        "{ type: files, path: out, format: jsonl, commit: page }"
    }

    fn rows(&self, project: &Project, columns: &[&str]) -> Vec<String> {
        let mut rows = readers::jsonl(&project.path(TABLE));
        rows.sort_by_key(|row| row[columns[0]].as_u64());
        let row = |row: Value| {
            let values: Vec<_> = columns.iter().map(|column| &row[column]).collect();
            json!(values).to_string()
        };
        rows.into_iter().map(row).collect()
    }

    fn hidden(&self, project: &Project) -> usize {
        readers::unnamed(&project.path(TABLE))
    }
}

/// The file with the address of a project's database.
#[cfg(unix)]
const ADDRESS: &str = "address";

/// A server that outlives all runs. Every project has a database of its own.
#[cfg(unix)]
impl Place for Postgres {
    fn name(&self) -> &'static str {
        "postgres"
    }

    fn yaml(&self) -> &'static str {
        "{ type: postgres, url: \"${file:address}\", commit: page }"
    }

    fn prepare(&self, project: &Project) {
        static MADE: AtomicU64 = AtomicU64::new(0);
        let name = format!("p{}", MADE.fetch_add(1, Ordering::Relaxed));
        self.select(&format!("CREATE DATABASE {name}"));
        project.input(ADDRESS, self.address(&name).expose());
    }

    fn rows(&self, project: &Project, columns: &[&str]) -> Vec<String> {
        let (all, key) = (columns.join(", "), columns[0]);
        let known = format!(
            "SELECT attname FROM pg_attribute
             WHERE attrelid = to_regclass('t') AND attname = '{key}'"
        );
        let sql = format!("SELECT jsonb_build_array({all}) FROM t ORDER BY {key}");
        let database = database(project);
        runtime().block_on(async {
            match self.ask_in(&database, &known).await.is_empty() {
                true => Vec::new(),
                false => self.ask_in(&database, &sql).await,
            }
        })
    }

    fn hidden(&self, project: &Project) -> usize {
        let sql = "SELECT relname FROM pg_class WHERE relname LIKE '\\_tapline\\_gen\\_%'
             UNION ALL SELECT hidden FROM _tapline_generations";
        let database = database(project);
        runtime().block_on(self.ask_in(&database, sql)).len()
    }
}

#[cfg(unix)]
fn database(project: &Project) -> String {
    let address = fs::read_to_string(project.path(ADDRESS)).unwrap();
    let (_, name) = address.rsplit_once('/').unwrap();
    name.to_owned()
}
