//! A loaded plugin, and how it is bound to a connection.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::{Map, Value};
use tapline_abi::RootRef;
use tapline_core::{HookKind, HookSet, Hooks, Param, Params};
use tapline_spec::{ConnectorDocument, Diagnostic};

use crate::foreign::Foreign;
use crate::search::Found;
use crate::services::{self, Services};
use crate::{LoadError, id};

/// A loaded plugin.
pub struct Plugin {
    /// The id in its document.
    pub id: String,
    /// The file it was found as.
    pub path: PathBuf,
    /// Hash of that file, in hexadecimal.
    pub sha256: String,
    /// Its connector document.
    pub document: ConnectorDocument,
    /// What is old-fashioned about the document.
    pub diagnostics: Vec<Diagnostic>,
    /// Whether it was shipped beside the executable.
    pub trusted: bool,
    /// The ABI version it was built against.
    pub abi: String,
    /// The hooks it has.
    pub hooks: HookSet,
    root: RootRef,
}

/// Reads and judges the document of a library that was just loaded.
pub(crate) fn read(found: Found, sha256: String, root: RootRef) -> Result<Plugin, LoadError> {
    let spec = root.spec()();
    let checked = tapline_spec::check(spec.as_str());
    let Some(document) = checked.document else {
        return Err(invalid(&found, &checked.diagnostics));
    };
    let id = document.id.clone().unwrap_or_default();
    if !id::same(&id, &found.id) {
        return Err(LoadError::Id {
            path: found.path,
            file: found.id,
            document: id,
        });
    }
    Ok(Plugin {
        id,
        path: found.path,
        sha256,
        document,
        diagnostics: checked.diagnostics,
        trusted: found.trusted,
        abi: root.abi().to_string(),
        hooks: HookSet::from_bits(root.hooks()()),
        root,
    })
}

fn invalid(found: &Found, diagnostics: &[Diagnostic]) -> LoadError {
    let mut errors = diagnostics.iter().filter(|d| d.is_error());
    let first = errors.next().map_or_else(String::new, ToString::to_string);
    LoadError::Document {
        path: found.path.clone(),
        first,
        errors: 1 + errors.count(),
    }
}

impl Plugin {
    /// Opens the connector for one connection.
    ///
    /// It receives the parameters that are no secrets. Those that are, it receives only if it has
    /// the hook `prepare_request`, which may have to sign with them, or `check`: a connector
    /// without these has no use for a secret, as the host itself signs in.
    ///
    /// # Errors
    /// The connector refuses its parameters.
    pub fn open(&self, params: &Params, services: Services) -> Result<Arc<dyn Hooks>, LoadError> {
        let redactor = services.redactor.clone();
        let host = services::host(&self.id, services);
        let config = self.config(params);
        let opened = self.root.open()(config.as_str().into(), &host).into_result();
        let instance = opened.map_err(|error| LoadError::Refused {
            id: self.id.clone(),
            reason: redactor.redact(error.message.as_str()).into_owned(),
        })?;
        Ok(Arc::new(Foreign {
            id: self.id.clone(),
            hooks: self.hooks,
            instance,
            host,
            redactor,
        }))
    }

    fn config(&self, params: &Params) -> String {
        let signs = self.hooks.has(HookKind::PrepareRequest) || self.hooks.has(HookKind::Check);
        let shown = |param: &Param| signs || !param.is_secret();
        let config: Map<String, Value> = params
            .iter()
            .filter(|(_, param)| shown(param))
            .map(|(name, param)| (name.to_owned(), param.expose().into()))
            .collect();
        Value::Object(config).to_string()
    }
}

impl fmt::Debug for Plugin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Plugin({} {})", self.id, self.sha256)
    }
}
