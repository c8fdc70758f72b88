//! The value of a parameter, and where secrets come from: `${env:NAME}` and `${file:PATH}`.

use std::borrow::Cow;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use tapline_core::{Param, Secret};
use thiserror::Error;

/// Largest secret read from a file, in bytes.
const MAX_FILE: u64 = 64 * 1024;

/// A parameter as written: a text with references, a number, true or false, or, for connectors
/// whose user describes the request, an object.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(transparent)]
pub(crate) struct Value(serde_json::Value);

impl JsonSchema for Value {
    fn schema_name() -> Cow<'static, str> {
        "Value".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A value; secrets are written ${env:NAME} or ${file:PATH}.",
            "type": ["string", "number", "boolean", "object", "array"]
        })
    }
}

/// Whether references are followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lookup {
    /// They are.
    Real,
    /// A word stands in for them: a project can be judged where its secrets are not.
    StandIn,
}

/// Why a value cannot be had.
#[derive(Debug, Error)]
pub(crate) enum ValueError {
    /// A reference is not closed.
    #[error("`${{` is not closed; write `$${{` for the characters themselves")]
    Open,
    /// A reference is of no known kind.
    #[error(
        "`${{{0}}}` is no reference; known: ${{env:NAME}}, ${{file:PATH}}; write `$${{` for the \
         characters themselves"
    )]
    Kind(String),
    /// An environment variable is not there, or no text.
    #[error("the environment variable `{0}` is not set")]
    Env(String),
    /// A file cannot be read.
    #[error("cannot read the secret file `{path}`: {reason}", path = path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
}

impl ValueError {
    /// What to do about it, where the message does not say so.
    pub(crate) fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Env(_) => Some("set it where tapline runs, as with `export NAME=value`"),
            Self::File { .. } => Some("the path is relative to the folder of the project file"),
            Self::Open | Self::Kind(_) => None,
        }
    }
}

/// A piece of a value.
#[derive(Debug, PartialEq, Eq)]
enum Piece<'a> {
    Text(&'a str),
    Env(&'a str),
    File(&'a str),
}

impl Value {
    /// The value, with its references looked up; files are relative to `folder`. Whatever holds
    /// a reference is a secret.
    ///
    /// # Errors
    /// A reference is not valid, or leads to nothing.
    pub(crate) fn resolve(&self, folder: &Path, lookup: Lookup) -> Result<Param, ValueError> {
        let serde_json::Value::String(text) = &self.0 else {
            return Ok(Param::Plain(self.0.to_string()));
        };
        let mut secret = false;
        let mut out = String::new();
        for piece in pieces(text)? {
            secret |= !matches!(piece, Piece::Text(_));
            out.push_str(&match (lookup, &piece) {
                (Lookup::StandIn, Piece::Env(_) | Piece::File(_)) => "secret".into(),
                _ => look_up(&piece, folder)?,
            });
        }
        Ok(if secret {
            Param::Secret(Secret::new(out))
        } else {
            Param::Plain(out)
        })
    }

    /// Whether the references are well formed; nothing is looked up.
    ///
    /// # Errors
    /// A reference is not valid.
    pub(crate) fn check(&self) -> Result<(), ValueError> {
        match &self.0 {
            serde_json::Value::String(text) => check(text),
            _ => Ok(()),
        }
    }
}

/// Whether the references in `text` are well formed; nothing is looked up.
///
/// # Errors
/// A reference is not valid.
pub(super) fn check(text: &str) -> Result<(), ValueError> {
    pieces(text).map(drop)
}

/// The address that `text` writes, with its references looked up. What they lead to may hold
/// any character, and is percent-encoded, unless the address is nothing but a reference.
///
/// # Errors
/// A reference is not valid, or leads to nothing.
pub(super) fn address(text: &str, folder: &Path) -> Result<Secret, ValueError> {
    let mut pieces = pieces(text)?;
    pieces.retain(|piece| *piece != Piece::Text(""));
    if let [whole] = &pieces[..] {
        return Ok(Secret::new(look_up(whole, folder)?));
    }
    let mut out = String::new();
    for piece in &pieces {
        let found = look_up(piece, folder)?;
        match piece {
            Piece::Text(_) => out.push_str(&found),
            _ => out.extend(utf8_percent_encode(&found, NON_ALPHANUMERIC)),
        }
    }
    Ok(Secret::new(out))
}

/// Splits `text` at its references.
fn pieces(text: &str) -> Result<Vec<Piece<'_>>, ValueError> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        if rest[..at].ends_with('$') {
            // `$${` stands for `${`.
            pieces.push(Piece::Text(&rest[..at - 1]));
            pieces.push(Piece::Text("${"));
            rest = &rest[at + 2..];
            continue;
        }
        pieces.push(Piece::Text(&rest[..at]));
        let inner = &rest[at + 2..];
        let end = inner.find('}').ok_or(ValueError::Open)?;
        pieces.push(reference(&inner[..end])?);
        rest = &inner[end + 1..];
    }
    pieces.push(Piece::Text(rest));
    Ok(pieces)
}

fn reference(inner: &str) -> Result<Piece<'_>, ValueError> {
    match inner.split_once(':') {
        Some(("env", name)) if !name.is_empty() => Ok(Piece::Env(name)),
        Some(("file", path)) if !path.is_empty() => Ok(Piece::File(path)),
        _ => Err(ValueError::Kind(inner.to_owned())),
    }
}

fn look_up<'a>(piece: &Piece<'a>, folder: &Path) -> Result<Cow<'a, str>, ValueError> {
    match *piece {
        Piece::Text(text) => Ok(text.into()),
        Piece::Env(name) => match std::env::var(name) {
            Ok(value) => Ok(value.into()),
            Err(_) => Err(ValueError::Env(name.to_owned())),
        },
        Piece::File(path) => {
            let path = folder.join(path);
            read_secret(&path)
                .map(Cow::Owned)
                .map_err(|reason| ValueError::File { path, reason })
        }
    }
}

/// Reads a small regular file; one line break at its end belongs to the editor, not the secret.
fn read_secret(path: &Path) -> Result<String, String> {
    let words = |error: std::io::Error| error.to_string();
    let about = fs::metadata(path).map_err(words)?;
    if !about.is_file() {
        return Err("it is not a regular file".to_owned());
    }
    let mut text = String::new();
    let file = fs::File::open(path).map_err(words)?;
    let read = file
        .take(MAX_FILE + 1)
        .read_to_string(&mut text)
        .map_err(words)?;
    if read as u64 > MAX_FILE {
        return Err(format!("it is larger than {MAX_FILE} bytes"));
    }
    warn_if_open_to_others(path, &about);
    let line = text.strip_suffix('\n').unwrap_or(&text);
    Ok(line.strip_suffix('\r').unwrap_or(line).to_owned())
}

#[cfg(unix)]
fn warn_if_open_to_others(path: &Path, about: &fs::Metadata) {
    use std::os::unix::fs::PermissionsExt;
    if about.permissions().mode() & 0o077 != 0 {
        tracing::warn!(
            "the secret file {} can be read by others; chmod 600 it",
            path.display()
        );
    }
}

#[cfg(not(unix))]
fn warn_if_open_to_others(_: &Path, _: &fs::Metadata) {}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn resolve(json: serde_json::Value) -> String {
        match Value(json).resolve(Path::new("."), Lookup::Real) {
            Ok(param) => format!("{param:?}"),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn values_are_text_and_references_are_secret() {
        let cases = [
            (serde_json::json!("us1"), "\"us1\""),
            (serde_json::json!(7), "\"7\""),
            (serde_json::json!(true), "\"true\""),
            (serde_json::json!("a $${x} b"), "\"a ${x} b\""),
            (serde_json::json!("Bearer ${env:PATH}"), "***"),
            (
                serde_json::json!("${env:TAPLINE_NOT_THERE}"),
                "the environment variable `TAPLINE_NOT_THERE` is not set",
            ),
        ];
        for (json, expected) in cases {
            assert_eq!(resolve(json), expected);
        }
        for wrong in ["${x}", "${ENV:X}", "${env:}", "${env:X"] {
            assert!(Value(wrong.into()).check().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_password_in_an_address_may_hold_anything() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("pw"), "a@b/c:\n").unwrap();
        for (text, expected) in [
            ("postgres://ann@db/x", "postgres://ann@db/x"),
            (
                "postgres://ann:${file:pw}@db/x",
                "postgres://ann:a%40b%2Fc%3A@db/x",
            ),
            ("${file:pw}", "a@b/c:"),
        ] {
            let found = address(text, folder.path()).unwrap();
            assert_eq!(found.expose(), expected);
        }
    }

    #[test]
    fn a_secret_file_is_small_regular_and_ends_with_its_line() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("key"), "s3cret\r\n").unwrap();
        fs::write(folder.path().join("large"), vec![b'x'; 64 * 1024 + 1]).unwrap();
        let resolve = |text: &str| Value(text.into()).resolve(folder.path(), Lookup::Real);
        assert_eq!(resolve("${file:key}").unwrap().expose(), "s3cret");
        for (text, reason) in [
            ("${file:large}", "larger than"),
            ("${file:.}", "not a regular file"),
            ("${file:missing}", "No such file"),
        ] {
            let error = resolve(text).unwrap_err().to_string();
            assert!(error.contains(reason), "{error}");
        }
    }
}
