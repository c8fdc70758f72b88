//! The query parameters of a request.

use std::collections::BTreeMap;

use serde::Deserialize;

/// Decoded query parameters. Of two with one name the later counts.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub(super) struct Params(BTreeMap<String, String>);

impl Params {
    /// The value of a parameter.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// The value of a parameter as a number, `default` without one, the parameter's name if it is
    /// none.
    pub(super) fn number<'a>(&self, name: &'a str, default: u64) -> Result<u64, &'a str> {
        match self.text(name) {
            None => Ok(default),
            Some(text) => text.parse().map_err(|_| name),
        }
    }
}
