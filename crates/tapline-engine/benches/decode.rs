//! Page bytes to Arrow: pages of 1,000 records of 1.3 kB, as an API would send them.
//!
//! `cargo bench -p tapline-engine --bench decode`; the figure to watch is `locate and decode`.

use std::fmt::Write as _;
use std::hint::black_box;
use std::sync::Arc;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use jiff::Timestamp;
use tapline_core::Limits;
use tapline_engine::decode::{Decoder, Stamp};
use tapline_engine::locate::Wanted;
use tapline_engine::shape::{Nested, Shape, Shaper};
use tapline_spec::{BodyFormat, ContentPlan, Siblings};
use uuid::Uuid;

const RECORDS: u64 = 1000;

/// A page with enough variety that no record repeats another.
fn page(number: u64) -> String {
    let mut body =
        String::from("{\"page\":{\"next\":\"https://api.example.com/x?page=2\"},\"data\":[");
    for index in 0..RECORDS {
        let comma = if index == 0 { "" } else { "," };
        body.push_str(comma);
        record(&mut body, number * RECORDS + index);
    }
    body.push_str("],\"total\":200000}");
    body
}

fn record(out: &mut String, id: u64) {
    let mixed = id.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let (cents, percent, flag) = (mixed % 100_000, mixed >> 58, mixed & 1 == 1);
    let phone = if flag {
        "null".to_owned()
    } else {
        format!("\"+49 30 {cents:06}\"")
    };
    let text = "Ordered twice, prefers to be called in the morning; asks for an invoice. "
        .repeat(2 + (mixed % 6) as usize);
    write!(
        out,
        r#"{{"id":{id},"uuid":"{mixed:016x}-4a7c-15f3","email":"person.{id}@example.com","status":"subscribed","first_name":"Ada {percent}","last_name":"Lovelace-{cents}","age":{percent},"balance":{cents}.{percent:02},"rating":4.{percent},"vip":{flag},"newsletter":true,"phone":{phone},"fax":null,"created_at":"2024-05-{:02}T10:{:02}:00.000Z","updated_at":"2025-01-{:02}T08:{:02}:31.123Z","url":"https:\/\/shop.example.com\/customers\/{id}","language":"de-DE","currency":"EUR","orders":{},"segment":"{mixed:x}","notes":"{text}","company":"Example Handelsgesellschaft mbH","timezone":"Europe/Berlin","address":{{"street":"Lange Straße {percent}","city":"Köln","zip":"{cents:05}","country":{{"code":"DE","name":"Germany"}},"geo":[50.9{cents},6.9{percent}]}},"stats":{{"avg_open_rate":0.{cents},"avg_click_rate":0.{percent},"opens":{percent},"clicks":{cents}}},"tags":[{{"id":{cents},"name":"wholesale"}},{{"id":{percent},"name":"berlin"}},"plain"],"source":"import-{percent}","_links":"https://api.example.com/3.0/lists/{mixed:x}/members/{id}"}}"#,
        1 + id % 28, id % 60, 1 + mixed % 28, mixed % 60, mixed % 500,
    )
    .expect("writing to a string cannot fail");
}

fn plan() -> ContentPlan {
    ContentPlan {
        format: BodyFormat::Json,
        path: "$.data".parse().expect("a path"),
        siblings: Siblings::none(),
        wrapper: None,
    }
}

fn stamp() -> Stamp {
    Stamp {
        run_id: Uuid::from_u128(1),
        request_id: Uuid::from_u128(2),
        extracted_at: Timestamp::UNIX_EPOCH,
    }
}

fn bench(c: &mut Criterion) {
    let limits = Limits::default();
    let next = "$.page.next".parse().expect("a path");
    let wanted = Wanted::new(&plan(), &[next], limits.depth);
    let pages: Vec<_> = (0..200).map(page).collect();
    let bytes = pages.iter().map(String::len).sum::<usize>();
    let mut group = c.benchmark_group(format!("200 pages of {RECORDS} records"));
    group
        .throughput(Throughput::Bytes(bytes as u64))
        .sample_size(10);
    group.bench_function("locate", |b| {
        b.iter(|| {
            for page in &pages {
                black_box(wanted.locate(page.as_bytes()).expect("a page"));
            }
        });
    });
    group.bench_function("locate and decode", |b| {
        b.iter(|| {
            let mut decoder = Decoder::new(plan(), Vec::new(), &limits);
            for page in &pages {
                let located = wanted.locate(page.as_bytes()).expect("a page");
                let decoded = decoder.decode(page.as_bytes(), &located, &stamp());
                assert_eq!(decoded.expect("a page").records, RECORDS);
            }
        });
    });
    for (name, nested) in [("flatten", Nested::Flatten), ("nest", Nested::Struct)] {
        group.bench_function(format!("locate, decode and {name}"), |b| {
            b.iter(|| {
                let mut decoder = Decoder::new(plan(), Vec::new(), &limits);
                let shape = Shape {
                    nested,
                    ..Shape::default()
                };
                let mut shaper = Shaper::new(Arc::new(shape), limits);
                for page in &pages {
                    let located = wanted.locate(page.as_bytes()).expect("a page");
                    let decoded = decoder.decode(page.as_bytes(), &located, &stamp());
                    let batches = decoded.expect("a page").batches;
                    black_box(shaper.shape(batches).expect("rows"));
                }
            });
        });
    }
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
