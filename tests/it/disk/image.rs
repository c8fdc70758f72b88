//! A disk as it may be when the power goes.
//!
//! What was brought to the disk is there. Of everything else any part may be: writes in any order, torn
//! at sectors of 512 bytes, and changes of names in any order. No file system is as bad as that.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use tapline_conformance::random::Random;

use super::trace::{Change, Synced};

const SECTOR: usize = 512;

/// What a power cut leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cut {
    /// Everything: there is none.
    Never,
    /// All that was synced, and any part of the rest.
    AnyTime,
    /// Any part of all of it: a disk that says that it has what it has not.
    DespiteSync,
}

/// What a name leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Node {
    File(u64),
    Folder,
}

/// A disk: what its names lead to, and what its files hold.
#[derive(Clone, Debug, Default)]
pub(super) struct Disk {
    names: BTreeMap<String, Node>,
    files: BTreeMap<u64, Vec<u8>>,
}

/// A change of a file that may not be on the disk yet.
enum Edit<'a> {
    Cut(u64),
    Write(u64, &'a [u8]),
}

/// A change of names, all of it or none: what each leads to after it.
type Naming = Vec<(String, Option<Node>)>;

/// What is not on the disk yet.
struct Pending<'a> {
    edits: BTreeMap<u64, Vec<Edit<'a>>>,
    namings: Vec<Naming>,
    /// What the running system knows names by.
    names: BTreeMap<String, Node>,
    /// The file that has an inode now: a system gives those of removed files to others.
    files: BTreeMap<u64, u64>,
}

impl Disk {
    /// What is in `folder` now, all of it safe.
    pub(super) fn of(folder: &Path) -> Self {
        let mut disk = Self::default();
        disk.add(folder, "");
        disk
    }

    fn add(&mut self, folder: &Path, prefix: &str) {
        for entry in fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let name = format!("{prefix}{}", entry.file_name().to_str().unwrap());
            let metadata = entry.metadata().unwrap();
            if metadata.is_dir() {
                self.names.insert(name.clone(), Node::Folder);
                self.add(&entry.path(), &format!("{name}/"));
            } else {
                self.names.insert(name, Node::File(metadata.ino()));
                let bytes = fs::read(entry.path()).unwrap();
                self.files.insert(metadata.ino(), bytes);
            }
        }
    }

    /// The disk that `calls` may have made of `before`, if the power went after the last of them.
    pub(super) fn after(before: &Self, calls: &[Change], cut: Cut, random: &mut Random) -> Self {
        let mut disk = before.clone();
        let mut pending = Pending {
            edits: BTreeMap::new(),
            namings: Vec::new(),
            names: before.names.clone(),
            files: before.files.keys().map(|ino| (*ino, *ino)).collect(),
        };
        for change in calls {
            match change {
                Change::Sync { .. } if cut == Cut::DespiteSync => {}
                Change::Sync { what } => disk.sync(what, &mut pending),
                Change::Failed { call, ino } if call == super::FSYNC => pending.forget(*ino),
                Change::Cut { ino, size } => pending.edit(*ino, Edit::Cut(*size)),
                Change::Write { ino, at, data } => pending.edit(*ino, Edit::Write(*at, &data.0)),
                change => pending.name(change),
            }
        }
        disk.keep_some(pending, cut, random);
        disk
    }

    fn sync(&mut self, what: &Synced, pending: &mut Pending<'_>) {
        match what {
            Synced::File { ino } => {
                let file = pending.file(*ino);
                for edit in pending.edits.remove(&file).unwrap_or_default() {
                    self.edit(file, &edit, || true);
                }
            }
            Synced::Folder { folder } => {
                let is_there = |naming: &Naming| {
                    let mut names = naming.iter();
                    names.any(|(name, _)| folder_of(name) == folder)
                };
                let namings = std::mem::take(&mut pending.namings).into_iter();
                let (there, elsewhere): (Vec<_>, Vec<_>) = namings.partition(is_there);
                pending.namings = elsewhere;
                there.into_iter().for_each(|naming| self.name(naming));
            }
        }
    }

    /// Lets any part of what is `pending` come to the disk: now and then all of it, or nothing.
    fn keep_some(&mut self, pending: Pending<'_>, cut: Cut, random: &mut Random) {
        let percent = match cut {
            Cut::Never => 100,
            _ => [0, 10, 50, 90, 100][random.below(5) as usize],
        };
        for (file, edits) in pending.edits {
            for edit in edits {
                match cut != Cut::Never && random.chance(20) {
                    true => self.edit(file, &edit, || random.chance(50)),
                    false if random.chance(percent) => self.edit(file, &edit, || true),
                    false => {}
                }
            }
        }
        for naming in pending.namings {
            if random.chance(percent) {
                self.name(naming);
            }
        }
    }

    /// Changes a file, where `keeps` says so: it is asked once for each sector.
    fn edit(&mut self, file: u64, edit: &Edit<'_>, mut keeps: impl FnMut() -> bool) {
        let bytes = self.files.entry(file).or_default();
        match edit {
            Edit::Cut(size) => {
                if keeps() {
                    bytes.resize(*size as usize, 0);
                }
            }
            Edit::Write(at, data) => {
                let (mut at, mut data) = (*at as usize, *data);
                while !data.is_empty() {
                    let (sector, rest) = data.split_at(data.len().min(SECTOR - at % SECTOR));
                    if keeps() {
                        let end = at + sector.len();
                        bytes.resize(bytes.len().max(end), 0);
                        bytes[at..end].copy_from_slice(sector);
                    }
                    (at, data) = (at + sector.len(), rest);
                }
            }
        }
    }

    fn name(&mut self, naming: Naming) {
        for (name, node) in naming {
            match node {
                Some(node) => self.names.insert(name, node),
                None => self.names.remove(&name),
            };
        }
    }

    /// Puts all that can be found on the disk into `folder`. What SQLite keeps in memory that is
    /// shared is not on any disk.
    pub(super) fn write(&self, folder: &Path) {
        for (name, node) in &self.names {
            let path = folder.join(name);
            if name.ends_with("-shm") || !self.is_reachable(name) {
                continue;
            }
            match node {
                Node::Folder => fs::create_dir_all(path).unwrap(),
                Node::File(file) => {
                    let bytes = self.files.get(file);
                    fs::write(path, bytes.map_or(&[][..], Vec::as_slice)).unwrap();
                }
            }
        }
    }

    /// What each name leads to: a file's bytes, or nothing for a folder.
    pub(super) fn contents(&self) -> BTreeMap<&str, Option<&[u8]>> {
        let names = self
            .names
            .iter()
            .filter(|(name, _)| !name.ends_with("-shm"));
        let content = |node: &Node| match node {
            Node::Folder => None,
            Node::File(file) => Some(self.files.get(file).map_or(&[][..], Vec::as_slice)),
        };
        names
            .map(|(name, node)| (name.as_str(), content(node)))
            .collect()
    }

    fn is_reachable(&self, name: &str) -> bool {
        match folder_of(name) {
            "" => true,
            folder => self.names.get(folder) == Some(&Node::Folder) && self.is_reachable(folder),
        }
    }
}

impl<'a> Pending<'a> {
    fn file(&self, ino: u64) -> u64 {
        self.files.get(&ino).copied().unwrap_or(ino)
    }

    fn edit(&mut self, ino: u64, edit: Edit<'a>) {
        let file = self.file(ino);
        self.edits.entry(file).or_default().push(edit);
    }

    /// The disk has refused what was written: the system takes it for written all the same.
    fn forget(&mut self, ino: u64) {
        let file = self.file(ino);
        self.edits.remove(&file);
    }

    fn name(&mut self, change: &Change) {
        let naming = match change {
            Change::Create { ino, path } => {
                // Inodes are smaller than that.
                let file = self.file(*ino) + (1 << 48);
                self.files.insert(*ino, file);
                vec![(path.clone(), Some(Node::File(file)))]
            }
            Change::Mkdir { path } => vec![(path.clone(), Some(Node::Folder))],
            Change::Link { path, to } => vec![(to.clone(), self.names.get(path).copied())],
            Change::Rename { path, to } => {
                let node = self.names.get(path).copied();
                assert_ne!(node, Some(Node::Folder), "no folder is renamed");
                vec![(to.clone(), node), (path.clone(), None)]
            }
            Change::Remove { path } | Change::Rmdir { path } => vec![(path.clone(), None)],
            _ => return,
        };
        for (name, node) in &naming {
            match node {
                Some(node) => self.names.insert(name.clone(), *node),
                None => self.names.remove(name),
            };
        }
        self.namings.push(naming);
    }
}

fn folder_of(name: &str) -> &str {
    name.rsplit_once('/').map_or("", |(folder, _)| folder)
}
