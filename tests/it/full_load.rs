//! A full load shows what it proves, and touches nothing when it proves less.

use std::net::{Ipv4Addr, SocketAddr};
use std::thread;

use serde_json::{Value, json};
use tapline_conformance::fake_api::{Counts, FakeApi, FakeApiConfig, Fault, FaultAction, Lie};

use crate::secrets;
use crate::support::{Project, Run};

const KEY: &str = secrets::FAKE_API;

fn api(members: u64, faults: Vec<Fault>) -> FakeApi {
    api_at(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), members, faults)
}

fn api_at(address: SocketAddr, members: u64, faults: Vec<Fault>) -> FakeApi {
    let config = FakeApiConfig {
        counts: Counts {
            members,
            ..Counts::default()
        },
        key: KEY.to_owned(),
        faults,
        ..FakeApiConfig::default()
    };
    FakeApi::start_at(address, config).unwrap()
}

/// A project that reads members of a list from `api`.
fn project(api: &FakeApi) -> Project {
    Project::with_pipeline(
        &format!(
            "connector: mailchimp
auth: {{ specName: Basic Authentication, params: {{ username: any, password: \"${{env:KEY}}\" }} }}
params: {{ host: \"{}\" }}",
            api.base_url()
        ),
        "{ connection: c, stream: members, params: { listId: 57afe96172 } }",
    )
}

fn run(project: &Project) -> Run {
    let mut command = project.command(&["run", "--output", "json"]);
    command.env("KEY", KEY);
    Run::of(command.output().unwrap())
}

fn members(project: &Project) -> i64 {
    project.count("select count(distinct id) from t")
}

#[test]
fn a_second_load_replaces_the_first_and_every_row_leads_to_its_request() {
    let api = api(2_500, Vec::new());
    let project = project(&api);
    let first = run(&project);
    assert_eq!(first.code, 0, "{first}");
    let report = first.json();
    assert_eq!(
        report["verdict"],
        json!({"kind": "complete", "reason": "empty_page"})
    );
    assert_eq!(report["records"]["read"], 2_500);
    assert_eq!(report["pages"], 4);
    assert_eq!(members(&project), 2_500);

    api.set_counts(Counts {
        members: 1_200,
        ..Counts::default()
    });
    assert_eq!(run(&project).code, 0);
    assert_eq!(project.count("select count(*) from t"), 1_200);
    let traced = "select count(*) from t join _tapline_requests r
        on r.request_id = t._tapline_request_id and r.run_id = t._tapline_run_id
        where r.status = 200 and r.url like '%offset=%'";
    assert_eq!(project.count(traced), 1_200);
}

#[test]
fn errors_on_the_way_are_retried_and_told() {
    let faults = vec![
        Fault::nth("/3.0/lists", 2, FaultAction::too_many_requests(1)),
        Fault::nth("/3.0/lists", 4, FaultAction::status(503)),
        Fault::nth("/3.0/lists", 6, FaultAction::DropMidBody),
    ];
    let api = api(4_500, faults);
    let project = project(&api);
    let run = run(&project);
    assert_eq!(run.code, 0, "{run}");
    let report = run.json();
    assert_eq!(report["retries"], 3);
    assert!(report["waited_ms"].as_u64().unwrap() >= 1_000, "{report}");
    assert_eq!(members(&project), 4_500);
}

#[test]
fn an_api_that_dies_in_mid_run_leaves_the_old_table_untouched() {
    let alive = api(1_500, Vec::new());
    let project = project(&alive);
    assert_eq!(run(&project).code, 0);
    let before: Value = project.sql("select id, email_address from t order by id");
    let address = alive.address();
    alive.stop();

    let config = FakeApiConfig {
        counts: Counts {
            members: 9_000,
            ..Counts::default()
        },
        key: KEY.to_owned(),
        kill_after: Some(3),
        ..FakeApiConfig::default()
    };
    let _dying = FakeApi::start_at(address, config).unwrap();
    let failed = run(&project);
    assert_eq!(failed.code, 1, "{failed}");
    let report = failed.json();
    assert_eq!(report["verdict"]["kind"], "short");
    assert_eq!(report["pages"], 3, "the pages that were kept");
    let error = report["error"].as_str().unwrap();
    assert!(error.contains("page: 4"), "{error}");
    let after = project.sql("select id, email_address from t order by id");
    assert_eq!(before, after);
}

#[test]
fn a_killed_run_leaves_the_old_table_and_its_lease_to_the_next() {
    let alive = api(1_500, Vec::new());
    let project = project(&alive);
    assert_eq!(run(&project).code, 0);
    let address = alive.address();
    alive.stop();

    let hanging = vec![Fault::from("/3.0/lists", 3, FaultAction::Hang)];
    let stuck = api_at(address, 5_000, hanging);
    let mut first = project.command(&["run"]).env("KEY", KEY).spawn("first");
    while stuck.stats().total < 3 {
        thread::yield_now();
    }
    let locked = {
        let mut command = project.command(&["run", "--lock-wait", "0s"]);
        Run::of(command.env("KEY", KEY).output().unwrap())
    };
    assert_eq!(locked.code, 5, "{locked}");
    let holder = format!("process {}", first.id());
    let said = format!("{}{}", locked.stdout, locked.stderr);
    assert!(said.contains(&holder), "no {holder} in {said}");
    first.kill().unwrap();
    first.wait().unwrap();
    stuck.stop();
    assert_eq!(members(&project), 1_500, "the old table is untouched");

    let _alive = api_at(address, 2_000, Vec::new());
    let next = run(&project);
    assert_eq!(next.code, 0, "{next}");
    assert_eq!(members(&project), 2_000);
    let hidden = "select count(*) from sqlite_master where name glob '_tapline_gen_*'";
    assert_eq!(
        project.count(hidden),
        0,
        "nothing of the killed run is left"
    );
}

#[test]
fn lies_end_a_run_short_and_change_nothing() {
    let cases = [
        (Lie::IgnoreOffset, "repeated_page"),
        (Lie::WrongTotal(3_001), "total_mismatch"),
    ];
    for (lie, reason) in cases {
        let faults = vec![Fault::from("/3.0/lists", 1, FaultAction::Lie(lie))];
        let api = api(3_000, faults);
        let project = project(&api);
        let run = run(&project);
        assert_eq!(run.code, 3, "{run}");
        let verdict = run.json()["verdict"].clone();
        assert_eq!(verdict["kind"], "short");
        assert!(verdict["reason"].to_string().contains(reason), "{verdict}");
        let tables = "select count(*) from sqlite_master where name = 't'";
        assert_eq!(project.count(tables), 0);
    }
}

#[test]
fn a_key_appears_nowhere_whether_it_is_right_or_wrong() {
    let api = api(1_000, Vec::new());
    let project = project(&api);
    let mut command = project.command(&["run", "-vv"]);
    command.env("KEY", KEY);
    let run = Run::of(command.output().unwrap());
    assert_eq!(run.code, 0, "{run}");
    let wrong = {
        let mut command = project.command(&["run", "-vv"]);
        command.env("KEY", secrets::ANOTHER);
        Run::of(command.output().unwrap())
    };
    assert_eq!(wrong.code, 1, "{wrong}");
    assert!(wrong.stdout.contains("401"), "{wrong}");
}

#[test]
fn logs_tell_each_page() {
    let api = api(
        1_500,
        vec![Fault::nth("/3.0/lists", 2, FaultAction::status(503))],
    );
    let project = project(&api);
    let mut command = project.command(&["run", "-vv"]);
    let run = Run::of(command.env("KEY", KEY).output().unwrap());
    assert_eq!(run.code, 0, "{run}");
    for line in [
        "page 1 has 1,000 records",
        "page 2 has 500 records",
        "server error (503)",
    ] {
        assert!(run.stderr.contains(line), "no {line} in {run}");
    }
}
