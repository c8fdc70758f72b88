//! Parts of a divided stream that have nothing new, remembered as one.
//!
//! A stream may have a hundred thousand parts, most of them at rest. What is known of those is the
//! same: they are complete up to a cursor that was seen elsewhere before they were read. So one
//! cursor stands for all of them, and of each only a hash is kept, to tell it from a part that was
//! never read. Two parts with the same hash would be taken for one; with a million parts the odds
//! of that are one to forty million.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use crate::Cursor;

/// Parts that are complete over one and the same range of the cursor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fold {
    /// From here on; `None`: from the beginning.
    pub from: Option<Cursor>,
    /// Up to here. None of them has a record with this cursor, or a later one.
    pub until: Cursor,
    /// The parts.
    pub members: Members,
}

/// The names of parts, as hashes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Members(Vec<u64>);

impl Members {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the part `name` is one of them.
    pub fn contains(&self, name: &str) -> bool {
        self.0.binary_search(&hash(name)).is_ok()
    }

    /// Takes the part `name` out.
    pub fn remove(&mut self, name: &str) {
        if let Ok(at) = self.0.binary_search(&hash(name)) {
            self.0.remove(at);
        }
    }

    /// Splits off those that `moves` says yes to.
    #[must_use]
    pub fn split_off(&mut self, moves: impl Fn(u64) -> bool) -> Self {
        let (moved, kept) = self.0.iter().partition(|member| moves(**member));
        self.0 = kept;
        Self(moved)
    }

    /// The hash that stands for the part `name`.
    pub fn hash(name: &str) -> u64 {
        hash(name)
    }
}

impl FromIterator<u64> for Members {
    fn from_iter<I: IntoIterator<Item = u64>>(members: I) -> Self {
        let mut members: Vec<u64> = members.into_iter().collect();
        members.sort_unstable();
        members.dedup();
        Self(members)
    }
}

impl IntoIterator for Members {
    type Item = u64;
    type IntoIter = std::vec::IntoIter<u64>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl From<Members> for String {
    fn from(members: Members) -> Self {
        let bytes = members.0.iter().flat_map(|member| member.to_le_bytes());
        BASE64.encode(bytes.collect::<Vec<u8>>())
    }
}

impl TryFrom<String> for Members {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let bytes = BASE64.decode(&text).map_err(|error| error.to_string())?;
        let (members, rest) = bytes.as_chunks::<8>();
        if !rest.is_empty() {
            return Err("the list of parts is cut off".to_owned());
        }
        Ok(members
            .iter()
            .map(|bytes| u64::from_le_bytes(*bytes))
            .collect())
    }
}

fn hash(name: &str) -> u64 {
    xxh3_64(name.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_stored_in_eight_bytes_each() {
        let names = ["a", "b", "campaignId=42"];
        let mut members: Members = names.iter().map(|name| Members::hash(name)).collect();
        assert!(names.iter().all(|name| members.contains(name)) && !members.contains("c"));
        let stored = serde_json::to_string(&members).unwrap();
        assert_eq!(stored.len(), "\"\"".len() + (3 * 8 * 8_usize).div_ceil(6));
        assert_eq!(serde_json::from_str::<Members>(&stored).unwrap(), members);
        let moved = members.split_off(|member| member == Members::hash("b"));
        assert!(moved.contains("b") && !members.contains("b") && members.contains("a"));
        assert_eq!((moved.len(), members.len()), (1, 2));
    }

    #[test]
    fn what_is_cut_off_is_refused() {
        for wrong in ["\"AAAA\"", "\"?\""] {
            assert!(serde_json::from_str::<Members>(wrong).is_err(), "{wrong}");
        }
    }
}
