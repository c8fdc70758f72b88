//! `cargo xtask test`: all tests, with all they need.

use anyhow::Result;

use crate::command::{cargo, run};
use crate::test_env;

/// Installs the test environment and runs every test of the workspace against it.
pub(crate) fn run_tests(arguments: &[String]) -> Result<()> {
    let environment = test_env::install()?;
    run(cargo()
        .args(["test", "--workspace", "--locked"])
        .args(arguments)
        .env(test_env::VARIABLE, environment))
}
