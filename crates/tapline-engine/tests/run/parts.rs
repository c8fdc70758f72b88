//! Updates of a stream that is divided: each part has a cursor of its own, and those at rest have
//! one together.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tapline_core::{
    Cursor, CursorType, Error, HookKind, HookSet, Hooks, RunReport, Slice, Step, Window,
};
use tapline_engine::SyncMode;
use tapline_engine::window::{Ask, WindowSettings};
use tapline_spec::{PartitionPlan, PartitionSource, Plan};

use super::doors::{Api, World, answer};
use super::incremental::{self, at as number, missing, plan};
use super::param;

fn at(second: i64) -> Cursor {
    Cursor::Timestamp(Timestamp::from_second(second).unwrap())
}

/// Records are told apart by their time, which is the same in all parts.
fn cursor() -> WindowSettings {
    WindowSettings {
        cursor_type: CursorType::Timestamp,
        ..incremental::cursor()
    }
}

/// The cursors of the records of each part, in seconds.
type Parts = Arc<Mutex<BTreeMap<String, Vec<i64>>>>;

/// The part that a URL names, and its records in the window.
fn page(parts: &Parts, url: &str) -> Result<(u16, Bytes), Error> {
    let path = url.trim_start_matches("http://api.test/parts/");
    let name = path.split('/').next().unwrap();
    let bound = |name: &str| param(url, name).parse::<i64>().ok();
    let (from, to) = (bound("from"), bound("to"));
    let rows = parts.lock().unwrap().get(name).cloned().unwrap_or_default();
    let wanted = |at: &i64| from.is_none_or(|from| from <= *at) && to.is_none_or(|to| *at < to);
    let rows: Vec<i64> = rows.into_iter().filter(wanted).collect();
    let offset: usize = param(url, "offset").parse().unwrap();
    let base: i64 = name.bytes().map(i64::from).sum::<i64>() * 1_000;
    let items: Vec<Value> = rows
        .iter()
        .skip(offset)
        .take(10)
        .map(|at| json!({"id": base + at, "at": at}))
        .collect();
    Ok(answer(json!({"items": items, "total": rows.len()})))
}

fn api(parts: &Parts) -> Api {
    let parts = parts.clone();
    Api::new(move |url| page(&parts, url))
}

fn divided(names: &[String]) -> Plan {
    let mut plan = plan();
    let bound = |name: &str| json!({"name": name, "format": "epoch_s"});
    let schedule = plan.schedule.as_mut().unwrap();
    schedule.start = serde_json::from_value(bound("from")).unwrap();
    schedule.end = serde_json::from_value(bound("to")).unwrap();
    plan.request.path = "/parts/${part}/items".parse().unwrap();
    plan.partitions = vec![PartitionPlan {
        name: "part".to_owned(),
        from: vec![PartitionSource::Values(names.to_vec())],
    }];
    plan
}

/// An hour after the first records.
fn world(names: &[String], parts: &Parts) -> World {
    let mut world = World::new(divided(names), api(parts));
    world.wait(SignedDuration::from_hours(1));
    world
}

fn names(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("p{number:02}")).collect()
}

/// Parts with the records 0 to 5 each.
fn parts(count: usize) -> (Vec<String>, Parts) {
    let names = names(count);
    let rows = names.iter().map(|name| (name.clone(), (0..6).collect()));
    (names.clone(), Arc::new(Mutex::new(rows.collect())))
}

fn add(parts: &Parts, name: &str, at: i64) {
    parts
        .lock()
        .unwrap()
        .entry(name.to_owned())
        .or_default()
        .push(at);
}

fn update(world: &mut World) {
    world.aim(SyncMode::Incremental, missing(Ask::Update, cursor()));
}

async fn complete(world: &World) -> RunReport {
    let outcome = world.run().await;
    assert!(outcome.error.is_none(), "{:?}", outcome.error);
    assert!(
        outcome.report.verdict.is_complete(),
        "{}",
        outcome.report.verdict
    );
    outcome.report
}

/// What the rows must be: everything that the parts have, once.
#[track_caller]
fn check_all(world: &World, parts: &Parts) {
    let mut found = world.published();
    found.sort_unstable();
    let all = parts.lock().unwrap().clone();
    let base = |name: &str| name.bytes().map(u64::from).sum::<u64>() * 1_000;
    let mut model: Vec<u64> = all
        .iter()
        .flat_map(|(name, rows)| rows.iter().map(move |at| base(name) + *at as u64))
        .collect();
    model.sort_unstable();
    assert_eq!(found, model);
}

#[tokio::test]
async fn each_part_is_asked_for_what_it_lacks() {
    let (names, parts) = parts(3);
    for at_once in [1, 3] {
        let mut world = world(&names, &parts);
        world.at_once(at_once);
        update(&mut world);
        complete(&world).await;
        check_all(&world, &parts);
    }
    let mut world = world(&names, &parts);
    update(&mut world);
    complete(&world).await;
    add(&parts, "p01", 9);
    complete(&world).await;
    add(&parts, "p01", 12);
    add(&parts, "p02", 7);
    let before = world.urls().len();
    let report = complete(&world).await;
    assert_eq!(report.records.written, 2);
    check_all(&world, &parts);
    let asked: Vec<String> = world.urls()[before..].to_vec();
    assert!(
        asked
            .iter()
            .any(|url| url.starts_with("/parts/p01/items?from=9&")),
        "{asked:?}"
    );
    assert!(
        asked
            .iter()
            .any(|url| url.starts_with("/parts/p02/items?from=5&")),
        "{asked:?}"
    );
}

#[tokio::test]
async fn parts_at_rest_are_remembered_as_one() {
    let (mut names, parts) = parts(40);
    let mut world = world(&names, &parts);
    update(&mut world);
    complete(&world).await;
    assert_eq!(world.marks().unwrap().partitions.len(), 40);
    for round in 0..4 {
        add(&parts, "p07", 10 + round);
        complete(&world).await;
    }
    let marks = world.marks().unwrap();
    let own: Vec<_> = marks.partitions.keys().map(String::as_str).collect();
    assert_eq!((own, marks.parts()), (vec!["part=p07"], 40));
    assert_eq!(marks.folds.len(), 1);
    let folded = marks.known("part=p20").unwrap().newest;
    // What p07 had before the last run, which was seen before the others were read.
    assert_eq!(folded, Some(at(12)));

    // One of them wakes up; another is new, and is read from its beginning.
    add(&parts, "p20", 13);
    names.push("new".to_owned());
    add(&parts, "new", 1);
    add(&parts, "new", 2);
    world.replan(divided(&names));
    let report = complete(&world).await;
    assert_eq!(report.records.written, 3);
    check_all(&world, &parts);
    let marks = world.marks().unwrap();
    assert!(
        marks.partitions.contains_key("part=p20") && !marks.folds[0].members.contains("part=p20")
    );
    assert_eq!(marks.parts(), 41);
}

#[tokio::test]
async fn parts_without_any_record_are_at_rest_too() {
    let (mut names, parts) = parts(2);
    names.push("void".to_owned());
    let mut world = world(&names, &parts);
    update(&mut world);
    complete(&world).await;
    complete(&world).await;
    let marks = world.marks().unwrap();
    assert_eq!(marks.known("part=void").unwrap().newest, Some(at(5)));
    // Older than that, but it is there now: nobody promised that it would not come.
    add(&parts, "void", 8);
    assert_eq!(complete(&world).await.records.written, 1);
    check_all(&world, &parts);
}

#[tokio::test]
async fn a_cut_run_of_many_parts_is_gone_on_with() {
    let (names, parts) = parts(12);
    for at_once in [1, 4] {
        let mut world = world(&names, &parts);
        world.at_once(at_once);
        update(&mut world);
        world.limit(Some(5));
        let mut runs = 1;
        while !world.run().await.report.verdict.is_complete() {
            assert_eq!(world.marks(), None, "only at the end");
            runs += 1;
            assert!(runs < 30);
        }
        assert!(runs > 2, "{runs}");
        check_all(&world, &parts);
        assert_eq!(world.marks().unwrap().partitions.len(), 12);
    }
}

/// Divides the window itself, as a connector may.
struct ByTime;

#[async_trait]
impl Hooks for ByTime {
    fn set(&self) -> HookSet {
        HookSet::from_bits(1 << HookKind::Partitions as u64)
    }

    async fn partitions(&self, window: &Window) -> Result<Vec<Slice>, Error> {
        let bound = |bound: &Option<Cursor>, otherwise: i64| {
            bound
                .as_ref()
                .map_or(otherwise, |bound| bound.to_string().parse().unwrap())
        };
        let (start, end) = (bound(&window.start, 0), bound(&window.end, 40));
        let edges: Vec<i64> = (start..end).step_by(10).chain([end]).collect();
        let slices = edges.windows(2).map(|pair| Slice {
            partition: format!("from {}", pair[0]),
            window: Window {
                start: Some(number(pair[0])),
                end: Some(number(pair[1])),
            },
            ..Slice::default()
        });
        Ok(slices.collect())
    }
}

#[tokio::test]
async fn parts_of_the_time_are_no_parts_of_the_stream() {
    let rows: Parts = Arc::new(Mutex::new(BTreeMap::from([(
        "all".to_owned(),
        (0..25).collect(),
    )])));
    let mut plan = plan();
    plan.request.path = "/parts/all/items".parse().unwrap();
    let mut world = World::new(plan, api(&rows)).with_hooks(ByTime);
    let start = Some(number(0));
    let aim = |ask| {
        missing(
            ask,
            WindowSettings {
                start: start.clone(),
                ..incremental::cursor()
            },
        )
    };
    world.aim(SyncMode::Incremental, aim(Ask::Update));
    let report = complete(&world).await;
    assert_eq!((report.slices.read, report.records.written), (4, 25));
    let marks = world.marks().unwrap();
    let known: Vec<_> = marks.partitions.keys().map(String::as_str).collect();
    assert_eq!((known, marks.newest()), (vec![""], Some(&number(24))));
    add(&rows, "all", 31);
    let report = complete(&world).await;
    assert_eq!(report.records.written, 1);
    check_all(&world, &rows);
}

#[tokio::test]
async fn a_backfill_asks_each_part_for_its_gaps() {
    let (names, parts) = parts(3);
    let mut world = world(&names, &parts);
    let late = WindowSettings {
        start: Some(at(3)),
        ..cursor()
    };
    world.aim(SyncMode::Incremental, missing(Ask::Update, late));
    complete(&world).await;
    let ask = Ask::Backfill {
        from: None,
        to: None,
    };
    world.aim(SyncMode::Incremental, missing(ask, cursor()));
    let report = complete(&world).await;
    assert_eq!(report.records.read, 9);
    check_all(&world, &parts);
    let error = world.run().await.error.unwrap();
    assert!(error.to_string().contains("nothing is missing"), "{error}");
}

#[tokio::test]
async fn a_run_of_a_thousand_parts_keeps_one_document() {
    let (names, parts) = parts(1_000);
    let mut world = world(&names, &parts);
    update(&mut world);
    complete(&world).await;
    let size = |world: &World| world.marks().unwrap().to_value().unwrap().to_string().len();
    let busy = size(&world);
    add(&parts, "p01", 50);
    complete(&world).await;
    add(&parts, "p01", 51);
    complete(&world).await;
    let rest = size(&world);
    // Eight bytes each, and a little more as text.
    assert!(rest < 12_000 && rest * 10 < busy, "{rest} of {busy}");
}

/// A part at rest is complete as far as it was read, and not as far as others were.
#[tokio::test]
async fn a_window_that_was_asked_for_says_nothing_of_what_is_beyond_it() {
    let (names, parts) = parts(2);
    let mut world = world(&names, &parts);
    update(&mut world);
    complete(&world).await;
    add(&parts, "p01", 20);
    complete(&world).await;
    // This one is not read before somebody asks for a part of the past.
    add(&parts, "p00", 15);
    let window = Window {
        start: None,
        end: Some(at(3)),
    };
    world.aim(
        SyncMode::Incremental,
        missing(Ask::Explicit(window), cursor()),
    );
    complete(&world).await;
    update(&mut world);
    let report = complete(&world).await;
    assert_eq!(report.records.written, 1);
    assert!(world.published().contains(&(base_of("p00") + 15)));
}

fn base_of(name: &str) -> u64 {
    name.bytes().map(u64::from).sum::<u64>() * 1_000
}

/// Of numbers, each part may have its own: what is new in one is old in another.
#[tokio::test]
async fn parts_that_number_their_records_are_not_remembered_as_one() {
    let (names, parts) = parts(2);
    let mut plan = divided(&names);
    plan.schedule = incremental::plan().schedule;
    let mut world = World::new(plan, api(&parts));
    let aim = missing(Ask::Update, incremental::cursor());
    world.aim(SyncMode::Incremental, aim);
    complete(&world).await;
    for number in 30..33 {
        add(&parts, "p01", number);
        complete(&world).await;
    }
    add(&parts, "p00", 6);
    assert_eq!(complete(&world).await.records.written, 1);
    check_all(&world, &parts);
}

/// What a rule has left out has no records, unless that was said of a whole part.
#[tokio::test]
async fn a_part_that_was_left_out_is_read_when_it_is_there() {
    let (names, parts) = parts(2);
    let mut plan = divided(&names);
    let rules = json!([{"status": [[404, 404]], "when": null, "action": "skip_slice"}]);
    plan.rules = serde_json::from_value(rules).unwrap();
    let served = parts.clone();
    let is_ready = Arc::new(AtomicBool::new(false));
    let ready = is_ready.clone();
    let api = Api::new(
        move |url| match url.contains("p00") && !ready.load(Relaxed) {
            true => Ok((404, Bytes::from_static(b"not ready"))),
            false => page(&served, url),
        },
    );
    let mut world = World::new(plan, api);
    world.wait(SignedDuration::from_hours(1));
    update(&mut world);
    for at in 10..14 {
        add(&parts, "p01", at);
        complete(&world).await;
    }
    is_ready.store(true, Relaxed);
    complete(&world).await;
    check_all(&world, &parts);
}

#[tokio::test]
async fn a_slice_that_was_left_out_is_not_asked_for_again() {
    let rows: Parts = Arc::new(Mutex::new(BTreeMap::from([(
        "all".to_owned(),
        (10..25).collect(),
    )])));
    let mut plan = plan();
    plan.request.path = "/parts/all/items".parse().unwrap();
    let rules = json!([{"status": [[404, 404]], "when": null, "action": "skip_slice"}]);
    plan.rules = serde_json::from_value(rules).unwrap();
    let served = rows.clone();
    let api = Api::new(move |url| match param(url, "from") {
        "0" => Ok((404, Bytes::from_static(b"nothing there"))),
        _ => page(&served, url),
    });
    let mut world = World::new(plan, api);
    let sliced = WindowSettings {
        start: Some(number(0)),
        slice: Some(Step::Count(10)),
        ..incremental::cursor()
    };
    let window = Window {
        start: Some(number(0)),
        end: Some(number(30)),
    };
    let aim = missing(Ask::Explicit(window), sliced);
    world.aim(SyncMode::Incremental, aim);
    let report = complete(&world).await;
    assert_eq!((report.slices.skipped, report.slices.read), (1, 2));
    let known = world.marks().unwrap().known("").unwrap();
    assert_eq!(known.newest, Some(number(24)));
    assert!(known.coverage.contains(&number(0)), "{known:?}");
}
