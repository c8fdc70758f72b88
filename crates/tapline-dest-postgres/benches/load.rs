//! A full load into PostgreSQL, each page a commit with its receipt.
//!
//! `cargo bench -p tapline-dest-postgres --bench load` measures with a server of its own, the one
//! that `cargo xtask test` installs.

#![expect(clippy::unwrap_used, reason = "a benchmark that fails may panic")]

#[path = "../../../tests/it/clock.rs"]
mod clock;
#[path = "../../tapline-dest-sqlite/benches/pages/mod.rs"]
mod pages;
#[expect(dead_code, reason = "the tests use more of it")]
#[path = "../../../tests/it/postgres.rs"]
mod postgres;
#[expect(dead_code, reason = "the tests use more of it")]
#[path = "../../../tests/it/server.rs"]
mod server;

mod secrets {
    //! The password of a server that holds nothing.
    pub(crate) const DATABASE: &str = "measured";
}

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use tapline_dest_postgres::PostgresDestination;

use postgres::Postgres;

fn load(criterion: &mut Criterion) {
    let pages = pages::pages();
    let server = Postgres::start();
    let runtime = postgres::runtime();
    let address = server.address("postgres");
    let destination = PostgresDestination::open(&address, clock::clock()).unwrap();
    let mut group = criterion.benchmark_group("postgres");
    group
        .sample_size(10)
        .throughput(Throughput::Elements(pages::ALL_ROWS));
    group.bench_function("load", |bencher| {
        bencher.iter_batched(
            || server.select("DROP SCHEMA public CASCADE; CREATE SCHEMA public; CHECKPOINT"),
            |_| runtime.block_on(pages::load(&destination, &pages)),
            BatchSize::PerIteration,
        );
    });
    group.finish();
}

criterion_group!(benches, load);
criterion_main!(benches);
