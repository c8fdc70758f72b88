//! The address of a PostgreSQL server, as it stands in the project file.

use tapline_spec::Diagnostic;

use super::value;

const BEGINNINGS: [&str; 2] = ["postgres://", "postgresql://"];

/// Whether `text` is the address of a server, rather than of anything else.
pub(super) fn is_address(text: &str) -> bool {
    BEGINNINGS.iter().any(|start| text.starts_with(start))
}

/// What is wrong with the address that is `written` at `pointer`; it may be nothing but a reference.
pub(super) fn check(
    written: &str,
    pointer: &str,
    unknown: impl FnOnce() -> Diagnostic,
) -> Option<Diagnostic> {
    if !is_address(written) && !written.starts_with("${") {
        return Some(unknown());
    }
    let error = value::check(written).err()?;
    Some(Diagnostic::error("E-secret", pointer, error.to_string()))
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
