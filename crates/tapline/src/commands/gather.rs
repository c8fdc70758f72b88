//! Which files `validate` is asked about: files, folders and patterns become specs and projects.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::failure::{Failure, Result};

/// What the files asked for are.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Gathered {
    /// Project files.
    pub(crate) projects: BTreeSet<PathBuf>,
    /// Spec files.
    pub(crate) specs: BTreeSet<PathBuf>,
    /// Files found in folders that are neither.
    pub(crate) passed_over: u64,
}

/// Sorts the files that `asked` names. A file named itself is a spec unless it is a project;
/// what a folder or a pattern finds has to look like one of them.
///
/// # Errors
/// A folder cannot be read, a pattern is none, or either finds neither specs nor projects.
pub(crate) fn gather(asked: &[PathBuf]) -> Result<Gathered> {
    let mut gathered = Gathered::default();
    for path in asked {
        if path.is_dir() {
            gathered.search(path, Gathered::folder)?;
        } else if !path.exists() && is_pattern(path) {
            gathered.search(path, Gathered::pattern)?;
        } else if is_project(path) {
            gathered.projects.insert(path.clone());
        } else {
            gathered.specs.insert(path.clone());
        }
    }
    Ok(gathered)
}

impl Gathered {
    /// Adds what `find` finds at `path`. Nothing is an error: it would be judged valid, and a
    /// misspelt folder with it.
    fn search(&mut self, path: &Path, find: fn(&mut Self, &Path) -> Result<()>) -> Result<()> {
        let mut found = Self::default();
        find(&mut found, path)?;
        if found.projects.is_empty() && found.specs.is_empty() {
            let message = format!("there is no spec and no project in {}", path.display());
            return Err(Failure::usage(
                message,
                "name a folder that holds some, or files",
            ));
        }
        self.projects.append(&mut found.projects);
        self.specs.append(&mut found.specs);
        self.passed_over += found.passed_over;
        Ok(())
    }

    /// All of `folder` but what is hidden. Links are not followed: they may lead in circles.
    fn folder(&mut self, folder: &Path) -> Result<()> {
        let unread = |error: std::io::Error| {
            let message = format!("cannot read the folder {}: {error}", folder.display());
            Failure::usage(message, "name files, or a folder that can be read")
        };
        for entry in fs::read_dir(folder).map_err(unread)? {
            let entry = entry.map_err(unread)?;
            let kind = entry.file_type().map_err(unread)?;
            let is_hidden = entry.file_name().to_string_lossy().starts_with('.');
            match (kind.is_dir(), kind.is_file()) {
                _ if is_hidden => {}
                (true, _) => self.folder(&entry.path())?,
                (_, true) => self.found(entry.path()),
                _ => {}
            }
        }
        Ok(())
    }

    fn pattern(&mut self, pattern: &Path) -> Result<()> {
        let text = pattern.to_string_lossy();
        let wrong = |message: String| Failure::usage(message, "write specs/*.json, or specs/**/*");
        let paths = glob::glob(&text)
            .map_err(|error| wrong(format!("`{text}` is no pattern of files: {error}")))?;
        let files: Vec<PathBuf> = paths.flatten().filter(|path| path.is_file()).collect();
        if files.is_empty() {
            return Err(wrong(format!("no file matches `{text}`")));
        }
        files.into_iter().for_each(|file| self.found(file));
        Ok(())
    }

    fn found(&mut self, file: PathBuf) {
        let is_text = file
            .extension()
            .is_some_and(|kind| ["json", "yaml", "yml"].iter().any(|known| kind == *known));
        if !is_text {
            return;
        }
        if is_project(&file) {
            self.projects.insert(file);
        } else if is_spec(&file) {
            self.specs.insert(file);
        } else {
            self.passed_over += 1;
        }
    }
}

fn is_pattern(path: &Path) -> bool {
    path.to_string_lossy().contains(['*', '?', '['])
}

/// Whether `file` is a project rather than a spec: by its name, or by what only projects have.
fn is_project(file: &Path) -> bool {
    if file
        .file_name()
        .is_some_and(|name| name == crate::project::FILE_NAME)
    {
        return true;
    }
    let text = fs::read_to_string(file).unwrap_or_default();
    let mut lines = text.lines();
    lines.any(|line| {
        let key = line.split(':').next().unwrap_or_default();
        matches!(key, "connections" | "pipelines" | "destinations")
    })
}

/// Whether `file` looks like a spec: it says something that only specs say. A spec with a slip
/// in it must not be passed over, so the text is searched, not parsed.
fn is_spec(file: &Path) -> bool {
    const KEYS: [&str; 6] = [
        "sourceSpec",
        "authSpec",
        "urlParams",
        "contentPath",
        "paginationParams",
        "streams",
    ];
    let text = fs::read_to_string(file).unwrap_or_default();
    KEYS.iter().any(|key| text.contains(key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_and_patterns_find_what_looks_like_a_spec() {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        write("a.json", r#"{"sourceSpec": {}}"#);
        write("sub/b.yaml", "streams: {");
        write("sub/package.json", "{}");
        write("sub/notes.txt", "streams");
        write("sub/other.yaml", "pipelines: {}");
        write(".hidden/c.json", r#"{"sourceSpec": {}}"#);
        let gathered = gather(&[dir.path().to_owned()]).unwrap();
        let paths = |names: &[&str]| names.iter().map(|name| dir.path().join(name)).collect();
        assert_eq!(gathered.specs, paths(&["a.json", "sub/b.yaml"]));
        assert_eq!(gathered.projects, paths(&["sub/other.yaml"]));
        assert_eq!(gathered.passed_over, 1);
        let matched = gather(&[dir.path().join("**/*.json")]).unwrap();
        assert!(matched.specs.contains(&dir.path().join("a.json")));
        assert!(gather(&[dir.path().join("*.toml")]).is_err());
        assert!(gather(&[dir.path().join("[")]).is_err());
        write("docs/notes.md", "streams");
        assert!(gather(&[dir.path().join("docs")]).is_err());
        assert!(gather(&[dir.path().join("docs/*")]).is_err());
        let twice = gather(&[dir.path().join("a.json"), dir.path().to_owned()]).unwrap();
        assert_eq!(twice.specs, gathered.specs);
        let named = gather(&[dir.path().join("sub/package.json")]).unwrap();
        assert_eq!(named.specs.len(), 1);
    }
}
