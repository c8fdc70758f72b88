//! Amazon's DynamoDB, by moto: the token is an object, sent back in the body of a POST.

use std::ops::Range;
use std::process::Command;

use serde_json::{Value, json};

use crate::reading;
use crate::server::{Server, installed, post, word_after};
use crate::support::Project;

/// A running moto, with the empty table `people`.
struct Moto {
    _server: Server,
    base_url: String,
}

/// It tells moto which of its services is meant. The signature is not looked at, so that it can be
/// any secret.
fn authorization() -> String {
    format!(
        "AWS4-HMAC-SHA256 Credential=any/20260101/us-east-1/dynamodb/aws4_request, \
         SignedHeaders=host, Signature={}",
        reading::KEY
    )
}

impl Moto {
    fn start() -> Self {
        let mut command = Command::new(installed("venv/bin/moto_server"));
        command.args(["-H", "127.0.0.1", "-p", "0"]);
        let listening = |line: &str| word_after(line, "Running on ");
        let (server, base_url) = Server::start(command, listening).unwrap();
        let moto = Self {
            _server: server,
            base_url,
        };
        moto.call(
            "CreateTable",
            &json!({
                "TableName": "people",
                "BillingMode": "PAY_PER_REQUEST",
                "KeySchema": [
                    { "AttributeName": "team", "KeyType": "HASH" },
                    { "AttributeName": "n", "KeyType": "RANGE" },
                ],
                "AttributeDefinitions": [
                    { "AttributeName": "team", "AttributeType": "S" },
                    { "AttributeName": "n", "AttributeType": "N" },
                ],
            }),
        );
        moto
    }

    fn call(&self, operation: &str, body: &Value) {
        let headers = [
            ("content-type", "application/x-amz-json-1.0"),
            ("x-amz-target", &format!("DynamoDB_20120810.{operation}")),
            ("authorization", &authorization()),
        ];
        post(&self.base_url, "/", &headers, &body.to_string());
    }

    fn insert(&self, rows: Range<i64>) {
        for n in rows {
            self.call(
                "PutItem",
                &json!({ "TableName": "people", "Item": person(n) }),
            );
        }
    }
}

/// A row: every value says its type, and numbers are texts.
fn person(n: i64) -> Value {
    json!({
        "team": { "S": format!("São & \"Co\" \\ {} 漢字\n𝄞", n % 7) },
        "n": { "N": n.to_string() },
        "exact": { "N": format!("{n}.10000000000000000000000000001") },
        "active": { "BOOL": n % 2 == 0 },
        "gone": { "NULL": true },
        "tags": { "L": [{ "S": "é" }, { "M": { "deep": { "N": n.to_string() } } }] },
    })
}

const COLUMNS: [&str; 6] = ["team", "n", "exact", "active", "gone", "tags"];

#[track_caller]
fn check_rows(project: &Project, rows: Range<i64>) {
    let found = reading::select(
        project,
        &format!(
            "select {} from t order by cast(json_extract(n, '$.N') as integer)",
            COLUMNS.join(", ")
        ),
    );
    let json = |cell: &Value| serde_json::from_str(cell.as_str().unwrap()).unwrap();
    let found: Vec<Vec<Value>> = found
        .iter()
        .map(|row| row.iter().map(json).collect())
        .collect();
    let expected: Vec<Vec<Value>> = rows
        .map(|n| COLUMNS.map(|column| person(n)[column].clone()).into())
        .collect();
    assert_eq!(found, expected);
}

#[test]
fn dynamodb_is_read_by_a_key_in_the_body() {
    let moto = Moto::start();
    let project = reading::project(
        "dynamodb-scan",
        &format!(
            "auth: {{ specName: Signed, params: {{ authorization: \"${{env:KEY}}\" }} }}
params: {{ host: \"{}\", table: people }}",
            moto.base_url
        ),
    );
    moto.insert(0..250);
    reading::run(&project, &authorization(), 7, 250);
    check_rows(&project, 0..250);
    moto.insert(250..300);
    reading::run(&project, &authorization(), 8, 300);
    check_rows(&project, 0..300);
}
