//! The published suite, for every format that holds rows.
#![expect(clippy::print_stdout, reason = "the suite says what it tried")]
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use tapline_conformance::destination::suite;
use tapline_dest_files::{CommitEvery, Format};

async fn conforms(format: Format) {
    let report = suite(|| common::Place::new(format, CommitEvery::Page)).await;
    print!("{report}");
    assert!(report.passed(), "{format}: {report}");
}

#[tokio::test]
async fn parquet() {
    conforms(Format::Parquet).await;
}

#[tokio::test]
async fn jsonl() {
    conforms(Format::Jsonl).await;
}

#[tokio::test]
async fn csv() {
    conforms(Format::Csv).await;
}
