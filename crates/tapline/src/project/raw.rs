//! Whether a pipeline keeps the pages that it fetches, where, and for how long.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;
use tapline_spec::{Diagnostic, Step};

use super::{Destination, FileFormat};

/// Keeps every page as it came, compressed, so that `tapline rebuild` makes the table again without
/// fetching.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawSettings {
    /// The folder, in which each pipeline has one of its own.
    #[serde(default = "default_path")]
    pub(crate) path: PathBuf,
    /// How long pages are kept: `30d`. For ever, unless given.
    pub(crate) keep: Option<Step>,
}

fn default_path() -> PathBuf {
    PathBuf::from(".tapline/raw")
}

impl RawSettings {
    /// How many seconds pages are kept.
    pub(crate) fn seconds(&self) -> Option<i64> {
        match self.keep {
            Some(Step::Seconds(seconds)) => Some(i64::try_from(seconds).unwrap_or(i64::MAX)),
            _ => None,
        }
    }

    /// What cannot be meant of the `raw` at `at`, of a pipeline into `destination`; `hides`: some columns
    /// are masked or dropped.
    pub(super) fn check(
        &self,
        at: &str,
        destination: Option<&Destination>,
        hides: bool,
        found: &mut Vec<Diagnostic>,
    ) {
        if let Some(Step::Count(count)) = self.keep {
            let message = format!("`{count}` of what? Pages are kept for so many days: `{count}d`");
            found.push(Diagnostic::error("E-raw", format!("{at}/keep"), message));
        }
        let is_body = matches!(
            destination,
            Some(Destination::Files {
                format: FileFormat::Raw,
                ..
            })
        );
        if is_body {
            let message = "files of the format `raw` are the pages as they came";
            found.push(Diagnostic::error("E-raw", at, message).with_hint("leave `raw` out"));
        }
        if hides {
            let message = "raw pages hold in the clear what `schema` masks or drops";
            let hint = "keep them where only those can read who may see that, or leave `raw` out";
            found.push(Diagnostic::lint("L-raw-hidden", at, message).with_hint(hint));
        }
    }
}
