//! Where connectors come from: plugins that are found, and spec files that are named.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tapline_core::Error;
use tapline_host::{Found, Host, HostConfig, LoadError, Origin, Plugin, Probe};
use tapline_spec::ConnectorDocument;

use crate::cli::TRY_PLUGIN;
use crate::failure::{Failure, Result};
use crate::judged::Judged;
use crate::output::text::hint;

/// The connector whose streams are spec files of the project.
pub(crate) const REST: &str = "rest";

/// A connector that can be used: its document and, for a plugin, its code.
#[derive(Clone, Debug)]
pub(crate) struct Connector {
    /// What it says about itself.
    pub(crate) document: ConnectorDocument,
    /// Where the document stands.
    pub(crate) file: PathBuf,
    /// Streams of the document that stand elsewhere, by name.
    pub(crate) lent: BTreeMap<String, Lent>,
    /// The code, if it is a plugin.
    pub(crate) plugin: Option<Arc<Plugin>>,
}

/// A stream that was added to a document because another one needs it.
#[derive(Clone, Debug)]
pub(crate) struct Lent {
    /// The file it stands in.
    pub(crate) file: PathBuf,
    /// Its place there.
    pub(crate) at: String,
}

/// All connectors of this process.
pub(crate) struct Catalogue {
    host: Host,
}

impl Catalogue {
    /// The plugins of `dirs`, and those found in the usual places.
    pub(crate) fn new(dirs: &[PathBuf]) -> Self {
        Self {
            host: Host::new(HostConfig {
                plugin_dirs: dirs.to_vec(),
                cache_dir: cache_dir(),
                probe: Some(probe()),
            }),
        }
    }

    /// The plugins there are. Nothing is opened.
    pub(crate) fn found(&self) -> Vec<Found> {
        self.host.find()
    }

    /// Loads the plugin `id`, which runs its code: `trusted` says whether the operator agreed to
    /// that for plugins from elsewhere.
    ///
    /// # Errors
    /// It is not there, not trusted, or no plugin.
    pub(crate) fn plugin(&self, id: &str, trusted: bool) -> Result<Connector> {
        let all = self.found();
        let Some(found) = all.iter().find(|found| is_same(&found.id, id)) else {
            return Err(unknown(id, &all));
        };
        if !found.trusted && !trusted {
            return Err(untrusted(id, found));
        }
        let plugin = self.host.load(id).map_err(unloaded)?;
        Ok(Connector {
            document: plugin.document.clone(),
            file: plugin.path.clone(),
            lent: BTreeMap::new(),
            plugin: Some(plugin),
        })
    }

    /// Whether a project may use the connector `name` without a word of trust.
    pub(crate) fn is_trusted(&self, name: &str) -> bool {
        let mut found = self.found().into_iter();
        let plugin = found.find(|found| is_same(&found.id, name));
        is_spec_file(name) || plugin.is_none_or(|found| found.trusted)
    }

    /// A connector to look at: a spec file, or a plugin of a folder that is shipped with the
    /// program or was named by the operator.
    ///
    /// # Errors
    /// It is not there, or not valid.
    pub(crate) fn look_at(&self, name: &str) -> Result<Connector> {
        if is_spec_file(name) {
            return read_spec(Path::new(name)).map(|(connector, _)| connector);
        }
        let mut found = self.found().into_iter();
        let named = found.any(|found| is_same(&found.id, name) && was_named(&found));
        self.plugin(name, named)
    }
}

/// Whether the operator named the plugin's folder for this very command.
pub(crate) fn was_named(found: &Found) -> bool {
    matches!(found.origin, Origin::Flag | Origin::Environment)
}

/// In a file's name, `_` stands for `-`.
fn is_same(a: &str, b: &str) -> bool {
    a.replace('-', "_") == b.replace('-', "_")
}

fn unknown(id: &str, all: &[Found]) -> Failure {
    let known = all.iter().map(|found| found.id.as_str());
    Failure::usage(
        format!("there is no connector `{id}`"),
        format!(
            "{}; `--plugin-dir DIR` adds a folder; `rest` with a spec file reads any JSON API",
            hint(id, known)
        ),
    )
}

fn untrusted(id: &str, found: &Found) -> Failure {
    let reason = match found.origin {
        Origin::Executable => "another user put it beside the program, or can change it",
        _ => "it does not stand beside the program",
    };
    Failure::usage(
        format!(
            "the plugin `{id}` at {} is not trusted: {reason}",
            found.path.display()
        ),
        "if you trust its code like your own, write `trust: in-process` on the connection",
    )
}

/// Why a plugin is not loaded, and what to do about it.
fn unloaded(error: LoadError) -> Failure {
    Failure::Error {
        hint: error.hint(),
        error: Box::new(Error::from(error)),
    }
}

/// This program, asked to load a library and do nothing else.
fn probe() -> Probe {
    // One that cannot be found cannot be started either, which is told then.
    let program = std::env::current_exe().unwrap_or_default();
    Probe::new(program, [TRY_PLUGIN])
}

/// Whether a connector's name is the path of a spec file.
pub(crate) fn is_spec_file(name: &str) -> bool {
    let extension = Path::new(name).extension().and_then(|ext| ext.to_str());
    name.contains(['/', '\\']) || matches!(extension, Some("json" | "yaml" | "yml"))
}

/// Reads a spec file, and says what is doubtful about it.
///
/// # Errors
/// It cannot be read, or is not valid.
pub(crate) fn read_spec(path: &Path) -> Result<(Connector, Judged)> {
    let text = fs::read_to_string(path).map_err(|error| {
        Failure::usage(
            format!("cannot read {}: {error}", path.display()),
            "name a spec file, or a project file",
        )
    })?;
    let checked = tapline_spec::check(&text);
    let judged = Judged::of(path, Some(&text), checked.diagnostics);
    match checked.document {
        Some(document) => {
            let connector = Connector {
                document,
                file: path.to_owned(),
                lent: BTreeMap::new(),
                plugin: None,
            };
            Ok((connector, judged))
        }
        None => Err(Failure::Invalid(judged)),
    }
}

/// Where verified copies of plugins go; the host closes it to other users. Without a home it
/// stands directly in the folder for temporary files: there nobody can replace it, as they could
/// below a folder that they made first.
fn cache_dir() -> PathBuf {
    let absolute = |name: &str| {
        std::env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    absolute("XDG_CACHE_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".cache")))
        .map_or_else(
            || std::env::temp_dir().join("tapline-plugins"),
            |cache| cache.join("tapline/plugins"),
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_paths() {
        let cases = [
            ("mailchimp", false),
            ("my-api", false),
            ("specs/contacts.json", true),
            ("contacts.yaml", true),
            ("./contacts", true),
        ];
        for (name, expected) in cases {
            assert_eq!(is_spec_file(name), expected, "{name}");
        }
        assert!(is_same("my_api", "my-api"));
    }
}
