//! The postgres destination on a real server: the suite of every destination, and what is particular
//! to it.

mod evolution;
mod lost;
mod rejects;
mod subject;
mod tables;
mod tls;

use tapline_conformance::destination::suite;

use crate::postgres::{Postgres, runtime};
use subject::Place;

#[test]
fn it_conforms() {
    let server = Postgres::start();
    let report = runtime().block_on(async { suite(|| Place::new(&server)).await });
    print!("{report}");
    assert!(report.passed(), "{report}");
    assert!(!report.to_string().contains("skipped"), "{report}");
}
