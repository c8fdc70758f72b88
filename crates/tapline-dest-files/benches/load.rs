//! A full load into Parquet files: each page a commit, and pages gathered into one.
//!
//! `cargo bench -p tapline-dest-files --bench load`

#![expect(clippy::unwrap_used, reason = "a benchmark that fails may panic")]

#[path = "../../tapline-dest-sqlite/benches/pages/mod.rs"]
mod pages;

use std::path::Path;
use std::sync::Arc;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use jiff::Timestamp;
use tapline_core::{Inline, Still};
use tapline_dest_files::{CommitEvery, FilesConfig, FilesDestination, Format};

fn load(criterion: &mut Criterion) {
    let pages = pages::pages();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let mut group = criterion.benchmark_group("parquet");
    group
        .sample_size(10)
        .throughput(Throughput::Elements(pages::ALL_ROWS));
    let cases = [
        ("load by pages", CommitEvery::Page),
        ("load by groups", CommitEvery::Group),
    ];
    for (name, commit) in cases {
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let folder = tempfile::tempdir().unwrap();
                let destination = open(folder.path(), commit);
                runtime.block_on(pages::load(&destination, &pages));
            });
        });
    }
    group.finish();
}

fn open(folder: &Path, commit: CommitEvery) -> FilesDestination {
    FilesDestination::open(FilesConfig {
        path: folder.to_owned(),
        format: Format::Parquet,
        commit,
        clock: Arc::new(Still(Timestamp::UNIX_EPOCH)),
        compute: Arc::new(Inline),
    })
    .unwrap()
}

criterion_group!(benches, load);
criterion_main!(benches);
