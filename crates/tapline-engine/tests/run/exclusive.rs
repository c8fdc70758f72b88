//! Sources that leave out what is at the start they are asked for.

use tapline_core::Step;
use tapline_engine::window::WindowSettings;

use super::doors::{Api, World};
use super::incremental::{Records, at, complete, cursor, page, plan, records, update};
use super::param;

/// An API that gives what is after `from`.
fn after(records: &Records) -> Api {
    let records = records.clone();
    Api::new(move |url| {
        let from = param(url, "from");
        let moved = from.parse().map_or(0, |from: i64| from + 1).to_string();
        let url = match from {
            "" => url.to_owned(),
            _ => url.replace(&format!("from={from}"), &format!("from={moved}")),
        };
        page(&records, &url, u64::MAX)
    })
}

#[tokio::test]
async fn what_is_at_a_start_is_asked_for_with_what_is_before() {
    let in_parts = WindowSettings {
        start: Some(at(0)),
        slice: Some(Step::Count(10)),
        ..cursor()
    };
    for settings in [cursor(), in_parts] {
        let rows = records((0..40).map(|id| (id, id as i64)));
        let mut plan = plan();
        plan.schedule.as_mut().unwrap().start_exclusive = true;
        let mut world = World::new(plan, after(&rows));
        update(&mut world, settings);
        complete(&world).await;
        // As old as the newest of the first run, and seen by none.
        rows.lock().unwrap().push((40, 39));
        rows.lock().unwrap().push((41, 40));
        let report = complete(&world).await;
        assert_eq!(report.records.written, 2);
        let mut ids = world.published();
        ids.sort_unstable();
        assert_eq!(ids, (0..42).collect::<Vec<_>>());
    }
}
