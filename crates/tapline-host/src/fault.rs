//! What can be wrong with a library that is whole and for this machine.

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Why a library is no plugin. It depends on the library's bytes alone, so it can be remembered.
#[derive(Clone, Debug, PartialEq, Eq, Error, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Fault {
    /// The system's loader refused it, or it refused to start.
    #[error("cannot be opened: {reason}")]
    Open {
        /// What the loader says.
        reason: String,
    },
    /// It was not made with `tapline-plugin`.
    #[error("is a library, but no tapline connector")]
    NoConnector,
    /// It was built against another major version of the border.
    #[error("was built for plugin ABI {plugin}, this tapline has {host}: rebuild it")]
    Version {
        /// The plugin's version.
        plugin: String,
        /// The runner's version.
        host: String,
    },
    /// The border has the same version, but not the same layout.
    #[error("does not fit the plugin ABI: {summary}")]
    Layout {
        /// What differs, shortened; the log has all of it.
        summary: String,
    },
    /// The process that tried it out did not survive.
    #[error("ends the process that loads it ({how}){}", quoted(.said))]
    Deadly {
        /// How that process ended.
        how: String,
        /// What it said before, shortened.
        said: String,
    },
    /// The process that tried it out had to be stopped.
    #[error("does not load within {seconds} s")]
    Slow {
        /// The time it had.
        seconds: u64,
    },
}

fn quoted(said: &str) -> String {
    match said {
        "" => String::new(),
        said => format!(", saying: {said}"),
    }
}

impl Fault {
    /// Whether it may be another one next time: a busy machine is no fault of the plugin.
    pub(crate) fn is_passing(&self) -> bool {
        matches!(self, Self::Slow { .. })
    }

    /// What to do about it.
    pub(crate) fn hint(&self) -> &'static str {
        match self {
            Self::Open { .. } => "install what the loader misses, or rebuild the plugin here",
            Self::NoConnector => {
                "a connector ends with `export_connector!` or `export_spec!` of tapline-plugin"
            }
            Self::Version { .. } | Self::Layout { .. } => {
                "rebuild the plugin with the tapline-plugin of this tapline"
            }
            Self::Deadly { .. } | Self::Slow { .. } => {
                "this is a bug of the plugin; a file that was rebuilt is tried again"
            }
        }
    }
}
