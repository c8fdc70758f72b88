//! The installed binary keeps to a quota: alone, beside another process, and from run to run.

#![expect(
    clippy::disallowed_methods,
    reason = "real processes send in real time"
)]

use std::process::Child;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tapline_conformance::fake_api::{Counts, FakeApi, FakeApiConfig, Fault, FaultAction};

use crate::readers;
use crate::support::{Project, Run};

const PAGE: u64 = 100;
const PATH: &str = "/generic/token";

/// An API of so many pages, and a project with two pipelines that read all of them with one key.
struct World {
    api: FakeApi,
    project: Project,
}

impl World {
    fn new(pages: u64, quota: &str, rate: &Value, faults: Vec<Fault>) -> Self {
        let config = FakeApiConfig {
            faults,
            ..FakeApiConfig::default()
        };
        let api = FakeApi::start(config).unwrap();
        api.set_counts(Counts {
            generic: pages * PAGE,
            ..Counts::default()
        });
        let project = Project::new(&yaml(&api, quota));
        project.input("records.json", &spec(rate));
        Self { api, project }
    }

    fn run(&self, arguments: &[&str]) -> (Run, Value) {
        let arguments = [&["run", "--output", "json"], arguments].concat();
        let run = self.project.tapline(&arguments);
        let report = run.json();
        (run, report)
    }

    fn start(&self, pipeline: &str) -> Child {
        let mut command = self.project.command(&["run", pipeline]);
        command.spawn(pipeline)
    }

    fn asked(&self) -> u64 {
        self.api.stats().requests_to(PATH)
    }

    /// Another quota from now on.
    fn set_quota(&self, quota: &str) {
        self.project.input("tapline.yaml", &yaml(&self.api, quota));
    }
}

fn yaml(api: &FakeApi, quota: &str) -> String {
    let pipeline = |name: &str| {
        format!(
            "  {name}:
    source: {{ connection: c, stream: records }}
    destination: {{ name: warehouse, table: {name} }}
"
        )
    };
    format!(
        "version: 1
connections:
  c:
    connector: rest
    streams: {{ records: records.json }}
    params: {{ host: \"{}\" }}
    quota: {quota}
destinations:
  warehouse: {{ type: files, path: out, format: jsonl }}
pipelines:
{}{}",
        api.base_url(),
        pipeline("one"),
        pipeline("two")
    )
}

fn spec(rate: &Value) -> String {
    let mut spec = json!({
        "authSpec": [],
        "sourceSpec": {
            "attributes": {
                "urlParams": { "host": "${host}", "path": PATH, "method": "GET",
                    "queryParams": { "limit": PAGE.to_string() } },
                "contentPath": { "path": "$.results", "unwrap": true, "siblings": false },
                "paginationParams": { "type": "CONTINUATION_TOKEN",
                    "continuationTokenPath": "$.next_token",
                    "parameterType": "QUERYPARAM", "parameterName": "token" }
            },
            "spec": { "type": "object", "properties": { "host": { "type": "string" } } }
        }
    });
    if !rate.is_null() {
        spec["sourceSpec"]["attributes"]["rateParams"] = rate.clone();
    }
    spec.to_string()
}

#[test]
fn two_processes_share_a_limit() {
    let rate = json!({ "requestsPerMinute": 10 });
    let world = World::new(20, "{ max_wait: 0s }", &rate, Vec::new());
    let mut running = ["one", "two"].map(|pipeline| world.start(pipeline));
    let codes = running.each_mut().map(|child| child.wait().unwrap().code());
    let said = |stream: &str| {
        ["one", "two"].map(|pipeline| {
            let file = world.project.path(&format!("{pipeline}.{stream}"));
            std::fs::read_to_string(file).unwrap()
        })
    };
    assert_eq!(codes, [Some(4); 2], "{:?}", said("stderr"));
    let said = said("stdout");
    assert_eq!(world.asked(), 10);
    for said in said {
        assert!(said.contains("the quota of 10 requests a minute"), "{said}");
        assert!(said.contains("longer than the 0 s allowed"), "{said}");
    }
}

#[test]
fn no_second_of_two_processes_has_more_than_its_limit() {
    const LIMIT: u64 = 10;
    const PAGES: u64 = 15;
    let quota = format!("{{ requests_per_second: {LIMIT} }}");
    let world = World::new(PAGES, &quota, &Value::Null, Vec::new());
    let started = Instant::now();
    let mut running = ["one", "two"].map(|pipeline| world.start(pipeline));
    let mut seen = vec![(Duration::ZERO, 0)];
    while world.asked() < 2 * PAGES && started.elapsed() < Duration::from_secs(60) {
        seen.push((started.elapsed(), world.asked()));
        thread::sleep(Duration::from_millis(5));
    }
    for child in &mut running {
        assert_eq!(child.wait().unwrap().code(), Some(0));
    }
    // Some requests arrive later after they were sent than others, the more so on a busy machine.
    let jitter = Duration::from_millis(250);
    let window = Duration::from_secs(1) - jitter;
    for (index, (from, before)) in seen.iter().enumerate() {
        let within = seen[index..].iter();
        let within = within.take_while(|(at, _)| *at < *from + window);
        let most = within.map(|(_, asked)| asked - before).max();
        assert!(most <= Some(LIMIT), "{most:?} from {from:?} on");
    }
    assert!(
        started.elapsed() > Duration::from_secs(2),
        "it was not kept"
    );
}

#[test]
fn a_number_of_requests_cuts_a_run_and_the_next_goes_on() {
    let world = World::new(6, "{}", &Value::Null, Vec::new());
    for asked in [2, 4] {
        let (run, report) = world.run(&["one", "--max-requests", "2"]);
        assert_eq!((run.code, world.asked()), (4, asked), "{run}");
        assert_eq!(
            (&report["pages"], &report["requests"]),
            (&json!(2), &json!(2))
        );
        let error = report["error"].as_str().unwrap();
        let expected = "all 2 requests that `--max-requests` allows were sent";
        assert!(error.contains(expected), "{error}");
    }
    let (run, report) = world.run(&["one"]);
    assert_eq!((run.code, world.asked()), (0, 6), "{run}");
    assert_eq!(report["resumed_from"]["pages"], 4, "{report}");
    let rows = readers::jsonl(&world.project.path("out/public/one"));
    assert_eq!(rows.len() as u64, 6 * PAGE);
}

#[test]
fn attempts_are_requests() {
    let faults = vec![Fault::nth(PATH, 2, FaultAction::status(503))];
    let world = World::new(6, "{}", &Value::Null, faults);
    let (run, report) = world.run(&["one", "--max-requests", "3"]);
    assert_eq!((run.code, world.asked()), (4, 3), "{run}");
    assert_eq!(report["pages"], 2, "{report}");
}

#[test]
fn a_reported_quota_that_is_near_is_waited_for() {
    let faults = vec![Fault::nth(PATH, 3, FaultAction::quota(100, 0, 1))];
    let world = World::new(5, "{}", &Value::Null, faults);
    let (run, report) = world.run(&["one"]);
    assert_eq!((run.code, world.asked()), (0, 5), "{run}");
    let waited = report["waited_ms"].as_u64().unwrap();
    assert!((900..10_000).contains(&waited), "{report}");
    assert_eq!(report["retries"], 0, "{report}");
}

#[test]
fn a_reported_quota_that_is_far_is_known_to_the_next_process() {
    let faults = vec![Fault::nth(PATH, 3, FaultAction::quota(100, 20, 3_600))];
    let world = World::new(5, "{ share: 80% }", &Value::Null, faults);
    for pages in [3, 0] {
        let (run, report) = world.run(&["one"]);
        assert_eq!((run.code, world.asked()), (4, 3), "{run}");
        let error = report["error"].as_str().unwrap();
        let expected = "the quota of 80% of 100 requests that the source reports is used up until";
        assert!(error.contains(expected), "{error}");
        assert_eq!(
            (&report["pages"], &report["requests"]),
            (&json!(pages), &json!(pages))
        );
    }
    // It is everybody's who uses the key.
    let (run, _) = world.run(&["two"]);
    assert_eq!((run.code, world.asked()), (4, 3), "{run}");
    world.set_quota("{ share: 80%, reported: false }");
    let (run, report) = world.run(&["one"]);
    assert_eq!((run.code, world.asked()), (0, 5), "{run}");
    assert_eq!(report["resumed_from"]["pages"], 3);
}

#[test]
fn a_plan_says_which_budgets_there_are() {
    let rate = json!({ "requestsPerSecond": 10, "requestsPerMinute": 100 });
    let quota = "{ share: 50%, requests_per_minute: 400, requests_per_day: 1001 }";
    let world = World::new(1, quota, &rate, Vec::new());
    let plan = world.project.tapline(&["plan", "one", "--output", "json"]);
    let expected = json!([
        { "requests": 5, "per": "second" },
        { "requests": 50, "per": "minute" },
        { "requests": 500, "per": "day" },
    ]);
    assert_eq!(plan.json()["estimate"]["budgets"], expected);
    let plan = world.project.tapline(&["plan", "one"]);
    let expected = "at most 50 requests a minute, together with other runs that use the key";
    assert!(plan.stdout.contains(expected), "{plan}");
    assert_eq!(world.api.stats().total, 0);
}
