//! The id of a connector, and the name of the file it lives in.
//!
//! Cargo writes `-` as `_` in the name of a library, so the file cannot tell `my-api` from
//! `my_api`: here they are the same id, and the file always has `_`.

use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};

const STEM: &str = "tapline_connector_";

/// The id written in a file's name, if it is the name of a plugin.
pub(crate) fn from_file_name(name: &str) -> Option<&str> {
    let id = name
        .strip_prefix(DLL_PREFIX)?
        .strip_prefix(STEM)?
        .strip_suffix(DLL_SUFFIX)?;
    (is_id(id) && !id.contains('-')).then_some(id)
}

/// The name of the file that the plugin `id` lives in.
pub(crate) fn file_name(id: &str) -> String {
    let id = id.replace('-', "_");
    format!("{DLL_PREFIX}{STEM}{id}{DLL_SUFFIX}")
}

/// Whether `id` is `[a-z][a-z0-9_-]*`.
pub(crate) fn is_id(id: &str) -> bool {
    let is_inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "_-".contains(c);
    id.starts_with(|c: char| c.is_ascii_lowercase()) && id.chars().all(is_inner)
}

/// Whether two ids are the same but for `-` and `_`.
pub(crate) fn same(a: &str, b: &str) -> bool {
    a.replace('-', "_") == b.replace('-', "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_plugins_are_taken() {
        let check = |stem: &str, expected: Option<&str>| {
            let name = format!("{DLL_PREFIX}{stem}{DLL_SUFFIX}");
            assert_eq!(from_file_name(&name), expected, "{stem}");
        };
        check("tapline_connector_mailchimp", Some("mailchimp"));
        check("tapline_connector_my_api2", Some("my_api2"));
        check("tapline_connector_my-api", None);
        check("tapline_connector_", None);
        check("tapline_connector_2x", None);
        check("tapline_connector_A", None);
        check("tapline_host", None);
        assert_eq!(from_file_name("tapline_connector_x.txt"), None);
        assert_eq!(from_file_name(&file_name("my-api")), Some("my_api"));
    }

    #[test]
    fn dash_and_underscore_are_the_same() {
        assert!(same("my-api", "my_api"));
        assert!(!same("my-api", "myapi"));
        assert!(!is_id("../x"));
    }
}
