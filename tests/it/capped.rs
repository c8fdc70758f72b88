//! A search that ends after 1,000 results: a window that holds more is read in parts, so that all of
//! them are there, and nothing beyond the end is asked for.

use std::fs;

use serde_json::json;
use tapline_conformance::fake_api::{Counts, FakeApi, FakeApiConfig};

use crate::support::Project;

fn project(api: &FakeApi, mode: &str, order: &str) -> Project {
    let project = Project::new(&format!(
        "version: 1
connections:
  desk:
    connector: rest
    streams: {{ tickets: tickets.json }}
    auth: {{ params: {{ username: ann@example.com/token, password: \"${{env:KEY}}\" }} }}
    params: {{ host: \"{}\" }}
destinations:
  warehouse: {{ type: sqlite, path: warehouse.db }}
pipelines:
  tickets:
    source: {{ connection: desk, stream: tickets }}
    destination: {{ name: warehouse, table: tickets }}
    sync: {{ mode: {mode}, order: {order} }}
",
        api.base_url()
    ));
    let sort = if order == "ascending" { "asc" } else { "desc" };
    let text = json!({ "type": "string" });
    let secret = json!({ "type": "string", "format": "password" });
    let spec = json!({
        "authSpec": [{
            "name": "Token", "type": "BasicAuthentication",
            "spec": { "type": "object", "properties": { "username": text, "password": secret } }
        }],
        "sourceSpec": {
            "attributes": {
                "urlParams": {
                    "host": "${host}", "path": "/api/v2/search.json", "method": "GET",
                    "queryParams": { "query": "type:ticket {SCHEDULE_QUERY}", "sort_by": "updated_at",
                        "sort_order": sort }
                },
                "contentPath": { "path": "$.results", "unwrap": true, "siblings": false },
                "paginationParams": { "type": "PAGE", "limitName": "per_page", "limitValue": 100,
                    "pageParamName": "page", "initialPageIndex": 1, "maximumRecords": 1000 },
                "responseParams": { "total": "$.count" },
                "scheduleParams": { "type": "ADVANCE", "paramFormat": "yyyy-MM-ddTHH:mm:ssZ",
                    "incremental": "updated>={START_TIME} updated<{END_TIME}",
                    "backfill": "updated<{END_TIME}" },
                "incrementalParams": { "cursor": "updated_at", "primaryKeys": ["id"] }
            },
            "spec": { "type": "object", "properties": { "host": { "type": "string" } },
                "required": ["host"] }
        }
    });
    fs::write(project.path("tickets.json"), spec.to_string()).unwrap();
    project
}

fn serve(tickets: u64) -> FakeApi {
    let counts = Counts {
        tickets,
        ..Counts::default()
    };
    FakeApi::start(FakeApiConfig {
        counts,
        ..FakeApiConfig::default()
    })
    .unwrap()
}

#[test]
fn a_search_that_ends_too_early_is_read_in_parts() {
    for (mode, order) in [
        ("full_load", "unordered"),
        ("full_load", "ascending"),
        ("incremental", "unordered"),
        ("incremental", "ascending"),
    ] {
        let api = serve(3_700);
        let project = project(&api, mode, order);
        let run = || {
            let mut command = project.command(&["run", "--output", "json"]);
            crate::support::Run::of(command.env("KEY", "fake-key-us1").output().unwrap())
        };
        let first = run();
        assert_eq!(first.code, 0, "{mode} {order}: {first}");
        let all = || project.count("select count(distinct id) from tickets");
        let rows = || project.count("select count(*) from tickets");
        assert_eq!((all(), rows()), (3_700, 3_700), "{mode} {order}");
        api.set_counts(Counts {
            tickets: 5_200,
            ..Counts::default()
        });
        let second = run();
        assert_eq!(second.code, 0, "{mode} {order}: {second}");
        assert_eq!((all(), rows()), (5_200, 5_200), "{mode} {order}");
        let requests = second.json()["requests"].as_u64().unwrap();
        let needed = if mode == "incremental" { 1_500 } else { 5_200 } / 100;
        assert!(
            requests < needed + 80,
            "{mode} {order}: {requests} requests"
        );
        println!("{mode} {order}: {requests} requests, {needed} pages");
    }
}
