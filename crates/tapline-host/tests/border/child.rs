//! The process in which a library is tried out: this test binary, asked for one test.

use std::env::{self, consts::DLL_SUFFIX};
use std::path::PathBuf;

/// The test to ask for. The library is named after it, where the test runner sees one more filter.
pub(crate) const NAME: &str = "child::tries_out_the_library_it_is_given";

#[test]
fn tries_out_the_library_it_is_given() {
    let library = env::args_os().next_back().map(PathBuf::from);
    let library = library.filter(|path| path.is_absolute());
    let is_library = |path: &PathBuf| path.to_string_lossy().ends_with(DLL_SUFFIX);
    // Without one it is asked for as one test among all.
    if let Some(library) = library.filter(is_library) {
        println!("\n{}", tapline_host::try_out(&library));
    }
}
