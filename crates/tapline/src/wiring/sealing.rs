//! The key that seals tokens in the state store: from the environment, or a file beside the state.

use std::env::{self, VarError};
use std::path::Path;

use tapline_core::{Error, ErrorKind, Result, Secret};
use tapline_state::SealingKey;

/// Holds the key, 32 bytes in base64.
const VARIABLE: &str = "TAPLINE_STATE_KEY";

/// The key for the state in `state`, if there is one.
///
/// # Errors
/// What should be the key is none, or others can read its file.
pub(super) fn key(state: &Path) -> Result<Option<SealingKey>> {
    match env::var(VARIABLE) {
        Ok(text) => {
            let key = SealingKey::from_base64(&Secret::new(text));
            key.map(Some).map_err(|error| error.with("from", VARIABLE))
        }
        Err(VarError::NotPresent) => SealingKey::from_file(&state.with_extension("key")),
        Err(VarError::NotUnicode(_)) => {
            let message = format!("{VARIABLE} is no text");
            Err(Error::new(ErrorKind::Usage, "read key", message))
        }
    }
}
