//! Values replaced by a hash of them: equal ones stay equal, and what they were cannot be read.

use std::fmt::Write;

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use tapline_core::Secret;

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
