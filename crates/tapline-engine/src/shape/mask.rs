//! Values replaced by a hash of them: equal ones stay equal, and what they were cannot be read.

use std::fmt::Write;

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use tapline_core::Secret;

use super::cell::Cell;
use crate::decode::EXACT;

/// The hash of `cell`; `None` if it is null. A whole number has the same in a column of any numbers.
pub(super) fn of_cell(cell: &Cell<'_>, key: Option<&Secret>) -> Option<String> {
    match cell {
        Cell::Number(number) if number.fract() == 0.0 && number.abs() <= EXACT as f64 => {
            Some(hash(&(*number as i64).to_string(), key))
        }
        cell => Some(hash(&cell.text()?, key)),
    }
}

/// The same of a value that stands in JSON as `raw`.
pub(super) fn of_json(raw: &str, key: Option<&Secret>) -> String {
    let number = raw.parse::<f64>().map(Cell::Number);
    let hashed = match serde_json::from_str::<String>(raw) {
        Ok(text) => Some(hash(&text, key)),
        Err(_) if raw.parse::<i64>().is_ok() => None,
        Err(_) => number.ok().and_then(|number| of_cell(&number, key)),
    };
    hashed.unwrap_or_else(|| hash(raw, key))
}

/// SHA-256 of `text`, in hex; HMAC-SHA-256 with a `key`, without which guesses can be tried.
pub(super) fn hash(text: &str, key: Option<&Secret>) -> String {
    let keyed = key.and_then(|key| Hmac::<Sha256>::new_from_slice(key.expose().as_bytes()).ok());
    let digest: [u8; 32] = match keyed {
        Some(mut mac) => {
            mac.update(text.as_bytes());
            mac.finalize().into_bytes().into()
        }
        None => Sha256::digest(text.as_bytes()).into(),
    };
    let mut hex = String::with_capacity(64);
    for byte in digest {
        // Writing to a String does not fail.
        let _ = write!(hex, "{byte:02x}");
    }
    hex
}
