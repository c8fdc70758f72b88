//! Where plugins are: an ordered list of directories. The first one that has an id wins.

use std::collections::BTreeMap;
use std::env;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use crate::{LoadError, id};

/// Directories separated like those of `PATH`.
const VARIABLE: &str = "TAPLINE_PLUGIN_PATH";

/// Why a directory is searched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The operator named it on the command line.
    Flag,
    /// `TAPLINE_PLUGIN_PATH` names it.
    Environment,
    /// The executable is in it.
    Executable,
    /// It is `tapline/plugins` in the user's data directory.
    User,
}

/// A plugin's file. It has not been opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The id in the file's name, with `_` for every `-`.
    pub id: String,
    /// The file.
    pub path: PathBuf,
    /// Why its directory was searched.
    pub origin: Origin,
    /// Whether it was shipped beside the executable, not put there by somebody else.
    pub trusted: bool,
    /// Files of the same id in later directories, which are never opened.
    pub shadowed: Vec<PathBuf>,
}

/// The directories, in the order of the search.
#[derive(Debug)]
pub(crate) struct SearchPath(Vec<(Origin, PathBuf)>);

impl SearchPath {
    /// `dirs`, then those of this process.
    pub(crate) fn of_process(dirs: Vec<PathBuf>) -> Self {
        let variable = env::var_os(VARIABLE).unwrap_or_default();
        let listed = env::split_paths(&variable).filter(|dir| !dir.as_os_str().is_empty());
        let executable = env::current_exe()
            .ok()
            .and_then(|exe| exe.parent().map(Path::to_owned));
        Self(
            all(Origin::Flag, dirs)
                .chain(all(Origin::Environment, listed))
                .chain(all(Origin::Executable, executable))
                .chain(all(Origin::User, user_dir(|name| env::var_os(name))))
                .collect(),
        )
    }

    /// The plugins there are, by id. A directory that cannot be read has none.
    pub(crate) fn find(&self) -> Vec<Found> {
        let mut found: BTreeMap<String, Found> = BTreeMap::new();
        for (origin, dir) in &self.0 {
            for (id, path) in plugins_in(dir) {
                match found.get_mut(&id) {
                    Some(first) if first.path == path => {}
                    Some(first) => first.shadowed.push(path),
                    None => {
                        let plugin = Found {
                            id: id.clone(),
                            trusted: *origin == Origin::Executable && is_shipped(&path),
                            path,
                            origin: *origin,
                            shadowed: Vec::new(),
                        };
                        found.insert(id, plugin);
                    }
                }
            }
        }
        found.into_values().collect()
    }

    /// The plugin called `id`.
    pub(crate) fn find_one(&self, wanted: &str) -> Result<Found, LoadError> {
        let found = self.find();
        let known: Vec<&str> = found.iter().map(|plugin| plugin.id.as_str()).collect();
        let known = match known.join(", ") {
            none if none.is_empty() => "none".to_owned(),
            known => known,
        };
        let is_wanted = |plugin: &Found| id::is_id(wanted) && id::same(&plugin.id, wanted);
        found
            .into_iter()
            .find(is_wanted)
            .ok_or_else(|| LoadError::Unknown {
                id: wanted.to_owned(),
                known,
                searched: self.names(),
            })
    }

    fn names(&self) -> String {
        let dirs: Vec<String> = self
            .0
            .iter()
            .map(|(_, dir)| dir.display().to_string())
            .collect();
        dirs.join(", ")
    }
}

/// Whether `path` came with the executable. In a directory where anybody may add files, such as
/// that for temporary ones, its name alone says nothing.
fn is_shipped(path: &Path) -> bool {
    let exe = env::current_exe();
    exe.and_then(|exe| is_kept_by(path, &exe)).unwrap_or(false)
}

/// Whether only those can change the file or link `path` who can change `exe`.
#[cfg(unix)]
fn is_kept_by(path: &Path, exe: &Path) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;

    const ROOT: u32 = 0;
    const OTHERS_WRITE: u32 = 0o002;
    let (exe, link, file) = (exe.metadata()?, path.symlink_metadata()?, path.metadata()?);
    let is_ours = |owner: u32| owner == exe.uid() || owner == ROOT;
    let open = file.mode() & !exe.mode() & OTHERS_WRITE != 0;
    Ok(is_ours(link.uid()) && is_ours(file.uid()) && !open)
}

/// On Windows programs stand where only administrators add files, or in the user's profile.
#[cfg(not(unix))]
fn is_kept_by(_: &Path, _: &Path) -> io::Result<bool> {
    Ok(true)
}

fn all(
    origin: Origin,
    dirs: impl IntoIterator<Item = PathBuf>,
) -> impl Iterator<Item = (Origin, PathBuf)> {
    dirs.into_iter().map(move |dir| (origin, dir))
}

/// `$XDG_DATA_HOME/tapline/plugins`, which is `~/.local/share/...` unless set to an absolute path.
fn user_dir(variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let data = variable("XDG_DATA_HOME")
        .map(PathBuf::from)
        .filter(|dir| dir.is_absolute())
        .or_else(|| Some(PathBuf::from(variable("HOME")?).join(".local/share")))?;
    Some(data.join("tapline").join("plugins"))
}

fn plugins_in(dir: &Path) -> Vec<(String, PathBuf)> {
    let entries = dir.read_dir().into_iter().flatten().flatten();
    entries
        .filter_map(|entry| {
            let name = entry.file_name();
            let id = id::from_file_name(name.to_str()?)?.to_owned();
            let path = entry.path();
            path.is_file().then_some((id, path))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};
    use std::fs;

    use super::*;

    fn touch(dir: &Path, id: &str) -> PathBuf {
        let path = dir.join(format!("{DLL_PREFIX}tapline_connector_{id}{DLL_SUFFIX}"));
        fs::write(&path, "").unwrap();
        path
    }

    #[test]
    fn the_first_directory_wins_and_the_other_file_is_reported() {
        let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let first = touch(one.path(), "shop");
        let second = touch(two.path(), "shop");
        touch(two.path(), "my_api");
        fs::write(two.path().join("notes.txt"), "").unwrap();
        let missing = PathBuf::from("/no/such/directory");
        let path = SearchPath(vec![
            (Origin::Flag, missing),
            (Origin::Flag, one.path().to_owned()),
            (Origin::Executable, two.path().to_owned()),
        ]);

        let found = path.find();
        let ids: Vec<&str> = found.iter().map(|plugin| plugin.id.as_str()).collect();
        assert_eq!(ids, ["my_api", "shop"]);
        assert_eq!(found[1].path, first);
        assert_eq!(found[1].shadowed, [second]);
        assert!(found[0].trusted && !found[1].trusted);

        assert_eq!(path.find_one("my-api").unwrap().id, "my_api");
        let error = path.find_one("ship").unwrap_err().to_string();
        assert!(
            error.starts_with(
                "there is no connector `ship`; known: my_api, shop; searched: /no/such"
            )
        );
    }

    #[cfg(unix)]
    #[test]
    fn what_others_put_beside_the_executable_is_not_shipped() {
        use std::os::unix::fs::{PermissionsExt, lchown, symlink};

        let dir = tempfile::tempdir().unwrap();
        let exe = dir.path().join("tapline");
        fs::write(&exe, "").unwrap();
        let kept = |path: &Path| is_kept_by(path, &exe).unwrap();
        let ours = touch(dir.path(), "ours");
        let link = dir.path().join("link");
        symlink(&ours, &link).unwrap();
        assert!(kept(&ours) && kept(&link));

        let open = touch(dir.path(), "open");
        fs::set_permissions(&open, fs::Permissions::from_mode(0o666)).unwrap();
        assert!(!kept(&open));

        if lchown(&link, Some(12345), None).is_err() {
            eprintln!("skipped: only root can give a file away");
            return;
        }
        assert!(!kept(&link));
        lchown(&ours, Some(12345), None).unwrap();
        assert!(!kept(&ours));
    }

    #[test]
    fn the_user_directory_follows_xdg() {
        let check = |xdg: Option<&str>, home: Option<&str>, expected: Option<&str>| {
            let dir = user_dir(|name| match name {
                "XDG_DATA_HOME" => xdg.map(OsString::from),
                _ => home.map(OsString::from),
            });
            assert_eq!(dir, expected.map(PathBuf::from));
        };
        check(Some("/x"), Some("/h"), Some("/x/tapline/plugins"));
        check(
            Some("relative"),
            Some("/h"),
            Some("/h/.local/share/tapline/plugins"),
        );
        check(None, None, None);
    }
}
