//! A host whose plugins are those cargo has just built beside this test.

use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};
use std::path::PathBuf;
use std::time::Duration;

use tapline_host::{Host, HostConfig, Probe};
use tempfile::TempDir;

use crate::child;

/// A directory of the test's own, searched first, and a host that knows it.
pub(crate) struct Bench {
    pub(crate) dir: TempDir,
    pub(crate) host: Host,
}

impl Bench {
    /// Loads what it finds at once.
    pub(crate) fn new() -> Self {
        Self::with(None)
    }

    /// Tries out what it finds in another process, which is this test binary again.
    pub(crate) fn careful(limit: Duration) -> Self {
        let exe = std::env::current_exe().expect("a test is a file");
        let arguments = ["--quiet", "--exact", "--nocapture", child::NAME];
        Self::with(Some(Probe::new(exe, arguments).with_limit(limit)))
    }

    /// Tries out with `probe`.
    pub(crate) fn with(probe: Option<Probe>) -> Self {
        let dir = tempfile::tempdir().expect("a directory can be made");
        let config = HostConfig {
            plugin_dirs: vec![dir.path().join("plugins")],
            cache_dir: dir.path().join("cache"),
            probe,
        };
        std::fs::create_dir(&config.plugin_dirs[0]).expect("it is a new directory");
        let host = Host::new(config);
        Self { dir, host }
    }

    /// Where a plugin called `id` of this test goes.
    pub(crate) fn plugin(&self, id: &str) -> PathBuf {
        self.dir.path().join("plugins").join(file_name(id))
    }
}

/// The library of the plugin `id`, as cargo built it.
pub(crate) fn built(id: &str) -> PathBuf {
    beside(&file_name(id))
}

/// The library `tests/plugins/deadly` with the order to die in this way.
pub(crate) fn deadly(order: &str) -> Vec<u8> {
    let path = beside(&format!("{DLL_PREFIX}tapline_deadly{DLL_SUFFIX}"));
    let library = std::fs::read(path).expect("cargo has built it");
    let mark = b"deadly by order:";
    let order = format!("{order:16}");
    replaced(
        library,
        b"deadly by order:nothing         ",
        &[mark, order.as_bytes()].concat(),
    )
}

/// `library` with `new` wherever `old`, which is as long, was.
pub(crate) fn replaced(mut library: Vec<u8>, old: &[u8], new: &[u8]) -> Vec<u8> {
    assert_eq!(old.len(), new.len());
    let places: Vec<usize> = (0..library.len() - old.len())
        .filter(|&at| library[at..].starts_with(old))
        .collect();
    assert!(!places.is_empty(), "there is nothing to replace");
    for at in places {
        library[at..at + new.len()].copy_from_slice(new);
    }
    library
}

fn beside(name: &str) -> PathBuf {
    let exe = std::env::current_exe().expect("a test is a file");
    exe.with_file_name(name)
}

fn file_name(id: &str) -> String {
    format!("{DLL_PREFIX}tapline_connector_{id}{DLL_SUFFIX}")
}
