//! Azure's tables, by Azurite: the token is two headers, sent back as two query parameters.

use std::ops::Range;
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::reading;
use crate::server::{Server, installed, post};
use crate::support::Project;

/// Azurite's only account, and its key, are the same everywhere. These were signed with that key:
/// they let the bearer read, and write.
const READ: &str = "m7ATpVUowu70n2NLsnDz0c1+/ekA4XLDT8xCl3MKgIA=";
const WRITE: &str = "sv=2019-02-02&ss=t&srt=sco&sp=rwdlacu&se=2099-01-01T00%3A00%3A00Z\
    &sig=fBYcYgVfJO3anX0sXeu2Qjif5fJqMrvc56uYFpAQvD8%3D";

/// A running Azurite, with the empty table `people`.
struct Azurite {
    _server: Server,
    _dir: TempDir,
    base_url: String,
}

impl Azurite {
    fn start() -> Self {
        let dir = TempDir::new().unwrap();
        let command = |port: u16| {
            let mut command = Command::new("node");
            command
                .arg(installed("node_modules/azurite/dist/src/table/main.js"))
                .args([
                    "--silent",
                    "--inMemoryPersistence",
                    "--disableProductStyleUrl",
                ])
                .args(["--tableHost", "127.0.0.1", "--tablePort", &port.to_string()])
                .current_dir(dir.path());
            command
        };
        let listening = |line: &str| line.contains("successfully started");
        let (server, port) = Server::start_on_free_port(command, listening);
        let azurite = Self {
            _server: server,
            _dir: dir,
            base_url: format!("http://127.0.0.1:{port}"),
        };
        azurite.post("Tables", &json!({ "TableName": "people" }));
        azurite
    }

    fn post(&self, to: &str, row: &Value) {
        let target = format!("/devstoreaccount1/{to}?{WRITE}");
        let headers = [
            ("content-type", "application/json"),
            ("accept", "application/json;odata=nometadata"),
        ];
        post(&self.base_url, &target, &headers, &row.to_string());
    }

    fn insert(&self, rows: Range<i64>) {
        for n in rows {
            self.post("people", &person(n));
        }
    }
}

/// A row, with characters in its key that a URL, a header and OData write differently. Which of
/// its properties are whole numbers of 64 bits, the names with `@` say.
fn person(n: i64) -> Value {
    json!({
        "PartitionKey": format!("São & Co. + {}=%41", n % 7),
        "RowKey": format!("{n:04} 'Zoë' \"漢字\" 𝄞;,"),
        "name": format!("line\n{n}\t\\ é"),
        "age": n,
        "big@odata.type": "Edm.Int64",
        "big": (i64::MAX - n).to_string(),
        "ratio": n as f64 + 0.5,
        "active": n % 2 == 0,
    })
}

const COLUMNS: [&str; 7] = [
    "PartitionKey",
    "RowKey",
    "name",
    "age",
    "big",
    "ratio",
    "active",
];

#[track_caller]
fn check_rows(project: &Project, rows: Range<i64>) {
    let columns = COLUMNS.join(", ");
    let found = reading::select(project, &format!("select {columns} from t order by age"));
    let expected: Vec<Vec<Value>> = rows
        .map(|n| {
            let mut person = person(n);
            // SQLite has no booleans.
            person["active"] = json!(i64::from(n % 2 == 0));
            COLUMNS.map(|column| person[column].clone()).into()
        })
        .collect();
    assert_eq!(found, expected);
}

#[test]
fn an_azure_table_is_read_by_two_headers() {
    let azurite = Azurite::start();
    let project = reading::project(
        "azure-table",
        &format!(
            "auth: {{ specName: Shared Access Signature, params: {{ sig: \"${{env:KEY}}\" }} }}
params:
  host: {}/devstoreaccount1
  table: people
  signedVersion: \"2019-02-02\"
  signedResourceTypes: sco
  signedPermissions: rl
  signedExpiry: \"2099-01-01T00:00:00Z\"",
            azurite.base_url
        ),
    );
    azurite.insert(0..250);
    reading::run(&project, READ, 7, 250);
    check_rows(&project, 0..250);
    azurite.insert(250..300);
    reading::run(&project, READ, 8, 300);
    check_rows(&project, 0..300);
}
