//! Opens verified copies and checks that they fit the border.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use abi_stable::StableAbi;
use abi_stable::abi_stability::abi_checking::check_layout_compatibility;
use abi_stable::library::{
    AbiHeaderRef, LibHeader, LibraryError, ROOT_MODULE_LOADER_NAME_WITH_NUL,
};
use libloading::Library;
use tapline_abi::RootRef;

use crate::fault::Fault;
use crate::verify::Verified;

/// Words of a layout report that are worth showing.
const SUMMARY_LINES: usize = 4;

/// The libraries of this process, by hash. They are never unloaded: nothing can prove that no
/// code or data of theirs is in use.
#[derive(Default)]
pub(crate) struct Libraries(Mutex<HashMap<String, RootRef>>);

impl Libraries {
    /// The root of a copy.
    pub(crate) fn load(&self, verified: &Verified) -> Result<RootRef, Fault> {
        let mut loaded = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(root) = loaded.get(&verified.sha256) {
            return Ok(*root);
        }
        let root = open_root(&verified.copy)?;
        loaded.insert(verified.sha256.clone(), root);
        Ok(root)
    }
}

/// Opens a copy for the rest of the process, and checks that it fits the border.
pub(crate) fn open_root(copy: &Path) -> Result<RootRef, Fault> {
    open(copy)?.upgrade().and_then(root).map_err(translate)
}

/// Opens a copy and finds what every plugin exports.
#[expect(unsafe_code, reason = "loading a library runs its code")]
fn open(copy: &Path) -> Result<AbiHeaderRef, Fault> {
    // SAFETY: the copy is a whole library of this machine's kind, nobody else can write to it,
    // and the operator trusts it: its constructors run here.
    let library = unsafe { Library::new(copy) }.map_err(|error| Fault::Open {
        reason: one_line(&error.to_string().replace(&prefix(copy), "")),
    })?;
    // Never unloaded, not even when it is refused.
    let library = Box::leak(Box::new(library));
    // SAFETY: the name is abi_stable's own, and only a header of that type bears it.
    let header =
        unsafe { library.get::<AbiHeaderRef>(ROOT_MODULE_LOADER_NAME_WITH_NUL.as_bytes()) };
    header.map(|header| *header).map_err(|_| Fault::NoConnector)
}

/// How the loader begins what it says: with the name of the copy, which nobody knows.
fn prefix(copy: &Path) -> String {
    format!("{}: ", copy.display())
}

fn one_line(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ")
}

/// `RootModule::load_from_file` would return the first plugin's root for every path, so the header
/// is asked directly.
fn root(header: &'static LibHeader) -> Result<RootRef, LibraryError> {
    match header.init_root_module::<RootRef>() {
        Err(LibraryError::AbiInstability(report)) if is_older(header) => {
            tracing::debug!(%report, "the plugin is built against an older ABI");
            older_root(header)
        }
        result => result,
    }
}

/// Whether the plugin's border is this one without what was appended since. The check is not
/// symmetric: its first argument may not have more fields than its second.
fn is_older(header: &LibHeader) -> bool {
    header.layout().is_some_and(|plugin| {
        check_layout_compatibility(plugin, <RootRef as StableAbi>::LAYOUT).is_ok()
    })
}

#[expect(
    unsafe_code,
    reason = "abi_stable checks layouts in one direction only"
)]
fn older_root(header: &LibHeader) -> Result<RootRef, LibraryError> {
    // SAFETY: `is_older` has checked the layout. What the plugin lacks was appended to prefix
    // types, which know at run time how many fields they have.
    unsafe { header.init_root_module_with_unchecked_layout::<RootRef>() }
}

fn translate(error: LibraryError) -> Fault {
    match error {
        LibraryError::IncompatibleVersionNumber {
            expected_version,
            actual_version,
            ..
        } => Fault::Version {
            plugin: actual_version.to_string(),
            host: expected_version.to_string(),
        },
        LibraryError::AbiInstability(report) => {
            let report = report.to_string();
            tracing::debug!(%report, "the plugin does not fit the ABI");
            let summary = summary(&report);
            Fault::Layout { summary }
        }
        LibraryError::InvalidAbiHeader { .. } => Fault::Layout {
            summary: "it was made with another abi_stable".to_owned(),
        },
        LibraryError::RootModule { err, .. } => Fault::Open {
            reason: one_line(&err.to_string()),
        },
        other => Fault::Open {
            reason: one_line(&other.to_string()),
        },
    }
}

/// The part of a layout report that says something: it has hundreds of lines, of which those
/// after `Error:` tell what differs.
fn summary(report: &str) -> String {
    let mut parts: Vec<String> = Vec::new();
    let mut lines = report.lines().map(str::trim);
    while let Some(line) = lines.next() {
        let Some(error) = line.strip_prefix("Error:") else {
            continue;
        };
        let details: Vec<&str> = lines
            .by_ref()
            .take_while(|line| !line.is_empty())
            .take(SUMMARY_LINES)
            .collect();
        parts.push(format!("{error} {}", details.join(" ")));
    }
    parts.dedup();
    parts.truncate(SUMMARY_LINES);
    match parts.join("; ") {
        none if none.is_empty() => "its layout differs".to_owned(),
        summary => summary,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_layout_report_is_shortened_to_its_errors() {
        let report = "Compared <this>:\n  --- Type Layout ---\n  ...\n\nError:too many fields\nExpected:\n    3\nFound:\n    4\n\nfield_name:x\n";
        assert_eq!(summary(report), "too many fields Expected: 3 Found: 4");
        assert_eq!(summary("?"), "its layout differs");
    }
}
