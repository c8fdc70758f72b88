//! The published suite.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use tapline_conformance::destination::suite;

#[tokio::test]
async fn conforms() {
    let report = suite(common::Place::new).await;
    print!("{report}");
    assert!(report.passed(), "{report}");
}
