//! Names: the one place where a name from outside becomes the name of a folder or a file.
//!
//! A plain name, as most tables have, is kept. Any other is made harmless, and a hash of the
//! whole name keeps it apart from every other: also on file systems that ignore case, fold
//! accents, or give `con` a meaning. A name as long as one likes becomes one of at most 81 bytes.

use sha2::{Digest, Sha256};

/// Longest plain name, in bytes.
const LONGEST: usize = 80;
/// What is kept of a name that is not plain, in bytes.
const KEPT: usize = 60;
/// Hexadecimal digits of the hash: 80 bits.
const DIGITS: usize = 20;
/// Names that Windows keeps for devices, with any extension.
const DEVICES: [&str; 6] = ["aux", "con", "conin$", "conout$", "nul", "prn"];

/// The one path component that stands for `name`.
pub(crate) fn component(name: &str) -> String {
    if is_plain(name) {
        return name.to_owned();
    }
    let harmless = |letter: char| {
        let letter = letter.to_ascii_lowercase();
        match letter {
            '.' => '_',
            letter if is_harmless(letter) => letter,
            _ => '_',
        }
    };
    let kept: String = name.chars().take(KEPT).map(harmless).collect();
    format!("{kept}~{}", hash(name))
}

/// Hash of `text`, in hexadecimal digits.
pub(crate) fn hash(text: &str) -> String {
    let digest = Sha256::digest(text.as_bytes());
    let bytes = digest.iter().take(DIGITS / 2);
    bytes.map(|byte| format!("{byte:02x}")).collect()
}

/// Whether `name` means the same on every file system. A plain name holds no `~`.
fn is_plain(name: &str) -> bool {
    (1..=LONGEST).contains(&name.len())
        && name.chars().all(is_harmless)
        && !name.starts_with('.')
        && !name.ends_with('.')
        && !is_device(name)
}

fn is_harmless(letter: char) -> bool {
    matches!(letter, 'a'..='z' | '0'..='9' | '_' | '-' | '.')
}

fn is_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default();
    let numbered = ["com", "lpt"].iter().any(|device| {
        stem.strip_prefix(device)
            .is_some_and(|number| number.len() == 1)
    });
    DEVICES.contains(&stem) || numbered
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn plain_names_stay_and_others_get_a_hash() {
        let check = |name: &str, kept: &str| {
            let hashed = format!("{kept}~{}", hash(name));
            let expected = if is_plain(name) { kept } else { &hashed };
            assert_eq!(component(name), expected, "{name:?}");
        };
        check("members", "members");
        check("a_b-c.2", "a_b-c.2");
        check("_manifest", "_manifest");
        assert!(!is_plain("Members"));
        check("Members", "members");
        check("../../x", "______x");
        check("..", "__");
        check("", "");
        check("a/b", "a_b");
        check("a\\b:c", "a_b_c");
        check("a\0b", "a_b");
        check("CON", "con");
        check("con.txt", "con_txt");
        check("com1", "com1");
        check("x.", "x_");
        check("é", "_");
        check("a~b", "a_b");
        check(&"n".repeat(300), &"n".repeat(60));
    }

    #[test]
    fn every_name_is_one_harmless_component_and_no_two_are_alike() {
        let long = "x".repeat(300);
        let names = [
            "members",
            "Members",
            "MEMBERS",
            "..",
            ".",
            "",
            "...",
            "a/b",
            "a\\b",
            "a_b",
            "/",
            "a\0b",
            "con",
            "CON",
            "Con",
            "nul.json",
            "é",
            "e\u{301}",
            "\u{1F600}",
            "a b",
            "a.",
            &long,
            "a~b",
        ];
        let mapped: HashSet<String> = names.map(component).into_iter().collect();
        assert_eq!(mapped.len(), names.len());
        for name in mapped {
            assert!(name.len() <= KEPT + 1 + DIGITS, "{name}");
            assert!(!name.starts_with('.') && !name.ends_with('.'), "{name}");
            let allowed = |c: char| is_harmless(c) || c == '~';
            assert!(name.chars().all(allowed), "{name}");
            assert!(!is_device(&name), "{name}");
        }
    }
}
