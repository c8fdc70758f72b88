//! A full load into sqlite, each page a commit with its receipt.
//!
//! `cargo bench -p tapline-dest-sqlite --bench load`

#![expect(clippy::unwrap_used, reason = "a benchmark that fails may panic")]

mod pages;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tapline_dest_sqlite::SqliteDestination;

fn load(criterion: &mut Criterion) {
    let pages = pages::pages();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let mut group = criterion.benchmark_group("sqlite");
    group
        .sample_size(10)
        .throughput(Throughput::Elements(pages::ALL_ROWS));
    group.bench_function("load", |bencher| {
        bencher.iter(|| {
            let folder = tempfile::tempdir().unwrap();
            let destination = SqliteDestination::open(folder.path().join("w.db")).unwrap();
            runtime.block_on(pages::load(&destination, &pages));
        });
    });
    group.finish();
}

criterion_group!(benches, load);
criterion_main!(benches);
