//! What readers of files see: the manifest with the highest number names them.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

/// The files of the table in the folder `table`; none before its first manifest.
pub(crate) fn files(table: &Path) -> Vec<PathBuf> {
    let manifest = manifest(table).unwrap_or_else(|| json!({ "files": [] }));
    let files = manifest["files"].as_array().unwrap().iter();
    files
        .map(|file| table.join(file["path"].as_str().unwrap()))
        .collect()
}

/// The rows of the table in the folder `table`, by `id`. Before its first manifest it has none.
pub(crate) fn jsonl(table: &Path) -> Vec<Value> {
    let mut rows: Vec<Value> = Vec::new();
    for file in files(table) {
        let text = fs::read_to_string(file).unwrap();
        let lines = text.lines().map(serde_json::from_str);
        rows.extend(lines.map(|line| line.unwrap()));
    }
    rows.sort_by_key(|row| row["id"].as_u64());
    rows
}

/// How many generations are there that the manifest does not name.
pub(crate) fn unnamed(table: &Path) -> usize {
    let manifest = manifest(table).unwrap_or_else(|| json!({ "folders": [] }));
    let named = manifest["folders"].as_array().unwrap();
    let folders = fs::read_dir(table).unwrap();
    let names = folders.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let generations = names.filter(|name| name.starts_with("generation-"));
    generations
        .filter(|name| !named.contains(&json!(name)))
        .count()
}

fn manifest(table: &Path) -> Option<Value> {
    let folder = fs::read_dir(table.join("_manifest")).ok()?;
    let paths = folder.map(|entry| entry.unwrap().path());
    let newest = paths
        .filter(|path| path.extension() == Some("json".as_ref()))
        .max();
    Some(serde_json::from_slice(&fs::read(newest?).unwrap()).unwrap())
}
