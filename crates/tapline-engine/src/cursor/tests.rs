//! Cursors of every type, in order and out of it, and which rows they want.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{ArrayRef, Float64Array, Int64Array, StringArray};
use arrow_schema::{DataType, Field as ArrowField, Schema};
use tapline_core::{Boundary, column};

use super::*;

const ALL: CursorRange = CursorRange {
    start: None,
    end: None,
    boundary: Boundary::Closed,
};

fn wanted(path: &str, cursor_type: CursorType, order: RecordOrder, range: CursorRange) -> Wanted {
    Wanted {
        path: path.to_owned(),
        cursor_type,
        order,
        range,
        had: Vec::new(),
    }
}

fn tracker(
    path: &str,
    cursor_type: CursorType,
    order: RecordOrder,
    range: CursorRange,
) -> CursorTracker {
    let wanted = wanted(path, cursor_type, order, range);
    CursorTracker::new(wanted, &SliceProgress::default())
}

fn column(name: &str, array: ArrayRef) -> (ArrowField, ArrayRef) {
    (
        ArrowField::new(name, array.data_type().clone(), true),
        array,
    )
}

fn json(name: &str, values: Vec<Option<&str>>) -> (ArrowField, ArrayRef) {
    let extension = ("ARROW:extension:name".to_owned(), "arrow.json".to_owned());
    let field = ArrowField::new(name, DataType::Utf8, true);
    let field = field.with_metadata([extension].into());
    (field, Arc::new(StringArray::from(values)))
}

fn batch(columns: Vec<(ArrowField, ArrayRef)>) -> RecordBatch {
    let (fields, arrays): (Vec<_>, Vec<_>) = columns.into_iter().unzip();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).unwrap()
}

#[track_caller]
fn check(
    columns: Vec<(ArrowField, ArrayRef)>,
    (path, cursor_type): (&str, CursorType),
    expected: Option<(&str, &str)>,
    (without, unreadable): (u64, u64),
) {
    let mut tracker = tracker(path, cursor_type, RecordOrder::Unordered, ALL);
    let rows = batch(columns);
    let (kept, _) = tracker.take(rows.clone()).unwrap();
    assert_eq!(kept, rows, "all are wanted");
    let seen = tracker.seen();
    let seen = seen.map(|seen| (seen.oldest.to_string(), seen.newest.to_string()));
    let expected = expected.map(|(oldest, newest)| (oldest.to_owned(), newest.to_owned()));
    assert_eq!(seen, expected);
    let counts = tracker.counts();
    assert_eq!((counts.without, counts.unreadable), (without, unreadable));
}

#[test]
fn times_are_followed_in_any_form() {
    let text = vec![
        Some("2026-01-31T12:00:00Z"),
        None,
        Some("2026-01-30T23:00:00-05:00"),
        Some(""),
        Some("soon"),
        Some("2026-02-01"),
    ];
    check(
        vec![column("at", Arc::new(StringArray::from(text)))],
        ("at", CursorType::Timestamp),
        Some(("2026-01-31T04:00:00Z", "2026-02-01T00:00:00Z")),
        (2, 1),
    );
    check(
        vec![column(
            "at",
            Arc::new(Int64Array::from(vec![1_769_850_000, 0])),
        )],
        ("at", CursorType::Timestamp),
        Some(("1970-01-01T00:00:00Z", "2026-01-31T09:00:00Z")),
        (0, 0),
    );
    check(
        vec![column(
            "at",
            Arc::new(Float64Array::from(vec![1_769_850_000.5])),
        )],
        ("at", CursorType::Timestamp),
        Some(("2026-01-31T09:00:00.5Z", "2026-01-31T09:00:00.5Z")),
        (0, 0),
    );
}

#[test]
fn numbers_are_followed_into_the_rest_of_a_record() {
    let id = Int64Array::from(vec![Some(9), None, Some(10), None]);
    let rest = vec![
        None,
        Some(r#"{"id": 99999999999999999999999}"#),
        None,
        Some(r#"{"id": "x9"}"#),
    ];
    check(
        vec![column("id", Arc::new(id)), json(column::REST, rest)],
        ("id", CursorType::Integer),
        Some(("9", "99999999999999999999999")),
        (0, 1),
    );
    let widened = Float64Array::from(vec![2.0, 10.0, 0.5]);
    check(
        vec![column("id", Arc::new(widened))],
        ("id", CursorType::Integer),
        Some(("2", "10")),
        (0, 1),
    );
}

#[test]
fn a_path_leads_into_json() {
    let tickets = vec![
        Some(r#"{"id": 1, "meta": {"updated": "2026-01-02T00:00:00Z"}}"#),
        Some(r#"{"id": 2}"#),
        Some(r#"{"meta": {"updated": "2026-01-01T00:00:00Z"}}"#),
    ];
    check(
        vec![json("ticket", tickets)],
        ("ticket.meta.updated", CursorType::Timestamp),
        Some(("2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z")),
        (1, 0),
    );
    let no_such = vec![column(
        "id",
        Arc::new(Int64Array::from(vec![1, 2])) as ArrayRef,
    )];
    check(no_such, ("updated_at", CursorType::Timestamp), None, (2, 0));
}

#[test]
fn of_texts_the_source_says_which_is_newer() {
    let names = || column("tag", Arc::new(StringArray::from(vec!["m", "z", "a"])));
    for (order, oldest, newest) in [
        (RecordOrder::Ascending, "m", "a"),
        (RecordOrder::Descending, "a", "m"),
    ] {
        let mut tracker = tracker("tag", CursorType::String, order, ALL);
        let _ = tracker.take(batch(vec![names()])).unwrap();
        let text = |text: &str| Cursor::String(text.to_owned());
        let expected = Seen {
            oldest: text(oldest),
            newest: text(newest),
        };
        assert_eq!(tracker.seen(), Some(&expected));
    }
}

fn ids(ids: &[i64]) -> RecordBatch {
    let ids = Arc::new(Int64Array::from(ids.to_vec()));
    batch(vec![column("id", ids)])
}

/// Takes pages of ids, and returns what is kept of them and what they show.
fn take(tracker: &mut CursorTracker, pages: &[&[i64]]) -> Vec<(Vec<i64>, Shown)> {
    let pages = pages.iter().map(|page| {
        let (kept, shown) = tracker.take(ids(page)).unwrap();
        let kept = kept.column(0).as_primitive::<Int64Type>();
        (kept.values().to_vec(), shown)
    });
    pages.collect()
}

fn at(number: i128) -> Cursor {
    Cursor::Integer(number.into())
}

#[test]
fn rows_outside_the_range_are_left_out_and_move_nothing() {
    let range = CursorRange {
        boundary: Boundary::Open,
        ..CursorRange::new(Some(at(5)), Some(at(9)))
    };
    let mut tracker = tracker("id", CursorType::Integer, RecordOrder::Unordered, range);
    let kept = take(&mut tracker, &[&[4, 5, 6], &[9, 8], &[3]]);
    let kept: Vec<_> = kept.into_iter().map(|(kept, _)| kept).collect();
    assert_eq!(kept, [vec![6], vec![8], vec![]]);
    let seen = tracker.seen().unwrap();
    assert_eq!((&seen.oldest, &seen.newest), (&at(6), &at(8)));
    assert_eq!((tracker.counts().rows, tracker.counts().skipped), (6, 4));
    assert_eq!(tracker.counts().to_string(), "");
}

#[test]
fn rows_that_an_earlier_run_has_brought_are_left_out() {
    let named = |rows: &[(i64, &str)]| {
        let (ids, names): (Vec<i64>, Vec<&str>) = rows.iter().copied().unzip();
        batch(vec![
            column("id", Arc::new(Int64Array::from(ids))),
            column("name", Arc::new(StringArray::from(names))),
        ])
    };
    let mut first = tracker("id", CursorType::Integer, RecordOrder::Unordered, ALL);
    let _ = first.take(named(&[(1, "a"), (7, "b")])).unwrap();
    let _ = first.take(named(&[(7, "c"), (2, "d")])).unwrap();
    let mut wanted = wanted("id", CursorType::Integer, RecordOrder::Unordered, ALL);
    wanted.range.start = Some(at(7));
    wanted.had = vec![(at(7), first.ties().clone())];
    let mut second = CursorTracker::new(wanted, &SliceProgress::default());
    // One of the rows has changed, though its cursor has not.
    let again = named(&[(7, "c"), (7, "x"), (7, "b"), (8, "y")]);
    let (kept, shown) = second.take(again).unwrap();
    assert_eq!(kept, named(&[(7, "x"), (8, "y")]));
    assert_eq!(shown.left_out, [0, 2]);
    assert_eq!(second.counts().skipped, 2);
    assert_eq!(second.seen().unwrap().oldest, at(7));
}

#[track_caller]
fn check_order(order: RecordOrder, pages: &[&[i64]], expected: &[(bool, Option<(i64, i64)>)]) {
    let range = CursorRange::new(Some(at(10)), Some(at(20)));
    let mut tracker = tracker("id", CursorType::Integer, order, range);
    let shown = take(&mut tracker, pages)
        .into_iter()
        .map(|(_, shown)| Shown {
            left_out: Vec::new(),
            ..shown
        });
    let expected = expected.iter().map(|(passed, backwards)| Shown {
        left_out: Vec::new(),
        passed: *passed,
        backwards: backwards.map(|(before, after)| ShortReason::CursorBackwards {
            before: before.to_string(),
            after: after.to_string(),
        }),
    });
    assert_eq!(shown.collect::<Vec<_>>(), expected.collect::<Vec<_>>());
}

#[test]
fn records_in_order_end_at_the_window_and_never_go_back() {
    use RecordOrder::{Ascending, Descending, Unordered};
    check_order(
        Ascending,
        &[&[5, 12, 12], &[19], &[20]],
        &[(false, None), (false, None), (true, None)],
    );
    check_order(
        Descending,
        &[&[30, 15], &[10], &[9]],
        &[(false, None), (false, None), (true, None)],
    );
    check_order(
        Ascending,
        &[&[12, 11, 3], &[10]],
        &[(false, Some((12, 11))), (false, None)],
    );
    check_order(
        Ascending,
        &[&[12], &[11]],
        &[(false, None), (false, Some((12, 11)))],
    );
    check_order(Descending, &[&[12, 13]], &[(false, Some((12, 13)))]);
    check_order(
        Unordered,
        &[&[12, 11, 50], &[1]],
        &[(false, None), (false, None)],
    );
}

#[test]
fn a_piece_is_followed_on_from_where_it_was_left() {
    let mut whole = tracker("id", CursorType::Integer, RecordOrder::Ascending, ALL);
    take(&mut whole, &[&[1, 2], &[2, 3], &[3]]);
    let mut first = tracker("id", CursorType::Integer, RecordOrder::Ascending, ALL);
    take(&mut first, &[&[1, 2]]);
    let progress = SliceProgress {
        seen: first.seen().cloned(),
        ties: first.ties().clone(),
        ..SliceProgress::default()
    };
    let wanted = wanted("id", CursorType::Integer, RecordOrder::Ascending, ALL);
    let mut rest = CursorTracker::new(wanted, &progress);
    take(&mut rest, &[&[2, 3], &[3]]);
    assert_eq!((rest.seen(), rest.ties()), (whole.seen(), whole.ties()));
    let shown = take(&mut rest, &[&[2]]);
    assert!(shown[0].1.backwards.is_some());
}

#[test]
fn what_is_odd_is_said() {
    let counts = CursorCounts {
        rows: 9,
        without: 2,
        unreadable: 1,
        skipped: 0,
        example: Some("soon".to_owned()),
    };
    assert_eq!(
        counts.to_string(),
        "of 9 rows, 2 have no cursor; the cursor of 1 cannot be read, such as `soon`"
    );
}
