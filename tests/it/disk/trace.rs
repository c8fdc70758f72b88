//! What a run has changed on its disk, call by call, as `tests/plugins/disk` writes it down.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

/// What a call has changed. A file is known by its inode.
#[derive(Debug, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
pub(super) enum Change {
    /// Nothing.
    None,
    /// A new file has this name.
    Create { ino: u64, path: String },
    /// A file was cut, or grew with zeros.
    Cut { ino: u64, size: u64 },
    /// Bytes were written.
    Write { ino: u64, at: u64, data: Data },
    /// What was written to a file is on the disk, or what the names in a folder lead to.
    Sync {
        #[serde(flatten)]
        what: Synced,
    },
    /// A file has another name, instead of the one that may have had it.
    Rename { path: String, to: String },
    /// A file has another name, too.
    Link { path: String, to: String },
    /// A name is gone.
    Remove { path: String },
    /// There is a new folder.
    Mkdir { path: String },
    /// A folder is gone.
    Rmdir { path: String },
    /// The call was made to fail.
    Failed {
        #[serde(default)]
        call: String,
        #[serde(default)]
        ino: u64,
    },
}

/// What was brought to the disk.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Synced {
    File { ino: u64 },
    Folder { folder: String },
}

/// Bytes, as base64.
#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Data(pub(super) Vec<u8>);

impl TryFrom<String> for Data {
    type Error = base64::DecodeError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        STANDARD.decode(text).map(Self)
    }
}

/// What the calls of a trace have changed; each has a line of its own.
pub(super) fn read(trace: &str) -> Vec<Change> {
    let read = |line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    trace.lines().map(read).collect()
}
