//! Where state is kept: a file, or a database that many runners share.

use std::path::PathBuf;

use tapline_core::Secret;
use tapline_spec::Diagnostic;

use super::server;

/// The file of the state, unless another place is given.
pub(crate) const DEFAULT_STATE: &str = ".tapline/state.db";
const FILE: &str = "sqlite:";

/// Where state is kept.
#[derive(Debug, PartialEq)]
pub(crate) enum StatePlace {
    /// In this file.
    File(PathBuf),
    /// In a PostgreSQL database at this address, which may hold a password.
    Server(Secret),
}

impl StatePlace {
    /// The place that `address` names; nothing of it is left to be looked up. `None` if it is of no
    /// known kind.
    pub(super) fn of(address: Secret) -> Option<Self> {
        let text = address.expose();
        match text.strip_prefix(FILE) {
            Some(path) => Some(Self::File(path.into())),
            None if server::is_address(text) => Some(Self::Server(address)),
            None => None,
        }
    }
}

/// Whether `written` names a file; a path is taken as it is.
pub(super) fn is_file(written: &str) -> bool {
    written.starts_with(FILE)
}

/// What is wrong with the state that is `written`.
pub(super) fn check(written: &str) -> Option<Diagnostic> {
    if is_file(written) {
        return None;
    }
    server::check(written, "/state", unknown)
}

/// What was written is not shown: it may hold a password.
pub(super) fn unknown() -> Diagnostic {
    Diagnostic::error("E-state", "/state", "the state is of no known kind").with_hint(
        "write `sqlite:` and a path, or `postgres://USER:${env:PGPASSWORD}@HOST/DATABASE`",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_told_by_its_beginning() {
        let place = |text: &str| StatePlace::of(Secret::new(text));
        let server = |text: &str| Some(StatePlace::Server(Secret::new(text)));
        assert_eq!(place("sqlite:a/b"), Some(StatePlace::File("a/b".into())));
        for text in ["postgres://ann@db/x", "postgresql://db"] {
            assert_eq!(place(text), server(text));
        }
        assert_eq!(place("mysql://db"), None);
    }
}
