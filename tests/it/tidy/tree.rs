//! The files of the repository, read once.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use super::tokens::{Token, tokens};

/// The tree this test belongs to.
pub(super) static TREE: LazyLock<Tree> = LazyLock::new(|| Tree::read(&root()));

/// Folders in which nothing is a source.
const NOT_OURS: [&str; 7] = [
    ".git",
    ".tapline",
    // What fuzzing starts from and finds.
    "artifacts",
    "corpus",
    "node_modules",
    "tapline-demo",
    "target",
];

/// All that is text, by its path from the root, with `/` between folders.
#[derive(Default)]
pub(super) struct Tree {
    pub(super) texts: BTreeMap<String, String>,
    pub(super) rust: Vec<Source>,
}

/// One Rust file.
pub(super) struct Source {
    pub(super) path: String,
    pub(super) text: String,
    pub(super) tokens: Vec<Token>,
}

impl Source {
    pub(super) fn new(path: &str, text: &str) -> Self {
        let tokens = tokens(text).unwrap_or_else(|error| panic!("{path}: {error}"));
        Self {
            path: path.to_owned(),
            text: text.to_owned(),
            tokens,
        }
    }
}

impl Tree {
    fn read(root: &Path) -> Self {
        let mut tree = Self::default();
        collect(root, "", &mut tree.texts);
        let rust = tree.texts.iter().filter(|(path, _)| path.ends_with(".rs"));
        tree.rust = rust.map(|(path, text)| Source::new(path, text)).collect();
        assert!(
            tree.rust.len() > 100,
            "{} holds the sources",
            root.display()
        );
        tree
    }

    pub(super) fn text(&self, path: &str) -> &str {
        &self.texts[path]
    }

    /// Whether `path` is a file or a folder here: from the root, or the end of a longer path.
    pub(super) fn has(&self, path: &str) -> bool {
        let path = format!("/{}", path.trim_end_matches('/'));
        let folder = format!("{path}/");
        self.texts.keys().any(|known| {
            let known = format!("/{known}");
            known.ends_with(&path) || known.contains(&folder)
        })
    }
}

pub(super) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn collect(folder: &Path, prefix: &str, texts: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        let path = format!("{prefix}{name}");
        if entry.file_type().unwrap().is_dir() {
            if !NOT_OURS.contains(&name.as_str()) {
                collect(&entry.path(), &format!("{path}/"), texts);
            }
        } else if let Ok(text) = fs::read_to_string(entry.path()) {
            texts.insert(path, text);
        }
    }
}

#[test]
fn a_path_is_found_from_the_root_and_by_its_end() {
    let path = "crates/a/src/auth/mod.rs".to_owned();
    let tree = Tree {
        texts: [(path, String::new())].into(),
        ..Tree::default()
    };
    for known in [
        "crates/a",
        "crates/a/src/",
        "auth/mod.rs",
        "mod.rs",
        "crates/a/src/auth/mod.rs",
    ] {
        assert!(tree.has(known), "{known}");
    }
    for unknown in ["crates/b", "od.rs", "crates/a/src/au"] {
        assert!(!tree.has(unknown), "{unknown}");
    }
}
