//! Page bytes to Arrow where records are not like those of a catalogue: nested deep, wide, sparse, long,
//! escaped, exact beyond what a float holds, exploded, and a line each.
//!
//! `cargo bench -p tapline-engine --bench hard`; each figure is of about 8 MB in pages of one shape.

use std::fmt::Write as _;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use jiff::Timestamp;
use tapline_core::Limits;
use tapline_engine::decode::{Decoder, Stamp};
use tapline_engine::locate::Wanted;
use tapline_spec::{BodyFormat, ContentPlan, ExplodePlan, Siblings};
use uuid::Uuid;

/// Size of a page, about.
const PAGE: usize = 1024 * 1024;
const PAGES: u64 = 8;
/// Levels of the nested record.
const LEVELS: usize = 100;
/// Columns of the wide record, and how many there are to choose from in the sparse one.
const COLUMNS: u64 = 500;
/// Elements of a list that is exploded.
const CHILDREN: u64 = 100;

/// A shape of records.
struct Case {
    name: &'static str,
    record: fn(&mut String, u64),
    explode: bool,
    format: BodyFormat,
}

const CASES: [Case; 9] = [
    Case::rows("nested 100 deep", nested),
    Case::rows("500 columns", wide),
    Case::rows("5 of 500 columns each", sparse),
    Case::rows("texts of 10 kB", long),
    Case::rows("unicode", unicode),
    Case::rows("escapes", escapes),
    Case::rows("numbers beyond 2^53", numbers),
    Case {
        explode: true,
        ..Case::rows("1 parent, 100 children", family)
    },
    Case {
        format: BodyFormat::Ndjson,
        ..Case::rows("NDJSON", order)
    },
];

impl Case {
    const fn rows(name: &'static str, record: fn(&mut String, u64)) -> Self {
        Self {
            name,
            record,
            explode: false,
            format: BodyFormat::Json,
        }
    }

    /// Pages of such records; the first says how many rows are in each.
    fn pages(&self) -> Vec<(String, u64)> {
        let mut id = 0;
        let page = |_| {
            let (start, between, end) = match self.format {
                BodyFormat::Json => ("{\"data\":[", ",", "]}"),
                BodyFormat::Ndjson => ("", "\n", "\n"),
            };
            let (mut body, mut records) = (start.to_owned(), 0);
            while body.len() < PAGE {
                body.push_str(if records == 0 { "" } else { between });
                (self.record)(&mut body, id);
                (id, records) = (id + 1, records + 1);
            }
            body.push_str(end);
            (body, records)
        };
        (0..PAGES).map(page).collect()
    }

    fn plan(&self) -> ContentPlan {
        let path = match self.format {
            BodyFormat::Json => "$.data",
            BodyFormat::Ndjson => "$",
        };
        ContentPlan {
            format: self.format,
            path: path.parse().expect("a path"),
            siblings: Siblings::none(),
            wrapper: None,
        }
    }

    fn decoder(&self, limits: &Limits) -> Decoder {
        let explode = self.explode.then(|| ExplodePlan {
            keys: vec!["lines".to_owned()],
            siblings: Siblings {
                keep: None,
                skip: Vec::new(),
            },
            wrapper: "line".to_owned(),
            unwrap: false,
        });
        Decoder::new(self.plan(), Vec::new(), limits).exploding(explode)
    }
}

fn put(out: &mut String, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text)
        .expect("writing to a string cannot fail");
}

fn nested(out: &mut String, id: u64) {
    put(out, format_args!("{{\"id\":{id},\"tree\":"));
    (0..LEVELS).for_each(|level| put(out, format_args!("{{\"level\":{level},\"next\":")));
    put(out, format_args!("[{id},null]"));
    (0..=LEVELS).for_each(|_| out.push('}'));
}

fn wide(out: &mut String, id: u64) {
    put(out, format_args!("{{\"id\":{id}"));
    for column in 1..COLUMNS {
        put(out, format_args!(",\"column_{column}\":{}", id ^ column));
    }
    out.push('}');
}

fn sparse(out: &mut String, id: u64) {
    put(out, format_args!("{{\"id\":{id}"));
    for at in 0..5 {
        let column = (id.wrapping_mul(31) + at * 97) % COLUMNS;
        put(out, format_args!(",\"column_{column}\":\"value {id}\""));
    }
    out.push('}');
}

fn long(out: &mut String, id: u64) {
    let text = "All work and no play makes a dull record. ".repeat(240);
    put(out, format_args!("{{\"id\":{id},\"text\":\"{text}\"}}"));
}

fn unicode(out: &mut String, id: u64) {
    let text = "Grüße aus Köln, 東京, Київ, 🙂🚀 ".repeat(6);
    put(out, format_args!("{{\"id\":{id},\"text\":\"{text}{id}\"}}"));
}

fn escapes(out: &mut String, id: u64) {
    let text = r#"a \"quoted\" line\n\tand a path C:\\temp\u00e9\ud83d\ude42 "#.repeat(6);
    put(
        out,
        format_args!("{{\"id\":{id},\"te\\u0078t\":\"{text}{id}\"}}"),
    );
}

fn numbers(out: &mut String, id: u64) {
    let large = 9_007_199_254_740_993 + id;
    put(
        out,
        format_args!(
            "{{\"id\":{large},\"more\":1{large}5,\"exact\":{large}.{id}25,\"float\":{id}.5e-7}}"
        ),
    );
}

fn family(out: &mut String, id: u64) {
    put(
        out,
        format_args!("{{\"id\":{id},\"name\":\"parent {id}\",\"lines\":["),
    );
    for line in 0..CHILDREN {
        let comma = if line == 0 { "" } else { "," };
        put(
            out,
            format_args!("{comma}{{\"sku\":\"s{line}\",\"amount\":{id}}}"),
        );
    }
    out.push_str("]}");
}

fn order(out: &mut String, id: u64) {
    put(
        out,
        format_args!(
            "{{\"id\":{id},\"status\":\"paid\",\"email\":\"person.{id}@example.com\",\"total\":{id}.5,\
             \"at\":\"2024-05-01T10:00:00Z\",\"lines\":[{{\"sku\":\"s{id}\",\"amount\":1}}]}}"
        ),
    );
}

fn bench(c: &mut Criterion) {
    let limits = Limits::default();
    let stamp = Stamp {
        run_id: Uuid::from_u128(1),
        request_id: Uuid::from_u128(2),
        extracted_at: Timestamp::UNIX_EPOCH,
    };
    let mut group = c.benchmark_group("hard shapes");
    group.sample_size(10);
    for case in &CASES {
        let pages = case.pages();
        let bytes = pages.iter().map(|(page, _)| page.len() as u64).sum();
        group.throughput(Throughput::Bytes(bytes));
        group.bench_function(case.name, |b| {
            let wanted = Wanted::new(&case.plan(), &[], limits.depth);
            b.iter(|| {
                let mut decoder = case.decoder(&limits);
                for (page, records) in &pages {
                    let located = wanted.locate(page.as_bytes()).expect("a page");
                    let decoded = decoder.decode(page.as_bytes(), &located, &stamp);
                    let decoded = decoded.expect("a page");
                    assert_eq!(decoded.records, *records);
                    assert!(decoded.rejects.is_empty());
                }
            });
        });
    }
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
