//! A million rows of 30 columns, by tapline and by psql's own `\copy`, into the same server; and once
//! more, where the latest versions are kept as well. Both in pages of 1,000 rows, and in larger ones.
//!
//! `cargo bench -p tapline-dest-postgres --bench beside_psql` prints rows per second and the time
//! of the processor on this side and in the sessions of the server. tapline commits each page with
//! its receipt; psql makes one transaction of all rows, which it reads from a file that psql itself
//! has written.

#![expect(clippy::unwrap_used, reason = "a benchmark that fails may panic")]
#![expect(clippy::print_stdout, reason = "the figures are what it is for")]
#![expect(
    clippy::disallowed_methods,
    reason = "what takes its time takes real time"
)]

#[path = "../../../tests/it/clock.rs"]
mod clock;
#[expect(dead_code, reason = "the benchmark beside uses more of it")]
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

use std::fs;
use std::ops::Range;
use std::process::Command;
use std::time::{Duration, Instant};

use arrow_array::RecordBatch;
use arrow_select::concat::concat_batches;
use tapline_core::{Batch, CursorType, Destination, Disposition, Stage, TableRef};
use tapline_dest_postgres::PostgresDestination;

use postgres::Postgres;
use secrets::DATABASE;

/// How often the 200,000 rows are written.
const ROUNDS: u64 = 5;
const ROWS: u64 = ROUNDS * pages::ALL_ROWS;

fn main() {
    // `cargo test --benches` only looks whether it runs.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    // As in the program.
    tapline_host::keep_little();
    let pages = pages::pages();
    let server = Postgres::start();
    for count in [1, 5] {
        let pages = joined(&pages, count);
        let rows = pages[0].num_rows();
        for disposition in [Disposition::Replace, Disposition::Append] {
            server.select("DROP SCHEMA public CASCADE; CREATE SCHEMA public; CHECKPOINT");
            let name = format!("tapline, {disposition:?}, {rows} a page");
            measure(&server, &name, || {
                by_tapline(&server, &pages, "t", disposition)
            });
        }
        // Each record in five versions, of which the last is merged in the commit of its page.
        server.select("DROP SCHEMA IF EXISTS staged CASCADE; CHECKPOINT");
        let merge = Disposition::Merge(stage());
        measure(&server, &format!("tapline, Merge, {rows} a page"), || {
            by_tapline(&server, &pages, "m", merge)
        });
        let latest = server.select("SELECT count(*) FROM staged.m");
        assert_eq!(latest, [pages::ALL_ROWS.to_string()]);
    }
    let folder = tempfile::tempdir().unwrap();
    let columns = server.select("SELECT count(*) FROM t");
    assert_eq!(columns, [ROWS.to_string()]);
    for format in ["binary", "text", "csv"] {
        let file = folder.path().join(format);
        let file = file.display();
        psql(&server, &format!("\\copy t TO '{file}' (FORMAT {format})"));
    }
    for format in ["binary", "text", "csv"] {
        server.select("DROP TABLE IF EXISTS u; CREATE TABLE u (LIKE t); CHECKPOINT");
        let file = folder.path().join(format);
        let copy = format!("\\copy u FROM '{}' (FORMAT {format})", file.display());
        let name = format!("psql \\copy, {format}");
        measure(&server, &name, || psql(&server, &copy));
    }
}

/// The same rows, of which `count` pages become one.
fn joined(pages: &[RecordBatch], count: usize) -> Vec<RecordBatch> {
    let join = |pages: &[RecordBatch]| concat_batches(pages[0].schema_ref(), pages).unwrap();
    pages.chunks(count).map(join).collect()
}

fn stage() -> Stage {
    Stage {
        table: TableRef {
            schema: "staged".to_owned(),
            name: "m".to_owned(),
        },
        keys: vec!["int0".to_owned()],
        cursor: "int1".to_owned(),
        cursor_type: CursorType::Integer,
        deletions: None,
    }
}

fn by_tapline(server: &Postgres, pages: &[RecordBatch], table: &str, disposition: Disposition) {
    let address = server.address("postgres");
    let destination = PostgresDestination::open(&address, clock::clock()).unwrap();
    postgres::runtime().block_on(async {
        let table = TableRef::public(table);
        let schema = pages[0].schema();
        let begun = destination.begin(&table, schema, disposition, pages::key());
        let mut writer = begun.await.unwrap();
        let all = (0..ROUNDS).flat_map(|_| pages);
        for (seq, page) in (1..).zip(all) {
            let batches = vec![Batch::insert(page.clone())];
            let receipt = writer.write(batches, pages::commit(seq)).await.unwrap();
            assert!(receipt.durable && receipt.rejected.is_empty());
        }
        assert_eq!(writer.publish().await.unwrap().rows, ROWS);
    });
}

fn psql(server: &Postgres, command: &str) {
    let done = Command::new(server::installed("postgres/run"))
        .args(["psql", "-X", "-q", "-h", "127.0.0.1", "-U", postgres::USER])
        .args(["-p", &server.port.to_string(), "-c", command, "postgres"])
        .env("PGPASSWORD", DATABASE)
        .status();
    assert!(done.unwrap().success(), "{command}");
}

fn measure(server: &Postgres, name: &str, work: impl FnOnce()) {
    let main = server.select("SELECT split_part(pg_read_file('postmaster.pid'), E'\\n', 1)");
    // Sessions that have ended are counted with the process that began them.
    let sessions = || processor(&main[0], 2..4);
    let ours = || processor("self", 0..4);
    let (started, before, theirs) = (Instant::now(), ours(), sessions());
    work();
    let (took, used) = (started.elapsed().as_secs_f64(), ours() - before);
    // The last session takes a moment to end.
    std::thread::sleep(Duration::from_secs(1));
    let theirs = sessions() - theirs;
    let speed = ROWS as f64 / took;
    println!(
        "{name:30} {took:6.2} s, {speed:8.0} rows/s, processor {used:5.2} s here, {theirs:6.2} s there"
    );
}

/// Seconds that a process has used: in its programs and in the kernel, and the same of those that
/// it has waited for.
fn processor(process: &str, fields: Range<usize>) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    let (_, found) = stat.rsplit_once(')').unwrap();
    // utime, stime, cutime and cstime, in hundredths.
    let ticks = found.split_whitespace().skip(11);
    let ticks = ticks.skip(fields.start).take(fields.len());
    ticks
        .map(|field| field.parse::<f64>().unwrap())
        .sum::<f64>()
        / 100.0
}
