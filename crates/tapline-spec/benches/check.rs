//! How long it takes to judge documents: a thousand of them in less than a second.

#![expect(clippy::unwrap_used, reason = "a benchmark fails like a test")]

use std::fs;
use std::hint::black_box;
use std::path::Path;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tapline_spec::check;

/// A thousand documents: the published ones and this repository's own, over and over.
fn documents() -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut paths: Vec<_> = ["specs/adobe", "specs/valid"]
        .iter()
        .flat_map(|folder| fs::read_dir(root.join(folder)).unwrap())
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "json"))
        .collect();
    paths.extend(
        ["mailchimp", "zendesk"].map(|name| root.join(format!("plugins/{name}/spec.json"))),
    );
    paths.sort();
    let texts: Vec<String> = paths
        .iter()
        .map(|path| fs::read_to_string(path).unwrap())
        .collect();
    texts.iter().cycle().take(1000).cloned().collect()
}

fn judge(criterion: &mut Criterion) {
    let documents = documents();
    let bytes = documents.iter().map(String::len).sum::<usize>();
    let mut group = criterion.benchmark_group("check");
    group
        .throughput(Throughput::Bytes(bytes as u64))
        .sample_size(10);
    group.bench_function("1000 documents", |bencher| {
        bencher.iter(|| {
            for text in &documents {
                black_box(check(text));
            }
        });
    });
    group.finish();
}

criterion_group!(benches, judge);
criterion_main!(benches);
