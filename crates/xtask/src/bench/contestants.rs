//! Who takes part. One is added by a line of the table, and the functions it names.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use super::pages::Shape;
use super::{ours, rivals};

/// Somebody who reads all pages.
pub(crate) struct Contestant {
    pub(crate) name: &'static str,
    /// What becomes of the records.
    pub(crate) output: &'static str,
    /// Brings what it needs.
    pub(crate) install: fn(&Place) -> Result<()>,
    /// The whole run, in an empty folder.
    pub(crate) command: fn(&Place, &Path) -> Result<Command>,
    /// How many records are in what the run left in its folder.
    pub(crate) count: fn(&Place, &Path) -> Result<u64>,
}

/// Where things are.
#[derive(Clone)]
pub(crate) struct Place {
    /// What is installed and made for the benchmark.
    pub(crate) dir: PathBuf,
    /// The binary and its connectors, as they are released.
    pub(crate) released: PathBuf,
    /// The hand-written loop.
    pub(crate) example: PathBuf,
    /// The pages to read.
    pub(crate) shape: Shape,
}

/// The first is what the others are compared with. Each is known by where it stands, so they stand once.
pub(crate) static CONTESTANTS: &[Contestant] = &[
    Contestant {
        name: "tapline",
        output: "Parquet",
        install: |_| Ok(()),
        command: |place, run| ours::tapline(place, run, "files, path: out, format: parquet"),
        count: ours::count_parquet,
    },
    Contestant {
        name: "tapline",
        output: "sqlite",
        install: |_| Ok(()),
        command: |place, run| ours::tapline(place, run, "sqlite, path: out.db"),
        count: ours::count_sqlite,
    },
    Contestant {
        name: "hand-written loop",
        output: "Parquet",
        install: |_| Ok(()),
        command: ours::hand_written,
        count: ours::count_parquet,
    },
    Contestant {
        name: "curl",
        output: "nothing",
        install: |_| Ok(()),
        command: ours::curl,
        count: ours::count_curl,
    },
    Contestant {
        name: "dlt",
        output: "Parquet",
        install: |place| rivals::install(place, "dlt"),
        command: rivals::dlt,
        count: ours::count_parquet,
    },
    Contestant {
        name: "Airbyte CDK",
        output: "JSON lines",
        install: |place| rivals::install(place, "airbyte"),
        command: rivals::airbyte,
        count: rivals::count_messages,
    },
    Contestant {
        name: "Singer SDK",
        output: "JSON lines",
        install: |place| rivals::install(place, "singer"),
        command: rivals::singer,
        count: rivals::count_messages,
    },
    Contestant {
        name: "Sling",
        output: "CSV",
        install: |place| rivals::install(place, "sling"),
        command: rivals::sling,
        count: rivals::count_csv,
    },
];

impl Contestant {
    /// Whether it is tapline, wherever that writes.
    pub(crate) fn is_ours(&self) -> bool {
        self.name == CONTESTANTS[0].name
    }

    /// How it is called on the command line, and what its folder is called: `tapline-parquet`.
    pub(crate) fn slug(&self) -> String {
        let name = format!("{}-{}", self.name, self.output);
        name.to_lowercase().replace(' ', "-")
    }
}

impl Place {
    /// The URL of the first page.
    pub(crate) fn first_url(&self) -> String {
        self.shape.url(1)
    }
}
