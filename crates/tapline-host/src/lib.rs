//! Finds, verifies and loads connector plugins, and stands between them and the engine.
//!
//! A plugin is found by its file name alone ([`Host::find`]); it is opened only after its bytes
//! were checked and copied to a private place ([`Host::load`]); it is bound to one connection by
//! [`Plugin::open`], which gives the [`tapline_core::Hooks`] that the engine calls. Whatever a
//! hook returns is checked before the engine sees it.
//!
//! Loading runs the plugin's code: a plugin is trusted like tapline itself. [`Found::trusted`]
//! says whether it was shipped beside the executable; for any other one the operator has to say
//! `trust: in-process`, which the caller enforces before it loads.

mod child;
mod error;
mod exposed;
mod fault;
mod foreign;
mod id;
mod load;
mod memory;
mod plugin;
mod probe;
mod search;
mod services;
mod verdict;
mod verify;
mod wire;

use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use error::LoadError;
pub use fault::Fault;
pub use memory::keep_little;
pub use plugin::Plugin;
pub use probe::{Probe, try_out};
pub use search::{Found, Origin};
pub use services::Services;

use tapline_abi::RootRef;

use load::Libraries;
use search::SearchPath;
use verdict::Verdict;
use verify::Verified;

/// Where plugins are looked for, and where their private copies go.
#[derive(Clone, Debug)]
pub struct HostConfig {
    /// Directories the operator named, searched first.
    pub plugin_dirs: Vec<PathBuf>,
    /// Directory for the copies; made if it is not there. Other users may not write to it.
    pub cache_dir: PathBuf,
    /// How a file that was never seen is tried out. Without it, every file is loaded at once: for
    /// those who have just built what they load.
    pub probe: Option<Probe>,
}

/// Finds and loads plugins. Nothing it has loaded is ever unloaded, so keep one per process.
pub struct Host {
    path: SearchPath,
    cache_dir: PathBuf,
    probe: Option<Probe>,
    libraries: Libraries,
}

impl Host {
    /// A host for the directories of `config`, `TAPLINE_PLUGIN_PATH`, the executable's directory
    /// and the user's data directory, in this order.
    pub fn new(config: HostConfig) -> Self {
        Self {
            path: SearchPath::of_process(config.plugin_dirs),
            cache_dir: config.cache_dir,
            probe: config.probe,
            libraries: Libraries::default(),
        }
    }

    /// The plugins there are, by id. Nothing is opened.
    pub fn find(&self) -> Vec<Found> {
        self.path.find()
    }

    /// Loads the plugin `id`. Loading it again gives the same library.
    ///
    /// # Errors
    /// There is no such plugin, or it cannot be trusted to be one.
    pub fn load(&self, id: &str) -> Result<Arc<Plugin>, LoadError> {
        let found = self.path.find_one(id)?;
        let verified = verify::verify(&found.path, &self.cache_dir)?;
        let root = self.root(&verified, &found.path)?;
        plugin::read(found, verified.sha256, root).map(Arc::new)
    }

    /// Loads a copy of `path`, once it is known that this does no harm.
    fn root(&self, verified: &Verified, path: &Path) -> Result<RootRef, LoadError> {
        let verdict = match &self.probe {
            Some(probe) => probe.judge(&verified.copy),
            None => Ok(Verdict::Good),
        };
        let root = match verdict.map_err(verify::io_error("try out", path))? {
            Verdict::Good => self.libraries.load(verified),
            Verdict::Bad(fault) => Err(fault),
        };
        root.map_err(|fault| LoadError::Unfit {
            path: path.to_owned(),
            fault,
        })
    }
}
