//! Where state is kept: a file, or a database that many runners share.

use std::path::PathBuf;

use tapline_core::Secret;
use tapline_spec::Diagnostic;

use super::value;

/// The file of the state, unless another place is given.
pub(crate) const DEFAULT_STATE: &str = ".tapline/state.db";
const FILE: &str = "sqlite:";
const SERVER: [&str; 2] = ["postgres://", "postgresql://"];

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
            None if is_server(text) => Some(Self::Server(address)),
            None => None,
        }
    }
}

/// Whether `written` names a file; a path is taken as it is.
pub(super) fn is_file(written: &str) -> bool {
    written.starts_with(FILE)
}

fn is_server(text: &str) -> bool {
    SERVER.iter().any(|start| text.starts_with(start))
}

/// What is wrong with the state that is `written`.
pub(super) fn check(written: &str) -> Option<Diagnostic> {
    if is_file(written) {
        return None;
    }
    if !is_server(written) && !written.starts_with("${") {
        return Some(unknown());
    }
    let error = value::check(written).err()?;
    Some(Diagnostic::error("E-secret", "/state", error.to_string()))
}

/// What was written is not shown: it may hold a password.
pub(super) fn unknown() -> Diagnostic {
    Diagnostic::error("E-state", "/state", "the state is of no known kind").with_hint(
        "write `sqlite:` and a path, or `postgres://USER:${env:PGPASSWORD}@HOST/DATABASE`",
    )
}

/// What of the address in `written` is not shown, as it may be a password: one may be written with
/// an `@` that should have been encoded.
pub(super) fn hidden(written: &str) -> Option<String> {
    let (_, rest) = written.split_once("://")?;
    let (before, query) = rest.split_once('?').unwrap_or((rest, ""));
    if query.contains("password=") {
        return Some(query.to_owned());
    }
    let (user, _) = before.rsplit_once('@')?;
    let (_, password) = user.split_once(':')?;
    (!password.starts_with("${")).then(|| user.to_owned())
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

    #[test]
    fn a_password_is_not_shown() {
        for (written, expected) in [
            ("sqlite:a@b:c", None),
            ("postgres://ann@db/x", None),
            ("postgres://ann:${env:PW}@db/x", None),
            ("postgres://ann:a@b@db/x", Some("ann:a@b")),
            ("mysql://ann:hush@db/x", Some("ann:hush")),
            (
                "postgres://db/x?user=ann&password=a",
                Some("user=ann&password=a"),
            ),
        ] {
            assert_eq!(hidden(written).as_deref(), expected);
        }
    }
}
