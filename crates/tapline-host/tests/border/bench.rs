//! A host whose plugins are those cargo has just built beside this test.

use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};
use std::path::{Path, PathBuf};

use tapline_host::{Host, HostConfig};
use tempfile::TempDir;

/// A directory of the test's own, searched first, and a host that knows it.
pub(crate) struct Bench {
    pub(crate) dir: TempDir,
    pub(crate) host: Host,
}

impl Bench {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().expect("a directory can be made");
        let config = HostConfig {
            plugin_dirs: vec![dir.path().join("plugins")],
            cache_dir: dir.path().join("cache"),
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
    let exe = std::env::current_exe().expect("a test is a file");
    let dir = exe.parent().map(Path::to_owned).unwrap_or_default();
    dir.join(file_name(id))
}

fn file_name(id: &str) -> String {
    format!("{DLL_PREFIX}tapline_connector_{id}{DLL_SUFFIX}")
}
